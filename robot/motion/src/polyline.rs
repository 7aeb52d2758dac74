//! Straight stretches through joint space with rounded corners.

use crate::kinematics::chain::JointLimits;
use crate::kinematics::numeric::distance;
use crate::path::{Path, PathPoint, Zone};

/// A rounded corner turns the direction from one stretch's to the next one's by a smooth step (3 x^2 - 2 x^3) over its
/// length: the second derivative is zero at its ends, the third one bounded. It is crossed at one speed.
#[derive(Clone, Debug)]
struct Piece {
    from: Vec<f64>,
    /// Unit direction at its beginning and at its end.
    ahead: Vec<f64>,
    after: Vec<f64>,
    start: f64,
    length: f64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Polyline {
    pieces: Vec<Piece>,
    zones: Vec<Zone>,
    end: Vec<f64>,
}

impl Polyline {
    /// Through `waypoints` (two at least, no two neighbours equal), each inner one cut off by `share` (less than a half)
    /// of the shorter of its two stretches. With 0 it stops there.
    pub(crate) fn new(waypoints: &[Vec<f64>], share: f64, limits: &[JointLimits]) -> Self {
        let stretch = |pair: &[Vec<f64>]| distance(&pair[0], &pair[1]);
        let lengths: Vec<f64> = waypoints.windows(2).map(stretch).collect();
        let directions: Vec<Vec<f64>> = waypoints
            .windows(2)
            .zip(&lengths)
            .map(|(pair, length)| pair[0].iter().zip(&pair[1]).map(|(a, b)| (b - a) / length).collect())
            .collect();
        let end = waypoints[waypoints.len() - 1].clone();
        let mut this = Self { pieces: Vec::new(), zones: Vec::new(), end };
        let mut cut_before = 0.0;
        let mut start = 0.0;
        for (index, length) in lengths.iter().enumerate() {
            let cut = lengths.get(index + 1).map_or(0.0, |next| share * length.min(*next));
            let ahead = &directions[index];
            let straight = Piece {
                from: along(&waypoints[index], ahead, cut_before),
                ahead: ahead.clone(),
                after: ahead.clone(),
                start,
                length: length - cut_before - cut,
            };
            start += straight.length;
            this.zones.push(straight.zone(limits));
            this.pieces.push(straight);
            if let Some(after) = directions.get(index + 1) {
                let corner = Piece {
                    from: along(&waypoints[index + 1], ahead, -cut),
                    ahead: ahead.clone(),
                    after: after.clone(),
                    start,
                    length: 2.0 * cut,
                };
                start += corner.length;
                this.zones.push(corner.corner_zone(limits));
                this.pieces.push(corner);
            }
            cut_before = cut;
        }
        this
    }

    /// What each joint moves at most for a unit of the corner's share, of the one that starts there.
    pub(crate) fn corner_rates(&self, start: f64) -> Vec<f64> {
        let corner = self.pieces.iter().rev().find(|piece| piece.start <= start);
        let most = |piece: &Piece| -> Vec<f64> {
            let directions = piece.ahead.iter().zip(&piece.after);
            directions.map(|(ahead, after)| ahead.abs().max(after.abs()) * piece.length).collect()
        };
        corner.map(most).unwrap_or_default()
    }

    /// The stretches of parameter that leave the straight lines between the waypoints.
    pub(crate) fn corners(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let corners =
            self.pieces.iter().zip(&self.zones).filter(|(_, zone)| zone.steady && zone.length > 0.0);
        corners.map(|(piece, _)| (piece.start, piece.length))
    }
}

fn along(from: &[f64], direction: &[f64], length: f64) -> Vec<f64> {
    from.iter().zip(direction).map(|(p, d)| p + d * length).collect()
}

impl Piece {
    fn zone(&self, limits: &[JointLimits]) -> Zone {
        let over = |of: fn(&JointLimits) -> f64| {
            let each = self.ahead.iter().zip(limits).map(|(d, limit)| of(limit) / d.abs().max(1e-9));
            each.fold(f64::INFINITY, f64::min)
        };
        Zone {
            length: self.length,
            velocity: over(|l| l.velocity),
            acceleration: over(|l| l.acceleration),
            jerk: over(|l| l.jerk),
            steady: false,
        }
    }

    fn corner_zone(&self, limits: &[JointLimits]) -> Zone {
        let mut velocity = f64::INFINITY;
        for ((a, b), limit) in self.ahead.iter().zip(&self.after).zip(limits) {
            let turn = (b - a).abs().max(1e-9);
            velocity = velocity
                .min(limit.velocity / a.abs().max(b.abs()).max(1e-9))
                // The largest second and third derivatives of the rounding, see `at`.
                .min((limit.acceleration * self.length / (1.5 * turn)).sqrt())
                .min((limit.jerk * self.length.powi(2) / (6.0 * turn)).cbrt());
        }
        Zone { length: self.length, velocity, acceleration: 0.0, jerk: 0.0, steady: true }
    }

    fn at(&self, s: f64) -> PathPoint {
        let length = self.length.max(1e-12);
        let x = (s / length).clamp(0.0, 1.0);
        let (bend, turned) = (x.powi(3) - x.powi(4) / 2.0, x * x * (3.0 - 2.0 * x));
        let (second, third) = (6.0 * x * (1.0 - x) / length, (6.0 - 12.0 * x) / length.powi(2));
        let each = |value: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            self.ahead.iter().zip(&self.after).map(|(a, b)| value(*a, b - a)).collect()
        };
        let way = each(&|ahead, turn| ahead * s + turn * length * bend);
        PathPoint {
            q: along(&self.from, &way, 1.0),
            first: each(&|ahead, turn| ahead + turn * turned),
            second: each(&|_, turn| turn * second),
            third: each(&|_, turn| turn * third),
        }
    }
}

impl Path for Polyline {
    fn at(&self, s: f64) -> PathPoint {
        let index = self.pieces.partition_point(|piece| piece.start <= s).max(1) - 1;
        let piece = &self.pieces[index];
        piece.at((s - piece.start).clamp(0.0, piece.length))
    }

    fn end(&self) -> &[f64] {
        &self.end
    }

    fn zones(&self) -> &[Zone] {
        &self.zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::tests::is_smooth;
    use proptest::prelude::*;

    fn limits() -> Vec<JointLimits> {
        let limit = |k: f64| JointLimits {
            joint: format!("joint {k}"),
            kind: nightshift_core::describe::JointKind::Revolute,
            lower: -3.0,
            upper: 3.0,
            velocity: 1.0 + 0.2 * k,
            acceleration: 4.0 + k,
            jerk: 40.0 + 10.0 * k,
        };
        vec![limit(0.0), limit(1.0), limit(2.0)]
    }

    fn way() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let point = || proptest::collection::vec(-2.0f64..2.0, 3);
        proptest::collection::vec(point(), 2..6).prop_filter("neighbours differ", |way| {
            way.windows(2).all(|pair| distance(&pair[0], &pair[1]) > 0.05)
        })
    }

    proptest! {
        #[test]
        fn corners_are_rounded_smoothly_and_stay_near(way in way(), share in 0.02f64..0.45) {
            let path = Polyline::new(&way, share, &limits());
            is_smooth(&path);
            prop_assert_eq!(&path.at(0.0).q, &way[0]);
            prop_assert_eq!(path.end(), &way[way.len() - 1][..]);
            let length: f64 = path.zones().iter().map(|zone| zone.length).sum();
            prop_assert!(distance(&path.at(length).q, path.end()) < 1e-9);
            for point in &way[1..way.len() - 1] {
                let nearest = (0..=500).map(|k| distance(&path.at(length * f64::from(k) / 500.0).q, point));
                let longest = way.windows(2).map(|p| distance(&p[0], &p[1])).fold(0.0, f64::max);
                prop_assert!(nearest.fold(f64::INFINITY, f64::min) <= share * longest + length / 500.0);
            }
        }

        #[test]
        fn no_rate_exceeds_a_limit_at_1_khz(way in way(), share in 0.0f64..0.45) {
            let limits = limits();
            let path = Polyline::new(&way, share, &limits);
            crate::timing::tests::keeps_limits(&path, &limits, 1.001);
        }
    }
}
