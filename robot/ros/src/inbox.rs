//! A bounded queue between a node's thread and the rest of the process. Sensors keep their latest value: an unread
//! older one is replaced. Everything else is kept in order.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue with latest-value slots.
pub struct Inbox<T> {
    queue: Mutex<VecDeque<Entry<T>>>,
    filled: Condvar,
    capacity: usize,
}

struct Entry<T> {
    slot: Option<String>,
    value: T,
}

impl<T> Inbox<T> {
    /// Takes at most `capacity` values outside of slots.
    pub fn new(capacity: usize) -> Self {
        Self { queue: Mutex::new(VecDeque::new()), filled: Condvar::new(), capacity }
    }

    /// Puts the latest value into a slot, at the queue's end. True where an unread one was replaced.
    pub fn put_latest(&self, slot: &str, value: T) -> bool {
        let mut queue = self.lock();
        let old = queue.iter().position(|entry| entry.slot.as_deref() == Some(slot));
        let slot = Some(slot.to_owned());
        if let Some(index) = old {
            queue.remove(index);
        }
        queue.push_back(Entry { slot, value });
        self.filled.notify_all();
        old.is_some()
    }

    /// Puts a value that must not be lost at the queue's end. Gives it back where the queue is full.
    pub fn put(&self, value: T) -> Result<(), T> {
        let mut queue = self.lock();
        if queue.iter().filter(|entry| entry.slot.is_none()).count() >= self.capacity {
            return Err(value);
        }
        queue.push_back(Entry { slot: None, value });
        self.filled.notify_all();
        Ok(())
    }

    /// Takes everything, in order.
    pub fn drain(&self) -> Vec<T> {
        self.lock().drain(..).map(|entry| entry.value).collect()
    }

    /// Takes everything, in order; waits for something to come, but no longer than `timeout`.
    pub fn wait(&self, timeout: Duration) -> Vec<T> {
        let (mut queue, _) = self
            .filled
            .wait_timeout_while(self.lock(), timeout, |queue| queue.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        queue.drain(..).map(|entry| entry.value).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry<T>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_keeps_its_latest_value_and_the_rest_keeps_its_order() {
        let inbox = Inbox::new(8);
        assert!(!inbox.put_latest("scan", 1));
        assert_eq!(inbox.put(2), Ok(()));
        assert!(inbox.put_latest("scan", 3));
        assert!(!inbox.put_latest("odom", 4));
        assert_eq!(inbox.drain(), [2, 3, 4]);
        assert!(inbox.drain().is_empty());
    }

    #[test]
    fn a_full_inbox_gives_the_value_back_and_slots_do_not_count() {
        let inbox = Inbox::new(1);
        inbox.put_latest("scan", 1);
        assert_eq!(inbox.put(2), Ok(()));
        assert_eq!(inbox.put(3), Err(3));
        assert_eq!(inbox.wait(Duration::ZERO), [1, 2]);
        assert_eq!(inbox.put(4), Ok(()));
    }
}
