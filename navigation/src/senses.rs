//! What the scanners and dead reckoning said last, and how old it is.

use crate::localiser::hits;
use crate::odometry::{History, ahead};
use nalgebra::{Isometry2, Point2};
use nightshift_core::describe::ScannerDescription;
use nightshift_core::robot::{Beam, LaserScan, Odometry};
use nightshift_core::time::Stamp;
use std::collections::BTreeMap;

/// Points farther than this from the base do not matter to the guard, metres.
const NEAR_M: f64 = 3.0;
/// Dead reckoning is carried on by its velocity for so long at most, seconds.
const MAX_AHEAD_S: f64 = 0.2;

struct Seen {
    stamp: Stamp,
    odom_from_base: Isometry2<f64>,
    /// In the base's frame at the stamp.
    points: Vec<Point2<f64>>,
}

/// The latest of each sensor.
pub struct Senses {
    scanners: BTreeMap<String, ScannerDescription>,
    history: History,
    seen: BTreeMap<String, Seen>,
}

impl Senses {
    /// Of a robot with these scanners.
    pub fn new(scanners: BTreeMap<String, ScannerDescription>) -> Self {
        Self { scanners, history: History::default(), seen: BTreeMap::new() }
    }

    /// Takes dead reckoning; one that is older than the last is ignored.
    pub fn odometry(&mut self, odometry: &Odometry) {
        self.history.push(odometry);
    }

    /// Takes a scan; one of an unknown scanner, older than the last, without odometry about it, or [`blind`] is ignored:
    /// a scanner that sends nothing of use is as good as silent.
    pub fn scan(&mut self, scan: &LaserScan) {
        if blind(scan) {
            return;
        }
        let (Some(scanner), Some(sweep)) =
            (self.scanners.get(&scan.scanner), self.history.during(scan.stamp, scan.sweep))
        else {
            return;
        };
        if self.seen.get(&scan.scanner).is_some_and(|last| scan.stamp < last.stamp) {
            return;
        }
        let points = hits(scan, scanner, &sweep).filter(|p| p.coords.norm() < NEAR_M).collect();
        let seen = Seen { stamp: scan.stamp, odom_from_base: sweep.first, points };
        self.seen.insert(scan.scanner.clone(), seen);
    }

    /// The sensor that has said nothing of use for longest, and for how long, seconds. What never spoke is counted from
    /// `since`.
    pub fn silence(&self, now: Stamp, since: Stamp) -> (&str, f64) {
        let odometry = ("odometry", self.history.latest().map(|o| o.stamp));
        let scanners = self.scanners.keys().map(|name| (name.as_str(), self.seen.get(name).map(|s| s.stamp)));
        std::iter::once(odometry)
            .chain(scanners)
            .map(|(name, last)| (name, now.since(last.unwrap_or(since))))
            .fold(("odometry", 0.0), |oldest, next| if next.1 > oldest.1 { next } else { oldest })
    }

    /// The scanner's last scan where it is of this stamp: dead reckoning when it was taken, and its points from there.
    pub fn last(&self, scanner: &str, stamp: Stamp) -> Option<(&Isometry2<f64>, &[Point2<f64>])> {
        let seen = self.seen.get(scanner).filter(|seen| seen.stamp == stamp)?;
        Some((&seen.odom_from_base, &seen.points))
    }

    /// The base in `odom` at a stamp of the last seconds.
    pub fn odom_from_base_at(&self, stamp: Stamp) -> Option<Isometry2<f64>> {
        self.history.at(stamp)
    }

    /// The base in `odom` now.
    pub fn odom_from_base(&self, now: Stamp) -> Option<Isometry2<f64>> {
        let latest = self.history.latest()?;
        Some(ahead(latest, now.since(latest.stamp).clamp(0.0, MAX_AHEAD_S)))
    }

    /// What the scanners saw last, in the frame of a base at `odom_from_base`.
    pub fn points(&self, odom_from_base: &Isometry2<f64>) -> Vec<Point2<f64>> {
        let carried =
            self.seen.values().map(|seen| (odom_from_base.inv_mul(&seen.odom_from_base), &seen.points));
        carried.flat_map(|(now_from_then, points)| points.iter().map(move |p| now_from_then * p)).collect()
    }
}

/// Whether most beams of a scan say nothing at all. A clean scanner in an open hall has beams without return, not
/// invalid ones.
fn blind(scan: &LaserScan) -> bool {
    let invalid = scan.beams.iter().filter(|beam| matches!(beam, Beam::Invalid)).count();
    2 * invalid >= scan.beams.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_scan_of_nan_is_blind_and_one_of_an_open_hall_is_not() {
        let scan = |beams| LaserScan {
            stamp: Stamp(1),
            scanner: "front".into(),
            angle_min: -1.0,
            angle_increment: 0.1,
            sweep: Duration::ZERO,
            beams,
        };
        assert!(blind(&scan(vec![])));
        assert!(blind(&scan(vec![Beam::Invalid; 20])));
        assert!(blind(&scan([vec![Beam::Hit(1.0); 10], vec![Beam::Invalid; 10]].concat())));
        assert!(!blind(&scan(vec![Beam::NoReturn; 20])));
        assert!(!blind(&scan([vec![Beam::Hit(1.0); 15], vec![Beam::Invalid; 5]].concat())));
    }
}
