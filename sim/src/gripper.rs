//! The gripper's controller: moves the pads, stops at a force, and keeps the force up.

use crate::mjcf::FINGER_ARMATURE_KG;
use nightshift_core::describe::GripperDescription;
use nightshift_core::robot::{CommandId, RobotEvent};

/// How fast each pad moves, m/s.
const SPEED: f64 = 0.02;
/// Natural frequency of a finger's servo, rad/s.
const OMEGA: f64 = 100.0;
/// A pad slower than this stands still, m/s.
const STILL: f64 = 5e-4;
/// For how long the pads must stand still away from their goal before something is taken to be between them, s.
const STALL_TIME: f64 = 0.06;
/// For how long the force settles before the gripper reports, s.
const SETTLE_TIME: f64 = 0.04;
/// How near to its goal each pad must come, m.
const REACHED: f64 = 1e-4;
/// After this a motion that neither ends nor stalls is reported as stalled, s.
const LONGEST: f64 = 6.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Task {
    /// Holding the goal.
    Hold,
    Move {
        id: CommandId,
        lasting: f64,
        still: f64,
    },
    /// Pressing in the direction of the goal with the whole force.
    Press {
        id: Option<CommandId>,
        lasting: f64,
    },
}

/// The controller of both fingers. Positions are those of one finger: half the opening.
#[derive(Clone, Debug)]
pub struct Gripper {
    max_opening_m: f64,
    max_force_n: f64,
    task: Task,
    goal: f64,
    force_n: f64,
    set_point: f64,
    events: Vec<RobotEvent>,
}

impl Gripper {
    /// Standing at an opening.
    pub fn new(description: &GripperDescription, opening_m: f64) -> Self {
        Self {
            max_opening_m: description.max_opening_m,
            max_force_n: description.max_force_n,
            task: Task::Hold,
            goal: opening_m / 2.0,
            force_n: description.max_force_n,
            set_point: opening_m / 2.0,
            events: Vec::new(),
        }
    }

    /// Starts a motion from where the fingers are. Opening and force are brought within the gripper's; what is not
    /// finite is not carried out and answered as stalled.
    pub fn command(
        &mut self,
        id: CommandId,
        opening_m: f64,
        force_n: f64,
        actual: [f64; 2],
        measured_n: f64,
    ) {
        let opening_now = actual[0] + actual[1];
        if !opening_m.is_finite() || !force_n.is_finite() {
            self.events.push(done(id, opening_now, measured_n, true));
            return;
        }
        if let Task::Move { id: old, .. } | Task::Press { id: Some(old), .. } = self.task {
            self.events.push(done(old, opening_now, measured_n, false));
        }
        let pressing = matches!(self.task, Task::Press { .. });
        let inward = |goal: f64| goal < opening_now / 2.0 - REACHED;
        let closing = pressing && inward(self.goal);
        self.goal = (opening_m / 2.0).clamp(0.0, self.max_opening_m / 2.0);
        self.force_n = force_n.clamp(0.0, self.max_force_n);
        self.set_point = opening_now / 2.0;
        // What is pressed already is not let go of for being pressed otherwise.
        self.task = if closing && inward(self.goal) {
            Task::Press { id: Some(id), lasting: 0.0 }
        } else {
            Task::Move { id, lasting: 0.0, still: 0.0 }
        };
    }

    /// Opens wide with its whole force, on nobody's command.
    pub fn open(&mut self, actual: [f64; 2]) {
        self.goal = self.max_opening_m / 2.0;
        self.force_n = self.max_force_n;
        self.set_point = (actual[0] + actual[1]) / 2.0;
        self.task = Task::Press { id: None, lasting: 0.0 };
    }

    /// Advances by `dt` seconds. `actual` and `rates` are each finger's position and speed, `measured_n` the pads'
    /// force. Answers the force of each finger's drive, newtons, positive to open.
    pub fn advance(&mut self, dt: f64, actual: [f64; 2], rates: [f64; 2], measured_n: f64) -> [f64; 2] {
        let middle = (actual[0] + actual[1]) / 2.0;
        let speed = (rates[0] + rates[1]) / 2.0;
        let mut set_rate = 0.0;
        match &mut self.task {
            Task::Hold => {}
            Task::Move { id, lasting, still } => {
                let step = (self.goal - self.set_point).clamp(-SPEED * dt, SPEED * dt);
                self.set_point += step;
                set_rate = step / dt;
                *lasting += dt;
                *still = if speed.abs() < STILL && *lasting > STALL_TIME { *still + dt } else { 0.0 };
                let id = *id;
                let arrived = self.set_point == self.goal && (middle - self.goal).abs() <= REACHED;
                if arrived && speed.abs() < STILL {
                    self.events.push(done(id, 2.0 * middle, measured_n, false));
                    self.task = Task::Hold;
                } else if !arrived && (*still >= STALL_TIME || *lasting > LONGEST) {
                    self.task = Task::Press { id: Some(id), lasting: 0.0 };
                }
            }
            Task::Press { id, lasting } => {
                *lasting += dt;
                if *lasting >= SETTLE_TIME
                    && let Some(id) = id.take()
                {
                    self.events.push(done(id, 2.0 * middle, measured_n, true));
                }
            }
        }
        let mass = FINGER_ARMATURE_KG;
        let damping = 2.0 * mass * OMEGA;
        if let Task::Press { id, .. } = self.task {
            let inward = (self.goal - middle).signum();
            // What was held is gone: stop at the goal instead of running past it.
            if (self.goal - middle).abs() <= REACHED && id.is_none() {
                self.set_point = self.goal;
                self.task = Task::Hold;
            }
            return rates.map(|rate| inward * self.force_n - damping * rate);
        }
        let force = |position: f64, rate: f64| {
            let wanted = mass * OMEGA * OMEGA * (self.set_point - position) + damping * (set_rate - rate);
            wanted.clamp(-self.force_n, self.force_n)
        };
        [force(actual[0], rates[0]), force(actual[1], rates[1])]
    }

    /// What has ended since the last call.
    pub fn take_events(&mut self) -> Vec<RobotEvent> {
        std::mem::take(&mut self.events)
    }
}

fn done(id: CommandId, opening_m: f64, force_n: f64, stalled: bool) -> RobotEvent {
    RobotEvent::GripperDone { id, opening_m, force_n, stalled }
}
