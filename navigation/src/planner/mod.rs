//! Paths in position and heading for omnidirectional and differential bases: A* on a lattice, led by distances on the
//! floor, then shortcuts and rounded corners. Every leg is checked all along with the true outline.

mod doors;
mod floor;
mod lattice;
mod narrow;
mod queue;
mod search;
mod shorten;
mod side;
mod sweep;
mod table;

use crate::costmap::{Layer, Snapshot};
use crate::zones::Passage;
use nalgebra::Isometry2;
use nightshift_core::robot::Twist;
use nightshift_core::{Code, Failure};
use search::search;
use sweep::{Sweep, resample};

/// Kept from obstacles' cell centres, metres: comfortable first, then the guard's margin with
/// half a cell's diagonal and what the base strays from its path.
pub const MARGINS_M: [f64; 2] = [0.15, 0.1];

/// What a base can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Largest speed on each axis; paths are short in time.
    pub speed: Twist,
    /// Whether it can drive sideways. Where not, legs run along the base's own x axis, or turn on the spot.
    pub omnidirectional: bool,
}

impl Motion {
    /// Speed along the faster axis, m/s: what slow zones limit.
    fn fastest_m_s(&self) -> f64 {
        self.speed.x.max(self.speed.y)
    }

    /// Seconds for a path at full speed wherever slow zones allow it.
    pub fn seconds(&self, map: &Snapshot<'_>, path: &[Isometry2<f64>]) -> f64 {
        let (zones, outline) = (map.costmap().zones(), map.footprint());
        let slowness = |pose| zones.slowness(outline, pose, self.fastest_m_s());
        path.windows(2).map(|pair| self.time(&pair[0], &pair[1]) * slowness(&pair[1])).sum()
    }

    /// Seconds for a straight leg at full speed.
    fn time(&self, from: &Isometry2<f64>, to: &Isometry2<f64>) -> f64 {
        let leg = from.inv_mul(to);
        let t = leg.translation.vector;
        let turn = leg.rotation.angle().abs() / self.speed.yaw;
        if self.omnidirectional {
            (t.x.abs() / self.speed.x).max(t.y.abs() / self.speed.y).max(turn)
        } else {
            t.norm() / self.speed.x + turn
        }
    }
}

/// A path from `start` to `goal` (map frame), both included, or what is in the way.
pub fn plan(
    map: &Snapshot<'_>,
    motion: &Motion,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
) -> Result<Vec<Isometry2<f64>>, Obstruction> {
    // Where the base stands in a closed passage it may leave it, on either side.
    let zones = map.costmap().zones();
    let within = zones.passage_at(start.translation.vector.into());
    let closed: Vec<Passage> =
        map.closed().iter().copied().filter(|passage| Some(*passage) != within).collect();
    let found = with_closed(map, motion, start, goal, &closed);
    if closed.is_empty() || found.is_ok() {
        return found;
    }
    // Is it the closing that leaves no way?
    match with_closed(map, motion, start, goal, &[]) {
        Err(obstruction) => Err(obstruction),
        Ok(open) => {
            let mut names: Vec<&str> = Vec::new();
            for passage in zones.entered(&open).filter(|passage| closed.contains(passage)) {
                if !names.contains(&zones.name(passage)) {
                    names.push(zones.name(passage));
                }
            }
            let (which, are) = if names.len() == 1 { ("passage", "is") } else { ("passages", "are") };
            let words = format!(
                "no way from {} to {}: the {which} {} {are} closed",
                words_of(start),
                words_of(goal),
                names.join(", ")
            );
            Err(Obstruction { layer: Layer::Closed, words })
        }
    }
}

fn with_closed(
    map: &Snapshot<'_>,
    motion: &Motion,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
    closed: &[Passage],
) -> Result<Vec<Isometry2<f64>>, Obstruction> {
    let mut obstruction = None;
    for margin_m in MARGINS_M {
        let sweep = Sweep { map, margin_m, start: *start, closed: closed.to_vec() };
        match path(&sweep, motion, start, goal) {
            Ok(path) => return Ok(path),
            Err(found) => obstruction = Some(found),
        }
    }
    Err(obstruction.expect("at least one margin was tried"))
}

fn path(
    sweep: &Sweep<'_>,
    motion: &Motion,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
) -> Result<Vec<Isometry2<f64>>, Obstruction> {
    for (pose, what) in [(goal, "the goal"), (start, "the base at")] {
        if let Some((layer, at)) = sweep.obstacle_at(pose) {
            let how = if what == "the goal" { "is taken" } else { "is held" };
            let by = sweep.map.costmap().words(layer, &at);
            let words = format!("{what} {} {how} by {by}", words_of(pose));
            return Err(Obstruction { layer, words });
        }
    }
    let way = (goal.translation.vector - start.translation.vector).norm();
    if way < sweep::LEAVING_RADIUS_M && motion.omnidirectional && sweep.leg_is_clear(start, goal) {
        return Ok(resample(&[*start, *goal]));
    }
    let corners = search(sweep, motion, start, goal)?;
    Ok(resample(&shorten::shorten(sweep, motion, &corners)))
}

/// Why there is no path.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstruction {
    /// What it is made of.
    pub layer: Layer,
    /// In words, with places.
    pub words: String,
}

impl Obstruction {
    /// As callers meet it.
    pub fn failure(&self) -> Failure {
        Failure::new(Code::NoPath, self.words.clone())
    }
}

fn words_of(pose: &Isometry2<f64>) -> String {
    let (x, y) = (pose.translation.x, pose.translation.y);
    format!("({x:.2}, {y:.2}, {:.0} deg)", pose.rotation.angle().to_degrees())
}

/// A cost as an integer, in microseconds, for an exact order.
fn order(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

#[cfg(test)]
mod tests;
