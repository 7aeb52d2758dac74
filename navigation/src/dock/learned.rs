//! Where a station stands beside where the map has it, learned from docking at it.

use nalgebra::{Isometry2, Vector2};

/// The mean goes over so many dockings at most: furniture creeps.
const MEMORY: f64 = 10.0;

/// What docking at one station has taught.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Learned {
    dockings: f64,
    /// x, y (m) and heading (rad) of the station as seen, in the station's frame as mapped.
    mean: [f64; 3],
}

impl Learned {
    /// Takes where the station was seen from the dock, in its own frame as mapped.
    pub fn take(&mut self, mapped_from_seen: &Isometry2<f64>) {
        self.dockings = (self.dockings + 1.0).min(MEMORY);
        let t = mapped_from_seen.translation.vector;
        let seen = [t.x, t.y, mapped_from_seen.rotation.angle()];
        for (mean, seen) in self.mean.iter_mut().zip(seen) {
            *mean += (seen - *mean) / self.dockings;
        }
    }

    /// Where the station is expected, in its own frame as mapped.
    pub fn mapped_from_station(&self) -> Isometry2<f64> {
        Isometry2::new(Vector2::new(self.mean[0], self.mean[1]), self.mean[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_mean_and_follows_a_station_that_is_moved() {
        let mut learned = Learned::default();
        assert_eq!(learned.mapped_from_station(), Isometry2::identity());
        for x in [0.02, 0.04] {
            learned.take(&Isometry2::new(Vector2::new(x, 0.0), 0.02));
        }
        let mean = learned.mapped_from_station();
        assert!((mean.translation.x - 0.03).abs() < 1e-12 && (mean.rotation.angle() - 0.02).abs() < 1e-12);
        for _ in 0..60 {
            learned.take(&Isometry2::new(Vector2::new(-0.05, 0.0), 0.0));
        }
        assert!((learned.mapped_from_station().translation.x + 0.05).abs() < 1e-3);
    }
}
