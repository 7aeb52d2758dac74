//! The stack's side of the graph: what `nightshift run` is to the robot and to planners.

mod calls;
mod frame_slot;
mod job_server;
mod presence;
mod publishers;
mod robot_client;
mod sensors;
mod services;
mod sites;
mod wheels;

use crate::clock::{GraphClock, Stopwatch};
use crate::convert::jobs::JobAction;
use crate::error::RosError;
use crate::health::{Health, HealthBook};
use crate::inbox::Inbox;
use crate::names;
use crate::node::{Claim, NodeThread, Part, clock_is_published};
use calls::Calls;
use frame_slot::FrameSlot;
use job_server::{JobServer, Jobs};
use nalgebra::Matrix3;
use nightshift_core::api::{Call, JobEvent, Reply};
use nightshift_core::describe::Robot;
use nightshift_core::frames::{Base, Map, Odom};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::image::{Depth, Frame, Image};
use nightshift_core::robot::{CommandId, Gate, RobotCommand, RobotEvent, Twist};
use nightshift_core::{Failure, Pose2, Stamp, StationId};
use presence::Presence;
use publishers::Publishers;
use r2r::Node;
use r2r::nightshift_interfaces::action::{Charge, Load, Search, Transfer, Unload};
use robot_client::RobotClient;
use sensors::Sensors;
use services::Services;
use sites::Sites;
use std::sync::Arc;
use std::time::Duration;
use wheels::Wheels;

/// Calls and events that may wait.
const INBOX: usize = 256;

/// What the graph tells the stack. Sensors and the clock keep only their latest unread value each; pictures are
/// taken by [`StackSide::latest_frame_after`].
#[derive(Clone, Debug, PartialEq)]
pub enum StackSideInput {
    /// By the robot.
    Robot(RobotEvent),
    /// Simulated time has come so far. Never where `/clock` is not published.
    Clock(Stamp),
    /// By a planner, or a person. Each is answered by [`StackSideOutput::Answer`].
    Call(Call),
    /// By a person who knows where the robot is.
    InitialPose(Pose2<Map, Base>),
    /// By a person who wants the base to drive there.
    GoalPose(Pose2<Map, Base>),
    /// A person's word that cannot be read, and why.
    Unreadable {
        /// Where it came.
        topic: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Answers [`StackSideOutput::Site`].
    Site {
        /// Of the question.
        id: u64,
        /// What the station says, or why nobody answers for it.
        answer: Result<SiteAnswer, Failure>,
    },
}

/// What the stack tells the graph.
#[derive(Clone, Debug, PartialEq)]
pub enum StackSideOutput {
    /// To the robot. Arm and gripper motions are answered by a [`RobotEvent`] of the same id, always: also where the
    /// robot refuses, or nobody is there.
    Robot(RobotCommand),
    /// To whoever called.
    Answer {
        /// Of the call.
        id: CommandId,
        /// What it asked for.
        reply: Reply,
    },
    /// To whoever follows a job by its action.
    Event(JobEvent),
    /// Where the base is: the transform from `map` to `odom`, and `/amcl_pose`.
    Localised(Localised),
    /// Ask a station. Answered by [`StackSideInput::Site`], always.
    Site {
        /// Of the question.
        id: u64,
        /// What.
        call: SiteCall,
    },
    /// The saved map.
    Map(OccupancyGrid),
    /// What the base plans on.
    Costmap(CostGrid),
    /// The same about the base.
    LocalCostmap(CostGrid),
    /// What differs from the map: 98 is new, 1 is gone, 0 the rest.
    Changes(CostGrid),
    /// The way that the base means to take.
    Path(Vec<Pose2<Map, Base>>),
    /// What was seen in a picture that the stack took.
    Seen(Box<Sighted>),
    /// Words for a person.
    Notice(String),
}

/// What was seen in a picture, for people and other nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighted {
    /// When the shutter was open.
    pub stamp: Stamp,
    /// What.
    pub things: Vec<Thing>,
    /// The picture with that drawn in.
    pub overlay: Image<[u8; 3]>,
    /// Its depth; empty where the camera has none.
    pub depth: Image<Depth>,
}

/// A thing in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Under which it is known over pictures; empty where it has none.
    pub id: String,
    /// What it is, and what it holds (`holds:coloured_liquid`), each with how sure that is, 0 to 1.
    pub is: Vec<(String, f64)>,
    /// Left, top, width, height, pixels from the picture's edge.
    pub bbox: [f64; 4],
}

/// What it costs the base to be somewhere, as Nav2 has it: 0 is free, 100 is an obstacle, 99 is nearer to one than the
/// base's inner radius, between them it falls off with the distance; -1 is unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct CostGrid {
    /// Edge of a cell.
    pub resolution_m: f64,
    /// Cells in a row.
    pub width: usize,
    /// The lower left corner in the map, metres.
    pub origin: [f64; 2],
    /// Row by row, from below.
    pub costs: Vec<i8>,
}

/// Where the base is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Localised {
    /// When the base was there.
    pub stamp: Stamp,
    /// The correction of dead reckoning.
    pub map_from_odom: Pose2<Map, Odom>,
    /// The base.
    pub map_from_base: Pose2<Map, Base>,
    /// Of x, y (m^2) and yaw (rad^2).
    pub covariance: Matrix3<f64>,
}

/// What the node's thread shares with the rest of the process.
struct Shared {
    inbox: Inbox<StackSideInput>,
    frames: FrameSlot,
    clock: GraphClock,
    health: HealthBook,
    presence: Presence,
}

/// The stack's node, `/nightshift/stack`.
pub struct StackSide {
    thread: NodeThread<StackSideOutput>,
    shared: Arc<Shared>,
}

impl StackSide {
    /// Brings the node up, as a client of these stations, with a gate before the wheels; takes about two seconds, in which it
    /// looks for another stack on the domain.
    pub fn start(robot: &Robot, stations: &[StationId], gate: Box<dyn Gate>) -> Result<Self, RosError> {
        let shared = Arc::new(Shared {
            inbox: Inbox::new(INBOX),
            frames: FrameSlot::default(),
            clock: GraphClock::default(),
            health: HealthBook::default(),
            presence: Presence::new(robot),
        });
        let claim = Claim { what: "a stack", action: Transfer::Action::NAME };
        let (robot, stations, for_part) = (robot.clone(), stations.to_vec(), Arc::clone(&shared));
        let thread = NodeThread::start(names::STACK_NODE, claim, move |node| {
            StackPart::open(node, &robot, &stations, gate, for_part)
        })?;
        Ok(Self { thread, shared })
    }

    /// Waits (wall-clock time) until every scanner, odometry, joints and gripper have told something and both
    /// actions are served, and settles whose time is followed: `/clock` where it is published, else the system's.
    /// To be called before inputs are taken and before [`StackSide::now`] means anything.
    pub fn wait_for_robot(&self, timeout: Duration) -> Result<(), RosError> {
        let watch = Stopwatch::start();
        match self.shared.presence.wait(timeout) {
            Ok(()) => {
                self.shared.clock.settle();
                Ok(())
            }
            Err(missing) => Err(RosError::RobotAbsent { missing, waited_s: watch.elapsed().as_secs_f64() }),
        }
    }

    /// Takes what has come since, in order.
    pub fn drain(&self) -> Vec<StackSideInput> {
        self.shared.inbox.drain()
    }

    /// Takes what has come since, in order; waits for something, but no longer than `timeout` (wall-clock time).
    pub fn wait(&self, timeout: Duration) -> Vec<StackSideInput> {
        self.shared.inbox.wait(timeout)
    }

    /// The latest frame, where its shutter was open after `stamp`.
    pub fn latest_frame_after(&self, stamp: Stamp) -> Option<Arc<Frame>> {
        self.shared.frames.wait_after(stamp, Duration::ZERO)
    }

    /// The first frame from now on whose shutter was open after `stamp`, waited for no longer than `timeout`
    /// (wall-clock time).
    pub fn wait_for_frame_after(&self, stamp: Stamp, timeout: Duration) -> Option<Arc<Frame>> {
        self.shared.frames.wait_after(stamp, timeout)
    }

    /// Hands an output in. Waits while the node's thread is far behind.
    pub fn send(&self, output: StackSideOutput) -> Result<(), RosError> {
        self.thread.send(output)
    }

    /// The robot's time.
    pub fn now(&self) -> Stamp {
        self.shared.clock.now()
    }

    /// How well each topic does.
    pub fn health(&self) -> Health {
        self.shared.health.snapshot()
    }
}

impl Drop for StackSide {
    fn drop(&mut self) {
        // The base would stop by itself a little later.
        let _ = self.thread.send(StackSideOutput::Robot(RobotCommand::Drive(Twist::STOP)));
    }
}

struct StackPart {
    sensors: Sensors,
    wheels: Wheels,
    robot: RobotClient,
    jobs: [Box<dyn Jobs>; 5],
    services: Services,
    sites: Sites,
    calls: Calls,
    publishers: Publishers,
    shared: Arc<Shared>,
    turns: u64,
}

/// Between two looks at who publishes `/clock`, in turns of the thread (some milliseconds each).
const CLOCK_LOOK: u64 = 25;

impl StackPart {
    fn open(
        node: &mut Node,
        robot: &Robot,
        stations: &[StationId],
        gate: Box<dyn Gate>,
        shared: Arc<Shared>,
    ) -> Result<Self, RosError> {
        Ok(Self {
            sites: Sites::open(node, stations, Arc::clone(&shared))?,
            sensors: Sensors::open(node, robot, Arc::clone(&shared))?,
            wheels: Wheels::open(node, gate, Arc::clone(&shared))?,
            robot: RobotClient::open(node, robot, Arc::clone(&shared))?,
            jobs: [
                Box::new(JobServer::<Transfer::Action>::open(node, Arc::clone(&shared))?),
                Box::new(JobServer::<Load::Action>::open(node, Arc::clone(&shared))?),
                Box::new(JobServer::<Unload::Action>::open(node, Arc::clone(&shared))?),
                Box::new(JobServer::<Search::Action>::open(node, Arc::clone(&shared))?),
                Box::new(JobServer::<Charge::Action>::open(node, Arc::clone(&shared))?),
            ],
            services: Services::open(node, Arc::clone(&shared))?,
            calls: Calls::new(Arc::clone(&shared)),
            publishers: Publishers::open(node, Arc::clone(&shared))?,
            shared,
            turns: 0,
        })
    }

    fn answer(&mut self, id: CommandId, reply: Reply) {
        let Self { jobs, calls, services, .. } = self;
        if !jobs.iter_mut().any(|jobs| jobs.answer(id, &reply, calls)) {
            services.answer(id, reply);
        }
    }
}

impl Part for StackPart {
    type Output = StackSideOutput;

    fn take(&mut self, output: StackSideOutput) {
        match output {
            StackSideOutput::Robot(RobotCommand::Drive(wanted)) => self.wheels.drive(wanted),
            StackSideOutput::Robot(RobotCommand::MoveArm { id, trajectory }) => {
                self.robot.move_arm(id, &trajectory);
            }
            StackSideOutput::Robot(RobotCommand::StopArm) => self.robot.stop_arm(),
            StackSideOutput::Robot(RobotCommand::Grip { id, opening_m, force_n }) => {
                self.robot.grip(id, opening_m, force_n);
            }
            StackSideOutput::Answer { id, reply } => self.answer(id, reply),
            StackSideOutput::Event(event) => self.jobs.iter_mut().for_each(|jobs| jobs.tell(&event)),
            StackSideOutput::Localised(localised) => self.publishers.localised(&localised),
            StackSideOutput::Map(grid) => self.publishers.map(&grid),
            StackSideOutput::Costmap(costs) => self.publishers.costmap(&costs),
            StackSideOutput::LocalCostmap(costs) => self.publishers.local_costmap(&costs),
            StackSideOutput::Changes(changes) => self.publishers.changes(&changes),
            StackSideOutput::Path(path) => self.publishers.path(&path),
            StackSideOutput::Site { id, call } => self.sites.ask(id, &call),
            StackSideOutput::Seen(seen) => self.publishers.seen(&seen),
            StackSideOutput::Notice(words) => self.publishers.notice(&words),
        }
    }

    fn poll(&mut self, node: &Node) {
        if self.turns.is_multiple_of(CLOCK_LOOK) && !self.shared.presence.is_complete() {
            self.shared.presence.clock(clock_is_published(node), self.shared.clock.is_told());
        }
        self.turns += 1;
        self.sensors.poll(&mut self.wheels);
        self.robot.poll(self.sensors.gripper_state());
        for jobs in &mut self.jobs {
            jobs.poll(&mut self.calls);
        }
        self.services.poll(&mut self.calls);
        self.sites.poll();
    }
}
