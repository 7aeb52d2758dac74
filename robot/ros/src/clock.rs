//! Time on the graph, and the one place in this crate that reads the machine's clocks.

use nightshift_core::Stamp;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Wall-clock time since a start.
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "an edge: time-outs towards other processes")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "an edge: a real robot's ROS time is the system's time")]
fn system_now() -> Stamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Stamp::ZERO + since_1970
}

/// The robot's time: what `/clock` said last where it is published, else the system's time.
#[derive(Default)]
pub struct GraphClock(Mutex<State>);

#[derive(Clone, Copy, Default)]
struct State {
    told: Option<Stamp>,
    system_time_for_good: bool,
}

impl GraphClock {
    /// `/clock` said this. False where it was not taken: it runs backwards, or system time was settled on.
    pub fn tell(&self, stamp: Stamp) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = !state.system_time_for_good && state.told.is_none_or(|told| told <= stamp);
        if taken {
            state.told = Some(stamp);
        }
        taken
    }

    /// From here on the kind of time does not change any more: a `/clock` that comes up later is not followed.
    pub fn settle(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.system_time_for_good = state.told.is_none();
    }

    /// Whether `/clock` was heard.
    pub fn is_told(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).told.is_some()
    }

    /// The robot's time.
    pub fn now(&self) -> Stamp {
        let state = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.told.unwrap_or_else(system_now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_told_clock_is_followed_and_never_runs_backwards() {
        let clock = GraphClock::default();
        assert!(clock.now() > Stamp::from_seconds(1.6e9), "system time before the first word");
        assert!(clock.tell(Stamp(500)));
        assert!(!clock.tell(Stamp(400)));
        clock.settle();
        assert!(clock.tell(Stamp(600)));
        assert_eq!(clock.now(), Stamp(600));
    }

    #[test]
    fn settled_system_time_is_not_moved_by_a_clock_that_comes_later() {
        let clock = GraphClock::default();
        clock.settle();
        assert!(!clock.tell(Stamp(7)));
        assert!(clock.now() > Stamp::from_seconds(1.6e9));
    }
}
