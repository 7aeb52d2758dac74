//! The arm's controller: follows trajectories, holds still between them, and refuses what it cannot follow.

use nightshift_core::Stamp;
use nightshift_core::describe::Robot;
use nightshift_core::robot::{CommandId, JointTrajectory, RobotEvent};
use std::time::Duration;

/// How far from the arm's own posture a trajectory may start, rad.
const START_TOLERANCE: f64 = 0.05;
/// How far the arm may lag behind a trajectory before it is given up: something is in the way. Rad.
const PATH_TOLERANCE: f64 = 0.05;
/// How near to its end a trajectory must come, rad.
const GOAL_TOLERANCE: f64 = 0.002;
/// How slow the arm must be there, rad/s.
const GOAL_RATE: f64 = 0.01;
/// How long the arm may take to settle at the end.
const GOAL_TIME: Duration = Duration::from_millis(500);
/// Over what time a trajectory that starts a little beside the arm is joined, s.
const FADE_TIME_S: f64 = 0.25;
/// Slack on joint limits, rad and rad/s: rounding on the way must not refuse a motion along a limit.
const LIMIT_SLACK: f64 = 1e-3;
/// Points looked at between two trajectory points for a curve that swings past a limit.
const LOOKS_BETWEEN: usize = 8;

#[derive(Clone, Debug)]
struct Limits {
    name: String,
    lower: f64,
    upper: f64,
    max_velocity: f64,
    max_acceleration: f64,
}

#[derive(Clone, Debug)]
enum Task {
    /// Standing, or coming to rest.
    Rest,
    /// `offset` is what the set point was ahead of the trajectory's start; it fades out.
    Follow { id: CommandId, trajectory: JointTrajectory, since: Stamp, offset: Vec<f64> },
}

/// The controller of all arm joints.
#[derive(Clone, Debug)]
pub struct Arm {
    limits: Vec<Limits>,
    task: Task,
    /// What the servos are to hold.
    angles: Vec<f64>,
    rates: Vec<f64>,
    events: Vec<RobotEvent>,
    /// Why no motion is taken.
    refusal: Option<&'static str>,
}

impl Arm {
    /// Standing still at `angles`.
    pub fn new(robot: &Robot, angles: Vec<f64>) -> Self {
        let limits = robot
            .arm
            .joints
            .iter()
            .zip(&robot.arm.max_acceleration)
            .filter_map(|(name, &max_acceleration)| {
                let joint = robot.model.joint(name)?;
                Some(Limits {
                    name: name.clone(),
                    lower: joint.lower,
                    upper: joint.upper,
                    max_velocity: joint.max_velocity,
                    max_acceleration,
                })
            })
            .collect();
        let rates = vec![0.0; angles.len()];
        Self { limits, task: Task::Rest, angles, rates, events: Vec::new(), refusal: None }
    }

    /// Starts a trajectory, or refuses it; a running one is replaced, but not by a refused one.
    pub fn follow(&mut self, now: Stamp, id: CommandId, trajectory: JointTrajectory, actual: &[f64]) {
        if let Err(message) = self.check(&trajectory, actual) {
            self.events.push(RobotEvent::ArmDone { id, ok: false, message });
            return;
        }
        self.end(false, "replaced by a newer trajectory");
        let offset = self.angles.iter().zip(trajectory.sample(0.0)).map(|(at, start)| at - start).collect();
        self.task = Task::Follow { id, trajectory, since: now, offset };
    }

    /// Comes to rest as fast as the joints' accelerations allow.
    pub fn stop(&mut self) {
        self.end(false, "stopped by command");
    }

    /// The same, for a reason of its own.
    pub fn halt(&mut self, reason: &str) {
        self.end(false, reason);
    }

    /// Takes no motion for this reason, or takes them again.
    pub fn refuse(&mut self, reason: Option<&'static str>) {
        self.refusal = reason;
    }

    fn end(&mut self, ok: bool, message: &str) {
        if let Task::Follow { id, .. } = std::mem::replace(&mut self.task, Task::Rest) {
            self.events.push(RobotEvent::ArmDone { id, ok, message: message.to_owned() });
        }
    }

    fn check(&self, trajectory: &JointTrajectory, actual: &[f64]) -> Result<(), String> {
        if let Some(reason) = self.refusal {
            return Err(reason.to_owned());
        }
        let count = self.limits.len();
        let first = trajectory.points.first().ok_or("refused: the trajectory has no points")?;
        let mut last_time = f64::NEG_INFINITY;
        for (index, point) in trajectory.points.iter().enumerate() {
            if point.positions.len() != count || point.velocities.len() != count {
                return Err(format!(
                    "refused: point {index} has {} positions and {} velocities, the arm has {count} joints",
                    point.positions.len(),
                    point.velocities.len()
                ));
            }
            let numbers = point.positions.iter().chain(&point.velocities).chain([&point.time_s]);
            if numbers.into_iter().any(|v| !v.is_finite()) {
                return Err(format!("refused: point {index} has a number that is not finite"));
            }
            if point.time_s < 0.0 || point.time_s <= last_time {
                return Err(format!(
                    "refused: point {index} is due at {} s, after {last_time} s: times must rise from 0 on",
                    point.time_s
                ));
            }
            last_time = point.time_s;
            for (limits, rate) in self.limits.iter().zip(&point.velocities) {
                if rate.abs() > limits.max_velocity + LIMIT_SLACK {
                    return Err(format!(
                        "refused: point {index} moves {} at {rate:.3} rad/s, allowed {:.3}",
                        limits.name, limits.max_velocity
                    ));
                }
            }
        }
        for ((limits, start), at) in self.limits.iter().zip(&first.positions).zip(actual) {
            if (start - at).abs() > START_TOLERANCE {
                return Err(format!(
                    "refused: {} starts at {start:.4} rad, the arm stands at {at:.4}, allowed difference {START_TOLERANCE}",
                    limits.name
                ));
            }
        }
        let spans = trajectory.points.windows(2).flat_map(|pair| {
            let (from, span) = (pair[0].time_s, pair[1].time_s - pair[0].time_s);
            (0..LOOKS_BETWEEN).map(move |i| from + span * i as f64 / LOOKS_BETWEEN as f64)
        });
        for time in spans.chain([last_time]) {
            for (limits, angle) in self.limits.iter().zip(trajectory.sample(time)) {
                if angle < limits.lower - LIMIT_SLACK || angle > limits.upper + LIMIT_SLACK {
                    return Err(format!(
                        "refused: {} is at {angle:.4} rad after {time:.3} s, allowed {:.4} to {:.4}",
                        limits.name, limits.lower, limits.upper
                    ));
                }
            }
        }
        Ok(())
    }

    /// Moves the set point by one step of `dt` seconds. `actual` and `actual_rates` are what the joints do.
    pub fn advance(&mut self, now: Stamp, dt: f64, actual: &[f64], actual_rates: &[f64]) {
        let verdict = match &self.task {
            Task::Rest => {
                for (joint, limits) in self.limits.iter().enumerate() {
                    let rate = &mut self.rates[joint];
                    *rate -= rate.clamp(-limits.max_acceleration * dt, limits.max_acceleration * dt);
                    self.angles[joint] = (self.angles[joint] + *rate * dt).clamp(limits.lower, limits.upper);
                }
                None
            }
            Task::Follow { trajectory, since, offset, .. } => {
                let time = now.since(*since);
                let late = lag(&self.limits, &self.angles, actual);
                let wanted = |time: f64| {
                    let fade = (1.0 - time / FADE_TIME_S).max(0.0);
                    let each = trajectory.sample(time).into_iter().zip(offset);
                    each.map(|(angle, offset)| angle + fade * offset).collect::<Vec<f64>>()
                };
                let (after, before) = (wanted(time + dt), wanted(time));
                self.rates = after.iter().zip(&before).map(|(b, a)| (b - a) / dt).collect();
                self.angles = before;
                judge(trajectory, time, late, actual_rates)
            }
        };
        match verdict {
            Some(Ok(())) => self.end(true, ""),
            Some(Err(message)) => {
                // Where something holds the arm back, it must not press on.
                self.angles.copy_from_slice(actual);
                self.rates.copy_from_slice(actual_rates);
                self.end(false, &message);
            }
            None => {}
        }
    }

    /// What the servos are to hold: angles and their rates.
    pub fn set_point(&self) -> (&[f64], &[f64]) {
        (&self.angles, &self.rates)
    }

    /// What has ended since the last call.
    pub fn take_events(&mut self) -> Vec<RobotEvent> {
        std::mem::take(&mut self.events)
    }
}

/// The joint that is farthest from where it should be, and by how much.
fn lag<'a>(limits: &'a [Limits], wanted: &[f64], actual: &[f64]) -> (&'a str, f64) {
    let each =
        limits.iter().zip(wanted.iter().zip(actual)).map(|(l, (w, a))| (l.name.as_str(), (w - a).abs()));
    each.fold(("", 0.0), |worst, next| if next.1 > worst.1 { next } else { worst })
}

fn judge(
    trajectory: &JointTrajectory,
    time: f64,
    (name, late): (&str, f64),
    rates: &[f64],
) -> Option<Result<(), String>> {
    let over = time - trajectory.duration_s();
    if late > PATH_TOLERANCE {
        return Some(Err(format!(
            "gave up after {time:.2} s: {name} is {late:.4} rad from its path, allowed {PATH_TOLERANCE}: something holds it"
        )));
    }
    if over < 0.0 {
        return None;
    }
    if late <= GOAL_TOLERANCE && rates.iter().all(|rate| rate.abs() <= GOAL_RATE) {
        return Some(Ok(()));
    }
    (over > GOAL_TIME.as_secs_f64()).then(|| {
        Err(format!("{name} came to rest {late:.4} rad from the trajectory's end, allowed {GOAL_TOLERANCE}"))
    })
}
