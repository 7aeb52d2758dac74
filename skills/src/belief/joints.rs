//! Where the arm's joints are, and were.

use super::Belief;
use crate::limits;
use nightshift_core::robot::JointState;
use nightshift_core::{Code, Failure, Stamp};

impl Belief {
    /// Takes a report of the joints. One that is older than the last is passed over.
    pub fn take_joints(&mut self, state: JointState) {
        if self.joints.back().is_some_and(|last| state.stamp <= last.stamp) {
            return;
        }
        let newest = state.stamp;
        self.joints.push_back(state);
        while self.joints.front().is_some_and(|old| newest.since(old.stamp) > limits::JOINT_HISTORY_S) {
            self.joints.pop_front();
        }
    }

    /// Where the arm's joints are now, radians.
    ///
    /// # Errors
    /// `SENSOR_STALE` where they have not been told for too long.
    pub fn joints_now(&self, now: Stamp) -> Result<&[f64], Failure> {
        let last = self
            .joints
            .back()
            .ok_or_else(|| Failure::new(Code::SensorStale, "the arm has not told its joints yet"))?;
        let age = now.since(last.stamp);
        if age > limits::STATE_AGE_S {
            let words = format!("the arm's joints are {age:.2} s old, allowed are {} s", limits::STATE_AGE_S);
            return Err(Failure::new(Code::SensorStale, words));
        }
        Ok(&last.positions)
    }

    /// Where the joints were at `stamp`, and how fast the fastest was (rad/s): between the two reports around it.
    ///
    /// # Errors
    /// `SENSOR_STALE` where no report is near.
    pub fn joints_at(&self, stamp: Stamp) -> Result<(Vec<f64>, f64), Failure> {
        let after = self.joints.partition_point(|state| state.stamp < stamp);
        let near = |index: Option<usize>| {
            let state = self.joints.get(index?)?;
            (state.stamp.since(stamp).abs() <= limits::JOINT_GAP_S).then_some(state)
        };
        let (before, after) = (near(after.checked_sub(1)), near(Some(after)));
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            (Some(one), None) | (None, Some(one)) => (one, one),
            (None, None) => {
                let words = format!(
                    "no report of the joints within {} s of a picture at {stamp}",
                    limits::JOINT_GAP_S
                );
                return Err(Failure::new(Code::SensorStale, words));
            }
        };
        let span = after.stamp.since(before.stamp);
        let share = if span > 0.0 { stamp.since(before.stamp) / span } else { 0.0 };
        let between = before.positions.iter().zip(&after.positions).map(|(a, b)| a + share * (b - a));
        let rates = before.velocities.iter().chain(&after.velocities);
        Ok((between.collect(), rates.fold(0.0f64, |most, rate| most.max(rate.abs()))))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn joints(ms: u64, q: f64, rate: f64) -> JointState {
        JointState {
            stamp: Stamp(ms * 1_000_000),
            positions: vec![q],
            velocities: vec![rate],
            efforts: Vec::new(),
        }
    }

    #[test]
    fn joints_are_known_between_reports_and_not_far_from_them() {
        let mut belief = Belief::default();
        assert_eq!(belief.joints_at(Stamp(1)).unwrap_err().code, Code::SensorStale);
        for (ms, q) in [(1000, 0.0), (1100, 1.0), (1050, 9.0), (1200, 2.0)] {
            belief.take_joints(joints(ms, q, 0.1));
        }
        let (q, rate) = belief.joints_at(Stamp(1_150_000_000)).unwrap();
        assert!((q[0] - 1.5).abs() < 1e-12 && (rate - 0.1).abs() < 1e-12);
        assert_eq!(belief.joints_at(Stamp(1_200_000_000)).unwrap().0, [2.0]);
        assert_eq!(belief.joints_at(Stamp(1_300_000_000)).unwrap().0, [2.0]);
        assert!(belief.joints_at(Stamp(2_000_000_000)).is_err());
        assert!(belief.joints_now(Stamp(2_000_000_000)).is_ok());
        assert_eq!(belief.joints_now(Stamp(9_000_000_000)).unwrap_err().code, Code::SensorStale);
    }

    #[test]
    fn history_is_bounded() {
        let mut belief = Belief::default();
        (0..100_000).for_each(|n| belief.take_joints(joints(n * 10, 0.0, 0.0)));
        assert!(belief.joints.len() < 600);
    }
}
