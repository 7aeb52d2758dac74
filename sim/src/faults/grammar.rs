//! Reads the text of a fault: `component.fault(parameters) at TIME or EVENT`.

use super::catalogue::{self, Component, Parameter, ParameterKind, Spec, Unit};
use super::nearest::nearest;
use super::{Event, Fault, Planned, Value, When};
use nightshift_core::api::Phase;

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no fault: {reason} (at character {}, {})", column + 1, here(text, *column))]
pub struct FaultError {
    /// The whole text.
    pub text: String,
    /// The character at which it went wrong, from 0.
    pub column: usize,
    /// What was wrong, and what would be right.
    pub reason: String,
}

fn here(text: &str, column: usize) -> String {
    let rest: String = text.chars().skip(column).take(16).collect();
    if rest.is_empty() { "the end".to_owned() } else { format!("before {rest:?}") }
}

/// Reads one fault.
///
/// # Errors
/// What is wrong, where, and the nearest known name.
pub fn parse(text: &str) -> Result<Planned, FaultError> {
    let mut reader = Reader { text, at: 0 };
    let wrong = |(at, reason): (usize, String)| FaultError {
        text: text.to_owned(),
        column: text[..at].chars().count(),
        reason,
    };
    reader.fault().and_then(|fault| Ok(Planned { fault, when: reader.when()? })).map_err(wrong)
}

/// Where in the text, in bytes, and what is wrong there.
type Wrong = (usize, String);

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// What comes before the first character that ends it, without the space after it.
    fn take_until(&mut self, ends: impl Fn(char) -> bool) -> (usize, &'a str) {
        self.skip_space();
        let (start, rest) = (self.at, self.rest());
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        (start, rest[..end].trim_end())
    }

    fn eat(&mut self, mark: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len_utf8();
        }
        found
    }

    fn fault(&mut self) -> Result<Fault, Wrong> {
        let (start, path) = self.take_until(|c| c == '(' || c.is_whitespace());
        let component_name = path.split('.').next().unwrap_or_default();
        let component = Component::ALL.into_iter().find(|component| component.name() == component_name);
        let component = component.ok_or_else(|| {
            let names = Component::ALL.map(Component::name);
            (start, unknown("component", component_name, &names))
        })?;
        let last_dot = path.rfind('.').ok_or_else(|| {
            let example = catalogue::of(component).next().map_or("", |spec| spec.name);
            let target = component.target().map(|target| format!(".{target}")).unwrap_or_default();
            (self.at, format!("the fault's name is missing: write {component_name}{target}.{example}"))
        })?;
        let name = &path[last_dot + 1..];
        let spec = catalogue::of(component).find(|spec| spec.name == name);
        let spec = spec.ok_or_else(|| {
            let names: Vec<&str> = catalogue::of(component).map(|spec| spec.name).collect();
            (start + last_dot + 1, unknown(&format!("fault of {component_name}"), name, &names))
        })?;
        let after_component = component_name.len() + 1;
        let target = path.get(after_component..last_dot).unwrap_or_default();
        match component.target() {
            Some(wanted) if target.is_empty() => {
                let reason = format!("which {component_name}? Write {component_name}.{wanted}.{name}");
                return Err((start + last_dot, reason));
            }
            None if !target.is_empty() => {
                let reason = format!("there is one {component_name} only: write {component_name}.{name}");
                return Err((start + after_component, reason));
            }
            _ => {}
        }
        let given = if self.eat('(') { self.parameters(spec)? } else { Vec::new() };
        let mut values = Vec::new();
        for parameter in spec.parameters {
            let value =
                given.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
            let default = match parameter.kind {
                ParameterKind::Number { default, .. } => default.map(Value::Number),
                ParameterKind::Word { .. } => None,
            };
            let value = value.or(default).ok_or_else(|| {
                let reason = format!("{} is missing: {}", parameter.name, example(parameter));
                (self.at, reason)
            })?;
            values.push(value);
        }
        Ok(Fault { spec, target: target.to_owned(), values })
    }

    /// What stands in the brackets, the first of which has been read.
    fn parameters(&mut self, spec: &'static Spec) -> Result<Vec<(&'static str, Value)>, Wrong> {
        let mut given: Vec<(&'static str, Value)> = Vec::new();
        if self.eat(')') {
            return Ok(given);
        }
        loop {
            let (start, name) = self.take_until(|c| matches!(c, '=' | ',' | ')'));
            let parameter = spec.parameters.iter().find(|parameter| parameter.name == name);
            let parameter = parameter.ok_or_else(|| {
                let names: Vec<&str> = spec.parameters.iter().map(|parameter| parameter.name).collect();
                let of = format!("parameter of {}.{}", spec.component.name(), spec.name);
                (start, unknown(&of, name, &names))
            })?;
            if given.iter().any(|(other, _)| *other == parameter.name) {
                return Err((start, format!("{name} is given twice")));
            }
            if !self.eat('=') {
                return Err((self.at, example(parameter)));
            }
            let (start, text) = self.take_until(|c| matches!(c, ',' | ')'));
            given.push((parameter.name, value(parameter, text).map_err(|reason| (start, reason))?));
            if self.eat(')') {
                return Ok(given);
            }
            if !self.eat(',') {
                return Err((self.at, "the bracket is not closed: write )".into()));
            }
        }
    }

    fn when(&mut self) -> Result<When, Wrong> {
        self.skip_space();
        if self.rest().is_empty() {
            return Ok(When::Now);
        }
        let (start, at) = self.take_until(char::is_whitespace);
        if at != "at" {
            return Err((start, "a fault ends here, or goes on with: at 12s, at phase CARRY + 1s".into()));
        }
        let (start, first) = self.take_until(|c| c.is_whitespace() || c == '+');
        let event = match first {
            "drive" => Event::Drive,
            "grasp" => Event::Grasp,
            "lift" => Event::Lift,
            "phase" => Event::Phase(self.phase()?),
            text if text.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                let at_s = seconds(text).map_err(|reason| (start, reason))?;
                self.end()?;
                return Ok(When::At(at_s));
            }
            other => {
                let reason =
                    unknown("time or event", other, &["12s", "phase NAME", "drive", "grasp", "lift"]);
                return Err((start, reason));
            }
        };
        if !self.eat('+') {
            self.end()?;
            return Ok(When::After(event, 0.0));
        }
        let (start, text) = self.take_until(char::is_whitespace);
        let after_s = seconds(text).map_err(|reason| (start, reason))?;
        self.end()?;
        Ok(When::After(event, after_s))
    }

    fn phase(&mut self) -> Result<Phase, Wrong> {
        let (start, name) = self.take_until(|c| c.is_whitespace() || c == '+');
        let phase = Phase::ALL.into_iter().find(|phase| phase.name() == name);
        phase.ok_or_else(|| (start, unknown("phase", name, &Phase::ALL.map(Phase::name))))
    }

    fn end(&mut self) -> Result<(), Wrong> {
        self.skip_space();
        if self.rest().is_empty() { Ok(()) } else { Err((self.at, "nothing may follow here".into())) }
    }
}

fn unknown(what: &str, word: &str, names: &[&str]) -> String {
    let there_are = if names.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    let word = if word.is_empty() { "nothing" } else { word };
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("{word} is no {what}; did you mean {name}? {there_are}"),
        None => format!("{word} is no {what}; {there_are}"),
    }
}

/// How a parameter is written.
fn example(parameter: &Parameter) -> String {
    let name = parameter.name;
    match parameter.kind {
        ParameterKind::Number { unit: Unit::Share, .. } => {
            format!("write {name}=30% or {name}=0.3 ({})", parameter.about)
        }
        ParameterKind::Number { unit, .. } => {
            let ways: Vec<String> =
                unit.suffixes().iter().map(|(suffix, _)| format!("{name}=1{suffix}")).collect();
            format!("write {} ({})", ways.join(" or "), parameter.about)
        }
        ParameterKind::Word { choices: [] } => format!("write {name}=NAME ({})", parameter.about),
        ParameterKind::Word { choices } => {
            format!("write {name}= one of {} ({})", choices.join(", "), parameter.about)
        }
    }
}

fn value(parameter: &Parameter, text: &str) -> Result<Value, String> {
    match parameter.kind {
        ParameterKind::Word { choices } => match text {
            "" => Err(example(parameter)),
            word if choices.is_empty() || choices.contains(&word) => Ok(Value::Word(word.to_owned())),
            word => Err(unknown(parameter.name, word, choices)),
        },
        ParameterKind::Number { unit, least, most, .. } => {
            let number = measured(text, unit).ok_or_else(|| example(parameter))?;
            if (least..=most).contains(&number) {
                Ok(Value::Number(number))
            } else {
                let symbol = unit.symbol();
                Err(format!("{} must lie within {least}{symbol} and {most}{symbol}", parameter.name))
            }
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = measured(text, Unit::Seconds).filter(|number| *number >= 0.0);
    number.ok_or_else(|| "a time is written 12s, 500ms or 2min".to_owned())
}

/// A number with its unit, in SI.
fn measured(text: &str, unit: Unit) -> Option<f64> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(text.len());
    // An `e` may be the beginning of what is no unit rather than an exponent.
    let (number, suffix) = (1..=digits)
        .rev()
        .find_map(|end| text[..end].parse::<f64>().ok().map(|number| (number, &text[end..])))?;
    let (_, size) = unit.suffixes().iter().find(|(name, _)| *name == suffix.trim_start())?;
    let value = number * size;
    value.is_finite().then_some(value)
}
