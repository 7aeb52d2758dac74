//! Loop closures: where a later scan sees again what an earlier part of the drive saw.

use super::RESOLUTION_M;
use super::draw::{placed, sketch};
use super::follow::Key;
use super::graph::Edge;
use crate::localiser::refine::refine;
use crate::localiser::search::Pyramid;
use crate::surface::Surfaces;
use nalgebra::{Isometry2, Point2};

/// A part of the drive is this many kept scans before and after its middle, and parts are this far apart.
const HALF: usize = 8;
const STRIDE: usize = 8;
/// Every so many kept scans one is looked for in the parts.
const EVERY: usize = 2;
/// Only in parts that are so many kept scans away.
const APART: usize = 30;
/// Drift: a part is looked at where it may be near, metres and as a share of the way between, and at most so far.
const NEAR_M: f64 = 2.0;
const DRIFT: f64 = 0.02;
const FAR_M: f64 = 6.0;
const TURNED_RAD: f64 = 0.6;
/// A part must explain this share of the scan.
const EXPLAINED: f64 = 0.72;
/// Neighbouring closures must agree to this, metres and radians.
const AGREE_M: f64 = 0.25;
const AGREE_RAD: f64 = 0.08;
/// Neighbours: so many kept scans apart at most.
const NEIGHBOURS: usize = 8;
/// One sigma of a closure.
const SIGMA: [f64; 3] = [0.04, 0.04, 0.01];

/// Finds closures by the poses so far. `tell` is told how many scans have been looked for.
pub fn close(keys: &[Key], tell: &mut dyn FnMut(usize)) -> Vec<Edge> {
    let mut parts: Vec<Option<Part>> = (0..keys.len().div_ceil(STRIDE)).map(|_| None).collect();
    let mut found = Vec::new();
    for index in (0..keys.len()).step_by(EVERY) {
        tell(index);
        let Some(middle) = nearest_part(keys, index) else { continue };
        let part = parts[middle / STRIDE].get_or_insert_with(|| Part::new(keys, middle));
        found.extend(part.find(keys, index));
    }
    agreeing(keys, &found)
}

/// The middle of the nearest part of the drive that is old enough and may be near enough.
fn nearest_part(keys: &[Key], index: usize) -> Option<usize> {
    let here = keys[index].pose.translation.vector;
    let distance = |middle: usize| (keys[middle].pose.translation.vector - here).norm();
    let old = (0..keys.len()).step_by(STRIDE).filter(|middle| middle + APART < index);
    let near = old.filter(|middle| {
        let between = index - middle;
        distance(*middle) < (NEAR_M + DRIFT * 0.3 * between as f64).min(FAR_M)
    });
    near.min_by(|a, b| distance(*a).total_cmp(&distance(*b)))
}

/// A part of the drive, drawn.
struct Part {
    middle: usize,
    drawn: Option<(Surfaces, Pyramid)>,
}

impl Part {
    fn new(keys: &[Key], middle: usize) -> Self {
        let range = middle.saturating_sub(HALF)..(middle + HALF + 1).min(keys.len());
        let points: Vec<Point2<f64>> =
            keys[range].iter().flat_map(|key| placed(&key.points, &key.pose)).collect();
        let drawn = sketch(&points, RESOLUTION_M).map(|grid| {
            let surfaces = Surfaces::new(&grid);
            let pyramid = Pyramid::new(&surfaces);
            (surfaces, pyramid)
        });
        Self { middle, drawn }
    }

    fn find(&self, keys: &[Key], index: usize) -> Option<Edge> {
        let (surfaces, pyramid) = self.drawn.as_ref()?;
        let key = &keys[index];
        let close = |pose: &Isometry2<f64>| {
            let off = key.pose.inv_mul(pose);
            off.translation.vector.norm() < FAR_M && off.rotation.angle().abs() < TURNED_RAD
        };
        let pose = pyramid.search(&key.points, 2).into_iter().find(close)?;
        let fit = refine(surfaces, &key.points, None, &pose, 0.3);
        let step = keys[self.middle].pose.inv_mul(&fit.pose);
        let edge = Edge { from: self.middle, to: index, step, sigma: SIGMA, doubtful: true };
        (fit.explained >= EXPLAINED && close(&fit.pose)).then_some(edge)
    }
}

/// The closures that a neighbour agrees with: alike places fool one scan, seldom two on the way.
fn agreeing(keys: &[Key], found: &[Edge]) -> Vec<Edge> {
    let agree = |a: &Edge, b: &Edge| {
        let between = |from: usize, to: usize| keys[from].pose.inv_mul(&keys[to].pose);
        let around = a.step * between(a.to, b.to) * b.step.inverse() * between(b.from, a.from);
        around.translation.vector.norm() < AGREE_M && around.rotation.angle().abs() < AGREE_RAD
    };
    let near = |a: &Edge, b: &Edge| {
        a.to != b.to && a.to.abs_diff(b.to) <= NEIGHBOURS && a.from.abs_diff(b.from) <= 2 * NEIGHBOURS
    };
    found.iter().filter(|a| found.iter().any(|b| near(a, b) && agree(a, b))).copied().collect()
}
