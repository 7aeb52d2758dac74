//! Whether a place that the search found may be trusted: its posterior odds against every rival of the whole map.
//!
//! One look from beside something new can fit a wrong place better than the right one, and the next look from the same spot
//! repeats the error. So looks are kept from where the base went (views), the whole map is searched anew from the latest, and every
//! answer is held against all views. Views count as independent evidence; scans from one spot do not.

use super::Localiser;
use super::hypothesis::{Hypothesis, THROUGH_WEIGHT};
use super::refine::{refine, things_seen_through};
use super::{FITTING_SHARE, FOUND_SIGMA, MAX_HYPOTHESES, SCANS_TO_TRUST};
use crate::surface::Surfaces;
use nalgebra::{Isometry2, Point2};

/// Views kept, the oldest go first: bounded memory, and dead reckoning between them stays short.
const MAX_VIEWS: usize = 6;
/// From so far away the room looks different, metres; a turn of a radian counts as half a metre.
const VIEW_APART_M: f64 = 0.5;
const RADIAN_M: f64 = 0.5;
/// Odds of e per unit of score and view.
const SHARPNESS: f64 = 12.0;
/// All rivals together must be less likely than this, as odds.
const RIVALS_AT_MOST: f64 = 0.001;
/// How well a place that the search cannot see, since the room there has changed, is taken to fit: the rival that is always there.
const UNSEEN_STANDING: f64 = 0.15;
/// A place may be off by dead reckoning's error between the views, metres.
const SLACK_M: f64 = 0.3;

/// What was seen from one spot.
#[derive(Clone, Debug)]
pub struct View {
    odom_from_base: Isometry2<f64>,
    eye: Point2<f64>,
    points: Vec<Point2<f64>>,
}

/// What all views say of a place.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// Means over the views.
    pub score: f64,
    pub through: f64,
    pub explained: f64,
}

impl Evidence {
    fn standing(&self) -> f64 {
        self.score - THROUGH_WEIGHT * self.through
    }
}

/// The views since a place was found that is not trusted yet.
#[derive(Clone, Debug, Default)]
pub struct Views {
    kept: Vec<View>,
    /// Whether the last was kept after the last whole search.
    fresh: bool,
}

impl Views {
    /// Forgets them.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.fresh = false;
    }

    /// Keeps a view if it is from elsewhere than the last.
    pub fn keep(&mut self, odom_from_base: &Isometry2<f64>, eye: &Point2<f64>, points: &[Point2<f64>]) {
        let apart = |view: &View| {
            let step = view.odom_from_base.inv_mul(odom_from_base);
            step.translation.vector.norm() + RADIAN_M * step.rotation.angle().abs()
        };
        if self.kept.last().is_some_and(|last| apart(last) < VIEW_APART_M) {
            return;
        }
        if self.kept.len() == MAX_VIEWS {
            self.kept.remove(0);
        }
        self.kept.push(View { odom_from_base: *odom_from_base, eye: *eye, points: points.to_vec() });
        self.fresh = true;
    }

    /// What they say of a place where the base is now.
    fn evidence(&self, surfaces: &Surfaces, now: &Isometry2<f64>, pose: &Isometry2<f64>) -> Evidence {
        let mut sum = Evidence { score: 0.0, through: 0.0, explained: 0.0 };
        for view in &self.kept {
            let there = pose * now.inv_mul(&view.odom_from_base);
            let fit = refine(surfaces, &view.points, None, &there, SLACK_M);
            sum.score += fit.score;
            sum.explained += fit.explained;
            sum.through += things_seen_through(surfaces, &view.eye, &view.points, &fit.pose);
        }
        let count = self.kept.len().max(1) as f64;
        Evidence { score: sum.score / count, through: sum.through / count, explained: sum.explained / count }
    }
}

impl Localiser {
    /// Keeps views while a place is not trusted, and trusts it once no rival of the whole map is likely.
    pub(super) fn confirm(
        &mut self,
        odom_from_base: &Isometry2<f64>,
        eye: &Point2<f64>,
        points: &[Point2<f64>],
    ) {
        if self.hypotheses.iter().all(|place| place.confirmed) {
            self.views.clear();
            return;
        }
        self.views.keep(odom_from_base, eye, points);
        let Some(best) = self.hypotheses.first() else { return };
        if best.confirmed || best.scans < SCANS_TO_TRUST || best.explained < FITTING_SHARE {
            return;
        }
        if self.views.kept.len() < 2 {
            // The search was made from here: its answers are all the rivals that this view has.
            let rivals = self.hypotheses.iter().skip(1);
            let odds = rivals.map(|rival| (SHARPNESS * (rival.standing() - best.standing())).exp());
            let unseen = (SHARPNESS * (UNSEEN_STANDING - best.standing())).exp();
            let sure = unseen + odds.sum::<f64>() < RIVALS_AT_MOST;
            self.hypotheses[0].confirmed = sure;
            return;
        }
        if std::mem::take(&mut self.views.fresh) {
            self.search_again(odom_from_base, points);
        }
    }

    /// Searches the whole map from here and holds all answers, and all places in the race, against all views.
    fn search_again(&mut self, now: &Isometry2<f64>, points: &[Point2<f64>]) {
        let best = &self.hypotheses[0];
        let of_best = self.views.evidence(&self.surfaces, now, &best.pose).standing();
        let sharpness = SHARPNESS * self.views.kept.len() as f64;
        let mut rivals = (sharpness * (UNSEEN_STANDING - of_best)).exp();
        for place in &self.hypotheses[1..] {
            let evidence = self.views.evidence(&self.surfaces, now, &place.pose);
            rivals += (sharpness * (evidence.standing() - of_best)).exp();
        }
        let mut new = Vec::new();
        for pose in self.pyramid.search(points, MAX_HYPOTHESES) {
            let pose = refine(&self.surfaces, points, None, &pose, SLACK_M).pose;
            let mut place = Hypothesis::new(pose, FOUND_SIGMA);
            if self.hypotheses.iter().chain(&new).any(|known| known.is_at(&place)) {
                continue;
            }
            let evidence = self.views.evidence(&self.surfaces, now, &pose);
            let odds = (sharpness * (evidence.standing() - of_best)).exp();
            rivals += odds;
            if odds > RIVALS_AT_MOST / MAX_HYPOTHESES as f64 {
                place.judge_by(&evidence, self.hypotheses[0].scans);
                new.push(place);
            }
        }
        self.hypotheses[0].confirmed = rivals < RIVALS_AT_MOST;
        self.hypotheses.extend(new);
        self.prune();
    }
}
