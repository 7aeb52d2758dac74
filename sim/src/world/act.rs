//! What the robot does: commands are obeyed, and the drives follow, past the faults at work.

use super::World;
use crate::base::Traction;
use crate::faults::What;
use crate::mjcf;
use nightshift_core::robot::{RobotCommand, Twist};

/// A jammed finger's hold: stiffness, N/m, and damping, N s/m.
const JAM: [f64; 2] = [20_000.0, 200.0];
/// How a stuck vial is held: stiffness, N/m. It comes free once it has been lifted by `FREE_M`.
const STUCK_N_PER_M: f64 = 20_000.0;
const FREE_M: f64 = 0.003;

impl World {
    pub(super) fn obey(&mut self, command: RobotCommand) {
        let now = self.now();
        match command {
            RobotCommand::Drive(twist) => self.drive.command(now, twist),
            RobotCommand::MoveArm { id, trajectory } => {
                let (angles, _) = self.joints(&self.layout.arm);
                self.arm.refuse(self.arm_refuses());
                self.arm.follow(now, id, trajectory, &angles);
            }
            RobotCommand::StopArm => self.arm.stop(),
            RobotCommand::Grip { id, opening_m, force_n } => {
                self.gripper.command(id, opening_m, force_n, self.fingers(), self.monitor.pad_force_n());
            }
        }
    }

    /// How far each finger is from the middle, metres.
    pub(super) fn fingers(&self) -> [f64; 2] {
        self.layout.fingers.map(|finger| self.data.qpos()[finger.qpos])
    }

    pub(super) fn control(&mut self) {
        self.move_stations();
        let (now, dt) = (self.now(), Self::STEP.as_secs_f64());
        let place = self.layout.base.map(|joint| self.data.qpos()[joint.qpos]);
        let point = self.drive.advance(now, dt, place, self.traction());
        let (angles, rates) = self.joints(&self.layout.arm);
        self.arm.advance(now, dt, &angles, &rates);
        let fingers = self.fingers();
        let finger_rates = self.layout.fingers.map(|joint| self.data.qvel()[joint.dof]);
        let mut forces = self.gripper.advance(dt, fingers, finger_rates, self.monitor.pad_force_n());
        if let Some(fault) = self.active.on(What::GripperTorqueLoss, "") {
            forces = forces.map(|force| force * (1.0 - fault.number("share")));
        }
        if self.active.on(What::GripperJam, "").is_some() {
            let held = *self.jammed_at.get_or_insert(fingers);
            let hold =
                |finger: usize| JAM[0] * (held[finger] - fingers[finger]) - JAM[1] * finger_rates[finger];
            forces = [hold(0), hold(1)];
        }
        self.hold_stuck_vials();
        let (actual, actual_rates) = self.joints(&self.layout.arm);
        let (angles, rates) = self.arm.set_point();
        let mut goals: Vec<f64> =
            angles.iter().zip(rates).map(|(angle, rate)| angle + mjcf::DAMPING_TIME_S * rate).collect();
        for (index, name) in self.robot.arm.joints.iter().enumerate() {
            let weak = self.active.all(What::ArmWeak).find(|fault| fault.word("joint") == name);
            let (Some(fault), Some(joint)) = (weak, self.robot.model.joint(name)) else { continue };
            let most = joint.max_effort * (1.0 - fault.number("share"));
            // The servo's force is kp (goal - angle) - kv rate: the goal is brought to where it gives no more.
            let stiffness = joint.max_effort * mjcf::ARM_STIFFNESS;
            let damped = actual[index] + mjcf::DAMPING_TIME_S * actual_rates[index];
            goals[index] = goals[index].clamp(damped - most / stiffness, damped + most / stiffness);
        }
        let ctrl = self.data.ctrl_mut();
        // A position servo with damping follows a moving set point without lag when it is led by its damping time.
        let lead = mjcf::DAMPING_TIME_S;
        for (joint, (place, rate)) in self.layout.base.iter().zip(point.place.iter().zip(&point.rate)) {
            ctrl[joint.actuator] = place + lead * rate;
        }
        for (joint, goal) in self.layout.arm.iter().zip(goals) {
            ctrl[joint.actuator] = goal;
        }
        for (joint, force) in self.layout.fingers.iter().zip(forces) {
            ctrl[joint.actuator] = force;
        }
    }

    fn traction(&self) -> Traction {
        let share = |what| self.active.on(what, "").map_or(0.0, |fault| fault.number("share"));
        let stuck = self.active.on(What::BaseStuckWheel, "").map(|fault| fault.word("wheel"));
        Traction {
            slip: share(What::BaseSlip),
            sluggish: share(What::BaseSluggish),
            stuck: stuck.and_then(|name| crate::base::WHEELS.iter().position(|wheel| *wheel == name)),
        }
    }

    fn arm_refuses(&self) -> Option<&'static str> {
        if self.active.on(What::ArmProtectiveStop, "").is_some() {
            Some("refused: the arm is in its protective stop")
        } else {
            self.active.on(What::ArmRefuses, "").map(|_| "refused: the controller takes no motion")
        }
    }

    /// What the wheels say that the base does.
    pub(super) fn wheels_velocity(&self) -> Twist {
        match self.active.on(What::BaseSlip, "") {
            Some(_) => self.drive.wheels(),
            None => self.base_velocity(),
        }
    }

    pub(super) fn drift_clock(&mut self) {
        if let Some(fault) = self.active.on(What::ClockDrift, "") {
            self.clock_ahead_s += fault.number("rate") * Self::STEP.as_secs_f64();
        }
    }

    fn hold_stuck_vials(&mut self) {
        for (index, seat_z) in std::mem::take(&mut self.stuck) {
            let body = self.layout.vial_body[index];
            let lifted = self.data.xpos()[body][2] - seat_z;
            let fault = self.active.on(What::VialStuck, self.scene.vials[index].sample.as_str());
            let pull = match fault {
                Some(fault) if lifted < FREE_M => {
                    self.stuck.push((index, seat_z));
                    (STUCK_N_PER_M * lifted.max(0.0)).min(fault.number("force"))
                }
                _ => 0.0,
            };
            self.data.xfrc_applied_mut()[body][2] = -pull;
        }
    }
}
