//! The handshake with a station: ready before the hand reaches in, seated before it is believed, released when the hand
//! is out.
//!
//! That a station is to be made ready is durable before it is asked, and stays a debt until the station has taken its
//! release: whatever ends the job, or the stack, in between.

use super::{Stage, Step, by_hand};
use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::ledger::Body;
use crate::limits;
use crate::messages::SkillOutput;
use nightshift_core::api::Evidence;
use nightshift_core::describe::{RefusalKind, Station};
use nightshift_core::handshake::{Purpose, Reach, SiteAnswer, SiteCall, Verb, Verdict};
use nightshift_core::{Address, Code, Failure, JobId, Level, PartId, Stamp, StationId};

/// Asks for a station to be ready for the hand at a slot, and waits until it is. The arm must be out of the station.
#[derive(Debug)]
pub struct PrepareSite {
    job: JobId,
    at: Address,
    purpose: Purpose,
    doing: Preparing,
    /// Whether it is enough that the station waits for a hand to move its parts.
    unlocks: bool,
    /// When the station was first asked.
    asked: Option<Stamp>,
    /// When it took the wish.
    begun: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparing {
    Start,
    /// Releasing what an earlier job still owes.
    Owed,
    /// Writing that it is released.
    OwedWritten,
    /// Writing that a release will be owed.
    Writing,
    Asking,
    Waiting,
    Following,
}

impl PrepareSite {
    pub fn new(job: JobId, at: Address, purpose: Purpose) -> Self {
        Self { job, at, purpose, doing: Preparing::Start, unlocks: false, asked: None, begun: None }
    }

    /// Until it is ready, or only waits for a hand to move its parts.
    pub fn unlocking(job: JobId, at: Address, purpose: Purpose) -> Self {
        Self { unlocks: true, ..Self::new(job, at, purpose) }
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let station = self.at.station.clone();
        let owner = ctx.ledger.owed().get(&station).cloned();
        match (self.doing, last) {
            (Preparing::Start, _) => match owner {
                Some(other) if other != self.job => {
                    Ok(self.then(Preparing::Owed, Action::Site(release(&station, &other))))
                }
                Some(_) => Ok(self.ask(ctx.now)),
                None => Ok(self.write()),
            },
            (Preparing::Owed, Outcome::Answered(answer)) => {
                refused(&station, &answer)?;
                let bodies =
                    owner.into_iter().map(|job| Body::SiteReleased { job, station: station.clone() });
                let action = Action::Record { bodies: bodies.collect(), job: None };
                Ok(self.then(Preparing::OwedWritten, action))
            }
            (Preparing::OwedWritten, _) => Ok(self.write()),
            (Preparing::Writing, _) => Ok(self.ask(ctx.now)),
            (Preparing::Asking, Outcome::Answered(answer)) => self.asked(ctx, &answer),
            (Preparing::Following, Outcome::Answered(answer)) => self.followed(ctx, &answer),
            (Preparing::Waiting, _) if self.begun.is_some() => {
                Ok(self.then(Preparing::Following, Action::Site(self.call(Verb::Status))))
            }
            (Preparing::Waiting, _) => {
                Ok(self.then(Preparing::Asking, Action::Site(self.call(Verb::Prepare))))
            }
            (Preparing::Owed | Preparing::Asking | Preparing::Following, other) => {
                unreachable!("a station answers, and not {other:?}")
            }
        }
    }

    fn then(&mut self, doing: Preparing, action: Action) -> Step {
        self.doing = doing;
        Step::Do(action)
    }

    fn write(&mut self) -> Step {
        let body = Body::SitePrepared { job: self.job.clone(), station: self.at.station.clone() };
        self.then(Preparing::Writing, Action::Record { bodies: vec![body], job: None })
    }

    fn ask(&mut self, now: Stamp) -> Step {
        self.asked.get_or_insert(now);
        self.then(Preparing::Asking, Action::Site(self.call(Verb::Prepare)))
    }

    fn call(&self, verb: Verb) -> SiteCall {
        let reach = Reach { nest: self.at.nest.clone(), slot: self.at.slot.clone(), purpose: self.purpose };
        let (station, token) = (self.at.station.clone(), self.job.to_string());
        SiteCall { station, verb, token, reach: (verb == Verb::Prepare).then_some(reach) }
    }

    /// What comes of the wish.
    fn asked(&mut self, ctx: &mut Context<'_>, answer: &SiteAnswer) -> Result<Step, Failure> {
        if answer.verdict == Verdict::Ok {
            self.begun.get_or_insert(ctx.now);
            return self.followed(ctx, answer);
        }
        let waited_s = self.asked.map_or(0.0, |asked| ctx.now.since(asked));
        let soon = waited_s + answer.wait_s.unwrap_or(0.0) <= limits::SITE_BUSY_S;
        let passes = match answer.verdict {
            Verdict::Busy => true,
            // An interlock that the station itself sees the end of.
            Verdict::Interlock => answer.wait_s.is_some(),
            Verdict::Ok | Verdict::Refused | Verdict::Fault => false,
        };
        if passes && soon {
            return Ok(self.then(Preparing::Waiting, Action::Rest(limits::SITE_POLL)));
        }
        refused(&self.at.station, answer).map(|()| Step::Done)
    }

    /// How far the station is.
    fn followed(&mut self, ctx: &mut Context<'_>, answer: &SiteAnswer) -> Result<Step, Failure> {
        let id = &self.at.station;
        if answer.verdict != Verdict::Ok {
            return refused(id, answer).map(|()| Step::Done);
        }
        let station = ctx.world.station(id)?;
        let state = station.machine.as_ref().and_then(|machine| machine.states.get(&answer.state));
        if let Some(refuse) = state.and_then(|state| state.refuse.as_ref())
            && refuse.verdict == RefusalKind::Fault
        {
            let words = format!("{id} is {}: {}", answer.state, refuse.why);
            return Err(Failure::new(Code::SiteFault, words));
        }
        let by_hand = by_hand::told(station, answer)?;
        if !by_hand.is_empty() {
            // The others are where this state has them.
            let mut parts = station.part_positions(&answer.state, Some(&self.at.nest));
            parts.extend(by_hand);
            ctx.belief.by_hand.insert(id.clone(), parts);
        }
        if answer.ready {
            check_parts(station, &self.at, answer)?;
            ctx.belief.site_is(id, Some((answer.state.clone(), self.at.nest.clone())));
            ctx.evidence.push(said(ctx.now, format!("{id} is {} for {}", answer.state, self.at)));
            return Ok(Step::Done);
        }
        ctx.belief.site_is(id, None);
        if self.unlocks && waits_for_a_hand(station, answer) {
            return Ok(Step::Done);
        }
        let waited_s = self.begun.map_or(0.0, |begun| ctx.now.since(begun));
        if waited_s > limits::SITE_READY_S {
            let words =
                format!("{id} has been getting ready for {waited_s:.0} s and is {} still", answer.state);
            return Err(Failure::new(Code::SiteTimeout, words));
        }
        Ok(self.then(Preparing::Waiting, Action::Rest(limits::SITE_POLL)))
    }
}

impl Stage for PrepareSite {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }

    fn may_stop(&self) -> bool {
        // What is being written must be known to be written.
        !matches!(self.doing, Preparing::Writing | Preparing::OwedWritten)
    }
}

/// Asks the station's sensor whether a sample that was put down is seated. A station without one is believed.
#[derive(Debug)]
pub struct ConfirmSeated {
    job: JobId,
    at: Address,
}

impl ConfirmSeated {
    pub fn new(job: JobId, at: Address) -> Self {
        Self { job, at }
    }
}

impl Stage for ConfirmSeated {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        let Outcome::Answered(answer) = last else {
            let reach =
                Reach { nest: self.at.nest.clone(), slot: self.at.slot.clone(), purpose: Purpose::Place };
            let (station, token) = (self.at.station.clone(), self.job.to_string());
            return Step::Do(Action::Site(SiteCall {
                station,
                verb: Verb::Seated,
                token,
                reach: Some(reach),
            }));
        };
        if let Err(failure) = refused(&self.at.station, &answer) {
            return Step::Fail(failure);
        }
        if answer.seated == Some(false) {
            let words = format!("the sensor of {} sees nothing", self.at);
            return Step::Fail(Failure::new(Code::NotSeated, words));
        }
        let words = if answer.seated.is_some() { "its sensor sees the sample" } else { "it has no sensor" };
        ctx.evidence.push(said(ctx.now, format!("{}: {words}", self.at)));
        Step::Done
    }
}

/// What becomes of a release that a station does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debt {
    /// The list fails.
    Settle,
    /// A person is told, and the list goes on: the sample at hand matters more.
    MayStay,
}

/// Tells a station that the hand is out, as often as it takes. The arm must be out of the station.
#[derive(Debug)]
pub struct ReleaseSite {
    station: StationId,
    debt: Debt,
    tried: u32,
}

impl ReleaseSite {
    pub fn new(station: StationId, debt: Debt) -> Self {
        Self { station, debt, tried: 0 }
    }

    fn ask(&self, ctx: &Context<'_>) -> Step {
        match ctx.ledger.owed().get(&self.station) {
            Some(job) => Step::Do(Action::Site(release(&self.station, job))),
            None => Step::Done,
        }
    }
}

impl Stage for ReleaseSite {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Answered(answer) => {
                if let Err(failure) = refused(&self.station, &answer) {
                    return self.failed(ctx, failure);
                }
                ctx.belief.site_is(&self.station, None);
                if let Ok(station) = ctx.world.station(&self.station)
                    && waits_for_a_hand(station, &answer)
                {
                    let message = format!(
                        "{} is released, and waits in its state {} for a hand that moves its parts",
                        self.station, answer.state
                    );
                    ctx.out.push(SkillOutput::Notice { level: Level::Warning, message });
                }
                let job = ctx.ledger.owed().get(&self.station).cloned();
                let bodies =
                    job.into_iter().map(|job| Body::SiteReleased { job, station: self.station.clone() });
                Step::Do(Action::Record { bodies: bodies.collect(), job: None })
            }
            Outcome::Recorded => Step::Done,
            _ => self.ask(ctx),
        }
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        self.tried += 1;
        let again = failure.code != Code::SiteFault && failure.code != Code::StoreUnavailable;
        if again && self.tried < limits::SITE_RELEASES {
            return Step::Do(Action::Rest(limits::SITE_POLL));
        }
        let failure = Failure::new(failure.code, format!("{}; its release is still owed", failure.message));
        if self.debt == Debt::MayStay && failure.code != Code::StoreUnavailable {
            ctx.out.push(SkillOutput::Notice { level: failure.code.level(), message: failure.to_string() });
            return Step::Done;
        }
        Step::Fail(failure)
    }

    fn may_stop(&self) -> bool {
        false
    }
}

/// Asks a station how it is before anything is moved for it: one that is broken down, or busy for long, costs nothing.
#[derive(Debug)]
pub struct AskSite {
    station: StationId,
}

impl AskSite {
    pub fn new(station: StationId) -> Self {
        Self { station }
    }
}

impl Stage for AskSite {
    fn next(&mut self, _ctx: &mut Context<'_>, last: Outcome) -> Step {
        let Outcome::Answered(answer) = last else {
            let (station, token) = (self.station.clone(), String::new());
            return Step::Do(Action::Site(SiteCall { station, verb: Verb::Status, token, reach: None }));
        };
        let wait_s = answer.wait_s.unwrap_or(0.0);
        match refused(&self.station, &answer) {
            Err(failure) => Step::Fail(failure),
            Ok(()) if wait_s > limits::SITE_BUSY_S => {
                let words = format!("{} is {} for {wait_s:.0} s more", self.station, answer.state);
                Step::Fail(Failure::new(Code::SiteBusy, words))
            }
            Ok(()) => Step::Done,
        }
    }
}

fn release(station: &StationId, job: &JobId) -> SiteCall {
    SiteCall { station: station.clone(), verb: Verb::Release, token: job.to_string(), reach: None }
}

fn said(stamp: Stamp, text: String) -> Evidence {
    Evidence { kind: "site".into(), sha256: String::new(), path: String::new(), text, stamp }
}

/// An answer that is no `OK`, as a failure.
fn refused(station: &StationId, answer: &SiteAnswer) -> Result<(), Failure> {
    let code = match answer.verdict {
        Verdict::Ok => return Ok(()),
        Verdict::Busy => Code::SiteBusy,
        Verdict::Interlock => Code::SiteInterlock,
        Verdict::Refused => Code::SiteRefused,
        Verdict::Fault => Code::SiteFault,
    };
    Err(Failure::new(code, format!("{station} ({}): {}", answer.state, answer.message)))
}

/// Whether a part that a hand moves is not where the station's state wants it, and all others are.
fn waits_for_a_hand(station: &Station, answer: &SiteAnswer) -> bool {
    let off = station.part_positions(&answer.state, None).into_iter().filter(|(part, wanted)| {
        answer.parts.get(part).is_some_and(|at| (at - wanted).abs() > limits::HAND_PART)
    });
    let off: Vec<PartId> = off.map(|(part, _)| part).collect();
    !off.is_empty() && off.iter().all(|part| station.parts[part].hand.is_some())
}

/// Whether parts that the station has measured are where its file has them when it is ready.
fn check_parts(station: &Station, at: &Address, answer: &SiteAnswer) -> Result<(), Failure> {
    for (part, wanted) in station.part_positions(&answer.state, Some(&at.nest)) {
        let Some(measured) = answer.parts.get(&part) else { continue };
        if (measured - wanted).abs() > limits::SITE_PART {
            let words = format!(
                "{} says that it is {}, but its {part} stands at {:.0} % of its way and not at {:.0} %",
                at.station,
                answer.state,
                measured * 100.0,
                wanted * 100.0
            );
            return Err(Failure::new(Code::SiteNotOpen, words));
        }
    }
    Ok(())
}
