//! A map out of a recorded drive: scans are matched one to the next, loops are closed, a pose graph spreads the error, and
//! the poses are settled against the whole map.

mod close;
mod draw;
mod follow;
mod graph;

use crate::localiser::hits;
use crate::localiser::refine::{Prior, refine};
use crate::log::DriveLog;
use crate::odometry::Sweep;
use crate::surface::Surfaces;
use follow::{Followed, Key};
use graph::{Anchor, Edge};
use nalgebra::{Isometry2, Matrix3, Point2, Vector2, Vector3};
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::grid::{Cell, OccupancyGrid};

/// Edge of a map's cell, metres.
pub const RESOLUTION_M: f64 = 0.05;
/// Loops are looked for so many times, by ever better poses; then the poses settle against the map so many times.
const CLOSINGS: usize = 2;
const SETTLINGS: usize = 2;
/// One sigma of a step from kept scan to kept scan where the scans fitted, and where there is dead reckoning alone.
const FITTED: [f64; 3] = [0.015, 0.015, 0.006];
const RECKONED: [f64; 3] = [0.1, 0.1, 0.05];
/// Doubt of a pose that settles: metres, radians.
const SETTLING: [f64; 3] = [0.08, 0.08, 0.03];
/// A settled pose counts as this share of what its scan says: neighbours share the map's error.
const SETTLED_WEIGHT: f64 = 0.05;
const SETTLED_SHARE: f64 = 0.6;

/// What the mapper is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Matching each scan to those before it.
    Following,
    /// Looking for places that were seen before.
    Closing,
    /// Matching all scans to the whole map.
    Settling,
}

/// Why there is no map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The drive is too short, or its scans are empty.
    #[error(
        "the log has {keys} scans with something in them that are apart from each other; a map needs at least 2: drive on"
    )]
    TooShort {
        /// Scans that could be used.
        keys: usize,
    },
    /// The poses ran away.
    #[error(
        "the map would have more than {} cells: the log's odometry or ranges are not in metres, or run away",
        draw::MAX_CELLS
    )]
    TooLarge,
}

/// A map and how it came about.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// Walls lie along its axes, and it is as small as what was seen.
    pub grid: OccupancyGrid,
    /// Where the base was at each scan.
    pub poses: Vec<Pose2<Map, Base>>,
    /// Scans that the map is made of.
    pub keys: usize,
    /// Places that were recognised.
    pub closures: usize,
    /// Kept scans that did not fit those before them: there the map rests on dead reckoning.
    pub unfitted: usize,
}

/// Makes a map of a drive. `tell` is told what is done of how much.
pub fn build(log: &DriveLog, tell: &mut dyn FnMut(Stage, usize, usize)) -> Result<Mapped, MappingError> {
    let steps = log.steps.len();
    let Followed { mut keys, at } = follow::follow(log, &mut |step| tell(Stage::Following, step, steps));
    let used = keys.iter().filter(|key| !key.points.is_empty()).count();
    if used < 2 {
        return Err(MappingError::TooShort { keys: used });
    }
    let unfitted = keys.iter().filter(|key| key.explained == 0.0).count();
    let chain: Vec<Edge> =
        keys.windows(2).enumerate().map(|(index, pair)| step_of(index, &pair[0], &pair[1])).collect();
    let mut closures = 0;
    let all = keys.len();
    for closing in 0..CLOSINGS {
        let done = closing * all;
        let found = close::close(&keys, &mut |index| tell(Stage::Closing, done + index, CLOSINGS * all));
        closures = found.len();
        settle(&mut keys, chain.iter().copied().chain(found).collect(), &[]);
    }
    for settling in 0..SETTLINGS {
        let done = settling * all;
        let anchors = anchors(&keys, &mut |index| tell(Stage::Settling, done + index, SETTLINGS * all))?;
        settle(&mut keys, chain.clone(), &anchors);
    }
    square(&mut keys)?;
    let poses = at.iter().map(|(key, off)| Pose2::from_iso(keys[*key].pose * off)).collect();
    Ok(Mapped { grid: draw_map(log, &keys)?, poses, keys: all, closures, unfitted })
}

fn step_of(index: usize, a: &Key, b: &Key) -> Edge {
    let sigma = if b.explained > 0.0 { FITTED } else { RECKONED };
    Edge { from: index, to: index + 1, step: a.pose.inv_mul(&b.pose), sigma, doubtful: false }
}

fn settle(keys: &mut [Key], edges: Vec<Edge>, anchors: &[Anchor]) {
    let mut poses: Vec<Isometry2<f64>> = keys.iter().map(|key| key.pose).collect();
    let hold = Anchor { node: 0, pose: poses[0], information: Matrix3::from_diagonal_element(1e6) };
    let anchors: Vec<Anchor> = if anchors.is_empty() { vec![hold] } else { anchors.to_vec() };
    graph::optimise(&mut poses, &edges, &anchors);
    for (key, pose) in keys.iter_mut().zip(poses) {
        key.pose = pose;
    }
}

fn all_surfaces(keys: &[Key]) -> Result<Surfaces, MappingError> {
    let scans: Vec<(Point2<f64>, Vec<Point2<f64>>)> = keys
        .iter()
        .map(|key| (key.pose.translation.vector.into(), draw::placed(&key.points, &key.pose)))
        .collect();
    Ok(Surfaces::new(&draw::map(&scans, RESOLUTION_M).ok_or(MappingError::TooLarge)?))
}

/// Where each kept scan fits into the map of all of them.
fn anchors(keys: &[Key], tell: &mut dyn FnMut(usize)) -> Result<Vec<Anchor>, MappingError> {
    let surfaces = all_surfaces(keys)?;
    let information = Matrix3::from_diagonal(&Vector3::from(SETTLING.map(|s| 1.0 / (s * s))));
    let mut anchors = Vec::new();
    for (node, key) in keys.iter().enumerate() {
        tell(node);
        let prior = Prior { mean: key.pose, information };
        let fit = refine(&surfaces, &key.points, Some(&prior), &key.pose, 0.2);
        if fit.explained >= SETTLED_SHARE {
            anchors.push(Anchor { node, pose: fit.pose, information: fit.scan_information * SETTLED_WEIGHT });
        }
    }
    Ok(anchors)
}

/// Turns the whole so that its walls lie along the axes.
fn square(keys: &mut [Key]) -> Result<(), MappingError> {
    let surfaces = all_surfaces(keys)?;
    let turn = draw::squaring_turn(surfaces.normals().map(|normal| normal.y.atan2(normal.x)));
    let turn = Isometry2::new(Vector2::zeros(), turn);
    for key in keys {
        key.pose = turn * key.pose;
    }
    Ok(())
}

fn draw_map(log: &DriveLog, keys: &[Key]) -> Result<OccupancyGrid, MappingError> {
    let scanner = log.scanner();
    let eye = Point2::from(scanner.pose.translation().xy());
    let scans: Vec<(Point2<f64>, Vec<Point2<f64>>)> = keys
        .iter()
        .map(|key| {
            let ends: Vec<Point2<f64>> =
                hits(&log.scan(key.step), &scanner, &Sweep::still()).map(|hit| key.pose * hit).collect();
            (key.pose * eye, ends)
        })
        .collect();
    let grid = draw::map(&scans, RESOLUTION_M).ok_or(MappingError::TooLarge)?;
    let has = |what: Cell| grid.cells.contains(&what);
    if has(Cell::Occupied) && has(Cell::Free) {
        Ok(grid)
    } else {
        Err(MappingError::TooShort { keys: keys.len() })
    }
}
