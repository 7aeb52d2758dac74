//! Stages: what a transfer is made of. Each is a small machine that asks for one action after the other.

mod base;
mod by_hand;
mod draw;
mod feel;
mod hold;
mod insert;
mod mouth;
mod parts;
mod pick;
mod place;
mod posture;
mod refine;
mod rehearse;
mod retreat;
mod seek;
mod site;
mod survey;
mod touch;
mod view;
mod write;

pub use by_hand::Way;
pub use site::Debt;
pub use survey::Expect;

use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::job::JobRecord;
use crate::ledger::Body;
use crate::world::NestRef;
use nightshift_core::handshake::Purpose;
use nightshift_core::{Address, Failure, JobId, SampleId, StationId};
use std::fmt;

/// What a stage does next.
#[derive(Debug)]
pub enum Step {
    /// This; its outcome goes to [`Stage::next`], its failure to [`Stage::failed`].
    Do(Action),
    /// Nothing: it is done.
    Done,
    /// Nothing: it cannot be done.
    Fail(Failure),
}

/// A part of a transfer.
pub trait Stage: fmt::Debug {
    /// What comes after an outcome; [`Outcome::Started`] at first.
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step;

    /// What comes after a failure.
    fn failed(&mut self, _ctx: &mut Context<'_>, failure: Failure) -> Step {
        Step::Fail(failure)
    }

    /// Whether it may be broken off now. Not while the fingers act on a sample.
    fn may_stop(&self) -> bool {
        true
    }
}

/// A stage that is yet to come.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// The arm to a named posture.
    Posture(&'static str),
    /// The base to where the approach to a station begins.
    Drive(StationId),
    /// The base into its dock.
    Dock(StationId),
    /// A nest looked at, and what is expected there compared.
    Survey(NestRef, Vec<Expect>),
    /// A nest located by pictures from around it.
    Refine(NestRef),
    /// The sample out of its slot, between the fingers.
    Pick(SampleId, Address),
    /// The grip compared with the sample, and settled.
    VerifyPick(SampleId, Address),
    /// The sample into a slot.
    Place(SampleId, Address),
    /// The slot settled by the fingers alone: what they let go of over a slot's seat stands there.
    SettleByTouch(SampleId, Address),
    /// A station asked how it is.
    AskSite(StationId),
    /// A station made ready for the hand at a slot.
    PrepareSite(JobId, Address, Purpose),
    /// A station made ready for the hand at a slot, but for parts that a hand moves.
    UnlockSite(JobId, Address, Purpose),
    /// The parts of a station that a hand moves brought to where they shall be.
    MoveParts(StationId, Way, Debt),
    /// The moving parts about a nest of a station that is ready, or waits for a hand, looked at from outside.
    SeeParts(NestRef),
    /// A station's sensor asked whether the sample is seated.
    ConfirmSeated(JobId, Address),
    /// A station told that the hand is out.
    ReleaseSite(StationId, Debt),
    /// The tool up from among vials.
    Retreat,
    /// A doubtful sample looked for between the fingers.
    Feel(SampleId),
    /// A doubtful sample looked for in the nests at hand.
    Seek(SampleId),
    /// The motions to a slot planned and not made.
    Rehearse(SampleId, Address),
    /// Entries of the ledger, and a job with them.
    Write(Vec<Body>, Option<Box<JobRecord>>),
}

impl Plan {
    /// The machine that does it.
    pub fn build(&self) -> Box<dyn Stage> {
        match self.clone() {
            Self::Posture(name) => Box::new(posture::Posture::new(name)),
            Self::Drive(station) => Box::new(base::Drive::new(station)),
            Self::Dock(station) => Box::new(base::Dock::new(station)),
            Self::Survey(nest, expect) => Box::new(survey::Survey::new(nest, expect)),
            Self::Refine(nest) => Box::new(refine::Refine::new(nest)),
            Self::Pick(sample, from) => Box::new(pick::Pick::new(sample, from)),
            Self::VerifyPick(sample, from) => Box::new(feel::VerifyPick::new(sample, from)),
            Self::Place(sample, to) => Box::new(place::Place::new(sample, to)),
            Self::SettleByTouch(sample, at) => Box::new(feel::SettleByTouch::new(sample, at)),
            Self::AskSite(station) => Box::new(site::AskSite::new(station)),
            Self::PrepareSite(job, at, purpose) => Box::new(site::PrepareSite::new(job, at, purpose)),
            Self::UnlockSite(job, at, purpose) => Box::new(site::PrepareSite::unlocking(job, at, purpose)),
            Self::MoveParts(station, way, debt) => Box::new(by_hand::ByHand::new(station, way, debt)),
            Self::SeeParts(nest) => Box::new(parts::SeeParts::new(nest)),
            Self::ConfirmSeated(job, at) => Box::new(site::ConfirmSeated::new(job, at)),
            Self::ReleaseSite(station, debt) => Box::new(site::ReleaseSite::new(station, debt)),
            Self::Retreat => Box::new(retreat::Retreat::default()),
            Self::Feel(sample) => Box::new(feel::Feel::new(sample)),
            Self::Seek(sample) => Box::new(seek::Seek::new(sample)),
            Self::Rehearse(sample, address) => Box::new(rehearse::Rehearse::new(sample, address)),
            Self::Write(bodies, job) => Box::new(write::Write::new(bodies, job)),
        }
    }

    /// How long it usually takes, seconds: for the estimate of the time that is left.
    pub fn usual_s(&self) -> f64 {
        match self {
            Self::Posture(_) | Self::Retreat => 4.0,
            Self::PrepareSite(..) | Self::UnlockSite(..) => 6.0,
            Self::MoveParts(..) => 25.0,
            Self::AskSite(_) | Self::ConfirmSeated(..) | Self::ReleaseSite(..) => 0.5,
            Self::Drive(_) => 15.0,
            Self::Dock(_) => 12.0,
            Self::SeeParts(_) => 5.0,
            Self::Survey(..) | Self::Seek(_) => 6.0,
            Self::Refine(_) => 12.0,
            Self::Pick(..) => 12.0,
            Self::Place(..) => 10.0,
            Self::VerifyPick(..) | Self::SettleByTouch(..) | Self::Feel(_) | Self::Rehearse(..) => 1.0,
            Self::Write(..) => 0.0,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Posture(name) => write!(f, "moving the arm to its posture `{name}`"),
            Self::Drive(station) => write!(f, "driving to {station}"),
            Self::Dock(station) => write!(f, "docking at {station}"),
            Self::Survey(nest, _) => write!(f, "looking at {nest}"),
            Self::Refine(nest) => write!(f, "locating {nest} by pictures from around it"),
            Self::Pick(sample, from) => write!(f, "picking {sample} from {from}"),
            Self::VerifyPick(sample, _) => write!(f, "checking the grip on {sample}"),
            Self::Place(sample, to) => write!(f, "placing {sample} in {to}"),
            Self::SettleByTouch(sample, at) => write!(f, "checking that {at} has {sample}"),
            Self::AskSite(station) => write!(f, "asking {station} how it is"),
            Self::PrepareSite(_, at, _) => write!(f, "waiting until {} is ready for the hand", at.station),
            Self::UnlockSite(_, at, _) => write!(f, "waiting until {} lets its parts be moved", at.station),
            Self::MoveParts(station, Way::Open, _) => write!(f, "opening {station} by hand"),
            Self::MoveParts(station, Way::Shut, _) => write!(f, "shutting {station} by hand"),
            Self::SeeParts(nest) => write!(f, "looking at the parts about {nest}"),
            Self::ConfirmSeated(_, at) => write!(f, "asking whether {at} is seated"),
            Self::ReleaseSite(station, _) => write!(f, "releasing {station}"),
            Self::Retreat => write!(f, "drawing the tool back"),
            Self::Feel(sample) => write!(f, "feeling for {sample}"),
            Self::Seek(sample) => write!(f, "looking for {sample}"),
            Self::Rehearse(sample, address) => write!(f, "rehearsing {sample} at {address}"),
            Self::Write(..) => f.write_str("writing to the store"),
        }
    }
}
