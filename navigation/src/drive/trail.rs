//! The way that a base has come, to give way to: it was free a moment ago.

use nalgebra::{Isometry2, Point2};

/// From one pose that is kept to the next, metres and radians.
const APART: [f64; 2] = [0.1, 0.2];
/// So many are kept.
const KEPT: usize = 40;

/// The last poses of a drive, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    poses: Vec<Isometry2<f64>>,
}

impl Trail {
    /// The base has come here.
    pub fn come_to(&mut self, base: &Isometry2<f64>) {
        let far = |last: &Isometry2<f64>| {
            let step = last.inv_mul(base);
            step.translation.vector.norm() > APART[0] || step.rotation.angle().abs() > APART[1]
        };
        if self.poses.last().is_none_or(far) {
            if self.poses.len() == KEPT {
                self.poses.remove(0);
            }
            self.poses.push(*base);
        }
    }

    /// The last pose at which it was so far from a place, metres; else the farthest.
    pub fn away_from(&self, place: &Point2<f64>, far_m: f64) -> Option<Isometry2<f64>> {
        let off = |pose: &&Isometry2<f64>| (pose.translation.vector - place.coords).norm();
        let last = self.poses.iter().rev().find(|pose| off(pose) >= far_m);
        last.or_else(|| self.poses.iter().max_by(|one, other| off(one).total_cmp(&off(other)))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_where_the_base_was_far_enough_last_and_forgets_what_is_long_ago() {
        let mut trail = Trail::default();
        assert_eq!(trail.away_from(&Point2::origin(), 1.0), None);
        // Ten metres ahead, and half a metre back.
        for step in (0..1000).chain((950..1000).rev()) {
            trail.come_to(&Isometry2::translation(f64::from(step) * 0.01, 0.0));
        }
        let met = Point2::new(10.5, 0.0);
        let x = |far_m: f64| trail.away_from(&met, far_m).unwrap().translation.x;
        assert!((8.7..=9.0).contains(&x(1.5)), "{}", x(1.5));
        assert!((9.4..=9.8).contains(&x(0.8)), "{}", x(0.8));
        let oldest = x(100.0);
        assert!((6.0..=7.5).contains(&oldest), "the farthest that is kept is {oldest}");
    }
}
