//! The one place in this crate that reads the machine's clock.

use std::time::{Duration, Instant};

/// Measures wall-clock time, for figures and for pacing; nothing that is recorded depends on it.
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "an edge: wall-clock time for figures and pacing")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
