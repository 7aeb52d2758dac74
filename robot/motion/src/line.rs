//! A straight line of the tool, followed by the joints without a jump.
//!
//! The inverse is tracked from point to point, each solved from the one before, so that the arm stays on its branch.
//! What joins the points is a spline, and it is the spline that is measured against the line, in the middle between
//! each two points: a jump cannot hide there, and no threshold on joint steps is needed.

use crate::arm::Arm;
use crate::kinematics::chain::JointLimits;
use crate::kinematics::numeric::Attempt;
use crate::path::{Path, PathPoint, Zone};
use crate::profile::Profile;
use crate::spline::Spline;
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use nightshift_core::frames::{Base, Pose, Tool};

/// How far the tool may be from the line, metres.
const DEVIATION_M: f64 = 0.0005;
/// How far the tool may be turned from where it should be, radians.
const DEVIATION_RAD: f64 = 0.5 * std::f64::consts::PI / 180.0;
/// How far beyond a joint's limit the spline may swing between two points that are within, radians or metres: where a joint comes to
/// its limit on the way, the others take over, and the spline rounds that corner. Drivers refuse a thousandth.
const BEYOND: f64 = 1e-4;
/// From point to point at first.
const SPACING_M: f64 = 0.01;
const SPACING_RAD: f64 = 0.04;
/// Points at first, and what is given up at.
const FEWEST: usize = 8;
const MOST: usize = 1024;

/// The tool's way from one pose to another: straight, turning evenly about one axis.
pub(crate) struct Straight {
    from: Isometry3<f64>,
    way: nalgebra::Vector3<f64>,
    turn: nalgebra::Vector3<f64>,
}

/// Why a line cannot be followed.
pub(crate) enum Broken {
    /// No joint positions for this share of it; what came nearest.
    Unreachable(f64, Attempt),
    /// The joints would have to jump at this share of it.
    Jump(f64),
}

/// A line that the joints can follow.
#[derive(Debug)]
pub(crate) struct Line {
    spline: Spline,
    zones: [Zone; 1],
}

impl Straight {
    pub(crate) fn new(from: &Pose<Base, Tool>, to: &Pose<Base, Tool>) -> Self {
        Self {
            from: from.iso,
            way: to.iso.translation.vector - from.iso.translation.vector,
            turn: (from.iso.rotation.inverse() * to.iso.rotation).scaled_axis(),
        }
    }

    pub(crate) fn length_m(&self) -> f64 {
        self.way.norm()
    }

    /// Whether it goes nowhere: no farther than a hundredth of a millimetre and as many radians.
    pub(crate) fn is_point(&self) -> bool {
        self.way.norm() < 1e-5 && self.turn.norm() < 1e-5
    }

    /// A share of the way.
    pub(crate) fn at(&self, share: f64) -> Isometry3<f64> {
        Isometry3::from_parts(
            Translation3::from(self.from.translation.vector + self.way * share),
            self.from.rotation * UnitQuaternion::from_scaled_axis(self.turn * share),
        )
    }

    fn points(&self) -> usize {
        let by_way = self.way.norm() / SPACING_M;
        let by_turn = self.turn.norm() / SPACING_RAD;
        (by_way.max(by_turn).ceil() as usize).clamp(FEWEST, MOST)
    }
}

/// The joints' way along a line, from `start` on.
pub(crate) fn follow(
    arm: &Arm,
    start: &[f64],
    straight: &Straight,
    limits: &[JointLimits],
) -> Result<Line, Broken> {
    let mut count = straight.points();
    loop {
        let points = track(arm, start, straight, count)?;
        let spline = Spline::new(points);
        let middles = (0..count).map(|k| (k as f64 + 0.5) / count as f64);
        let off = |share: &f64| {
            let tool = arm.base_from_tool(&spline.at(*share).q).iso;
            let wanted = straight.at(*share);
            (tool.translation.vector - wanted.translation.vector).norm() > DEVIATION_M
                || tool.rotation.angle_to(&wanted.rotation) > DEVIATION_RAD
        };
        let quarters = (0..=4 * count).map(|k| k as f64 / (4 * count) as f64);
        let beyond = |share: &f64| {
            let at = spline.at(*share).q;
            at.iter().zip(start).zip(limits).any(|((q, from), limit)| {
                // An arm may stand a little beyond a limit at first.
                *q < limit.lower.min(*from) - BEYOND || *q > limit.upper.max(*from) + BEYOND
            })
        };
        match middles.into_iter().find(off).or_else(|| quarters.into_iter().find(beyond)) {
            None => {
                let zones = [fastest(&spline, limits)];
                return Ok(Line { spline, zones });
            }
            Some(share) if count >= MOST => return Err(Broken::Jump(share)),
            Some(_) => count = (2 * count).min(MOST),
        }
    }
}

fn track(arm: &Arm, start: &[f64], straight: &Straight, count: usize) -> Result<Vec<Vec<f64>>, Broken> {
    let solver = arm.solver();
    let mut points = Vec::with_capacity(count + 1);
    points.push(start.to_vec());
    for k in 1..=count {
        let share = k as f64 / count as f64;
        let attempt = solver.descend(&straight.at(share), &points[k - 1]);
        if !attempt.is_solution() {
            return Err(Broken::Unreachable(share, attempt));
        }
        points.push(attempt.q);
    }
    Ok(points)
}

/// How fast the spline's parameter may change such that no joint breaks a limit anywhere: over u in 0 to 1 with the
/// parameter's rates v, a, j, a joint's velocity is q' v, its acceleration q' a + q'' v^2 and its jerk
/// q' j + 3 q'' v a + q''' v^3. What is given to curvature is lost to speed; a grid over the shares finds the best.
fn fastest(spline: &Spline, limits: &[JointLimits]) -> Zone {
    let count = 4 * spline.intervals();
    let samples: Vec<PathPoint> = (0..=count).map(|k| spline.at(k as f64 / count as f64)).collect();
    let least = |bound: &dyn Fn(&JointLimits, [f64; 3]) -> f64| {
        let each = samples.iter().flat_map(|point| {
            let slopes =
                |i: usize| [point.first[i], point.second[i], point.third[i]].map(|d| d.abs().max(1e-9));
            limits.iter().enumerate().map(move |(i, limit)| bound(limit, slopes(i)))
        });
        each.fold(f64::INFINITY, f64::min)
    };
    let top = least(&|limit, [first, second, third]| {
        let by_curvature = (0.95 * limit.acceleration / second).sqrt();
        (limit.velocity / first).min(by_curvature).min((0.95 * limit.jerk / third).cbrt())
    });
    let mut best: Option<(f64, Zone)> = None;
    for velocity in [1.0, 0.8, 0.64, 0.5, 0.4, 0.3, 0.2, 0.1].map(|share| share * top) {
        let most =
            least(&|limit, [first, second, _]| (limit.acceleration - second * velocity.powi(2)) / first);
        for acceleration in [1.0, 0.75, 0.5, 0.3, 0.1].map(|share| share * most) {
            let jerk = least(&|limit, [first, second, third]| {
                let used = 3.0 * second * velocity * acceleration + third * velocity.powi(3);
                (limit.jerk - used) / first
            });
            if jerk <= 0.0 {
                continue;
            }
            let zone = Zone { length: 1.0, velocity, acceleration, jerk, steady: false };
            let Ok(profile) = Profile::new(&[zone]) else { continue };
            if best.is_none_or(|(duration, _)| profile.duration() < duration) {
                best = Some((profile.duration(), zone));
            }
        }
    }
    // Slowly enough, curvature costs nothing: the smallest share of the grid always fits, but for rounding.
    best.map_or(
        Zone { length: 1.0, velocity: 0.0, acceleration: 0.0, jerk: 0.0, steady: false },
        |(_, zone)| zone,
    )
}

impl Line {
    /// What each joint moves at most for a unit of the share: of cubics, whose rate between two knots is a parabola and no more
    /// than a half over the largest of its ends and its middle.
    pub(crate) fn rates(&self) -> Vec<f64> {
        let count = 2 * self.spline.intervals();
        let samples: Vec<PathPoint> = (0..=count).map(|k| self.spline.at(k as f64 / count as f64)).collect();
        let most = |joint: usize| samples.iter().map(|point| point.first[joint].abs()).fold(0.0, f64::max);
        (0..self.end().len()).map(|joint| 1.5 * most(joint)).collect()
    }

    pub(crate) fn intervals(&self) -> usize {
        self.spline.intervals()
    }
}

impl Path for Line {
    fn at(&self, s: f64) -> PathPoint {
        self.spline.at(s)
    }

    fn end(&self) -> &[f64] {
        self.spline.end()
    }

    fn zones(&self) -> &[Zone] {
        &self.zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::tests::is_smooth;
    use crate::testing::omni7;
    use crate::timing::planned_limits;
    use crate::timing::tests::keeps_limits;

    fn moved(from: &Pose<Base, Tool>, xyz: [f64; 3], rpy: [f64; 3]) -> Pose<Base, Tool> {
        *from * Pose::from_xyz_rpy(xyz, rpy)
    }

    #[test]
    fn lines_in_all_directions_are_smooth_and_within_limits_at_1_khz() {
        let robot = omni7();
        let arm = Arm::new(&robot).unwrap();
        let start = [0.3, 0.4, -0.2, -1.5, 0.3, 1.0, 0.2];
        let tool = arm.base_from_tool(&start);
        let goals = [
            ([0.0, 0.0, -0.1], [0.0; 3]),
            ([0.0, 0.2, 0.0], [0.0; 3]),
            ([0.05, -0.1, 0.05], [0.2, -0.1, 0.4]),
            ([0.0; 3], [0.0, 0.0, 1.0]),
            ([0.0, 0.002, 0.0], [0.0; 3]),
            ([0.0, 0.00002, 0.0], [0.0; 3]),
        ];
        for (xyz, rpy) in goals {
            for speed in [1.0, 0.1] {
                let limits = planned_limits(arm.limits(), speed);
                let straight = Straight::new(&tool, &moved(&tool, xyz, rpy));
                let Ok(line) = follow(&arm, &start, &straight, &limits) else { panic!("{xyz:?} {rpy:?}") };
                is_smooth(&line);
                // What is between the samples that the rates were chosen by is in the headroom.
                keeps_limits(&line, &limits, 1.02);
            }
        }
    }

    #[test]
    fn a_joint_that_comes_to_its_limit_on_the_way_is_not_swung_beyond_it() {
        // With a knob in the hand, 24 mm and 5 degrees on: the last joint comes to its limit. The trajectory was refused at 1.0 mrad beyond.
        let arm = Arm::new(&omni7()).unwrap();
        let start = [
            -0.42690968637521126,
            -0.2762565994280143,
            0.7439659047587708,
            -1.95057143321341,
            0.18858495476347797,
            1.3994286261417095,
            -2.9196477511142325,
        ];
        let quaternion = nalgebra::Quaternion::new(
            0.000014876787463038007,
            -0.9978624229329858,
            -0.06534971045386222,
            4.537471629714399e-6,
        );
        let there = Isometry3::from_parts(
            Translation3::new(0.4979264706266482, 0.12693217144737107, 1.0149930913794734),
            UnitQuaternion::from_quaternion(quaternion),
        );
        let limits = planned_limits(arm.limits(), 0.2);
        let straight = Straight::new(&arm.base_from_tool(&start), &Pose::new(there));
        let Ok(line) = follow(&arm, &start, &straight, &limits) else { panic!("no line") };
        let most = (0..=2000).map(|k| line.at(f64::from(k) / 2000.0).q[6].abs()).fold(0.0, f64::max);
        assert!(
            most > 3.0543 - 1e-6 && most <= limits[6].upper + 2.0 * BEYOND,
            "{most} of {}",
            limits[6].upper
        );
    }

    #[test]
    fn through_a_singularity_the_line_is_refused_and_not_jumped() {
        let robot = omni7();
        let arm = Arm::new(&robot).unwrap();
        // Nearly stretched out, on to the full reach and beyond.
        let start = [0.0, 0.8, 0.0, -0.5, 0.0, 0.3, 0.0];
        let tool = arm.base_from_tool(&start);
        let out = Pose::new(Translation3::new(0.4, 0.0, 0.0) * tool.iso);
        let refused = follow(&arm, &start, &Straight::new(&tool, &out), arm.limits());
        assert!(matches!(refused, Err(Broken::Unreachable(share, _)) if share > 0.05));
    }
}
