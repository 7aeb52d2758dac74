//! What the fingers tell.

use super::Belief;
use crate::limits;
use nightshift_core::describe::Vial;
use nightshift_core::robot::GripperState;
use nightshift_core::{Address, Code, Failure, SampleId, Stamp};

/// What the fingers hold, as it was when they closed on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Grip {
    /// Which sample.
    pub sample: SampleId,
    /// Distance between the pads.
    pub width_m: f64,
    /// Force that was asked for.
    pub force_n: f64,
    /// Force that just holds it safely, by its weight, N.
    pub needed_n: f64,
    /// The slot that it was taken from; none where that is not known (after a restart).
    pub from: Option<Address>,
}

/// What a report of the gripper says of what is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    /// It is held, or nothing is.
    Firm,
    /// It has been held for a while with so much less force than was asked for, N.
    Weak(f64),
    /// It is gone.
    Gone,
}

impl Belief {
    /// Takes a report of the gripper, and says what it and those before it show. Each loss and each weakness is told once.
    pub fn take_gripper(&mut self, state: GripperState) -> Hold {
        self.before.extend(self.gripper.replace(state));
        while self.before.len() >= limits::SLIP_REPORTS as usize {
            self.before.pop_front();
        }
        let Some(grip) = &self.grip else {
            (self.slips, self.weak) = (0, 0);
            return Hold::Firm;
        };
        let narrower = state.opening_m < grip.width_m - limits::WIDTH_M;
        let lost = state.force_n < grip.force_n * limits::HELD_FORCE;
        self.slips = if narrower || lost { self.slips + 1 } else { 0 };
        if self.slips == limits::SLIP_REPORTS {
            self.slipped_at.insert(grip.sample.clone(), grip.force_n);
            return Hold::Gone;
        }
        let weak = self.slips == 0 && state.force_n < grip.force_n * limits::FIRM_FORCE;
        self.weak = if weak { self.weak + 1 } else { 0 };
        if self.weak == limits::WEAK_REPORTS { Hold::Weak(state.force_n) } else { Hold::Firm }
    }

    /// The force at which a sample slipped last, N.
    pub fn slipped_at(&self, sample: &SampleId) -> Option<f64> {
        self.slipped_at.get(sample).copied()
    }

    /// Whether the fingers hold something as wide as this vial. None where the gripper has not told for too long, tells
    /// something in between, or has told for a moment only that they do not: what is set down on its seat shakes them.
    pub fn feels(&self, now: Stamp, vial: &Vial) -> Option<bool> {
        let state = self.gripper.filter(|state| now.since(state.stamp) <= limits::STATE_AGE_S)?;
        let held_n = vial.grasp.force_n * limits::HELD_FORCE;
        let as_wide = |state: &GripperState| (state.opening_m - vial.diameter_m).abs() <= limits::WIDTH_M;
        let nothing = |state: &GripperState| !as_wide(state) || state.force_n < 0.5 * held_n;
        if as_wide(&state) && state.force_n >= held_n {
            Some(true)
        } else if nothing(&state) && self.before.iter().all(nothing) {
            Some(false)
        } else {
            None
        }
    }

    /// The gripper's last report, where it is fresh.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn gripper_now(&self, now: Stamp) -> Result<GripperState, Failure> {
        let stale = |words: String| Failure::new(Code::SensorStale, words);
        let state = self.gripper.ok_or_else(|| stale("the gripper has not told its state yet".into()))?;
        let age = now.since(state.stamp);
        if age > limits::STATE_AGE_S {
            return Err(stale(format!(
                "the gripper's state is {age:.2} s old, allowed are {} s",
                limits::STATE_AGE_S
            )));
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_force_is_no_empty_hand() {
        let vial = crate::grip::tests::vial();
        let mut belief = Belief::default();
        let mut told = |ms: u64, force_n: f64| {
            let stamp = Stamp(ms * 1_000_000);
            let _ = belief.take_gripper(GripperState { stamp, opening_m: vial.diameter_m, force_n });
            belief.feels(stamp, &vial)
        };
        let firm_n = vial.grasp.force_n;
        assert_eq!(told(10, firm_n), Some(true));
        assert_eq!((told(20, 0.1 * firm_n), told(30, 0.1 * firm_n)), (None, None));
        assert_eq!(told(40, 0.1 * firm_n), Some(false));
        assert_eq!(told(50, firm_n), Some(true));
    }

    #[test]
    fn one_odd_report_is_no_slip_and_three_are_one() {
        let mut belief = Belief::default();
        let state = |opening_m, force_n| GripperState { stamp: Stamp(1), opening_m, force_n };
        let gone = |belief: &mut Belief, width, force| belief.take_gripper(state(width, force)) == Hold::Gone;
        assert!(!(0..9).any(|_| gone(&mut belief, 0.0, 0.0)), "nothing is held");
        let sample = SampleId::new("S-001");
        let grip = Grip { sample: sample.clone(), width_m: 0.028, force_n: 8.0, needed_n: 2.0, from: None };
        belief.grip = Some(grip);
        for (width, force) in [(0.028, 8.0), (0.028, 1.0), (0.020, 8.0), (0.028, 7.0)] {
            assert!(!gone(&mut belief, width, force), "it is noise");
        }
        assert_eq!(belief.slipped_at(&sample), None);
        let slips: Vec<bool> = (0..6).map(|_| gone(&mut belief, 0.0, 0.0)).collect();
        assert_eq!(slips, [false, false, true, false, false, false], "it is told once");
        assert_eq!(belief.slipped_at(&sample), Some(8.0));
    }

    #[test]
    fn a_grip_that_stays_weak_is_told_once_and_a_short_dip_is_none() {
        let mut belief = Belief::default();
        let grip = Grip { sample: "S-001".into(), width_m: 0.028, force_n: 8.0, needed_n: 2.0, from: None };
        belief.grip = Some(grip);
        let mut told = |force_n, times| -> Vec<Hold> {
            let state = GripperState { stamp: Stamp(1), opening_m: 0.028, force_n };
            let all = (0..times).map(|_| belief.take_gripper(state));
            all.filter(|hold| *hold != Hold::Firm).collect()
        };
        assert_eq!(told(5.0, limits::WEAK_REPORTS - 1), []);
        assert_eq!(told(8.0, 1), []);
        assert_eq!(told(5.0, 3 * limits::WEAK_REPORTS), [Hold::Weak(5.0)]);
    }
}
