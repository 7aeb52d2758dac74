//! What actions and stages work with: what is known, what is believed, and where outputs go.

use crate::belief::Belief;
use crate::ledger::Ledger;
use crate::messages::{EffectId, SkillOutput};
use crate::world::World;
use nightshift_core::api::Evidence;
use nightshift_core::robot::CommandId;
use nightshift_core::{Outbox, Stamp};

/// What an action and a stage work with.
pub struct Context<'a> {
    /// The time.
    pub now: Stamp,
    /// What does not change.
    pub world: &'a World,
    /// What is believed.
    pub belief: &'a mut Belief,
    /// Where samples are.
    pub ledger: &'a mut Ledger,
    /// For commands and effects.
    pub ids: &'a mut Ids,
    /// What shows how the item at hand went.
    pub evidence: &'a mut Vec<Evidence>,
    /// Where outputs go.
    pub out: &'a mut Outbox<SkillOutput>,
}

/// What is known now.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// What does not change.
    pub world: &'a World,
    /// Where the base is.
    pub belief: &'a Belief,
    /// Where samples are.
    pub ledger: &'a Ledger,
}

impl Context<'_> {
    /// What is known now.
    pub fn situation(&self) -> Situation<'_> {
        Situation { world: self.world, belief: self.belief, ledger: self.ledger }
    }
}

/// Numbers for commands and effects, each used once in a run.
#[derive(Debug, Default)]
pub struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// For a command to the robot or to navigation.
    pub fn command(&mut self) -> CommandId {
        CommandId(self.next())
    }

    /// For an effect.
    pub fn effect(&mut self) -> EffectId {
        EffectId(self.next())
    }
}
