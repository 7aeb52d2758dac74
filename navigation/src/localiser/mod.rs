//! Where the base is in the map: dead reckoning joined with scan-to-map refinement, several hypotheses where the
//! scans leave a choice, and a search over the whole map where nothing fits any more.
//!
//! Pure: it is told odometry and scans, and answers a pose for each scan with what it is worth.

mod confirm;
mod hypothesis;
pub(crate) mod refine;
pub(crate) mod scan;
pub(crate) mod search;

pub use scan::hits;

use crate::odometry::History;
use crate::surface::Surfaces;
use confirm::Views;
use hypothesis::Hypothesis;
use nalgebra::{Isometry2, Matrix3, Point2};
use nightshift_core::describe::ScannerDescription;
use nightshift_core::frames::{Base, Map, Odom, Pose2};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{LaserScan, Odometry};
use nightshift_core::time::Stamp;
use refine::{difference, refine};
use search::Pyramid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a pose may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocalisationState {
    /// One place fits, and has for several scans.
    Tracking,
    /// A place fits, but it is new, or another one fits as well, or something has just happened to it.
    Ambiguous,
    /// No place is known that fits.
    Lost,
}

/// Where the base was when a scan was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Localisation {
    /// Of the scan.
    pub stamp: Stamp,
    /// Where the base is believed to be.
    pub place: Place,
}

/// What is believed of the base's place. Without a place that fits there is no pose at all, so that none can be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// One place fits, and has for several scans.
    Tracking(Estimate),
    /// A place fits, but it is new, or another one fits as well, or something has just happened to it: not to be driven by.
    Ambiguous(Estimate),
    /// No place is known that fits.
    Lost,
}

/// A pose with its doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Takes dead reckoning into the map, until the next one.
    pub map_from_odom: Pose2<Map, Odom>,
    /// The pose of the base.
    pub map_from_base: Pose2<Map, Base>,
    /// In (x, y, yaw) of the map: m^2, m rad, rad^2.
    pub covariance: [[f64; 3]; 3],
    /// 0 to 1: the share of the scans that the map explains there, times the odds against other places.
    pub confidence: f64,
}

impl Localisation {
    /// How far the pose may be trusted.
    pub fn state(&self) -> LocalisationState {
        match self.place {
            Place::Tracking(_) => LocalisationState::Tracking,
            Place::Ambiguous(_) => LocalisationState::Ambiguous,
            Place::Lost => LocalisationState::Lost,
        }
    }

    /// The pose, as far as there is one.
    pub fn estimate(&self) -> Option<&Estimate> {
        match &self.place {
            Place::Tracking(estimate) | Place::Ambiguous(estimate) => Some(estimate),
            Place::Lost => None,
        }
    }

    /// The pose, while it may be driven by.
    pub fn tracked(&self) -> Option<&Estimate> {
        match &self.place {
            Place::Tracking(estimate) => Some(estimate),
            Place::Ambiguous(_) | Place::Lost => None,
        }
    }
}

/// Below this explained share a place does not fit.
pub(crate) const FITTING_SHARE: f64 = 0.45;
/// Below this explained share of one scan the neighbourhood is searched.
const DOUBT_SHARE: f64 = 0.6;
/// A place found by search must explain this share.
const FOUND_SHARE: f64 = 0.6;
/// A scan contradicts a place where it does not fit and this share of it is seen through mapped surfaces.
const THROUGH_SHARE: f64 = 0.2;
/// So many contradicting scans in a row, and the place is given up.
const SCANS_TO_LOSE: u32 = 4;
/// So many scans in a row that fit much worse than those before, and the whole map is searched for a better place.
const SCANS_TO_STARTLE: u32 = 2;
/// Scans that do not fit for so long, seconds, and the place is given up even if new things all around might be why.
const DESPAIR_S: f64 = 5.0;
/// A base whose place has to be moved against dead reckoning was pushed, or carried away: the place is doubted for so many scans, and
/// the whole map is searched.
const JUMP_SCANS: u32 = 5;
/// So many scans must fit before a new place is trusted.
const SCANS_TO_TRUST: u32 = 4;
/// Scans from one search of the whole map to the next, and before the first: a pose may be told in that time.
const SCANS_BETWEEN_SEARCHES: u32 = 10;
/// Hypotheses kept.
const MAX_HYPOTHESES: usize = 10;
/// Odds below which a rival is dropped; of a place that is not confirmed they must all be counted.
const BEATEN: f64 = 0.01;
const BEATEN_UNCONFIRMED: f64 = 1e-4;
/// Poses tried about a doubtful one.
const SAMPLES: usize = 200;
/// How much better (score) a pose found by trying must be than the tracked one.
const CLEARLY_BETTER: f64 = 0.04;
/// Fewer points say nothing about the place.
const MIN_POINTS: usize = 12;
/// Error of a told pose: 0.3 m and 10 degrees.
const TOLD_SIGMA: [f64; 3] = [0.3, 0.3, 0.175];
/// Error of a pose that the search found.
const FOUND_SIGMA: [f64; 3] = [0.1, 0.1, 0.05];

/// Follows the base through the map.
#[derive(Clone, Debug)]
pub struct Localiser {
    surfaces: Surfaces,
    pyramid: Pyramid,
    scanners: BTreeMap<String, ScannerDescription>,
    random: Stream,
    history: History,
    hypotheses: Vec<Hypothesis>,
    /// Dead reckoning at the last scan that was used.
    reckoned: Option<(Stamp, Isometry2<f64>)>,
    points: Vec<Point2<f64>>,
    /// How much worse than expected dead reckoning is, as a factor on its variance: never better, for scans tell more
    /// than wheels, and trusted wheels pull the pose along.
    slip: f64,
    unfit_since: Option<Stamp>,
    contradicting_scans: u32,
    /// Scans in a row that fit much worse than those before.
    startling_scans: u32,
    idle_scans: u32,
    /// Scans for which the place is doubted for a jump yet.
    jumped: u32,
    views: Views,
}

impl Localiser {
    /// Starts without a pose in a map, for scans of these scanners.
    pub fn new(grid: &OccupancyGrid, scanners: BTreeMap<String, ScannerDescription>, seed: Seed) -> Self {
        let surfaces = Surfaces::new(grid);
        Self {
            pyramid: Pyramid::new(&surfaces),
            surfaces,
            scanners,
            random: seed.stream("localiser"),
            history: History::default(),
            hypotheses: Vec::new(),
            reckoned: None,
            points: Vec::new(),
            slip: 1.0,
            unfit_since: None,
            contradicting_scans: 0,
            startling_scans: 0,
            idle_scans: SCANS_BETWEEN_SEARCHES,
            jumped: 0,
            views: Views::default(),
        }
    }

    /// Takes a told pose. It is checked against the next scans before it is trusted.
    pub fn set_pose(&mut self, map_from_base: Pose2<Map, Base>) {
        self.hypotheses = vec![Hypothesis::told(map_from_base.iso, TOLD_SIGMA)];
        self.reckoned = self.history.latest().map(|o| (o.stamp, o.odom_from_base.iso));
        self.unfit_since = None;
        self.contradicting_scans = 0;
        self.startling_scans = 0;
        self.jumped = 0;
        self.idle_scans = SCANS_BETWEEN_SEARCHES;
    }

    /// Forgets the pose: the next scan is looked for in the whole map.
    pub fn relocalise(&mut self) {
        self.hypotheses.clear();
        self.views.clear();
        self.unfit_since = None;
        self.contradicting_scans = 0;
        self.startling_scans = 0;
        self.jumped = 0;
        self.idle_scans = SCANS_BETWEEN_SEARCHES;
    }

    /// Takes dead reckoning. A stamp before the last one is ignored.
    pub fn odometry(&mut self, odometry: &Odometry) {
        self.history.push(odometry);
    }

    /// Takes a scan. None where it cannot be placed in time, or is of an unknown scanner.
    pub fn scan(&mut self, scan: &LaserScan) -> Option<Localisation> {
        let scanner = self.scanners.get(&scan.scanner)?;
        let sweep = self.history.during(scan.stamp, scan.sweep)?;
        let points = scan::points(scan, scanner, &sweep);
        let eye = Point2::from(scanner.pose.translation().xy());
        let odom_from_base = sweep.first;
        if self.reckoned.is_some_and(|(stamp, _)| scan.stamp < stamp) {
            return None;
        }
        self.predict(&odom_from_base);
        self.reckoned = Some((scan.stamp, odom_from_base));
        if points.len() >= MIN_POINTS {
            self.correct(scan.stamp, &eye, &points);
            self.confirm(&odom_from_base, &eye, &points);
        }
        self.points = points;
        Some(self.report(scan.stamp, &odom_from_base))
    }

    /// The points of the last scan that was used, thinned, in the frame of the base at its stamp.
    pub fn last_points(&self) -> &[Point2<f64>] {
        &self.points
    }

    fn predict(&mut self, odom_from_base: &Isometry2<f64>) {
        let Some((_, before)) = self.reckoned else { return };
        let step = before.inv_mul(odom_from_base);
        for hypothesis in &mut self.hypotheses {
            hypothesis.predict(&step, self.slip);
        }
    }

    fn correct(&mut self, now: Stamp, eye: &Point2<f64>, points: &[Point2<f64>]) {
        let single = self.hypotheses.len() == 1;
        self.jumped = self.jumped.saturating_sub(1);
        for index in 0..self.hypotheses.len() {
            let (expected, covariance) = (self.hypotheses[index].pose, self.hypotheses[index].covariance);
            self.update(index, eye, points);
            if single {
                self.learn_slip(&expected, &covariance);
            }
        }
        self.prune();
        let through = self
            .hypotheses
            .first()
            .filter(|best| best.explained_now < FITTING_SHARE)
            .map(|best| refine::seen_through(&self.surfaces, eye, points, &best.pose));
        self.unfit_since = through.map(|_| self.unfit_since.unwrap_or(now));
        let contradicted = through.is_some_and(|share| share > THROUGH_SHARE);
        self.contradicting_scans = if contradicted { self.contradicting_scans.saturating_add(1) } else { 0 };
        let startling = self.hypotheses.first().is_some_and(Hypothesis::is_startled);
        self.startling_scans = if startling { self.startling_scans.saturating_add(1) } else { 0 };
        self.search_when_due(now, eye, points);
    }

    /// One hypothesis meets a scan.
    fn update(&mut self, index: usize, eye: &Point2<f64>, points: &[Point2<f64>]) {
        let hypothesis = &self.hypotheses[index];
        let prior = hypothesis.prior();
        let reach = 3.0 * hypothesis.radius_m();
        let mut fit = refine(&self.surfaces, points, prior.as_ref(), &hypothesis.pose, reach);
        let doubtful = fit.explained < DOUBT_SHARE || fit.explained < hypothesis.explained - 0.15;
        // New things all around do not contradict a place that has been good so far; seeing through walls does.
        let contradicted = || {
            hypothesis.scans < SCANS_TO_TRUST
                || refine::seen_through(&self.surfaces, eye, points, &fit.pose) > THROUGH_SHARE
        };
        if doubtful
            && contradicted()
            && let Some(better) = self.look_around(index, points)
        {
            // The prior has been wrong: it must not pull the new pose back.
            let hypothesis = &mut self.hypotheses[index];
            if better.explained >= FOUND_SHARE && better.score > fit.score + CLEARLY_BETTER {
                let jump = difference(&better.pose, &hypothesis.pose);
                if index == 0 && hypothesis.confirmed && hypothesis.is_defied_by(&jump) {
                    self.jumped = JUMP_SCANS;
                }
                hypothesis.widen(&jump);
                fit = better;
            }
        }
        self.hypotheses[index].take(&fit);
        // What rivals are told apart by costs time, and a place without any needs none.
        if self.hypotheses.len() > 1 {
            let hypothesis = &mut self.hypotheses[index];
            // A place that was sure of itself is given up for what a new one may still be excused for: it has been carried away before
            // a whole wall has.
            let judge = if hypothesis.confirmed { refine::seen_through } else { refine::things_seen_through };
            hypothesis.see_through(judge(&self.surfaces, eye, points, &hypothesis.pose));
        }
    }

    /// Tries poses about a doubtful one and refines the best few.
    fn look_around(&mut self, index: usize, points: &[Point2<f64>]) -> Option<refine::Fit> {
        let stride = points.len().div_ceil(60);
        let few: Vec<Point2<f64>> = points.iter().step_by(stride).copied().collect();
        let hypothesis = &self.hypotheses[index];
        let mut tried: Vec<(u32, Isometry2<f64>)> = (0..SAMPLES)
            .map(|_| {
                let pose = hypothesis.sample(&mut self.random);
                (few.iter().map(|p| u32::from(self.surfaces.likelihood(&(pose * p)))).sum(), pose)
            })
            .collect();
        tried.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let fits = tried.iter().take(3).map(|(_, pose)| refine(&self.surfaces, points, None, pose, 0.2));
        fits.max_by(|a, b| a.score.total_cmp(&b.score))
    }

    /// Dead reckoning that keeps being corrected by more than it claims is believed less, and the other way round.
    fn learn_slip(&mut self, expected: &Isometry2<f64>, covariance: &Matrix3<f64>) {
        let correction = difference(&self.hypotheses[0].pose, expected);
        let claimed = covariance.diagonal();
        // A correction is at most the prediction's error: its expected square is a little below the claim.
        let ratio = (0..3).map(|i| correction[i] * correction[i] / claimed[i]).sum::<f64>() / 3.0;
        self.slip = (self.slip * (0.97 + 0.06 * ratio.min(9.0))).clamp(1.0, 30.0);
    }

    /// Drops hypotheses that others have beaten or run into; the best comes first.
    fn prune(&mut self) {
        self.hypotheses.sort_by(|a, b| b.standing().total_cmp(&a.standing()));
        let mut kept: Vec<Hypothesis> = Vec::new();
        for hypothesis in self.hypotheses.drain(..) {
            let beaten = kept.first().is_some_and(|best| {
                let hopeless = if best.confirmed { BEATEN } else { BEATEN_UNCONFIRMED };
                best.scans.min(hypothesis.scans) >= SCANS_TO_TRUST && hypothesis.odds_to(best) < hopeless
            });
            // One scan from beside something new fits many places better than the right one, and the next one none of them.
            let room = kept.len() < MAX_HYPOTHESES || hypothesis.is_seasoned();
            if !beaten && room && !kept.iter().any(|other| hypothesis.is_at(other)) {
                kept.push(hypothesis);
            }
        }
        self.hypotheses = kept;
    }

    /// Looks for the scan in the whole map where nothing fits, or where it fits suddenly worse. A place that has been tracked
    /// stays in the race:
    /// new furniture all around looks like a kidnap for a while.
    fn search_when_due(&mut self, now: Stamp, eye: &Point2<f64>, points: &[Point2<f64>]) {
        self.idle_scans = self.idle_scans.saturating_add(1);
        let startled = self.startling_scans >= SCANS_TO_STARTLE || self.jumped == JUMP_SCANS;
        let wanted = self.is_lost(now) || startled;
        if !wanted || self.idle_scans < SCANS_BETWEEN_SEARCHES {
            return;
        }
        self.idle_scans = 0;
        // What was seen before the base was carried away says nothing of where it is.
        self.views.clear();
        let found = self.pyramid.search(points, MAX_HYPOTHESES).into_iter().map(|pose| {
            let fit = refine(&self.surfaces, points, None, &pose, 0.3);
            let mut found = Hypothesis::new(pose, FOUND_SIGMA);
            found.take(&fit);
            found.see_through(refine::things_seen_through(&self.surfaces, eye, points, &found.pose));
            found
        });
        let found: Vec<Hypothesis> = found.collect();
        // Places that fit badly are kept as rivals of one that fits: the room may have changed.
        if found.iter().any(|place| place.explained >= FOUND_SHARE) {
            self.hypotheses.extend(found.into_iter().filter(|place| place.explained >= FITTING_SHARE));
            self.prune();
        }
    }

    fn is_lost(&self, now: Stamp) -> bool {
        match self.hypotheses.first() {
            None => true,
            Some(_) => {
                self.contradicting_scans >= SCANS_TO_LOSE
                    || self.unfit_since.is_some_and(|since| now.since(since) > DESPAIR_S)
            }
        }
    }

    fn report(&self, stamp: Stamp, odom_from_base: &Isometry2<f64>) -> Localisation {
        let best = self.hypotheses.first().filter(|_| !self.is_lost(stamp));
        let place = match best {
            Some(best) => self.believe(best, odom_from_base),
            None => Place::Lost,
        };
        Localisation { stamp, place }
    }

    fn believe(&self, best: &Hypothesis, odom_from_base: &Isometry2<f64>) -> Place {
        let rivals: f64 = self.hypotheses.iter().skip(1).map(|h| h.odds_to(best)).sum();
        let alone = 1.0 / (1.0 + rivals);
        let c = best.whole_covariance();
        let estimate = Estimate {
            map_from_odom: Pose2::from_iso(best.pose * odom_from_base.inverse()),
            map_from_base: Pose2::from_iso(best.pose),
            covariance: [0, 1, 2].map(|row| [c[(row, 0)], c[(row, 1)], c[(row, 2)]]),
            confidence: (alone * best.explained).clamp(0.0, 1.0),
        };
        // What has just happened may be that it was carried away.
        let startled = self.startling_scans >= SCANS_TO_STARTLE || self.jumped > 0;
        if startled
            || !best.confirmed
            || alone < 0.95
            || best.scans < SCANS_TO_TRUST
            || best.explained < FITTING_SHARE
        {
            Place::Ambiguous(estimate)
        } else {
            Place::Tracking(estimate)
        }
    }
}
