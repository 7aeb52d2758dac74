//! From the lattice's corners to a path that a base likes to drive: shortcuts, then rounded corners.

use super::Motion;
use super::floor::dearness;
use super::sweep::{Sweep, between};
use nalgebra::{Isometry2, Vector2};

/// A corner is rounded over so much of the legs about it, metres: as much as is clear, halved until it is.
const ROUND_M: [f64; 3] = [0.6, 0.3, 0.15];
/// Poses along a rounded corner.
const ROUND_STEPS: usize = 8;
/// Shortcuts are not longer than so many corners of the lattice's path: a search for them stays quick.
const REACH: usize = 96;

/// Leaves out corners between which the base can go straight for no more cost, and rounds those that are left.
pub fn shorten(sweep: &Sweep<'_>, motion: &Motion, corners: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
    if motion.omnidirectional {
        round(sweep, &shortcuts(sweep, motion, corners))
    } else {
        ahead_only(sweep, motion, corners)
    }
}

/// What a straight leg costs.
fn cost(sweep: &Sweep<'_>, motion: &Motion, from: &Isometry2<f64>, to: &Isometry2<f64>) -> f64 {
    let steps = between(from, to);
    let share = motion.time(from, to) / steps.len() as f64;
    let dear = |pose: &Isometry2<f64>| {
        let cell = sweep.map.grid().cell_at(pose.translation.x, pose.translation.y);
        cell.map_or(f64::INFINITY, |(column, row)| dearness(sweep.map, sweep.map.clearance(column, row)))
    };
    let (zones, outline) = (sweep.map.costmap().zones(), sweep.map.footprint());
    let slow = |pose: &Isometry2<f64>| zones.slowness(outline, pose, motion.fastest_m_s());
    steps.iter().map(|pose| share * dear(pose) * slow(pose)).sum()
}

fn shortcuts(sweep: &Sweep<'_>, motion: &Motion, corners: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
    let mut sums = vec![0.0];
    for pair in corners.windows(2) {
        sums.push(sums[sums.len() - 1] + cost(sweep, motion, &pair[0], &pair[1]));
    }
    let mut kept = vec![corners[0]];
    let mut from = 0;
    while from + 1 < corners.len() {
        let straight = |to: usize| {
            cost(sweep, motion, &corners[from], &corners[to]) <= sums[to] - sums[from] + 1e-9
                && sweep.leg_is_clear(&corners[from], &corners[to])
        };
        from = farthest(from, (corners.len() - 1).min(from + REACH), straight);
        kept.push(corners[from]);
    }
    kept
}

/// The farthest corner after `from` that can be reached straight: by strides that double, then halve.
fn farthest(from: usize, last: usize, straight: impl Fn(usize) -> bool) -> usize {
    let (mut good, mut stride) = (from + 1, 1);
    while good + stride <= last && straight(good + stride) {
        good += stride;
        stride *= 2;
    }
    while stride > 0 {
        if good + stride <= last && straight(good + stride) {
            good += stride;
        }
        stride /= 2;
    }
    good
}

/// Rounds corners by a parabola between the legs about them.
fn round(sweep: &Sweep<'_>, corners: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
    let mut path = vec![corners[0]];
    for triple in corners.windows(3) {
        let [before, at, after] = [triple[0], triple[1], triple[2]];
        let lengths = [&before, &after].map(|end| (end.translation.vector - at.translation.vector).norm());
        let arc = ROUND_M.iter().find_map(|most| {
            // Half of each leg is left to the corner at its other end.
            let reach = most.min(lengths[0] / 2.0).min(lengths[1] / 2.0);
            (reach > 0.02).then(|| arc(&before, &at, &after, reach, lengths)).filter(|arc| {
                let from = path.last().expect("it begins with a corner");
                sweep.leg_is_clear(from, &arc[0])
                    && arc.windows(2).all(|pair| sweep.leg_is_clear(&pair[0], &pair[1]))
                    && sweep.leg_is_clear(&arc[arc.len() - 1], &after)
            })
        });
        match arc {
            Some(arc) => path.extend(arc),
            None => path.push(at),
        }
    }
    path.extend(corners.last().filter(|_| corners.len() > 1));
    path
}

fn arc(
    before: &Isometry2<f64>,
    at: &Isometry2<f64>,
    after: &Isometry2<f64>,
    reach: f64,
    lengths: [f64; 2],
) -> Vec<Isometry2<f64>> {
    let on = |end: &Isometry2<f64>, length: f64| super::sweep::share_of(at, end, reach / length);
    let (first, last) = (on(before, lengths[0]), on(after, lengths[1]));
    let turn = first.rotation.angle_to(&at.rotation) + at.rotation.angle_to(&last.rotation);
    (0..=ROUND_STEPS)
        .map(|step| {
            let share = step as f64 / ROUND_STEPS as f64;
            let rest = 1.0 - share;
            let place: Vector2<f64> = first.translation.vector * (rest * rest)
                + at.translation.vector * (2.0 * rest * share)
                + last.translation.vector * (share * share);
            Isometry2::new(place, first.rotation.angle() + turn * share)
        })
        .collect()
}

/// For a base that cannot drive sideways: each leg is a turn on the spot and a way along the base's x axis, ahead or,
/// where the search went backwards, back. Where a turn on the spot does not fit, the lattice's own steps are kept:
/// they were checked as such.
fn ahead_only(sweep: &Sweep<'_>, motion: &Motion, corners: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
    let mut path = vec![corners[0]];
    let mut from = 0;
    while from + 1 < corners.len() {
        let here = corners[from];
        let legs_clear =
            |legs: &[Isometry2<f64>]| legs.windows(2).all(|pair| sweep.leg_is_clear(&pair[0], &pair[1]));
        let back = backwards(&here, &corners[from + 1]);
        // The first and the last leg lead onto the lattice and off it: one way round or the other is clear.
        let back = if legs_clear(&driven(&here, &corners[from + 1], back)) { back } else { !back };
        let legs = |to: usize| driven(&here, &corners[to], back);
        let clear = |to: usize| {
            let legs = legs(to);
            let long = legs.windows(2).map(|pair| cost(sweep, motion, &pair[0], &pair[1])).sum::<f64>();
            let steps = corners[from..=to].windows(2).map(|pair| cost(sweep, motion, &pair[0], &pair[1]));
            long <= steps.sum::<f64>() + 1e-9 && legs_clear(&legs)
        };
        from = farthest(from, (corners.len() - 1).min(from + REACH), clear);
        path.extend(legs(from).into_iter().skip(1));
    }
    path
}

fn backwards(from: &Isometry2<f64>, to: &Isometry2<f64>) -> bool {
    (from.rotation.inverse() * (to.translation.vector - from.translation.vector)).x < -1e-9
}

/// Turn, drive, turn: the corners between two poses.
pub fn driven(from: &Isometry2<f64>, to: &Isometry2<f64>, backwards: bool) -> Vec<Isometry2<f64>> {
    let way = to.translation.vector - from.translation.vector;
    let mut corners = vec![*from];
    if way.norm() > 1e-9 {
        let heading = if backwards { (-way.y).atan2(-way.x) } else { way.y.atan2(way.x) };
        corners.push(Isometry2::new(from.translation.vector, heading));
        corners.push(Isometry2::new(to.translation.vector, heading));
    }
    corners.push(*to);
    corners
}
