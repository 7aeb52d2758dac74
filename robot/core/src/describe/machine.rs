//! What a station does: a state machine from its file. States say where the station's parts shall be, what a robot may
//! do, and what comes next.

use super::{Part, Problems};
use crate::handshake::Verdict;
use crate::ids::{NestId, PartId, StateId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A station's state machine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The state it is switched on in.
    pub start: StateId,
    /// Whether a sensor tells if a slot is occupied.
    #[serde(default)]
    pub seat_sensor: bool,
    /// By name.
    #[serde(rename = "state", default)]
    pub states: BTreeMap<StateId, MachineState>,
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MachineState {
    /// Where parts shall be. A part that is not named stays where it was to be.
    pub parts: BTreeMap<PartId, Target>,
    /// Whether a hand may reach in.
    pub ready: bool,
    /// Where a robot's wish to reach in leads.
    pub prepare: Option<StateId>,
    /// Where it leads that the hand is out.
    pub release: Option<StateId>,
    /// What a robot's wish to reach in is answered, where it leads nowhere; `busy` where this is silent.
    pub refuse: Option<Refusal>,
    /// What leads elsewhere by itself: the first whose conditions all hold.
    pub go: Vec<Transition>,
}

/// Why a hand is kept out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// `busy`, `interlock`, `refused` or `fault`.
    pub verdict: RefusalKind,
    /// For a person: `the lamp burns`.
    pub why: String,
}

/// How a hand is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// A programme runs.
    Busy,
    /// Something must end first.
    Interlock,
    /// Never in this state.
    Refused,
    /// It is broken down.
    Fault,
}

impl From<RefusalKind> for Verdict {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::Busy => Self::Busy,
            RefusalKind::Interlock => Self::Interlock,
            RefusalKind::Refused => Self::Refused,
            RefusalKind::Fault => Self::Fault,
        }
    }
}

/// A transition that a state makes by itself. Every condition that is given must hold; at least one is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Where it leads.
    pub to: StateId,
    /// Whether every part has come to where it shall be.
    #[serde(default)]
    pub arrived: bool,
    /// Seconds in the state.
    pub after_s: Option<f64>,
    /// Whether something stands in any of its slots, by its sensor.
    pub loaded: Option<bool>,
}

/// Where a part shall be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// There, over 0 to 1.
    At(f64),
    /// Where the nest that is asked for comes before the robot: `"nest"`.
    Nest(NestWord),
}

/// The word `nest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NestWord {
    /// See [`Target::Nest`].
    Nest,
}

impl Target {
    /// The position, for a part that shall bring `nest` before the robot. Loading has checked the stops.
    pub fn position(&self, part: &Part, nest: Option<&NestId>) -> Option<f64> {
        match self {
            Self::At(position) => Some(*position),
            Self::Nest(_) => part.stops.get(nest?).copied(),
        }
    }
}

impl Machine {
    /// The states in which a hand may reach in.
    pub fn ready_states(&self) -> impl Iterator<Item = (&StateId, &MachineState)> {
        self.states.iter().filter(|(_, state)| state.ready)
    }

    pub(super) fn check(
        &self,
        parts: &BTreeMap<PartId, Part>,
        riding: &BTreeMap<PartId, BTreeSet<&NestId>>,
        problems: &mut Problems,
        file: &str,
    ) {
        let exists = |problems: &mut Problems, key: String, to: &StateId| {
            problems.check(self.states.contains_key(to), file, key, format!("there is no state {to}"));
        };
        exists(problems, "machine.start".into(), &self.start);
        let reached = self.reached();
        for (name, state) in &self.states {
            let key = |field: &str| format!("machine.state.{name}.{field}");
            for (field, to) in [("prepare", &state.prepare), ("release", &state.release)] {
                if let Some(to) = to {
                    exists(problems, key(field), to);
                }
            }
            for (index, go) in state.go.iter().enumerate() {
                let key = |field: &str| format!("machine.state.{name}.go[{index}].{field}");
                exists(problems, key("to"), &go.to);
                problems.check(
                    go.arrived || go.after_s.is_some() || go.loaded.is_some(),
                    file,
                    key("to"),
                    "says no condition: give arrived, after_s or loaded",
                );
                problems.check(
                    go.after_s.is_none_or(|s| s.is_finite() && s > 0.0),
                    file,
                    key("after_s"),
                    "must be positive",
                );
                problems.check(
                    go.loaded.is_none() || self.seat_sensor,
                    file,
                    key("loaded"),
                    "needs machine.seat_sensor",
                );
            }
            problems.check(
                reached.contains(name),
                file,
                format!("machine.state.{name}"),
                format!("is never reached from {}", self.start),
            );
            let dead = state.prepare.is_none() && state.release.is_none() && state.go.is_empty();
            let broken = state.refuse.as_ref().is_some_and(|refuse| refuse.verdict == RefusalKind::Fault);
            problems.check(
                !dead || broken,
                file,
                format!("machine.state.{name}"),
                "leads nowhere: give prepare, release or go, or refuse with the verdict `fault`",
            );
            problems.check(
                !state.ready || state.release.is_some(),
                file,
                key("release"),
                "is missing: a robot that reached in says when its hand is out",
            );
            let by_hand = |part: &&PartId| parts.get(*part).is_some_and(|part| part.hand.is_some());
            if let Some(part) = state.parts.keys().find(by_hand) {
                let words = format!(
                    "is missing: it waits for a hand that moves {part}, and one that gives up must get out of it: give release or prepare"
                );
                problems.check(
                    state.release.is_some() || state.prepare.is_some(),
                    file,
                    key("release"),
                    words,
                );
            }
            // A robot's map of the station is made of these: it must not depend on how the state was come to.
            if state.ready || *name == self.start {
                for part in parts.keys().filter(|part| !state.parts.contains_key(*part)) {
                    problems.add(
                        file,
                        key("parts"),
                        format!("must say where {part} is: the hand may meet it"),
                    );
                }
            }
            for (part, target) in &state.parts {
                let key = key(&format!("parts.{part}"));
                match (parts.get(part), target) {
                    (None, _) => problems.add(file, key, format!("the station has no part {part}")),
                    (Some(_), Target::At(at)) => problems.check(
                        (0.0..=1.0).contains(at),
                        file,
                        key,
                        format!("is {at}; a position goes from 0 to 1"),
                    ),
                    (Some(stops), Target::Nest(_)) => {
                        let nests = riding.get(part).into_iter().flatten();
                        for nest in nests.filter(|nest| !stops.stops.contains_key(**nest)) {
                            problems.add(
                                file,
                                key.clone(),
                                format!("part.{part}.stops does not have nest {nest}"),
                            );
                        }
                    }
                }
            }
        }
        let first = self.ready_states().next();
        for (name, state) in self.ready_states() {
            for part in riding
                .keys()
                .filter(|part| first.is_some_and(|(_, f)| f.parts.get(*part) != state.parts.get(*part)))
            {
                let key = format!("machine.state.{name}.parts.{part}");
                let words =
                    format!("a nest rides on {part}, and it is elsewhere in another state that is ready");
                problems.add(file, key, words);
            }
        }
        problems.check(
            self.states.values().any(|state| state.ready),
            file,
            "machine.state",
            "no state is ready for a hand",
        );
        if let Some(start) = self.states.get(&self.start) {
            for (part, _) in start.parts.iter().filter(|(_, target)| matches!(target, Target::Nest(_))) {
                let key = format!("machine.state.{}.parts.{part}", self.start);
                problems.add(file, key, "nobody has asked for a nest at the start: give a position");
            }
        }
    }

    fn reached(&self) -> BTreeSet<&StateId> {
        let mut reached = BTreeSet::new();
        let mut open = vec![&self.start];
        while let Some(name) = open.pop() {
            let Some(state) = self.states.get(name) else { continue };
            if reached.insert(name) {
                open.extend(state.go.iter().map(|go| &go.to).chain(&state.prepare).chain(&state.release));
            }
        }
        reached
    }
}
