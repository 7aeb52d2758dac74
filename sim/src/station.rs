//! A station's behaviour: its file's state machine at work, and the handshake that it answers. Pure: time, where its
//! parts are and what its sensor tells come in as arguments.

use nightshift_core::describe::{Machine, MachineState, RefusalKind, Station, Transition};
use nightshift_core::handshake::{Purpose, Reach, SiteAnswer, SiteCall, Verb, Verdict};
use nightshift_core::{NestId, PartId, SlotId, Stamp, StateId, StationId};
use std::collections::{BTreeMap, BTreeSet};

/// A part that is nearer than this to where it shall be has arrived, over its travel of 0 to 1.
const ARRIVED: f64 = 0.01;

/// What a station's own sensors tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Senses {
    /// Where its parts are, 0 to 1.
    pub parts: BTreeMap<PartId, f64>,
    /// The slots in which something stands.
    pub occupied: BTreeSet<(NestId, SlotId)>,
}

/// A station at work.
#[derive(Clone, Debug)]
pub struct Behaviour {
    station: Station,
    machine: Machine,
    state: StateId,
    since: Stamp,
    targets: BTreeMap<PartId, f64>,
    holder: Option<String>,
    wish: Option<Reach>,
    /// The hand was out before it was let in: what was opened for it is closed again as soon as it is open.
    let_go: bool,
    trouble: Trouble,
}

/// What faults do to a station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Every wish is refused.
    pub refuses: bool,
    /// It is busy with something that its file does not know.
    pub busy: bool,
    /// It stands still, and answers nothing but that.
    pub broken: bool,
    /// A part of it sticks.
    pub stuck: bool,
}

impl Behaviour {
    /// In its start state; none of a station without a machine.
    pub fn new(station: &Station) -> Option<Self> {
        let machine = station.machine.clone()?;
        let mut this = Self {
            station: station.clone(),
            state: machine.start.clone(),
            machine,
            since: Stamp::ZERO,
            targets: station.parts.keys().map(|id| (id.clone(), 0.0)).collect(),
            holder: None,
            wish: None,
            let_go: false,
            trouble: Trouble::default(),
        };
        this.aim();
        Some(this)
    }

    /// Whose it is.
    pub fn id(&self) -> &StationId {
        &self.station.id
    }

    /// The state it is in.
    pub fn state(&self) -> &StateId {
        &self.state
    }

    /// The token that holds it.
    pub fn holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    /// Where its parts shall be, 0 to 1.
    pub fn targets(&self) -> &BTreeMap<PartId, f64> {
        &self.targets
    }

    /// Whether it stands still.
    pub fn is_broken(&self) -> bool {
        self.trouble.broken
    }

    /// Takes what faults do to it now. One that was broken down, or had a part that stuck, is mended by somebody: a
    /// state that waits for a person is left for the start.
    pub fn suffer(&mut self, trouble: Trouble) {
        let before = std::mem::replace(&mut self.trouble, trouble);
        let mended = (before.broken || before.stuck) && !(trouble.broken || trouble.stuck);
        let waits = self.here().refuse.as_ref().is_some_and(|refuse| refuse.verdict == RefusalKind::Fault);
        if mended && waits {
            self.state = self.machine.start.clone();
            self.aim();
        }
    }

    /// Makes the transitions that are due.
    pub fn advance(&mut self, now: Stamp, senses: &Senses) {
        if self.trouble.broken {
            return;
        }
        let due = |go: &&Transition| {
            (!go.arrived || self.arrived(senses))
                && go.after_s.is_none_or(|s| now.since(self.since) >= s)
                && go.loaded.is_none_or(|loaded| loaded != senses.occupied.is_empty())
        };
        if let Some(to) = self.here().go.iter().find(due).map(|go| go.to.clone()) {
            self.enter(now, to);
        }
    }

    /// Answers one step of a handshake.
    pub fn call(&mut self, now: Stamp, call: &SiteCall, senses: &Senses) -> SiteAnswer {
        if self.trouble.broken {
            let why = format!("{} has broken down", self.station.id);
            return self.answer(now, Verdict::Fault, why, &call.token, senses);
        }
        let stands_still = self.here().refuse.as_ref().filter(|refuse| refuse.verdict == RefusalKind::Fault);
        if let (Some(refuse), Verb::Prepare | Verb::Status) = (stands_still, call.verb) {
            let why = refuse.why.clone();
            return self.answer(now, Verdict::Fault, why, &call.token, senses);
        }
        let (verdict, message) = match (call.verb, &call.reach) {
            (Verb::Status, _) => (Verdict::Ok, format!("{} is {}", self.station.id, self.state)),
            (Verb::Release, _) => self.release(now, &call.token),
            (Verb::Prepare | Verb::Seated, None) => (Verdict::Refused, "no nest and slot are named".into()),
            (Verb::Prepare, Some(reach)) => self.prepare(now, &call.token, reach, senses),
            (Verb::Seated, Some(reach)) => (Verdict::Ok, format!("{}/{}", reach.nest, reach.slot)),
        };
        let mut answer = self.answer(now, verdict, message, &call.token, senses);
        if let (Verb::Seated, Some(reach), true) = (call.verb, &call.reach, self.machine.seat_sensor) {
            answer.seated = Some(senses.occupied.contains(&(reach.nest.clone(), reach.slot.clone())));
        }
        answer
    }

    fn prepare(&mut self, now: Stamp, token: &str, reach: &Reach, senses: &Senses) -> (Verdict, String) {
        if !self.station.nests.contains_key(&reach.nest) {
            return (Verdict::Refused, format!("there is no nest {}", reach.nest));
        }
        if token.is_empty() {
            return (Verdict::Refused, "a hand without a token cannot be told from another".into());
        }
        if self.trouble.refuses {
            return (Verdict::Refused, format!("{} takes nothing today", self.station.id));
        }
        if let Some(other) = self.holder.as_ref().filter(|holder| *holder != token) {
            return (Verdict::Busy, format!("{other} holds {}", self.station.id));
        }
        if self.holder.is_none() && self.trouble.busy {
            return (Verdict::Busy, "it is at work".into());
        }
        if self.machine.seat_sensor {
            let occupied = senses.occupied.contains(&(reach.nest.clone(), reach.slot.clone()));
            let wanted = match reach.purpose {
                Purpose::Take => true,
                Purpose::Place => false,
                Purpose::Look => occupied,
            };
            if occupied != wanted {
                let what = if occupied { "occupied" } else { "empty" };
                return (Verdict::Refused, format!("{}/{} is {what} by its sensor", reach.nest, reach.slot));
            }
        }
        // The same wish again: what it led to is under way, or has come.
        if self.holder.is_some() && self.wish.as_ref().is_some_and(|wish| wish.nest == reach.nest) {
            self.wish = Some(reach.clone());
            return (Verdict::Ok, format!("{} is {}", self.station.id, self.state));
        }
        let here = self.here();
        match (here.prepare.clone(), here.ready, &here.refuse) {
            (Some(to), ..) => {
                self.take(token, reach);
                self.enter(now, to);
                (Verdict::Ok, format!("{} is {}", self.station.id, self.state))
            }
            (None, true, _) => {
                self.take(token, reach);
                self.aim();
                (Verdict::Ok, format!("{} is {}", self.station.id, self.state))
            }
            (None, false, Some(refuse)) => (refuse.verdict.into(), refuse.why.clone()),
            (None, false, None) => (Verdict::Busy, format!("{} is {}", self.station.id, self.state)),
        }
    }

    fn take(&mut self, token: &str, reach: &Reach) {
        self.let_go = false;
        self.holder = Some(token.to_owned());
        self.wish = Some(reach.clone());
    }

    fn release(&mut self, now: Stamp, token: &str) -> (Verdict, String) {
        if self.holder.as_deref() != Some(token) {
            return (Verdict::Ok, format!("{token} does not hold {}", self.station.id));
        }
        (self.holder, self.wish) = (None, None);
        match self.here().release.clone() {
            Some(to) => self.enter(now, to),
            None => self.let_go = true,
        }
        (Verdict::Ok, format!("{} is {}", self.station.id, self.state))
    }

    fn answer(
        &self,
        now: Stamp,
        verdict: Verdict,
        message: String,
        token: &str,
        senses: &Senses,
    ) -> SiteAnswer {
        let mine = self.holder.as_deref() == Some(token);
        SiteAnswer {
            verdict,
            state: self.state.clone(),
            ready: mine && !self.trouble.broken && self.here().ready,
            seated: None,
            holder: self.holder.clone(),
            wait_s: self.wait_s(now),
            parts: senses.parts.clone(),
            message,
        }
    }

    /// Until the state ends by the clock, where it does.
    fn wait_s(&self, now: Stamp) -> Option<f64> {
        if self.trouble.busy {
            return None;
        }
        if self.here().ready {
            return Some(0.0);
        }
        let by_file =
            self.here().go.iter().filter(|go| !go.arrived).filter_map(|go| go.after_s).reduce(f64::min);
        by_file.map(|s| (s - now.since(self.since)).max(0.0))
    }

    fn here(&self) -> &MachineState {
        &self.machine.states[&self.state]
    }

    fn arrived(&self, senses: &Senses) -> bool {
        self.targets
            .iter()
            .all(|(part, to)| senses.parts.get(part).is_some_and(|at| (at - to).abs() <= ARRIVED))
    }

    fn enter(&mut self, now: Stamp, to: StateId) {
        (self.state, self.since) = (to, now);
        self.aim();
        if let (true, Some(to)) = (self.let_go, self.here().release.clone()) {
            self.let_go = false;
            self.enter(now, to);
        }
    }

    fn aim(&mut self) {
        let nest = self.wish.as_ref().map(|wish| &wish.nest);
        let targets = self.station.part_positions(&self.state, nest);
        self.targets.extend(targets);
    }
}

#[cfg(test)]
mod tests;
