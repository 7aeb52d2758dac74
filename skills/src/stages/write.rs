//! Entries of the ledger, and a job with them, made durable.

use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::job::JobRecord;
use crate::ledger::Body;

/// One write.
#[derive(Debug)]
pub struct Write {
    bodies: Vec<Body>,
    job: Option<Box<JobRecord>>,
}

impl Write {
    pub fn new(bodies: Vec<Body>, job: Option<Box<JobRecord>>) -> Self {
        Self { bodies, job }
    }
}

impl Stage for Write {
    fn next(&mut self, _ctx: &mut Context<'_>, last: Outcome) -> Step {
        if last == Outcome::Recorded {
            return Step::Done;
        }
        Step::Do(Action::Record { bodies: std::mem::take(&mut self.bodies), job: self.job.take() })
    }

    fn may_stop(&self) -> bool {
        false
    }
}
