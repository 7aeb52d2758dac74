//! One place where the base may be.

use super::confirm::Evidence;
use super::refine::{Fit, MAP_ERROR, POINT_SIGMA_M, Prior, difference};
use nalgebra::{Isometry2, Matrix3, Vector2, Vector3};
use nightshift_core::random::Stream;
use rand_distr::{Distribution, StandardNormal};

/// Share of a new scan in the running means, and in the slow one.
const NEW: f64 = 0.3;
const SLOW: f64 = 0.05;
/// How sharply a better fit beats a worse one, as odds of e per unit of score: seen from one place, and after a way.
/// What the map has wrong about a place is as wrong in the next scan from there; only other views are other evidence.
const SHARPNESS: [f64; 2] = [12.0, 40.0];
/// The way after which a place has been seen from elsewhere, metres; a turn of a radian counts as so much way.
const OTHER_VIEW_M: f64 = 1.5;
const RADIAN_M: f64 = 0.5;
/// A scan is startling that is explained by so much less than those before.
const STARTLING: f64 = 0.15;
/// A place that so many scans have met must be beaten by this much score: being carried away is rare.
const SEASONED_SCANS: u32 = 30;
const SEASONED_BONUS: f64 = 0.2;
/// How much a point that is seen through a mapped surface speaks against a place, beside one that nothing explains:
/// much comes into a room that no map has, and few walls leave it.
pub const THROUGH_WEIGHT: f64 = 2.0;
/// Errors of dead reckoning, one sigma: of distance per metre and per radian, of heading likewise, and at rest
/// between two scans.
const DISTANCE_PER_M: f64 = 0.05;
const DISTANCE_PER_RAD: f64 = 0.02;
const HEADING_PER_M: f64 = 0.04;
const HEADING_PER_RAD: f64 = 0.05;
const REST_M: f64 = 0.001;
const REST_RAD: f64 = 0.0005;

/// Dead reckoning is defied by more than so many of its sigmas, where that is more than so many metres or radians.
const DEFIED_SIGMAS: f64 = 5.0;
const DEFIED_M: f64 = 0.1;
const DEFIED_RAD: f64 = 0.1;

/// The map is never off by more than this, as information: 5 cm and 0.03 rad, one sigma.
const LEAST_KNOWN: Vector3<f64> = Vector3::new(400.0, 400.0, 1111.0);

/// A pose with its doubt and its record.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// The base in the map.
    pub pose: Isometry2<f64>,
    /// In (x, y, yaw) of the map, but for the map's own error.
    pub covariance: Matrix3<f64>,
    /// What the map's own error does to the pose.
    map_error: Matrix3<f64>,
    /// Running mean of the scans' explained shares.
    pub explained: f64,
    /// Of the last scan.
    pub explained_now: f64,
    /// Running mean of the scans' scores, from 0 on: a place that has just been found has its record to earn.
    quality: f64,
    /// Running mean of the share of points that are seen through mapped surfaces: a room that has changed hides much of
    /// the map and shows little that lies behind it, a wrong place both.
    through: f64,
    /// Scans that it has met.
    pub scans: u32,
    /// Told by a person, or no rival of the whole map is likely.
    pub confirmed: bool,
    /// The way since it was found, metres; turns count as well.
    way_m: f64,
    /// Slow running mean of the scans' explained shares.
    usual: f64,
    /// Running mean of the squared distances of points from the surfaces that they belong to, m^2.
    misfit_m2: f64,
}

impl Hypothesis {
    /// A place that no scan has met yet, with one sigma in x, y, yaw.
    pub fn new(pose: Isometry2<f64>, sigma: [f64; 3]) -> Self {
        let covariance = Matrix3::from_diagonal(&Vector3::from(sigma.map(|s| s * s)));
        Self {
            pose,
            covariance,
            map_error: Matrix3::zeros(),
            explained: 0.0,
            explained_now: 0.0,
            quality: 0.0,
            through: 0.0,
            scans: 0,
            confirmed: false,
            way_m: 0.0,
            usual: 0.0,
            misfit_m2: POINT_SIGMA_M * POINT_SIGMA_M,
        }
    }

    /// A place that a person tells: trusted as soon as some scans fit.
    pub fn told(pose: Isometry2<f64>, sigma: [f64; 3]) -> Self {
        Self { confirmed: true, ..Self::new(pose, sigma) }
    }

    /// Gives it the record that it would have had if it had been in the race for so many scans.
    pub fn judge_by(&mut self, evidence: &Evidence, scans: u32) {
        self.explained = evidence.explained;
        self.explained_now = evidence.explained;
        self.usual = evidence.explained;
        self.quality = evidence.score;
        self.through = evidence.through;
        // The bonus of long tracking is not to be had by hindsight.
        self.scans = scans.min(SEASONED_SCANS - 1);
    }

    /// Moves by dead reckoning (`step` in the base's frame); `slip` widens its errors' variance.
    pub fn predict(&mut self, step: &Isometry2<f64>, slip: f64) {
        let (distance, turn) = (step.translation.vector.norm(), step.rotation.angle().abs());
        let moved = self.pose.rotation * step.translation.vector;
        let mut jacobian = Matrix3::identity();
        jacobian[(0, 2)] = -moved.y;
        jacobian[(1, 2)] = moved.x;
        let square = |a: f64, b: f64, rest: f64| slip * (a * a + b * b) + rest * rest;
        let of_distance = square(DISTANCE_PER_M * distance, DISTANCE_PER_RAD * turn, REST_M);
        let of_heading = square(HEADING_PER_M * distance, HEADING_PER_RAD * turn, REST_RAD);
        self.covariance = jacobian * self.covariance * jacobian.transpose()
            + Matrix3::from_diagonal(&Vector3::new(of_distance, of_distance, of_heading));
        self.way_m += distance + RADIAN_M * turn;
        self.pose *= step;
        self.pose.rotation.renormalize();
    }

    /// What is believed before the scan. None where the covariance has become singular.
    pub fn prior(&self) -> Option<Prior> {
        Some(Prior { mean: self.pose, information: self.covariance.try_inverse()? })
    }

    /// How far off it may be, one sigma, metres: position, and heading at a lever of 2 m.
    pub fn radius_m(&self) -> f64 {
        let c = &self.covariance;
        (c[(0, 0)] + c[(1, 1)] + 4.0 * c[(2, 2)]).sqrt()
    }

    /// Of the pose with all that is not known of it: the map's error is considered, not estimated (Schmidt, "Application of
    /// State-Space Methods to Navigation Problems", 1966).
    pub fn whole_covariance(&self) -> Matrix3<f64> {
        self.covariance + self.map_error
    }

    /// Whether a jump is more than dead reckoning can be wrong.
    pub fn is_defied_by(&self, jump: &Vector3<f64>) -> bool {
        let sigmas = self.covariance.try_inverse().map_or(0.0, |inverse| jump.dot(&(inverse * jump)).sqrt());
        sigmas > DEFIED_SIGMAS && (jump.xy().norm() > DEFIED_M || jump.z.abs() > DEFIED_RAD)
    }

    /// Lets the covariance admit a jump.
    pub fn widen(&mut self, jump: &Vector3<f64>) {
        self.covariance += jump * jump.transpose();
    }

    /// A pose within twice its doubt, and never less than a step's reach about it.
    pub fn sample(&self, random: &mut Stream) -> Isometry2<f64> {
        let mut draw = |variance: f64, least: f64| {
            let unit: f64 = StandardNormal.sample(random);
            unit * (2.0 * variance.sqrt()).max(least)
        };
        let c = &self.covariance;
        let off = Vector2::new(draw(c[(0, 0)], 0.1), draw(c[(1, 1)], 0.1));
        Isometry2::new(self.pose.translation.vector + off, self.pose.rotation.angle() + draw(c[(2, 2)], 0.06))
    }

    /// Takes what a scan made of it.
    pub fn take(&mut self, fit: &Fit) {
        let share = if self.scans == 0 { 1.0 } else { NEW };
        self.explained += share * (fit.explained - self.explained);
        self.quality += NEW * (fit.score - self.quality);
        self.explained_now = fit.explained;
        self.usual += if self.scans == 0 { 1.0 } else { SLOW } * (fit.explained - self.usual);
        self.scans = self.scans.saturating_add(1);
        // A scan of things that are not in the map says nothing about the place.
        if fit.explained < super::FITTING_SHARE {
            return;
        }
        self.pose = fit.pose;
        self.misfit_m2 += SLOW * (fit.misfit_m2 - self.misfit_m2);
        let worse = MAP_ERROR * self.misfit_m2 / (POINT_SIGMA_M * POINT_SIGMA_M);
        if let Some(error) =
            (fit.scan_information / worse + Matrix3::from_diagonal(&LEAST_KNOWN)).try_inverse()
        {
            self.map_error = 0.5 * (error + error.transpose());
        }
        if let Some(before) = self.covariance.try_inverse()
            && let Some(after) = (before + fit.scan_information).try_inverse()
        {
            self.covariance = 0.5 * (after + after.transpose());
        }
    }

    /// Takes the share of the last scan's points that could only be seen through mapped surfaces.
    pub fn see_through(&mut self, share: f64) {
        let new = if self.scans <= 1 { 1.0 } else { NEW };
        self.through += new * (share - self.through);
    }

    /// How likely it is against `best`: 1 for an equal fit.
    pub fn odds_to(&self, best: &Self) -> f64 {
        let seen = (self.way_m.min(best.way_m) / OTHER_VIEW_M).min(1.0);
        let sharpness = SHARPNESS[0] + seen * (SHARPNESS[1] - SHARPNESS[0]);
        (sharpness * (self.standing() - best.standing())).exp().min(1.0)
    }

    /// Whether the last scan fits much worse than is usual.
    pub fn is_startled(&self) -> bool {
        self.explained_now < self.usual - STARTLING
    }

    /// Whether it has fitted for long.
    pub fn is_seasoned(&self) -> bool {
        self.scans >= SEASONED_SCANS
    }

    /// What hypotheses are ordered by: how well it fits, and that it has fitted for long.
    pub fn standing(&self) -> f64 {
        self.quality - THROUGH_WEIGHT * self.through + if self.is_seasoned() { SEASONED_BONUS } else { 0.0 }
    }

    /// Whether this is the same place as another.
    pub fn is_at(&self, other: &Self) -> bool {
        let d = difference(&self.pose, &other.pose);
        d.xy().norm() < 0.25 && d.z.abs() < 0.2
    }
}
