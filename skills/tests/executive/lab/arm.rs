//! The arm and its planner.

use super::{Due, Lab, Truth};
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_core::robot::{JointTrajectory, RobotCommand, RobotEvent, TrajectoryPoint};
use nightshift_core::{Code, Failure};
use nightshift_motion::{MotionGoal, PlanRequest};
use nightshift_skills::SkillInput;

impl Lab {
    /// Where the joints are now.
    pub fn joints(&self) -> Vec<f64> {
        match &self.motion {
            Some((_, _, start, trajectory)) => trajectory.sample(self.now.since(*start)),
            None => self.q.clone(),
        }
    }

    pub(super) fn no_way_around(&mut self, goal: &Pose<Base, Tool>) -> bool {
        let Some((slot, left)) = self.faults.no_way_around.clone() else { return false };
        let Some(base_from_slot) = self.base_from_slot(&slot) else { return false };
        let at = (base_from_slot.inverse() * *goal).translation();
        let cap_m = self.site.catalogue.vials.values().next().unwrap().height_m;
        let meant = left > 0 && at.xy().norm() < 0.001 && at.z < cap_m;
        if meant {
            self.faults.no_way_around = Some((slot, left - 1));
        }
        meant
    }

    pub(super) fn plan(&mut self, request: &PlanRequest) -> Result<JointTrajectory, Failure> {
        if self.real_planner {
            return nightshift_motion::plan(&self.arm, request).inspect_err(|failure| {
                eprintln!("no motion: {failure} for {:?}", request.goal);
            });
        }
        // A part that may be anywhere is in the scene all along its way.
        let lids = request.scene.shapes.iter().filter(|shape| shape.name == "sonicator/lid").count();
        if self.faults.no_motion_to_parts && lids > 1 {
            return Err(Failure::new(Code::NoMotion, "something is in the way"));
        }
        let seed = Seed(request.seed);
        let unreachable = || Failure::new(Code::Unreachable, "no joint positions");
        let end = match &request.goal {
            MotionGoal::Joints(q) => q.clone(),
            MotionGoal::ToolAnySpin(pose) => {
                if let Some(slot) = &self.faults.no_motion_above
                    && let Some(base_from_slot) = self.base_from_slot(slot)
                    && (base_from_slot.translation() - pose.translation()).xy().norm() < 0.01
                {
                    return Err(Failure::new(Code::NoMotion, "something is in the way"));
                }
                self.arm
                    .inverse_free_spin(pose, &request.start, seed)
                    .into_iter()
                    .next()
                    .ok_or_else(unreachable)?
            }
            MotionGoal::Tool(pose) | MotionGoal::Line(pose) => {
                if self.no_way_around(pose) {
                    return Err(Failure::new(Code::NoMotion, "a neighbour is too near to a finger"));
                }
                self.arm.inverse(pose, &request.start, seed).into_iter().next().ok_or_else(unreachable)?
            }
        };
        let point = |time_s, positions: Vec<f64>| {
            let velocities = vec![0.0; positions.len()];
            TrajectoryPoint { time_s, positions, velocities }
        };
        Ok(JointTrajectory { points: vec![point(0.0, request.start.clone()), point(2.0, end)] })
    }

    pub(super) fn command(&mut self, command: RobotCommand) {
        match command {
            RobotCommand::MoveArm { id, trajectory } => {
                self.commands.push("move".into());
                let still = self.navigation.is_none() && self.now >= self.coasts_until;
                assert!(still, "the arm moves while the base does");
                let (now, first) = (self.joints(), &trajectory.points[0].positions);
                let off = now.iter().zip(first).map(|(a, b)| (a - b).abs());
                assert!(off.fold(0.0, f64::max) < 0.05, "a trajectory must begin where the arm is");
                let ms = (trajectory.duration_s() * 1e3) as u64;
                self.motions += 1;
                self.motion_serial += 1;
                self.wrist_falls_silent();
                self.motion = Some((self.motion_serial, id, self.now, trajectory));
                if !self.faults.arm_silent {
                    self.after(ms + 10, Due::ArmEnds(self.motion_serial));
                }
                if self.vials.values().any(|vial| vial.at == Truth::Held) {
                    if self.faults.slips > 0 {
                        self.faults.slips -= 1;
                        self.slip_armed = Some(false);
                    } else if self.faults.drops > 0 {
                        self.faults.drops -= 1;
                        self.slip_armed = Some(true);
                    } else if self.faults.pinches > 0 {
                        self.faults.pinches -= 1;
                        self.pinch_armed = true;
                    }
                }
            }
            RobotCommand::StopArm => {
                self.stops.push(self.now);
                self.q = self.joints();
                if let Some((_, id, ..)) = self.motion.take() {
                    let done = RobotEvent::ArmDone { id, ok: false, message: "stopped".into() };
                    self.after(200, Due::Input(SkillInput::Robot(done)));
                }
            }
            RobotCommand::Grip { id, opening_m, force_n } => self.grip(id, opening_m, force_n),
            RobotCommand::Drive(_) => panic!("the executive does not drive"),
        }
    }

    pub(super) fn arm_ends(&mut self, serial: u64) {
        if self.motion.as_ref().is_none_or(|motion| motion.0 != serial) {
            return;
        }
        self.q = self.joints();
        let Some((_, id, ..)) = self.motion.take() else { return };
        let ok = self.faults.arm_fault_after.is_none_or(|after| self.motions <= after);
        let message = if ok { String::new() } else { "joint_3 is 0.2 rad from its trajectory".into() };
        self.feed(SkillInput::Robot(RobotEvent::ArmDone { id, ok, message }));
    }

    pub(super) fn slip_if_due(&mut self) {
        let Some((_, _, start, trajectory)) = &self.motion else { return };
        if self.now.since(*start) < 0.3 * trajectory.duration_s() {
            return;
        }
        if std::mem::take(&mut self.pinch_armed) {
            self.opening_m = self.site.catalogue.vials.values().next().unwrap().cap.diameter_m;
        }
        let Some(to_floor) = self.slip_armed.take() else { return };
        for vial in self.vials.values_mut().filter(|vial| vial.at == Truth::Held) {
            let back = vial.from.clone().filter(|_| !to_floor);
            vial.at = back.map_or(Truth::Dropped, Truth::Slot);
            (self.opening_m, self.force_n) = (0.0, 0.0);
        }
    }
}
