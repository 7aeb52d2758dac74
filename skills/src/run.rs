//! A job underway, whatever it is about: what the executive wants of it.

use crate::context::Context;
use crate::item::Halt;
use crate::job::{Item, JobRecord};
use crate::ledger::Ledger;
use crate::messages::SkillInput;
use nightshift_core::api::Feedback;
use nightshift_core::{Failure, Level, Stamp};

/// What reaches what is being done.
#[derive(Clone, Copy)]
pub enum Stimulus<'a> {
    /// It begins.
    Begin,
    /// It is told something.
    Input(&'a SkillInput),
    /// Time has come to what it asked for.
    Time,
    /// What the fingers held is gone.
    Slip,
    /// What the fingers hold is about to be lost: it shall be set down.
    Weak(&'a Failure),
    /// It shall end.
    Halt(Halt),
}

/// What a step of a job came to.
#[derive(Debug, Default)]
pub struct Report {
    /// What planners are told.
    pub feedback: Vec<Feedback>,
    /// Words for a person.
    pub notices: Vec<(Level, String)>,
    /// The job has ended and is durable. Inside: why the robot must not go on, where it must not.
    pub ended: Option<Option<Failure>>,
    /// The store failed.
    pub dead: Option<Failure>,
}

/// A job underway. Its record is durable before it begins.
pub trait Run {
    /// As it is kept.
    fn record(&self) -> &JobRecord;

    /// As it is kept, once it has ended.
    fn into_record(self: Box<Self>) -> JobRecord;

    /// Items that will still be moved.
    fn items_left(&self) -> &[Item] {
        &[]
    }

    /// When it wants to be woken.
    fn next_wake(&self) -> Option<Stamp>;

    /// Goes on.
    fn take(&mut self, ctx: &mut Context<'_>, with: Stimulus<'_>) -> Report;

    /// Ends it as the store no longer takes anything: by the ledger as far as it is durable.
    fn abandon(&mut self, ledger: &Ledger, failure: &Failure);
}
