//! A queue for a search whose keys hardly ever fall: what is far off waits unsorted (two levels of Denardo and Fox, "Shortest-route
//! methods: 1. Reaching, pruning, and buckets", 1979). It gives the same order as one heap would.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Keys that are alike in all but so many bits are sorted together: of seconds in millionths, 33 ms.
const BITS: u32 = 15;

/// Numbers by key, the least first, and of equal keys the greatest number first.
#[derive(Debug, Default)]
pub struct Queue {
    /// Those up to and with the present bucket.
    near: BinaryHeap<(Reverse<u64>, u32)>,
    present: usize,
    /// The buckets by their keys' upper bits.
    later: Vec<Vec<(u64, u32)>>,
}

impl Queue {
    /// Adds a number.
    pub fn push(&mut self, key: u64, number: u32) {
        let bucket = (key >> BITS) as usize;
        if bucket <= self.present {
            self.near.push((Reverse(key), number));
            return;
        }
        if bucket >= self.later.len() {
            self.later.resize_with(bucket + 1, Vec::new);
        }
        self.later[bucket].push((key, number));
    }

    /// Takes the next number out.
    pub fn pop(&mut self) -> Option<u32> {
        while self.near.is_empty() {
            self.present += 1;
            let bucket = self.later.get_mut(self.present)?;
            self.near.extend(std::mem::take(bucket).into_iter().map(|(key, number)| (Reverse(key), number)));
        }
        self.near.pop().map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Keys that mostly rise, as those of a search do, and also ones that do not.
        #[test]
        fn the_order_is_that_of_one_heap(steps in proptest::collection::vec((0u64..200_000, 0u32..9, any::<bool>()), 1..300)) {
            let (mut queue, mut heap, mut last) = (Queue::default(), BinaryHeap::new(), 0u64);
            for (ahead, number, pops) in steps {
                let key = (last + ahead).saturating_sub(40_000);
                queue.push(key, number);
                heap.push((Reverse(key), number));
                if pops && let Some((Reverse(key), number)) = heap.pop() {
                    last = key;
                    prop_assert_eq!(queue.pop(), Some(number));
                }
            }
            while let Some((_, number)) = heap.pop() {
                prop_assert_eq!(queue.pop(), Some(number));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}
