//! Seeded random streams: one seed for a run, and from it one independent stream for each named user.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::fmt;

/// The generator that every stream uses. Its debug form says how far it has been drawn, so that a state which holds a
/// stream can be told apart from one that has drawn more.
#[derive(Clone)]
pub struct Stream(ChaCha8Rng);

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0.get_seed();
        write!(f, "Stream({:08x} at {})", u32::from_le_bytes([a, b, c, d]), self.0.get_word_pos())
    }
}

/// A run's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of one named user. Another user drawing more or less does not change it.
    pub fn stream(self, user: &str) -> Stream {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(user.as_bytes());
        Stream(ChaCha8Rng::from_seed(hash.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_repeat_and_differ_by_user_and_seed() {
        let draw = |seed, user: &str| Seed(seed).stream(user).random::<u64>();
        assert_eq!(draw(1, "laser"), draw(1, "laser"));
        assert_ne!(draw(1, "laser"), draw(1, "odometry"));
        assert_ne!(draw(1, "laser"), draw(2, "laser"));
    }

    #[test]
    fn a_streams_debug_form_says_how_far_it_is_drawn() {
        let mut stream = Seed(1).stream("laser");
        let fresh = format!("{stream:?}");
        stream.next_u32();
        assert_ne!(format!("{stream:?}"), fresh);
        assert_ne!(format!("{:?}", Seed(2).stream("laser")), fresh);
    }
}
