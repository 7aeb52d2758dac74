//! The base to a station and into its dock.

use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::context::Context;
use nightshift_core::{Code, Failure, StationId};

/// The base to where the approach to a station begins. A robot that loses its way may find it again, once.
#[derive(Debug)]
pub struct Drive {
    station: StationId,
    lost_before: bool,
}

impl Drive {
    pub fn new(station: StationId) -> Self {
        Self { station, lost_before: false }
    }
}

impl Stage for Drive {
    fn next(&mut self, _ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Started => Step::Do(Action::Localise),
            Outcome::Arrived => Step::Done,
            _ => Step::Do(Action::Drive(self.station.clone())),
        }
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        if failure.code != Code::Lost || self.lost_before {
            return Step::Fail(failure);
        }
        self.lost_before = true;
        ctx.belief.map_from_base = None;
        Step::Do(Action::Localise)
    }
}

/// The base into its dock. Navigation itself tries again where that may help.
#[derive(Debug)]
pub struct Dock {
    station: StationId,
}

impl Dock {
    pub fn new(station: StationId) -> Self {
        Self { station }
    }
}

impl Stage for Dock {
    fn next(&mut self, _ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Started => Step::Do(Action::Dock(self.station.clone())),
            _ => Step::Done,
        }
    }
}
