//! Whether the outline can go along a leg: the answer holds for every pose on it, not for samples of it.

use crate::costmap::{Layer, Snapshot};
use crate::zones::Passage;
use nalgebra::{Isometry2, Point2};

/// A base that stands nearer to something than the margin may leave it, as long as it keeps this distance, metres.
pub const LEAVING_MARGIN_M: f64 = 0.03;
/// So far from the start, metres.
pub const LEAVING_RADIUS_M: f64 = 0.35;
/// A leg that is checked comes no nearer than its margin, and needs so much more where it is checked: the shortest
/// step of the check, metres.
const SLACK_M: f64 = 0.004;
/// Gaps are worked out exactly up to this much above the margin, metres: the longest step in a narrow place.
const LOOK_M: f64 = 0.1;
/// The same at the lattice's nodes, each of which is an end of many legs, metres.
const SPARE_M: f64 = 0.15;
/// Near the start, where the margin changes, steps are no longer than this, metres.
const NEAR_STEP_M: f64 = 0.05;
/// Poses of a path are no farther apart than this.
pub const SPACING_M: f64 = 0.05;
pub const SPACING_RAD: f64 = 0.06;

/// Checks poses and legs on a costmap.
pub struct Sweep<'a> {
    /// The costs.
    pub map: &'a Snapshot<'a>,
    /// Kept from obstacles' cell centres, metres.
    pub margin_m: f64,
    /// Where the base stands.
    pub start: Isometry2<f64>,
    /// Passages that it must not enter.
    pub closed: Vec<Passage>,
}

impl Sweep<'_> {
    /// Whether the zones forbid a leg: against a one-way zone, or into a closed passage.
    pub fn forbids(&self, from: &Isometry2<f64>, to: &Isometry2<f64>) -> bool {
        let zones = self.map.costmap().zones();
        zones.against(from, to).is_some()
            || self.closed.iter().any(|passage| zones.enters(*passage, from, to))
    }

    /// Whether a cell is in a passage that the base must not enter.
    pub fn is_closed(&self, cell: usize) -> bool {
        let passage = self.map.costmap().zones().passage_of(cell);
        passage.is_some_and(|passage| self.closed.contains(&passage))
    }

    fn near_start(&self, pose: &Isometry2<f64>) -> bool {
        (pose.translation.vector - self.start.translation.vector).norm() < LEAVING_RADIUS_M
    }

    fn margin_at(&self, pose: &Isometry2<f64>) -> f64 {
        if self.near_start(pose) { LEAVING_MARGIN_M.min(self.margin_m) } else { self.margin_m }
    }

    /// What keeps the base from standing at a pose.
    pub fn obstacle_at(&self, pose: &Isometry2<f64>) -> Option<(Layer, Point2<f64>)> {
        self.map.obstacle_at(pose, self.margin_at(pose) + SLACK_M)
    }

    /// Whether the base can go straight from one pose to another, turning evenly on the way, and never come nearer to
    /// anything than the margin, nor does what zones forbid. By conservative advancement: no point of the outline moves faster than the leg's
    /// length a unit of its share, so a gap of so much clears so much of the leg.
    pub fn leg_is_clear(&self, from: &Isometry2<f64>, to: &Isometry2<f64>) -> bool {
        let way = (to.translation.vector - from.translation.vector).norm();
        let turn = from.rotation.angle_to(&to.rotation);
        let length = way + turn.abs() * self.map.footprint().outer_radius_m();
        if !length.is_finite() || self.forbids(from, to) {
            return false;
        }
        let mut at = 0.0;
        loop {
            let share = if length > 0.0 { (at / length).min(1.0) } else { 1.0 };
            let pose = if turn == 0.0 && share < 1.0 {
                let place = from.translation.vector.lerp(&to.translation.vector, share);
                Isometry2::from_parts(place.into(), from.rotation)
            } else {
                share_of(from, to, share)
            };
            let margin = self.margin_at(&pose);
            let gap = self.map.gap_if(&pose, margin + SLACK_M, margin + LOOK_M);
            if gap < margin + SLACK_M {
                return false;
            }
            if share >= 1.0 {
                return true;
            }
            let step = gap - margin;
            let near = self.near_start(&pose) && margin < self.margin_m;
            at += if near { step.min(NEAR_STEP_M) } else { step };
        }
    }

    /// How much more than the margin is free at a pose, metres: a lower bound; negative where the base may not stand
    /// there. Only away from the start, where the margin is the same everywhere.
    pub fn spare_m(&self, pose: &Isometry2<f64>) -> f64 {
        let gap = self.map.gap_if(pose, self.margin_m + SLACK_M, self.margin_m + SPARE_M);
        if gap < self.margin_m + SLACK_M { -1.0 } else { gap - self.margin_m }
    }

    /// [`Self::leg_is_clear`] where what is spare at both ends is known, and the start is farther off than
    /// [`LEAVING_RADIUS_M`]: what is free about the two ends together covers the leg, or else its halves are looked at.
    pub fn leg_is_clear_between(
        &self,
        from: &Isometry2<f64>,
        to: &Isometry2<f64>,
        spare_m: [f64; 2],
    ) -> bool {
        if spare_m.iter().any(|spare| *spare < 0.0) {
            return false;
        }
        let way = (to.translation.vector - from.translation.vector).norm();
        let turn = from.rotation.angle_to(&to.rotation).abs();
        if spare_m[0] + spare_m[1] >= way + turn * self.map.footprint().outer_radius_m() {
            return true;
        }
        let middle = share_of(from, to, 0.5);
        let spare = self.spare_m(&middle);
        self.leg_is_clear_between(from, &middle, [spare_m[0], spare])
            && self.leg_is_clear_between(&middle, to, [spare, spare_m[1]])
    }
}

/// The pose at a share of the straight way from one pose to another.
pub fn share_of(from: &Isometry2<f64>, to: &Isometry2<f64>, share: f64) -> Isometry2<f64> {
    if share >= 1.0 {
        // The end exactly, not as rounding makes it.
        return *to;
    }
    let turn = from.rotation.rotation_to(&to.rotation).angle();
    Isometry2::new(
        from.translation.vector.lerp(&to.translation.vector, share),
        from.rotation.angle() + share * turn,
    )
}

/// Poses from one to another, both included, no farther apart than a path's.
pub fn between(from: &Isometry2<f64>, to: &Isometry2<f64>) -> Vec<Isometry2<f64>> {
    let way = (to.translation.vector - from.translation.vector).norm();
    let turn = from.rotation.rotation_to(&to.rotation).angle().abs();
    let steps = (way / SPACING_M).max(turn / SPACING_RAD).ceil().max(1.0) as usize;
    (0..=steps).map(|i| share_of(from, to, i as f64 / steps as f64)).collect()
}

/// A path's poses from its corners.
pub fn resample(corners: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
    let mut path = vec![corners[0]];
    for pair in corners.windows(2) {
        path.extend(between(&pair[0], &pair[1]).into_iter().skip(1));
    }
    path
}
