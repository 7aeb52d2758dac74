//! Time as an argument: nothing below `robot/ros` and `launch` reads a clock.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A point on the run's one time line, in nanoseconds (ROS time: simulated time under a simulator).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(pub u64);

impl Stamp {
    /// The start of the time line.
    pub const ZERO: Self = Self(0);

    /// A stamp `seconds` after the start. Negative and non-finite values become zero.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds.max(0.0) * 1e9).round() as u64)
    }

    /// Seconds since the start of the time line.
    pub fn seconds(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// Signed seconds from `earlier` to `self`.
    pub fn since(self, earlier: Self) -> f64 {
        if self >= earlier {
            (self.0 - earlier.0) as f64 * 1e-9
        } else {
            -((earlier.0 - self.0) as f64 * 1e-9)
        }
    }
}

impl std::ops::Add<Duration> for Stamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0 + span.as_nanos() as u64)
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
