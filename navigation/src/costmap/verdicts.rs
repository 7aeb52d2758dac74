//! What was once found out of the map's blocks, and holds as long as the map does.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// A yes or no for each block, worked out when it is first asked for. Whoever asks, in whatever order, gets the same.
#[derive(Debug)]
pub struct Verdicts(Vec<AtomicU8>);

impl Verdicts {
    /// Of so many blocks.
    pub fn new(blocks: usize) -> Self {
        Self((0..blocks).map(|_| AtomicU8::new(UNKNOWN)).collect())
    }

    /// Of a block; `find` depends on nothing but the map and the block.
    pub fn of(&self, block: usize, find: impl FnOnce() -> bool) -> bool {
        match self.0[block].load(Ordering::Relaxed) {
            UNKNOWN => {
                let found = find();
                self.0[block].store(if found { YES } else { NO }, Ordering::Relaxed);
                found
            }
            known => known == YES,
        }
    }
}
