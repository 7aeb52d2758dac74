//! The latest picture.

use nightshift_core::Stamp;
use nightshift_core::image::Frame;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Holds the latest frame.
#[derive(Default)]
pub struct FrameSlot {
    latest: Mutex<Option<Arc<Frame>>>,
    filled: Condvar,
}

impl FrameSlot {
    /// Replaces the frame.
    pub fn put(&self, frame: Frame) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(frame));
        self.filled.notify_all();
    }

    /// The latest frame after `stamp`; where there is none yet, the next one, but no later than after `timeout`.
    pub fn wait_after(&self, stamp: Stamp, timeout: Duration) -> Option<Arc<Frame>> {
        let too_old =
            |latest: &mut Option<Arc<Frame>>| latest.as_ref().is_none_or(|frame| frame.stamp <= stamp);
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (latest, _) =
            self.filled.wait_timeout_while(latest, timeout, too_old).unwrap_or_else(PoisonError::into_inner);
        latest.clone().filter(|frame| frame.stamp > stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::image::{Depth, Image, Intrinsics};

    fn frame(stamp: u64) -> Frame {
        Frame {
            stamp: Stamp(stamp),
            intrinsics: Intrinsics { width: 1, height: 1, fx: 1.0, fy: 1.0, cx: 0.0, cy: 0.0 },
            color: Image::filled(1, 1, [0, 0, 0]),
            depth: Image::filled(1, 1, Depth::Missing),
        }
    }

    #[test]
    fn only_a_frame_after_the_stamp_is_given_and_a_waiting_thread_gets_it() {
        let slot = FrameSlot::default();
        assert!(slot.wait_after(Stamp(0), Duration::ZERO).is_none());
        slot.put(frame(5));
        assert!(slot.wait_after(Stamp(5), Duration::from_millis(1)).is_none());
        assert_eq!(slot.wait_after(Stamp(4), Duration::ZERO).unwrap().stamp, Stamp(5));
        std::thread::scope(|scope| {
            let waiting = std::thread::Builder::new()
                .name("waiting".to_owned())
                .spawn_scoped(scope, || slot.wait_after(Stamp(5), Duration::from_secs(60)))
                .unwrap();
            slot.put(frame(6));
            assert_eq!(waiting.join().unwrap().unwrap().stamp, Stamp(6));
        });
    }
}
