//! The contract of every part that has a life in time.
//!
//! A component does no IO. It is given an input with a stamp, or is woken at a stamp that it asked for, and
//! answers with outputs. The same inputs at the same stamps give the same outputs, whoever drives it:
//! lockstep, live or replay.

use crate::time::Stamp;

/// Where a component puts its outputs, in order.
pub type Outbox<T> = Vec<T>;

/// A part without IO, driven from outside.
pub trait Component {
    /// What it can be told.
    type Input;
    /// What it can answer.
    type Output;

    /// Takes one input. `now` never runs backwards over the calls of `handle` and `wake`.
    fn handle(&mut self, now: Stamp, input: Self::Input, out: &mut Outbox<Self::Output>);

    /// When it wants to be woken next, if at all. Asked again after each call.
    fn next_wake(&self) -> Option<Stamp>;

    /// The stamp it asked for has come. It must ask for a later one, or none, before it returns.
    fn wake(&mut self, now: Stamp, out: &mut Outbox<Self::Output>);
}
