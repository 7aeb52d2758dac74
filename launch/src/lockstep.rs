//! Lockstep: the simulated laboratory and the stack on one thread, in one total order of time.

use crate::effects::{Eye, Planner};
use crate::files::Lab;
use crate::stack::{Stack, StackInput, StackOutput};
use nightshift_core::api::{Call, JobEvent, Request};
use nightshift_core::lockstep::Timeline;
use nightshift_core::random::Seed;
use nightshift_core::record::{Driven, Sink};
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Code, Failure, Stamp};
use nightshift_sim::faults::{Event, Fault, Planned, Schedule, What};
use nightshift_sim::{SimConfig, SimError, World};
use nightshift_skills::{EffectId, Store};
use std::path::Path;
use std::time::Duration;

/// How long planning takes on the robot's computer, as lockstep has it.
const PLANNING_TIME: Duration = Duration::from_millis(150);
/// From the wish for a picture to the shutter.
const SHUTTER_TIME: Duration = Duration::from_millis(60);
/// From the shutter to the reading.
const READING_TIME: Duration = Duration::from_millis(60);
/// From the wish to write to the disk's word that it is written.
const WRITING_TIME: Duration = Duration::from_millis(8);

/// From a word to a station to its answer.
const SITE_TIME: Duration = Duration::from_millis(20);

enum Pending {
    Shutter { id: EffectId },
    Tell(StackInput),
}

/// How long the eye waits for a picture.
const PATIENCE: Duration = Duration::from_secs(3);
/// The id under which a restart is acknowledged.
const RESUME_CALL: CommandId = CommandId(1_000_002);

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The simulator refused.
    #[error("the simulator cannot be set up: {0}")]
    Sim(#[from] SimError),
    /// The stack refused.
    #[error("the stack cannot be set up: {0}")]
    Stack(#[from] Failure),
}

/// A run in lockstep.
pub struct Lockstep<S> {
    /// The simulated laboratory.
    pub world: World,
    stack: Driven<Stack, S>,
    store: Store,
    planner: Planner,
    eye: Eye,
    pending: Timeline<Pending>,
    lab: Lab,
    seed: Seed,
    schedule: Schedule,
    /// Until when nothing can be written.
    disk_full_until_s: f64,
    /// When a stack that died is started again.
    restart_at: Option<Stamp>,
}

/// What one step brought, for whoever watches.
#[derive(Default)]
pub struct Step {
    /// What the robot told.
    pub events: Vec<RobotEvent>,
    /// What the stack answered.
    pub outputs: Vec<StackOutput>,
    /// Faults that could not strike, in words.
    pub refused: Vec<String>,
    /// Whether the stack was started anew in this step.
    pub restarted: bool,
}

impl<S: Sink> Lockstep<S> {
    /// Sets up a lab with a fresh ledger. Pictures go to `album`, the journal to `sink`.
    pub fn new(lab: &Lab, config: SimConfig, album: Option<&Path>, sink: S) -> Result<Self, StartError> {
        let seed = config.seed;
        let world = World::new(&lab.site, &lab.robot, config)?;
        let (store, restored) = Store::in_memory()?;
        let stack = Stack::new(&lab.site, &lab.robot, lab.grid.clone(), restored, Seed(seed.0))?;
        Ok(Self {
            world,
            stack: Driven::new(stack, sink),
            store,
            planner: Planner::new(&lab.robot)?,
            eye: Eye::new(album)?,
            pending: Timeline::default(),
            lab: lab.clone(),
            seed,
            schedule: Schedule::default(),
            disk_full_until_s: 0.0,
            restart_at: None,
        })
    }

    /// Lets a fault wait for its time.
    ///
    /// # Errors
    /// Where it names what is not there.
    pub fn plan(&mut self, planned: Planned) -> Result<(), SimError> {
        if !planned.fault.what().strikes_the_stack() {
            self.world.check(&planned.fault)?;
        }
        self.schedule.add(planned);
        Ok(())
    }

    /// Tells the stack something from outside, now. One that has died hears nothing.
    pub fn tell(&mut self, input: StackInput) -> Vec<StackOutput> {
        if self.restart_at.is_some() {
            return Vec::new();
        }
        let now = self.world.now();
        let outputs = self.stack.feed(now, input);
        self.obey(now, &outputs);
        outputs
    }

    /// One physics step, and all that it brings.
    pub fn step(&mut self) -> Step {
        let events = self.world.step();
        let now = self.world.now();
        let mut outputs = Vec::new();
        // The inertial unit has no reader in the stack, as on ROS.
        for event in events.iter().filter(|event| !matches!(event, RobotEvent::Inertial(_))) {
            outputs.extend(self.tell(StackInput::Robot(event.clone())));
        }
        while let Some((_, pending)) = self.pending.pop_due(now) {
            match pending {
                Pending::Shutter { id } => {
                    let (after, look) = match self.world.shoot().into_iter().next() {
                        Some(shot) if shot.after < PATIENCE => (shot.after, self.eye.look(&shot.frame)),
                        _ => (PATIENCE, Eye::blind(now, "the camera gave no picture")),
                    };
                    let told = Pending::Tell(StackInput::Looked { id, look });
                    self.pending.push(now + after + READING_TIME, told);
                }
                Pending::Tell(input) => outputs.extend(self.tell(input)),
            }
        }
        if self.restart_at.is_none() {
            let woken = self.stack.advance(now);
            self.obey(now, &woken);
            outputs.extend(woken);
        }
        let restarted = self.restart_at.is_some_and(|at| at <= now);
        if restarted {
            self.restart_at = None;
            outputs.extend(self.restart());
        }
        for event in self.world.happening() {
            self.schedule.note(now.seconds(), event);
        }
        let mut refused = Vec::new();
        for fault in self.schedule.due(now.seconds()) {
            if let Err(error) = self.strike(&fault) {
                refused.push(format!("the fault {fault} could not strike: {error}"));
            }
        }
        Step { events, outputs, refused, restarted }
    }

    fn strike(&mut self, fault: &Fault) -> Result<(), SimError> {
        let now = self.world.now();
        match fault.what() {
            What::DiskFull => self.disk_full_until_s = now.seconds() + fault.lasting_s(),
            What::StackKill => {
                self.restart_at = Some(now + Duration::from_secs_f64(fault.number("restart")));
                // What it had asked for dies with it.
                self.pending = Timeline::default();
            }
            _ => self.world.inject(fault)?,
        }
        Ok(())
    }

    /// Starts a stack that has died with what is in its store, and acknowledges it as a person would.
    fn restart(&mut self) -> Vec<StackOutput> {
        let Lab { site, robot, grid } = &self.lab;
        let restored = self.store.restored().expect("what was written reads back");
        let stack = Stack::new(site, robot, grid.clone(), restored, self.seed).expect("it started before");
        self.stack.restart(stack);
        let request = Request::Resume { caller: "scenario".into(), note: "the stack was killed".into() };
        self.tell(StackInput::Call(Call { id: RESUME_CALL, request }))
    }

    /// Over everything that the stack was told and answered.
    pub fn journal_hash(&self) -> String {
        self.stack.journal_hash()
    }

    fn obey(&mut self, now: Stamp, outputs: &[StackOutput]) {
        for output in outputs {
            match output {
                StackOutput::Robot(command) => self.world.command(command.clone()),
                StackOutput::Plan { id, request } => {
                    let result = self.planner.plan(request);
                    let input = StackInput::Planned { id: *id, result };
                    self.pending.push(now + PLANNING_TIME, Pending::Tell(input));
                }
                StackOutput::Look { id, .. } => {
                    self.pending.push(now + SHUTTER_TIME, Pending::Shutter { id: *id });
                }
                StackOutput::Site { id, call } => {
                    let answer = Ok(self.world.handshake(call));
                    let input = StackInput::Site { id: *id, answer };
                    self.pending.push(now + SITE_TIME, Pending::Tell(input));
                }
                StackOutput::Store { id, records } => {
                    let full = now.seconds() < self.disk_full_until_s;
                    let result = if full { Err(no_space()) } else { self.store.append(records) };
                    let input = StackInput::Stored { id: *id, result };
                    self.pending.push(now + WRITING_TIME, Pending::Tell(input));
                }
                StackOutput::Event(JobEvent::Feedback(_, feedback)) => {
                    self.schedule.note(now.seconds(), Event::Phase(feedback.phase));
                }
                StackOutput::Localised(_)
                | StackOutput::Path(_)
                | StackOutput::Answer { .. }
                | StackOutput::Event(_)
                | StackOutput::Notice { .. } => {}
            }
        }
    }
}

/// As the ledger's database says it on a disk without room.
fn no_space() -> Failure {
    Failure::new(Code::StoreUnavailable, "the ledger cannot be written: database or disk is full")
}

/// Whether a command would move the base.
pub fn drives(command: &RobotCommand) -> bool {
    matches!(command, RobotCommand::Drive(twist) if twist.x.abs() + twist.y.abs() + twist.yaw.abs() > 1e-3)
}
