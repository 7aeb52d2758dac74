//! Whether the robot is there: what has not told anything yet.

use crate::names;
use nightshift_core::describe::Robot;
use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The arm's share of `/joint_states`.
pub const ARM_JOINTS: &str = "/joint_states (arm)";
/// The gripper's share of `/joint_states`.
pub const FINGER_JOINTS: &str = "/joint_states (fingers)";
/// Not known yet whether time is simulated.
const TIME: &str = "/clock";

/// What is missing of the robot.
pub struct Presence {
    missing: Mutex<BTreeSet<String>>,
    changed: Condvar,
}

impl Presence {
    /// Everything that the stack needs is missing.
    pub fn new(robot: &Robot) -> Self {
        let needed =
            [names::ODOMETRY, ARM_JOINTS, FINGER_JOINTS, names::ARM_ACTION, names::GRIPPER_ACTION, TIME];
        let scans = robot.scanners.keys().map(|name| names::scan(name));
        let missing = needed.into_iter().map(str::to_owned).chain(scans).collect();
        Self { missing: Mutex::new(missing), changed: Condvar::new() }
    }

    /// This has told something.
    pub fn seen(&self, what: &str) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.remove(what) && missing.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Whether `/clock` is published and was heard. It is not missed where all else is there and nobody publishes it.
    pub fn clock(&self, published: bool, heard: bool) {
        let alone = self.missing.lock().unwrap_or_else(PoisonError::into_inner).len() == 1;
        if heard || (alone && !published) {
            self.seen(TIME);
        }
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Waits until nothing is missing, or gives what still is.
    pub fn wait(&self, timeout: Duration) -> Result<(), Vec<String>> {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let (missing, _) = self
            .changed
            .wait_timeout_while(missing, timeout, |missing| !missing.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        if missing.is_empty() { Ok(()) } else { Err(missing.iter().cloned().collect()) }
    }
}
