//! The stack as one component: navigation and skills, and what they tell each other.

use nightshift_core::api::{Call, JobEvent, Reply};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Map};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, RobotEvent};
use nightshift_core::{Component, Failure, Level, Outbox, Pose2, Stamp};
use nightshift_motion::PlanRequest;
use nightshift_navigation::told::{self, Told};
use nightshift_navigation::{Localisation, NavCommand, NavInput, NavOutput, Navigator};
use nightshift_skills::{EffectId, Executive, Look, Restored, SkillInput, SkillOutput, StoreRecord};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What the stack is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StackInput {
    /// By the robot.
    Robot(RobotEvent),
    /// By a planner.
    Call(Call),
    /// By a person who knows where the robot is. Answered by a notice.
    InitialPose(Pose2<Map, Base>),
    /// By a person who wants the base to drive there. Refused with a notice while a job is underway.
    GoalPose(Pose2<Map, Base>),
    /// A picture was taken and read.
    Looked {
        /// Of the effect.
        id: EffectId,
        /// What was seen.
        look: Look,
    },
    /// A motion was planned.
    Planned {
        /// Of the effect.
        id: EffectId,
        /// The motion, or why there is none.
        result: Result<JointTrajectory, Failure>,
    },
    /// A station has answered.
    Site {
        /// Of the effect.
        id: EffectId,
        /// What it says, or why nobody answers for it.
        answer: Result<SiteAnswer, Failure>,
    },
    /// Records are on disk.
    Stored {
        /// Of the effect.
        id: EffectId,
        /// The last entry's sequence number, or why not.
        result: Result<u64, Failure>,
    },
}

/// What the stack answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StackOutput {
    /// To the robot.
    Robot(RobotCommand),
    /// Where the base is.
    Localised(Localisation),
    /// Where it means to drive.
    Path(Vec<Pose2<Map, Base>>),
    /// Plan a motion; answered by [`StackInput::Planned`].
    Plan {
        /// Of the effect.
        id: EffectId,
        /// From where to where, among what.
        request: Box<PlanRequest>,
    },
    /// Take a picture and read it; answered by [`StackInput::Looked`].
    Look {
        /// Of the effect.
        id: EffectId,
        /// For the picture's name.
        purpose: String,
    },
    /// Ask a station; answered by [`StackInput::Site`].
    Site {
        /// Of the effect.
        id: EffectId,
        /// What.
        call: SiteCall,
    },
    /// Put records on disk, all or none; answered by [`StackInput::Stored`].
    Store {
        /// Of the effect.
        id: EffectId,
        /// In order.
        records: Vec<StoreRecord>,
    },
    /// To the door that a call came through.
    Answer {
        /// Of the call.
        id: CommandId,
        /// What it asked for.
        reply: Reply,
    },
    /// To whoever follows a job.
    Event(JobEvent),
    /// Words for a person.
    Notice {
        /// How loudly.
        level: Level,
        /// The words.
        message: String,
    },
}

/// Navigation and skills, wired.
pub struct Stack {
    navigator: Navigator,
    executive: Executive,
    /// The arm's posture for driving, and where its joints are, radians.
    drive_posture: Vec<f64>,
    joints: Vec<f64>,
    /// Drives that a person asked for.
    goals: u64,
}

/// Commands of a person are numbered from here: the executive counts from zero.
const GOALS: u64 = 1 << 63;
/// The arm is in its posture for driving within this, radians.
const POSTURE_RAD: f64 = 0.05;

/// A message on its way between the two.
enum Hop {
    ToNavigator(NavInput),
    ToExecutive(SkillInput),
}

impl Stack {
    /// A stack for this robot at this site. It believes `start` only once a scan agrees.
    pub fn new(
        site: &Site,
        robot: &Robot,
        grid: OccupancyGrid,
        restored: Restored,
        seed: Seed,
    ) -> Result<Self, Failure> {
        let mut navigator = Navigator::new(site, robot, grid, seed);
        let executive = Executive::new(site, robot, restored)?;
        let mut nothing = Outbox::new();
        navigator.handle(Stamp::ZERO, NavInput::Command(NavCommand::SetPose(site.start)), &mut nothing);
        let drive_posture = robot.arm.posture("drive").unwrap_or_default();
        Ok(Self { navigator, executive, drive_posture, joints: Vec::new(), goals: 0 })
    }

    /// What moves the base, to look at.
    pub fn navigator(&self) -> &Navigator {
        &self.navigator
    }

    /// A person's wish that the base drives somewhere, or why it does not.
    fn goal(&mut self, goal: Pose2<Map, Base>) -> Result<NavInput, String> {
        if !self.executive.is_idle() {
            return Err("a job is underway".to_owned());
        }
        // The planner says the same, but not before the base knows where it is.
        let map = self.navigator.costmap().snapshot_of_map();
        if let Some((layer, at)) = map.obstacle_at(&goal.iso, 0.0) {
            return Err(format!("the base's outline there meets {}", map.costmap().words(layer, &at)));
        }
        let off = self.joints.iter().zip(&self.drive_posture).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if self.joints.len() != self.drive_posture.len() || off > POSTURE_RAD {
            return Err("the arm is not in its posture `drive`, within the footprint".to_owned());
        }
        self.goals += 1;
        Ok(NavInput::Command(NavCommand::DriveTo { id: CommandId(GOALS + self.goals), goal }))
    }

    fn run(&mut self, now: Stamp, first: Hop, out: &mut Outbox<StackOutput>) {
        let mut hops = VecDeque::from([first]);
        while let Some(hop) = hops.pop_front() {
            match hop {
                Hop::ToNavigator(input) => {
                    let mut answers = Outbox::new();
                    self.navigator.handle(now, input, &mut answers);
                    route_navigator(answers, &mut hops, out);
                }
                Hop::ToExecutive(input) => {
                    let mut answers = Outbox::new();
                    self.executive.handle(now, input, &mut answers);
                    route_executive(answers, &mut hops, out);
                }
            }
        }
    }

    fn finish(&mut self, now: Stamp, mut hops: VecDeque<Hop>, out: &mut Outbox<StackOutput>) {
        while let Some(hop) = hops.pop_front() {
            self.run(now, hop, out);
        }
    }
}

fn route_navigator(answers: Outbox<NavOutput>, hops: &mut VecDeque<Hop>, out: &mut Outbox<StackOutput>) {
    for answer in answers {
        match &answer {
            NavOutput::Drive(twist) => out.push(StackOutput::Robot(RobotCommand::Drive(*twist))),
            NavOutput::Path(path) => out.push(StackOutput::Path(path.clone())),
            NavOutput::Localised(localisation) => {
                out.push(StackOutput::Localised(localisation.clone()));
                hops.push_back(Hop::ToExecutive(SkillInput::Navigation(answer)));
            }
            NavOutput::Done { id, result } if id.0 > GOALS => {
                let (level, message) = match result {
                    Ok(()) => (Level::Warning, "the base is at the goal".to_owned()),
                    Err(failure) => (failure.code.level(), format!("the base is not at the goal: {failure}")),
                };
                out.push(StackOutput::Notice { level, message });
            }
            NavOutput::Done { .. } | NavOutput::LookForDock { .. } | NavOutput::Docked { .. } => {
                hops.push_back(Hop::ToExecutive(SkillInput::Navigation(answer)));
            }
        }
    }
}

fn route_executive(answers: Outbox<SkillOutput>, hops: &mut VecDeque<Hop>, out: &mut Outbox<StackOutput>) {
    for answer in answers {
        out.push(match answer {
            SkillOutput::Navigation(input) => {
                hops.push_back(Hop::ToNavigator(input));
                continue;
            }
            SkillOutput::Robot(command) => StackOutput::Robot(command),
            SkillOutput::Plan { id, request } => StackOutput::Plan { id, request: Box::new(request) },
            SkillOutput::Look { id, purpose } => StackOutput::Look { id, purpose },
            SkillOutput::Site { id, call } => StackOutput::Site { id, call },
            SkillOutput::Store { id, records } => StackOutput::Store { id, records },
            SkillOutput::Answer { id, reply } => StackOutput::Answer { id, reply },
            SkillOutput::Event(event) => StackOutput::Event(event),
            SkillOutput::Notice { level, message } => StackOutput::Notice { level, message },
        });
    }
}

impl Component for Stack {
    type Input = StackInput;
    type Output = StackOutput;

    fn handle(&mut self, now: Stamp, input: StackInput, out: &mut Outbox<StackOutput>) {
        let hop = match input {
            StackInput::Robot(RobotEvent::Scan(scan)) => Hop::ToNavigator(NavInput::Scan(scan)),
            StackInput::Robot(RobotEvent::Odometry(odometry)) => {
                Hop::ToNavigator(NavInput::Odometry(odometry))
            }
            StackInput::GoalPose(goal) => match self.goal(goal) {
                Ok(input) => Hop::ToNavigator(input),
                Err(why) => {
                    let message = format!("the goal ({:.2}, {:.2}) is refused: {why}", goal.x(), goal.y());
                    return out.push(StackOutput::Notice { level: Level::Warning, message });
                }
            },
            StackInput::Robot(RobotEvent::Joints(state)) => {
                self.joints.clone_from(&state.positions);
                Hop::ToExecutive(SkillInput::Robot(RobotEvent::Joints(state)))
            }
            StackInput::Robot(RobotEvent::Battery(battery)) => {
                self.run(now, Hop::ToNavigator(NavInput::Battery(battery)), out);
                Hop::ToExecutive(SkillInput::Robot(RobotEvent::Battery(battery)))
            }
            StackInput::Robot(event) => Hop::ToExecutive(SkillInput::Robot(event)),
            StackInput::Call(call) => Hop::ToExecutive(SkillInput::Call(call)),
            StackInput::InitialPose(pose) => {
                let checked = told::check(self.navigator.costmap().snapshot_of_map().grid(), &pose);
                let what = format!("the told pose ({:.2}, {:.2}, {:.2} rad)", pose.x(), pose.y(), pose.yaw());
                let message = match &checked {
                    Ok(Told::OnFloor) => format!("{what} is tried; it counts once the scans agree"),
                    Ok(Told::NearFloor) => format!(
                        "{what} lies in a wall with free floor within {} m; it is tried, and counts once the scans agree",
                        told::WITHIN_M
                    ),
                    Err(why) => format!("{what} is refused and the pose is kept as it was: it {why}"),
                };
                out.push(StackOutput::Notice { level: Level::Warning, message });
                match checked {
                    Ok(_) => Hop::ToNavigator(NavInput::Command(NavCommand::SetPose(pose))),
                    Err(_) => return,
                }
            }
            StackInput::Looked { id, look } => Hop::ToExecutive(SkillInput::Looked { id, look }),
            StackInput::Planned { id, result } => Hop::ToExecutive(SkillInput::Planned { id, result }),
            StackInput::Site { id, answer } => Hop::ToExecutive(SkillInput::Site { id, answer }),
            StackInput::Stored { id, result } => Hop::ToExecutive(SkillInput::Stored { id, result }),
        };
        self.run(now, hop, out);
    }

    fn next_wake(&self) -> Option<Stamp> {
        match (self.navigator.next_wake(), self.executive.next_wake()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn wake(&mut self, now: Stamp, out: &mut Outbox<StackOutput>) {
        let mut hops = VecDeque::new();
        if self.navigator.next_wake().is_some_and(|wake| wake <= now) {
            let mut answers = Outbox::new();
            self.navigator.wake(now, &mut answers);
            route_navigator(answers, &mut hops, out);
        }
        if self.executive.next_wake().is_some_and(|wake| wake <= now) {
            let mut answers = Outbox::new();
            self.executive.wake(now, &mut answers);
            route_executive(answers, &mut hops, out);
        }
        self.finish(now, hops, out);
    }
}

#[cfg(test)]
mod tests;
