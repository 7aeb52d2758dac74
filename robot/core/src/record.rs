//! What a component was told and what it answered, as lines of JSON, with a running hash over all of them.

use crate::component::{Component, Outbox};
use crate::time::Stamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One entry of a component's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry<I, O> {
    /// It was given an input.
    In(Stamp, I),
    /// Time has come so far without an input; wake-ups that were due by then have fired.
    Until(Stamp),
    /// It answered.
    Out(Stamp, O),
}

/// Takes journal lines as they are made: a file, a live viewer, nothing.
pub trait Sink {
    /// One line of JSON, without its line end.
    fn line(&mut self, line: &str);

    /// Whether lines are wanted at all, for their hash if for nothing else.
    fn hears(&self) -> bool {
        true
    }
}

/// Wants no lines, not even for their hash: writing numbers as text costs a long run as much as all its thinking.
pub struct Deaf;

impl Sink for Deaf {
    fn line(&mut self, _: &str) {}

    fn hears(&self) -> bool {
        false
    }
}

impl Sink for () {
    fn line(&mut self, _: &str) {}
}

impl Sink for Vec<String> {
    fn line(&mut self, line: &str) {
        self.push(line.to_owned());
    }
}

impl Sink for Box<dyn Sink + Send> {
    fn line(&mut self, line: &str) {
        (**self).line(line);
    }

    fn hears(&self) -> bool {
        (**self).hears()
    }
}

/// A component with its journal: the one way in which every driver drives.
pub struct Driven<C: Component, S> {
    component: C,
    sink: S,
    hash: Sha256,
    now: Stamp,
}

impl<C, S> Driven<C, S>
where
    C: Component,
    C::Input: Serialize,
    C::Output: Serialize,
    S: Sink,
{
    /// Starts at the beginning of the time line.
    pub fn new(component: C, sink: S) -> Self {
        Self { component, sink, hash: Sha256::new(), now: Stamp::ZERO }
    }

    /// Goes on with a component that was started anew. The journal tells on, but does not replay past this.
    pub fn restart(&mut self, component: C) {
        self.component = component;
    }

    /// The component, to look at.
    pub fn component(&self) -> &C {
        &self.component
    }

    /// When the component wants to be woken.
    pub fn next_wake(&self) -> Option<Stamp> {
        self.component.next_wake()
    }

    /// Gives one input. Wake-ups due by `now` fire first, each at its own stamp. A `now` before the last one
    /// counts as the last one: time does not run backwards.
    pub fn feed(&mut self, now: Stamp, input: C::Input) -> Vec<C::Output> {
        let now = now.max(self.now);
        let mut outputs = self.fire_due(now);
        self.now = now;
        let entry: Entry<C::Input, C::Output> = Entry::In(now, input);
        self.write(&entry);
        let Entry::In(_, input) = entry else { unreachable!("made above") };
        let mut out = Outbox::new();
        self.component.handle(now, input, &mut out);
        self.take(now, out, &mut outputs);
        outputs
    }

    /// Lets time come to `now` without an input: fires the wake-ups that are due.
    pub fn advance(&mut self, now: Stamp) -> Vec<C::Output> {
        let due = self.component.next_wake().is_some_and(|wake| wake <= now);
        if !due {
            return Vec::new();
        }
        let outputs = self.fire_due(now);
        self.now = self.now.max(now);
        self.write(&Entry::Until(self.now));
        outputs
    }

    /// The hash over all lines so far, in hex; of none where the sink is [`Deaf`].
    pub fn journal_hash(&self) -> String {
        self.hash.clone().finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    fn fire_due(&mut self, now: Stamp) -> Vec<C::Output> {
        let mut outputs = Vec::new();
        while let Some(wake) = self.component.next_wake().filter(|wake| *wake <= now) {
            let at = wake.max(self.now);
            self.now = at;
            let mut out = Outbox::new();
            self.component.wake(at, &mut out);
            assert!(
                self.component.next_wake().is_none_or(|next| next > wake),
                "a component must ask for a later wake-up than the one that fired at {wake}"
            );
            self.take(at, out, &mut outputs);
        }
        outputs
    }

    fn take(&mut self, now: Stamp, out: Outbox<C::Output>, outputs: &mut Vec<C::Output>) {
        for output in out {
            let entry: Entry<C::Input, C::Output> = Entry::Out(now, output);
            self.write(&entry);
            let Entry::Out(_, output) = entry else { unreachable!("made above") };
            outputs.push(output);
        }
    }

    fn write(&mut self, entry: &Entry<C::Input, C::Output>) {
        if !self.sink.hears() {
            return;
        }
        let line = serde_json::to_string(entry).expect("messages are plain data");
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.sink.line(&line);
    }
}

/// Where a replay left its recording.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A line that is no journal entry.
    #[error("line {line}: {reason}")]
    Unreadable {
        /// Counted from 1.
        line: usize,
        /// What the reader says.
        reason: String,
    },
    /// The component answered otherwise than recorded.
    #[error("line {line}: recorded {recorded}, replayed {replayed}")]
    Diverged {
        /// Counted from 1.
        line: usize,
        /// What stands in the recording.
        recorded: String,
        /// What the component answered now.
        replayed: String,
    },
}

/// Gives a fresh component the inputs of a recording and compares its answers, line by line.
/// Returns how many lines were compared.
pub fn replay<C>(component: C, lines: &[String]) -> Result<usize, ReplayError>
where
    C: Component,
    C::Input: Serialize + for<'de> Deserialize<'de>,
    C::Output: Serialize + for<'de> Deserialize<'de>,
{
    let mut driven = Driven::new(component, Vec::<String>::new());
    for (index, text) in lines.iter().enumerate() {
        let entry = serde_json::from_str::<Entry<C::Input, serde_json::Value>>(text)
            .map_err(|e| ReplayError::Unreadable { line: index + 1, reason: e.to_string() })?;
        match entry {
            Entry::In(now, input) => drop(driven.feed(now, input)),
            Entry::Until(now) => drop(driven.advance(now)),
            Entry::Out(..) => {}
        }
    }
    let replayed = driven.sink;
    let longest = lines.len().max(replayed.len());
    for index in 0..longest {
        let missing = || "nothing".to_owned();
        let recorded = lines.get(index).cloned().unwrap_or_else(missing);
        let now = replayed.get(index).cloned().unwrap_or_else(missing);
        if recorded != now {
            return Err(ReplayError::Diverged { line: index + 1, recorded, replayed: now });
        }
    }
    Ok(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Adds what it is told and says the sum every 10 ns while there is one.
    #[derive(Default)]
    struct Adder {
        sum: i64,
        wake: Option<Stamp>,
        drift: i64,
    }

    impl Component for Adder {
        type Input = i64;
        type Output = (Stamp, i64);
        fn handle(&mut self, now: Stamp, input: i64, _: &mut Outbox<Self::Output>) {
            self.sum += input + self.drift;
            self.wake = (self.sum != 0).then_some(Stamp(now.0 + 10));
        }
        fn next_wake(&self) -> Option<Stamp> {
            self.wake
        }
        fn wake(&mut self, now: Stamp, out: &mut Outbox<Self::Output>) {
            out.push((now, self.sum));
            self.wake = Some(Stamp(now.0 + 10));
        }
    }

    fn run(steps: &[(u64, Option<i64>)]) -> (Vec<String>, String) {
        let mut driven = Driven::new(Adder::default(), Vec::new());
        let mut now = Stamp::ZERO;
        for (later, input) in steps {
            now = Stamp(now.0 + later);
            match input {
                Some(input) => drop(driven.feed(now, *input)),
                None => drop(driven.advance(now)),
            }
        }
        let hash = driven.journal_hash();
        (driven.sink, hash)
    }

    proptest! {
        #[test]
        fn any_run_replays_and_repeats(steps in proptest::collection::vec((0u64..40, proptest::option::of(-3i64..4)), 0..40)) {
            let (lines, hash) = run(&steps);
            prop_assert_eq!(replay(Adder::default(), &lines), Ok(lines.len()));
            prop_assert_eq!(run(&steps).1, hash);
        }
    }

    #[test]
    fn a_changed_component_or_a_cut_recording_is_found_out() {
        let (mut lines, _) = run(&[(5, Some(2)), (25, None), (1, Some(3)), (20, None)]);
        let changed = Adder { drift: 1, ..Adder::default() };
        assert!(matches!(replay(changed, &lines), Err(ReplayError::Diverged { .. })));
        lines.remove(1);
        assert!(matches!(replay(Adder::default(), &lines), Err(ReplayError::Diverged { .. })));
        lines[0].push('!');
        assert!(matches!(replay(Adder::default(), &lines), Err(ReplayError::Unreadable { line: 1, .. })));
    }
}
