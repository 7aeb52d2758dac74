//! Lockstep: the simulated laboratory and the stack on one thread, in one total order of time.

use crate::effects::{Eye, Planner};
use crate::files::Lab;
use crate::stack::{Stack, StackInput, StackOutput};
use nightshift_core::lockstep::Timeline;
use nightshift_core::random::Seed;
use nightshift_core::record::{Driven, Sink};
use nightshift_core::robot::{RobotCommand, RobotEvent};
use nightshift_core::{Failure, Stamp};
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

enum Pending {
    Shutter { id: EffectId },
    Tell(StackInput),
}

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
}

/// What one step brought, for whoever watches.
#[derive(Default)]
pub struct Step {
    /// What the robot told.
    pub events: Vec<RobotEvent>,
    /// What the stack answered.
    pub outputs: Vec<StackOutput>,
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
        })
    }

    /// Tells the stack something from outside, now.
    pub fn tell(&mut self, input: StackInput) -> Vec<StackOutput> {
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
        for event in &events {
            outputs.extend(self.tell(StackInput::Robot(event.clone())));
        }
        while let Some((_, pending)) = self.pending.pop_due(now) {
            match pending {
                Pending::Shutter { id } => {
                    let look = self.eye.look(&self.world.capture());
                    self.pending.push(now + READING_TIME, Pending::Tell(StackInput::Looked { id, look }));
                }
                Pending::Tell(input) => outputs.extend(self.tell(input)),
            }
        }
        let woken = self.stack.advance(now);
        self.obey(now, &woken);
        outputs.extend(woken);
        Step { events, outputs }
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
                StackOutput::Store { id, records } => {
                    let result = self.store.append(records);
                    let input = StackInput::Stored { id: *id, result };
                    self.pending.push(now + WRITING_TIME, Pending::Tell(input));
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

/// Whether a command would move the base.
pub fn drives(command: &RobotCommand) -> bool {
    matches!(command, RobotCommand::Drive(twist) if twist.x.abs() + twist.y.abs() + twist.yaw.abs() > 1e-3)
}
