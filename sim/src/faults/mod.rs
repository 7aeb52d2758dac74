//! What can be made to go wrong: one catalogue, one grammar.
//!
//! `component.fault(parameters) at TIME or EVENT`, for instance `scanner.front.freeze(for=3s) at 12s` or
//! `rack.photolysis/rack.shift(x=5mm) at phase CARRY + 1s`. What the catalogue does not have is refused, never ignored.

mod active;
pub mod catalogue;
mod grammar;
mod nearest;
mod schedule;
pub mod spoil;

pub use active::ActiveFaults;
pub use catalogue::{CATALOGUE, Component, Parameter, ParameterKind, Spec, StreamFault, Unit, What};
pub use grammar::{FaultError, parse};
pub use nearest::nearest;
pub use schedule::Schedule;

use nightshift_core::api::Phase;
use std::fmt;

/// A fault of the catalogue, with its target and all its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its entry in the catalogue.
    pub spec: &'static Spec,
    /// Which scanner, vial, rack; empty where the component is one of a kind.
    pub target: String,
    /// One value a parameter of the entry, in its order. Numbers in SI units.
    values: Vec<Value>,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Word(String),
}

impl Fault {
    /// What it does.
    pub fn what(&self) -> What {
        self.spec.what
    }

    /// A number of its parameters, SI units.
    ///
    /// # Panics
    /// Where the catalogue's entry has no such number: a slip of the code, not of the user.
    pub fn number(&self, name: &str) -> f64 {
        match self.value(name) {
            Value::Number(number) => *number,
            Value::Word(_) => panic!("{self}: {name} is a word"),
        }
    }

    /// A word of its parameters.
    ///
    /// # Panics
    /// Where the catalogue's entry has no such word.
    pub fn word(&self, name: &str) -> &str {
        match self.value(name) {
            Value::Word(word) => word,
            Value::Number(_) => panic!("{self}: {name} is a number"),
        }
    }

    /// How long it lasts, seconds; infinite where it stays or where lasting has no meaning for it.
    pub fn lasting_s(&self) -> f64 {
        let timed = self.spec.parameters.iter().any(|parameter| parameter.name == "for");
        if timed { self.number("for") } else { f64::INFINITY }
    }

    fn value(&self, name: &str) -> &Value {
        let index = self.spec.parameters.iter().position(|parameter| parameter.name == name);
        index.map(|index| &self.values[index]).unwrap_or_else(|| panic!("{self}: no parameter {name}"))
    }
}

/// As it may be written: `gripper.bias(by=1N, for=2s)`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec.component.name())?;
        if !self.target.is_empty() {
            write!(f, ".{}", self.target)?;
        }
        write!(f, ".{}", self.spec.name)?;
        let given: Vec<String> = (self.spec.parameters.iter().zip(&self.values))
            .filter(|(_, value)| !matches!(value, Value::Number(number) if number.is_infinite()))
            .map(|(parameter, value)| match (value, parameter.kind) {
                (Value::Number(number), ParameterKind::Number { unit, .. }) => {
                    format!("{}={}{}", parameter.name, number, unit.symbol())
                }
                (Value::Number(number), ParameterKind::Word { .. }) => format!("{}={number}", parameter.name),
                (Value::Word(word), _) => format!("{}={word}", parameter.name),
            })
            .collect();
        if given.is_empty() { Ok(()) } else { write!(f, "({})", given.join(", ")) }
    }
}

/// A fault and when it is to happen.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Planned {
    /// What.
    pub fault: Fault,
    /// When.
    pub when: When,
}

/// When a fault happens.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At once.
    Now,
    /// Seconds since the start.
    At(f64),
    /// So many seconds after an event was first seen.
    After(Event, f64),
}

/// What a fault can wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The base begins to move.
    Drive,
    /// Both pads touch a vial.
    Grasp,
    /// A vial hangs in the pads and nothing else carries it.
    Lift,
    /// A sample comes to a phase of its job: known only where the stack runs beside the simulator, in scenarios.
    Phase(Phase),
}

/// As it may be written: `gripper.slip at phase PICK + 1s`.
impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        match &self.when {
            When::Now => Ok(()),
            When::At(at_s) => write!(f, " at {at_s}s"),
            When::After(event, after_s) => {
                match event {
                    Event::Drive => f.write_str(" at drive"),
                    Event::Grasp => f.write_str(" at grasp"),
                    Event::Lift => f.write_str(" at lift"),
                    Event::Phase(phase) => write!(f, " at phase {}", phase.name()),
                }?;
                if *after_s > 0.0 { write!(f, " + {after_s}s") } else { Ok(()) }
            }
        }
    }
}

impl std::str::FromStr for Planned {
    type Err = FaultError;
    fn from_str(text: &str) -> Result<Self, FaultError> {
        parse(text)
    }
}

impl TryFrom<String> for Planned {
    type Error = FaultError;
    fn try_from(text: String) -> Result<Self, FaultError> {
        parse(&text)
    }
}

#[cfg(test)]
mod tests;
