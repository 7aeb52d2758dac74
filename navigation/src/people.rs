//! People and other things that move, from the lasers: clusters of returns that the map does not explain, followed
//! from scan to scan by a filter of constant velocity.

use nalgebra::{Point2, Vector2};
use nightshift_core::time::Stamp;

/// Returns closer together than this belong together: two legs are one person, metres.
const TOGETHER_M: f64 = 0.35;
/// What is larger is furniture, metres.
const LARGEST_M: f64 = 0.9;
/// Fewer returns are noise.
const LEAST_RETURNS: usize = 3;
/// A cluster belongs to a track no farther from where it should be, metres.
const GATE_M: f64 = 0.5;
/// A track that is not seen for so long is forgotten, seconds.
const FORGET_S: f64 = 0.7;
/// And must have been seen so often before it counts.
const SIGHTS: u32 = 4;
/// Slower than this it stands, m/s.
const MOVING_M_S: f64 = 0.2;
/// Nobody in a laboratory is faster, m/s.
const FASTEST_M_S: f64 = 2.5;
/// Standard deviation of a cluster's middle (legs come and go in it), metres, and of a person's acceleration, m/s^2.
const PLACE_SIGMA_M: f64 = 0.06;
const ACCELERATION_SIGMA: f64 = 1.2;
/// A person takes this much room about the middle of what is seen, metres.
const BODY_M: f64 = 0.25;

/// Something that moves, in the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mover {
    /// Its middle, metres.
    pub place: Point2<f64>,
    /// m/s.
    pub velocity: Vector2<f64>,
    /// Metres about the middle.
    pub radius_m: f64,
}

impl Mover {
    /// Where it will be.
    pub fn after(&self, seconds: f64) -> Point2<f64> {
        self.place + self.velocity * seconds
    }
}

#[derive(Clone, Debug)]
struct Track {
    place: Point2<f64>,
    velocity: Vector2<f64>,
    /// Of place, place and velocity, and velocity; the same on both axes.
    covariance: [f64; 3],
    radius_m: f64,
    seen: Stamp,
    predicted: Stamp,
    sights: u32,
}

/// Follows all that moves.
#[derive(Clone, Debug, Default)]
pub struct People {
    tracks: Vec<Track>,
}

struct Cluster {
    middle: Point2<f64>,
    radius_m: f64,
}

impl People {
    /// Takes the returns of a scan that the map does not explain, in the map's frame and in order of bearing.
    pub fn take(&mut self, now: Stamp, returns: &[Point2<f64>]) {
        self.tracks.iter_mut().for_each(|track| track.predict(now));
        let mut clusters = clusters(returns);
        for track in &mut self.tracks {
            let off = |cluster: &Cluster| (cluster.middle - track.place).norm();
            let nearest =
                (0..clusters.len()).min_by(|a, b| off(&clusters[*a]).total_cmp(&off(&clusters[*b])));
            if let Some(index) = nearest.filter(|index| off(&clusters[*index]) < GATE_M) {
                track.correct(now, &clusters.swap_remove(index));
            }
        }
        self.tracks.retain(|track| now.since(track.seen) <= FORGET_S);
        self.tracks.extend(clusters.into_iter().map(|cluster| Track {
            place: cluster.middle,
            velocity: Vector2::zeros(),
            covariance: [PLACE_SIGMA_M.powi(2), 0.0, 1.0],
            radius_m: cluster.radius_m,
            seen: now,
            predicted: now,
            sights: 1,
        }));
    }

    /// Forgets all: it was placed by a pose that turned out wrong.
    pub fn forget(&mut self) {
        self.tracks.clear();
    }

    /// What is known to move, as of the last scan.
    pub fn movers(&self) -> impl Iterator<Item = Mover> {
        let moving = self.tracks.iter().filter(|track| {
            let speed = track.velocity.norm();
            let sure = track.covariance[2].sqrt();
            track.sights >= SIGHTS && speed > MOVING_M_S.max(2.0 * sure) && speed < FASTEST_M_S
        });
        moving.map(|track| Mover {
            place: track.place,
            velocity: track.velocity,
            radius_m: track.radius_m.max(BODY_M),
        })
    }
}

impl Track {
    fn predict(&mut self, now: Stamp) {
        let dt = now.since(self.predicted).clamp(0.0, FORGET_S);
        self.predicted = now;
        self.place += self.velocity * dt;
        let [pp, pv, vv] = self.covariance;
        let q = ACCELERATION_SIGMA.powi(2);
        self.covariance = [
            pp + 2.0 * dt * pv + dt * dt * vv + q * dt.powi(4) / 4.0,
            pv + dt * vv + q * dt.powi(3) / 2.0,
            vv + q * dt * dt,
        ];
    }

    fn correct(&mut self, now: Stamp, cluster: &Cluster) {
        let [pp, pv, vv] = self.covariance;
        let expected = pp + PLACE_SIGMA_M.powi(2);
        let off = cluster.middle - self.place;
        self.place += off * (pp / expected);
        self.velocity += off * (pv / expected);
        self.covariance = [pp - pp * pp / expected, pv - pp * pv / expected, vv - pv * pv / expected];
        self.radius_m += 0.3 * (cluster.radius_m - self.radius_m);
        self.seen = now;
        self.sights = self.sights.saturating_add(1);
    }
}

/// Returns that belong together. Furniture that the map does not have, and single returns, are left out.
fn clusters(returns: &[Point2<f64>]) -> Vec<Cluster> {
    let mut groups: Vec<Vec<Point2<f64>>> = Vec::new();
    for point in returns.iter().filter(|point| point.x.is_finite() && point.y.is_finite()) {
        // In order of bearing the last groups are the near ones; a leg in front may part what is behind it.
        let near =
            |group: &&mut Vec<Point2<f64>>| group.iter().rev().any(|p| (p - point).norm() < TOGETHER_M);
        match groups.iter_mut().rev().take(3).find(near) {
            Some(group) => group.push(*point),
            None => groups.push(vec![*point]),
        }
    }
    let cluster = |group: Vec<Point2<f64>>| {
        let sum: Vector2<f64> = group.iter().map(|p| p.coords).sum();
        let middle = Point2::from(sum / group.len() as f64);
        let radius_m = group.iter().map(|p| (p - middle).norm()).fold(0.0, f64::max);
        (group.len() >= LEAST_RETURNS && 2.0 * radius_m <= LARGEST_M).then_some(Cluster { middle, radius_m })
    };
    groups.into_iter().filter_map(cluster).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two legs, 20 cm apart across the way.
    fn legs(middle: Point2<f64>) -> Vec<Point2<f64>> {
        let leg = |side: f64| (0..4).map(move |i| middle + Vector2::new(f64::from(i) * 0.02 - 0.03, side));
        leg(-0.1).chain(leg(0.1)).collect()
    }

    fn walk(people: &mut People, velocity: Vector2<f64>, scans: u64) {
        for scan in 0..scans {
            let seconds = scan as f64 * 0.08;
            let middle = Point2::new(1.0, 2.0) + velocity * seconds;
            people.take(Stamp::from_seconds(1.0 + seconds), &legs(middle));
        }
    }

    #[test]
    fn a_walker_is_one_mover_with_a_velocity_and_is_foreseen() {
        let mut people = People::default();
        walk(&mut people, Vector2::new(0.9, -0.3), 25);
        let movers: Vec<Mover> = people.movers().collect();
        assert_eq!(movers.len(), 1);
        assert!((movers[0].velocity - Vector2::new(0.9, -0.3)).norm() < 0.1, "{movers:?}");
        let later = Point2::new(1.0, 2.0) + Vector2::new(0.9, -0.3) * (24.0 * 0.08 + 1.0);
        assert!((movers[0].after(1.0) - later).norm() < 0.15);
    }

    #[test]
    fn who_stands_and_what_is_large_or_single_does_not_move() {
        let mut people = People::default();
        walk(&mut people, Vector2::zeros(), 25);
        assert_eq!(people.movers().count(), 0);
        let wall: Vec<Point2<f64>> = (0..80).map(|i| Point2::new(0.0, f64::from(i) * 0.05)).collect();
        assert!(clusters(&wall).is_empty());
        assert!(clusters(&[Point2::new(1.0, 1.0), Point2::new(f64::NAN, 1.0)]).is_empty());
    }

    #[test]
    fn who_is_gone_is_forgotten_and_memory_does_not_grow() {
        let mut people = People::default();
        walk(&mut people, Vector2::new(0.8, 0.0), 20);
        assert_eq!(people.movers().count(), 1);
        for scan in 0..40u64 {
            people.take(Stamp::from_seconds(3.0 + scan as f64 * 0.08), &[]);
        }
        assert_eq!(people.movers().count(), 0);
        assert!(people.tracks.is_empty());
    }
}
