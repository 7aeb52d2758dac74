//! The robot's side of the graph: what `nightshift sim --ros` is to everybody else.

mod arm_server;
mod gripper_server;
mod publishers;
mod sim_server;
mod site_server;

use crate::convert::{camera, sensors};
use crate::error::RosError;
use crate::health::{Health, HealthBook};
use crate::inbox::Inbox;
use crate::names;
use crate::node::{Arrivals, Claim, NodeThread, Part, next, subscribe};
use crate::qos;
use arm_server::ArmServer;
use gripper_server::GripperServer;
use nightshift_core::describe::Robot;
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::image::Frame;
use nightshift_core::robot::{RobotCommand, RobotEvent};
use nightshift_core::{Stamp, StationId};
use publishers::{FrameMessages, Publishers};
use r2r::Node;
pub use sim_server::SimRequest;
use sim_server::SimServer;
use site_server::SiteServer;
use std::sync::Arc;

/// Commands that may wait.
const INBOX: usize = 64;

/// What the graph tells the robot.
#[derive(Clone, Debug, PartialEq)]
pub enum RobotSideInput {
    /// To be obeyed. Ids are this side's own; answers go back by [`RobotSide::publish`].
    Command(RobotCommand),
    /// A fault that the simulator is to have, as it was written.
    Fault(String),
    /// To a station. Each is answered by [`RobotSide::answer_site`].
    Site {
        /// Of the call.
        id: u64,
        /// What is asked.
        call: SiteCall,
    },
    /// To the simulator. Each is answered by [`RobotSide::answer_sim`].
    Sim {
        /// Of the call.
        id: u64,
        /// What is asked.
        request: SimRequest,
    },
}

/// The robot's node, `/robot`.
pub struct RobotSide {
    thread: NodeThread<Output>,
    inbox: Arc<Inbox<RobotSideInput>>,
    health: Arc<HealthBook>,
}

enum Output {
    Event(RobotEvent),
    Clock(Stamp),
    Frame(Box<FrameMessages>),
    Truth(String),
    Site(u64, SiteAnswer),
    Sim(u64, Vec<Result<String, String>>),
    SetBack,
}

impl RobotSide {
    /// Brings the node up, with the handshake of these stations; takes about two seconds, in which it looks for another
    /// robot on the domain.
    pub fn start(robot: &Robot, stations: &[StationId]) -> Result<Self, RosError> {
        let inbox = Arc::new(Inbox::new(INBOX));
        let health = Arc::new(HealthBook::default());
        let claim = Claim { what: "a robot", action: names::ARM_ACTION };
        let (robot, for_inbox, for_health) = (robot.clone(), Arc::clone(&inbox), Arc::clone(&health));
        let stations = stations.to_vec();
        let thread = NodeThread::start(names::ROBOT_NODE, claim, move |node| {
            RobotPart::open(node, &robot, &stations, for_inbox, for_health)
        })?;
        Ok(Self { thread, inbox, health })
    }

    /// Publishes what the robot tells: sensors on their topics, and transforms with them; the end of an arm or
    /// gripper motion as its action's result. Waits while the node's thread is far behind.
    pub fn publish(&self, event: &RobotEvent) -> Result<(), RosError> {
        self.thread.send(Output::Event(event.clone()))
    }

    /// Publishes simulated time. Whoever does this once is expected to go on.
    pub fn publish_clock(&self, stamp: Stamp) -> Result<(), RosError> {
        self.thread.send(Output::Clock(stamp))
    }

    /// Publishes a colour and a depth picture with their model.
    pub fn publish_frame(&self, frame: &Frame) -> Result<(), RosError> {
        let messages = FrameMessages {
            color: camera::to_color(frame),
            depth: camera::to_depth(frame),
            info: camera::to_camera_info(frame),
        };
        self.thread.send(Output::Frame(Box::new(messages)))
    }

    /// Publishes the simulator's truth, for judges only.
    pub fn publish_truth(&self, json: String) -> Result<(), RosError> {
        self.thread.send(Output::Truth(json))
    }

    /// Answers a station's call.
    pub fn answer_site(&self, id: u64, answer: SiteAnswer) -> Result<(), RosError> {
        self.thread.send(Output::Site(id, answer))
    }

    /// Answers a call to the simulator: one result, or one a fault, in words.
    pub fn answer_sim(&self, id: u64, results: Vec<Result<String, String>>) -> Result<(), RosError> {
        self.thread.send(Output::Sim(id, results))
    }

    /// The simulation was set back: motions that run are over, unsuccessfully.
    pub fn set_back(&self) -> Result<(), RosError> {
        self.thread.send(Output::SetBack)
    }

    /// Takes what has come since; of velocities only the latest.
    pub fn drain(&self) -> Vec<RobotSideInput> {
        self.inbox.drain()
    }

    /// How well each topic does.
    pub fn health(&self) -> Health {
        self.health.snapshot()
    }
}

struct RobotPart {
    publishers: Publishers,
    arm: ArmServer,
    gripper: GripperServer,
    sites: SiteServer,
    sim: SimServer,
    cmd_vel: Arrivals<r2r::geometry_msgs::msg::Twist>,
    faults: Arrivals<r2r::std_msgs::msg::String>,
    inbox: Arc<Inbox<RobotSideInput>>,
    health: Arc<HealthBook>,
}

impl RobotPart {
    fn open(
        node: &mut Node,
        robot: &Robot,
        stations: &[StationId],
        inbox: Arc<Inbox<RobotSideInput>>,
        health: Arc<HealthBook>,
    ) -> Result<Self, RosError> {
        Ok(Self {
            sites: SiteServer::open(node, stations, Arc::clone(&inbox), Arc::clone(&health))?,
            sim: SimServer::open(node, Arc::clone(&inbox), Arc::clone(&health))?,
            publishers: Publishers::open(node, robot, Arc::clone(&health))?,
            arm: ArmServer::open(node, robot, Arc::clone(&inbox), Arc::clone(&health))?,
            gripper: GripperServer::open(node, robot, Arc::clone(&inbox), Arc::clone(&health))?,
            cmd_vel: subscribe(node, names::CMD_VEL, qos::newest())?,
            faults: subscribe(node, names::FAULT, qos::events())?,
            inbox,
            health,
        })
    }
}

impl Part for RobotPart {
    type Output = Output;

    fn take(&mut self, output: Output) {
        match output {
            Output::Event(RobotEvent::ArmDone { id, ok, message }) => self.arm.done(id, ok, &message),
            Output::Event(RobotEvent::GripperDone { id, opening_m, force_n, stalled }) => {
                self.gripper.done(id, opening_m, force_n, stalled);
            }
            Output::Event(RobotEvent::Scan(scan)) => self.publishers.scan(&scan),
            Output::Event(RobotEvent::Odometry(odometry)) => self.publishers.odometry(&odometry),
            Output::Event(RobotEvent::Joints(joints)) => {
                self.publishers.joints(&joints);
                self.arm.stands_at(joints.positions);
            }
            Output::Event(RobotEvent::Gripper(state)) => {
                self.publishers.gripper(&state);
                self.gripper.stands_at(state);
            }
            Output::Event(RobotEvent::Wrist(wrench)) => self.publishers.wrench(&wrench),
            Output::Event(RobotEvent::Inertial(inertial)) => self.publishers.inertial(&inertial),
            Output::Event(RobotEvent::Battery(battery)) => self.publishers.battery(&battery),
            Output::Clock(stamp) => self.publishers.clock(stamp),
            Output::Frame(messages) => self.publishers.frame(&messages),
            Output::Truth(json) => self.publishers.truth(&json),
            Output::Site(id, answer) => self.sites.answer(id, &answer),
            Output::Sim(id, results) => self.sim.answer(id, &results),
            Output::SetBack => {
                self.arm.abandon("the simulation was set back");
                self.gripper.abandon();
            }
        }
    }

    fn poll(&mut self, _: &Node) {
        while let Some(message) = next(&mut self.cmd_vel) {
            self.health.note(names::CMD_VEL, |health| health.received += 1);
            match sensors::from_twist(&message) {
                Ok(twist) => {
                    let command = RobotSideInput::Command(RobotCommand::Drive(twist));
                    if self.inbox.put_latest(names::CMD_VEL, command) {
                        self.health.note(names::CMD_VEL, |health| health.replaced += 1);
                    }
                }
                Err(problem) => self.health.malformed(names::CMD_VEL, problem),
            }
        }
        while let Some(message) = next(&mut self.faults) {
            self.health.note(names::FAULT, |health| health.received += 1);
            if self.inbox.put(RobotSideInput::Fault(message.data)).is_err() {
                self.health.unsent(names::FAULT, "too many wait");
            }
        }
        self.arm.poll();
        self.gripper.poll();
        self.sites.poll();
        self.sim.poll();
    }
}
