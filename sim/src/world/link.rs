//! What joins robot and stack: healthy, it is not there at all.

use crate::channel::Stamped;
use crate::faults::{ActiveFaults, Component, What};
use nightshift_core::Stamp;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{RobotCommand, RobotEvent};
use rand::Rng;
use std::collections::VecDeque;
use std::time::Duration;

/// Both directions.
#[derive(Clone, Debug)]
pub struct Link {
    stream: Stream,
    events: VecDeque<(Stamp, RobotEvent)>,
    commands: VecDeque<(Stamp, RobotCommand)>,
}

/// What becomes of what is sent now.
struct Way {
    cut: bool,
    late: Duration,
    loss: f64,
}

impl Way {
    fn now(faults: &ActiveFaults) -> Self {
        let mut way = Self { cut: false, late: Duration::ZERO, loss: 0.0 };
        for fault in faults.of(Component::Network, "") {
            match fault.what() {
                What::NetworkPartition => way.cut = true,
                What::NetworkDelay => way.late = Duration::from_secs_f64(fault.number("by")),
                What::NetworkDrop => way.loss = fault.number("share"),
                _ => {}
            }
        }
        way
    }
}

impl Link {
    /// Nothing is underway.
    pub fn new(seed: Seed) -> Self {
        Self { stream: seed.stream("network"), events: VecDeque::new(), commands: VecDeque::new() }
    }

    /// Sends the robot's words off, and hands out what arrives now.
    pub fn tell(&mut self, now: Stamp, told: Vec<RobotEvent>, faults: &ActiveFaults) -> Vec<RobotEvent> {
        let way = Way::now(faults);
        for event in told {
            // Only what is said again and again may be lost: the end of a motion goes over a channel that repeats.
            let lost = way.loss > 0.0 && event.stamp().is_some() && self.stream.random::<f64>() < way.loss;
            if !way.cut && !lost {
                push(&mut self.events, now + way.late, event);
            }
        }
        pop(&mut self.events, now)
    }

    /// Sends a command off.
    pub fn command(&mut self, now: Stamp, command: RobotCommand, faults: &ActiveFaults) {
        let way = Way::now(faults);
        if !way.cut {
            push(&mut self.commands, now + way.late, command);
        }
    }

    /// The commands that arrive now.
    pub fn arrived(&mut self, now: Stamp) -> Vec<RobotCommand> {
        pop(&mut self.commands, now)
    }
}

/// Nothing overtakes.
fn push<T>(queue: &mut VecDeque<(Stamp, T)>, due: Stamp, thing: T) {
    let due = queue.back().map_or(due, |(last, _)| due.max(*last));
    queue.push_back((due, thing));
}

fn pop<T>(queue: &mut VecDeque<(Stamp, T)>, now: Stamp) -> Vec<T> {
    std::iter::from_fn(|| queue.pop_front_if(|(due, _)| *due <= now).map(|(_, thing)| thing)).collect()
}
