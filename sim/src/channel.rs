//! The way of a sensor's messages to whoever listens: latency, jitter, and what faults do to a stream.

use crate::faults::{Fault, StreamFault, What};
use nightshift_core::Stamp;
use nightshift_core::image::Frame;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::RobotEvent;
use rand::Rng;
use std::collections::VecDeque;
use std::time::Duration;

/// What carries a stamp.
pub trait Stamped: Clone {
    /// When it held; none where it has no stamp.
    fn stamp(&self) -> Option<Stamp>;
    /// Says when it held.
    fn set_stamp(&mut self, stamp: Stamp);
}

impl Stamped for RobotEvent {
    fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::Scan(scan) => Some(scan.stamp),
            Self::Odometry(odometry) => Some(odometry.stamp),
            Self::Joints(joints) => Some(joints.stamp),
            Self::Gripper(state) => Some(state.stamp),
            Self::Wrist(wrench) => Some(wrench.stamp),
            Self::Inertial(inertial) => Some(inertial.stamp),
            Self::Battery(battery) => Some(battery.stamp),
            Self::ArmDone { .. } | Self::GripperDone { .. } => None,
        }
    }

    fn set_stamp(&mut self, stamp: Stamp) {
        match self {
            Self::Scan(scan) => scan.stamp = stamp,
            Self::Odometry(odometry) => odometry.stamp = stamp,
            Self::Joints(joints) => joints.stamp = stamp,
            Self::Gripper(state) => state.stamp = stamp,
            Self::Wrist(wrench) => wrench.stamp = stamp,
            Self::Inertial(inertial) => inertial.stamp = stamp,
            Self::Battery(battery) => battery.stamp = stamp,
            Self::ArmDone { .. } | Self::GripperDone { .. } => {}
        }
    }
}

impl Stamped for Frame {
    fn stamp(&self) -> Option<Stamp> {
        Some(self.stamp)
    }

    fn set_stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }
}

/// How late a healthy sensor is heard: a fixed part, and one that changes from message to message, evenly between
/// nothing and `jitter`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lateness {
    /// The fixed part.
    pub latency: Duration,
    /// The most that is added.
    pub jitter: Duration,
}

/// One stream. Messages keep their order.
#[derive(Clone, Debug)]
pub struct Channel<T> {
    lateness: Lateness,
    stream: Stream,
    last_due: Stamp,
    last: Option<T>,
    queue: VecDeque<(Stamp, T)>,
}

impl<T: Stamped> Channel<T> {
    /// An empty one.
    pub fn new(name: &str, lateness: Lateness, seed: Seed) -> Self {
        let stream = seed.stream(&format!("channel/{name}"));
        Self { lateness, stream, last_due: Stamp::ZERO, last: None, queue: VecDeque::new() }
    }

    /// Sends a message off, past the faults at work on the stream.
    pub fn send<'a>(&mut self, now: Stamp, message: T, faults: impl Iterator<Item = &'a Fault>) {
        // Drawn for each message, so that the stream does not depend on what faults there are.
        let (wait, chance, fault_wait) =
            (self.stream.random::<f64>(), self.stream.random::<f64>(), self.stream.random::<f64>());
        let mut late_s = self.lateness.latency.as_secs_f64() + wait * self.lateness.jitter.as_secs_f64();
        let (mut lost, mut copies, mut frozen) = (false, 1, false);
        for fault in faults {
            let What::Stream(how) = fault.what() else { continue };
            match how {
                StreamFault::Loss => lost = true,
                StreamFault::Freeze => frozen = true,
                StreamFault::Delay => late_s += fault.number("by"),
                StreamFault::Jitter => late_s += fault_wait * fault.number("up_to"),
                StreamFault::Duplicate => copies = 2,
                StreamFault::Drop => lost |= chance < fault.number("share"),
            }
        }
        let message = match (&self.last, frozen) {
            (Some(last), true) => {
                let mut again = last.clone();
                if let Some(stamp) = message.stamp() {
                    again.set_stamp(stamp);
                }
                again
            }
            _ => message,
        };
        if !lost {
            // A half is added, so that a whole number of steps stays one.
            self.last_due = self.last_due.max(now + Duration::from_nanos((late_s * 1e9 + 0.5) as u64));
            for _ in 0..copies {
                self.queue.push_back((self.last_due, message.clone()));
            }
        }
        self.last = Some(message);
    }

    /// Takes the next message that has arrived by `now`.
    pub fn receive(&mut self, now: Stamp) -> Option<T> {
        self.queue.pop_front_if(|(due, _)| *due <= now).map(|(_, message)| message)
    }

    /// When the next message arrives.
    pub fn next_due(&self) -> Option<Stamp> {
        self.queue.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::parse;
    use nightshift_core::robot::GripperState;

    fn told(faults: &[&str], lateness: Lateness) -> Vec<(f64, f64)> {
        let faults: Vec<Fault> = faults.iter().map(|text| parse(text).unwrap().fault).collect();
        let mut channel = Channel::new("gripper", lateness, Seed(1));
        let mut heard = Vec::new();
        for step in 0..200u64 {
            let now = Stamp(step * 10_000_000);
            if step < 100 {
                let state = GripperState { stamp: now, opening_m: step as f64, force_n: 0.0 };
                // Faults begin after ten messages.
                let count = if step < 10 { 0 } else { faults.len() };
                channel.send(now, RobotEvent::Gripper(state), faults.iter().take(count));
            }
            while let Some(RobotEvent::Gripper(state)) = channel.receive(now) {
                heard.push((now.since(state.stamp), state.opening_m));
            }
        }
        heard
    }

    #[test]
    fn a_healthy_stream_is_late_by_its_latency_and_jitter_and_keeps_its_order() {
        let lateness = Lateness { latency: Duration::from_millis(20), jitter: Duration::from_millis(60) };
        let heard = told(&[], lateness);
        assert_eq!(heard.len(), 100);
        assert!(heard.windows(2).all(|two| two[0].1 < two[1].1));
        assert!(heard.iter().all(|(late, _)| (0.02..=0.091).contains(late)));
        let spread = heard.iter().map(|(late, _)| *late).fold(0.0, f64::max);
        assert!(spread > 0.05, "{spread}");
        assert_eq!(told(&[], Lateness::default())[7], (0.0, 7.0));
    }

    #[test]
    fn each_fault_of_a_stream_does_what_it_says() {
        let with = |text: &str| told(&[text], Lateness::default());
        assert_eq!(with("gripper.loss").len(), 10);
        assert_eq!(with("gripper.duplicate").len(), 190);
        let frozen = with("gripper.freeze");
        assert_eq!(frozen.len(), 100);
        assert!(frozen[10..].iter().all(|message| *message == (0.0, 9.0)));
        let delayed = with("gripper.delay(by=200ms)");
        assert!(delayed[10..].iter().all(|(late, _)| (late - 0.2).abs() < 1e-9));
        let jittery = with("gripper.jitter(up_to=200ms)");
        assert!(jittery[10..].iter().any(|(late, _)| *late > 0.15));
        let thinned = with("gripper.drop(share=50%)").len();
        assert!((40..75).contains(&thinned), "{thinned}");
    }
}
