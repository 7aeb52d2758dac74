//! Pull-out: what a vial that hangs in the gripper is lost at, in the simulator as it is used, with its own gripper and settings.

use super::World;
use crate::SimError;
use nightshift_core::SampleId;
use nightshift_core::frames::{Map, Pose, Ware};
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};

const GRAVITY: f64 = 9.81;
/// A vial that has moved so far along the pads slips, metres.
const SLIPPED_M: f64 = 5e-5;
/// How far beside a vial the pads are before they close on it, metres in all.
const BESIDE_M: f64 = 0.006;
/// A hand closes with this at least, N.
const FIRM_N: f64 = 8.0;
/// Coulomb's force is reached from this share of it, in steps of physics, and passed by as much.
const BEFORE: (f64, i32) = (0.85, 200);
const THROUGH: (f64, i32) = (0.3, 800);

/// What one case gave, N.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PullOut {
    /// The load at which the pads lost it, its own weight included; infinite where they did not.
    pub slip_n: f64,
    /// The mean of what the pads pressed with beforehand.
    pub pressed_n: f64,
    /// The mean of what the gripper reported of it, and of how many reports.
    pub reported_n: f64,
    /// See above.
    pub reports: f64,
}

impl PullOut {
    /// What Coulomb's law has two pads hold, N.
    pub fn coulomb_n(friction: f64, grip_n: f64) -> f64 {
        2.0 * friction * grip_n
    }
}

impl World {
    /// Puts a sample between the open pads, grips it, and pulls it down ever harder until it has moved. The tool has to point down,
    /// and the glass has to bear the grip.
    ///
    /// # Errors
    /// An unknown sample, or a friction that there is not.
    pub fn pull_out(
        &mut self,
        sample: &SampleId,
        at: &Pose<Map, Ware>,
        friction: f64,
        grip_n: f64,
    ) -> Result<PullOut, SimError> {
        let found = self.scene.vials.iter().position(|vial| vial.sample == *sample);
        let vial = found.ok_or_else(|| SimError::Request(format!("there is no sample {sample}")))?;
        let coulomb_n = PullOut::coulomb_n(friction, grip_n);
        self.set_pad_friction(friction)?;
        let wide_m = self.scene.vials[vial].kind.diameter_m;
        self.pull(vial, 0.0);
        self.grip_for(wide_m + BESIDE_M, grip_n, 0.5);
        let model = self.data.model_clone();
        self.reload(model, |state| state.put_vial(vial, &at.iso))?;
        // It floats while the pads close: firmly first, as a hand picks it up.
        self.pull(vial, 0.0);
        self.grip_for(0.7 * wide_m, grip_n.max(FIRM_N), 0.5);
        self.grip_for(0.7 * wide_m, grip_n, 0.5);
        let (mut pressed_n, mut reported_n, mut reports) = (0.0, 0.0, 0.0);
        for _ in 0..1000 {
            for event in self.step() {
                if let RobotEvent::Gripper(state) = event {
                    (reported_n, reports) = (reported_n + state.force_n, reports + 1.0);
                }
            }
            pressed_n += self.monitor.pad_force_n() / 1000.0;
        }
        reported_n /= f64::max(reports, 1.0);
        let start = self.height_in_hand(vial);
        let mut slip_n = f64::INFINITY;
        for step in 0..BEFORE.1 + THROUGH.1 {
            let share = if step < BEFORE.1 {
                BEFORE.0 * f64::from(step) / f64::from(BEFORE.1)
            } else {
                BEFORE.0 + THROUGH.0 * f64::from(step - BEFORE.1) / f64::from(THROUGH.1)
            };
            self.pull(vial, share * coulomb_n);
            self.step();
            if (self.height_in_hand(vial) - start).abs() > SLIPPED_M {
                slip_n = share * coulomb_n;
                break;
            }
        }
        self.pull(vial, 0.0);
        Ok(PullOut { slip_n, pressed_n, reported_n, reports })
    }

    fn grip_for(&mut self, opening_m: f64, force_n: f64, seconds: f64) {
        self.command(RobotCommand::Grip { id: CommandId(1), opening_m, force_n });
        for _ in 0..(seconds / Self::STEP.as_secs_f64()) as usize {
            self.step();
        }
    }

    /// Pulls at a vial, its own weight included, N downward.
    fn pull(&mut self, vial: usize, force_n: f64) {
        let weight_n = self.scene.vials[vial].mass_kg() * GRAVITY;
        self.data.xfrc_applied_mut()[self.layout.vial_body[vial]][2] = weight_n - force_n;
    }

    /// How far along the pads a vial is; the arm yields to the pull, so from where the flange is and not where it should be.
    fn height_in_hand(&self, vial: usize) -> f64 {
        let map_from_flange = self.body_pose(self.layout.flange_body);
        let map_from_vial = self.body_pose(self.layout.vial_body[vial]);
        (map_from_flange.inverse() * map_from_vial).translation.z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Worker, run, site, strike};
    use crate::world::sense;
    use nightshift_core::describe::Site;
    use nightshift_core::robot::Twist;

    const SAMPLE: &str = "S-001";

    /// The bundled site with glass that no grip breaks.
    fn strong() -> Site {
        let mut site = site();
        for vial in site.catalogue.vials.values_mut() {
            vial.vessel.breaks_at_n = Some(1000.0);
        }
        site
    }

    fn hanging(seed: u64) -> Worker {
        let mut worker = Worker::over_in(&strong(), seed, "storage/rack/A1", 0.12);
        worker.pick(8.0);
        assert_eq!(worker.world.truth().samples[&SampleId::new(SAMPLE)].location, crate::GRIPPER);
        worker
    }

    #[test]
    fn the_pads_lose_a_vial_at_coulombs_force_and_report_what_they_press_with() {
        let mut worker = hanging(31);
        let (sample, mut wrong) = (SampleId::new(SAMPLE), Vec::new());
        let at = worker.world.truth().samples[&sample].pose;
        for friction in [0.2, 0.4, 0.6] {
            for grip_n in [0.5, 2.0, 8.0, 20.0] {
                let case = worker.world.pull_out(&sample, &at, friction, grip_n).unwrap();
                let (slip, pressed) =
                    (case.slip_n / PullOut::coulomb_n(friction, grip_n), case.pressed_n / grip_n);
                let reported = case.reported_n / grip_n;
                println!(
                    "friction {friction} grip {grip_n} N: slips at {slip:.4} of Coulomb, presses {pressed:.5}, reports {reported:.4}"
                );
                // A mean of noisy reports is no better than its noise.
                let noise = 3.0 * sense::FORCE_SIGMA / case.reports.sqrt() / grip_n;
                if (slip - 1.0).abs() > 0.05
                    || (pressed - 1.0).abs() > 0.01
                    || (reported - 1.0).abs() > 0.01 + noise
                {
                    wrong.push((friction, grip_n, slip, pressed, reported));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "friction, grip, slip over Coulomb, pressed and reported over grip: {wrong:?}"
        );
    }

    #[test]
    fn a_vial_that_is_carried_for_ten_seconds_stays_where_it_is_held() {
        let mut worker = hanging(32);
        strike(&mut worker.world, "base.kidnap(x=0.9m, y=5m)");
        run(&mut worker.world, 0.5);
        let before = worker.tool_from_sample(SAMPLE);
        for _ in 0..100 {
            worker.world.command(RobotCommand::Drive(Twist { x: 0.3, y: 0.0, yaw: 0.0 }));
            run(&mut worker.world, 0.1);
        }
        run(&mut worker.world, 1.5);
        let drift = (worker.tool_from_sample(SAMPLE).translation() - before.translation()).norm();
        println!("10 s at 0.3 m/s: drift {:.2} um", drift * 1e6);
        assert!(drift < 1e-4, "drifted by {drift} m");
        assert_eq!(worker.world.contacts_of_note(), Vec::<String>::new());
    }
}
