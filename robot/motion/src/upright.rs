//! What is held kept upright along a whole way.
//!
//! The held thing's axis goes along the unit sphere. Between two positions of the joints its way there is no longer than the sum
//! of what the joints turn (each by at most the sine of the angle between its axis and the thing's, where that angle is constant),
//! so that by the triangle inequality it leans, at any place between, by no more than `(t_a + t_b + sum |dq|) / 2` with `t` what
//! it leans at the ends. A stretch is halved until that holds, or until a place leans too much.
//!
//! Positions are brought to lean less by Newton steps of least norm on the two level components of the axis, as in CBiRRT (D. Berenson,
//! S. Srinivasa, D. Ferguson, J. Kuffner, "Manipulation Planning on Constraint Manifolds", ICRA 2009, section IV).

use crate::arm::Arm;
use crate::request::{Carry, Held};
use nalgebra::{Matrix2, Vector2, Vector3, Vector6};
use nightshift_core::describe::JointKind;

use crate::kinematics::MAX_JOINTS;

/// Positions are brought to this share of the bound, so that what lies between them keeps it.
const AIM: f64 = 0.7;
/// Steps of a projection at most.
const STEPS: usize = 12;
/// A stretch over which the joints turn by less than this, rad, and that still is not proven, is refused.
const SHORTEST: f64 = 1e-4;
/// An arm that holds it askew already may lean so much more than it does, rad: joint sensors and controllers.
const SLACK: f64 = 0.01;

/// A place where it leans too much.
#[derive(Clone, Debug)]
pub(crate) struct Leaning {
    pub(crate) share: f64,
    pub(crate) q: Vec<f64>,
}

/// The bound on how much a held thing may lean, for one arm.
#[derive(Clone, Debug)]
pub(crate) struct Upright<'a> {
    arm: &'a Arm,
    /// Its axis in the frame of the last joint.
    axis: Vector3<f64>,
    most: f64,
    /// For each joint, how much a radian of it turns the axis at most.
    weights: Vec<f64>,
}

impl<'a> Upright<'a> {
    pub(crate) fn new(arm: &'a Arm, held: &Held, carry: &Carry) -> Self {
        let axis = (arm.last_from_tool() * held.tool_from_shape.iso).rotation * Vector3::z();
        let last = arm.joint_count() - 1;
        let weight =
            |(index, (before, hinge, kind)): (usize, (nalgebra::Isometry3<f64>, Vector3<f64>, JointKind))| {
                if kind != JointKind::Revolute {
                    return 0.0;
                }
                // The first joint's axis stands still, and about an upright one nothing leans; the last one's stays in the thing.
                let upright = index == 0 && (before.rotation * hinge).xy().norm() < 1e-9;
                if upright {
                    0.0
                } else if index == last {
                    hinge.cross(&axis).norm()
                } else {
                    1.0
                }
            };
        let weights = arm.chain.hinges().enumerate().map(weight).collect();
        Self { arm, axis, most: carry.tilt_rad, weights }
    }

    /// What it may lean, rad.
    pub(crate) fn most(&self) -> f64 {
        self.most
    }

    /// An arm that holds it more askew already may go on with it, but no more askew.
    pub(crate) fn relax_at(&mut self, q: &[f64]) {
        self.most = self.most.max(self.tilt(q) + SLACK);
    }

    fn axis_at(&self, q: &[f64]) -> Vector3<f64> {
        self.arm.chain.frames(q)[self.arm.joint_count()].rotation * self.axis
    }

    /// What it leans from the vertical, rad.
    pub(crate) fn tilt(&self, q: &[f64]) -> f64 {
        let axis = self.axis_at(q);
        axis.xy().norm().atan2(axis.z)
    }

    /// What the axis turns at most between two positions whose joints go straight.
    fn turned(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).zip(&self.weights).map(|((a, b), weight)| (b - a).abs() * weight).sum()
    }

    /// A place of the straight stretch from `a` to `b` where it may lean too much. None: it does nowhere.
    pub(crate) fn stretch(&self, a: &[f64], b: &[f64]) -> Option<Leaning> {
        let tilts = [self.tilt(a), self.tilt(b)];
        if tilts[1] > self.most {
            return Some(Leaning { share: 1.0, q: b.to_vec() });
        }
        self.halves(a, b, [0.0, 1.0], tilts, self.turned(a, b))
    }

    fn halves(
        &self,
        a: &[f64],
        b: &[f64],
        shares: [f64; 2],
        tilts: [f64; 2],
        turned: f64,
    ) -> Option<Leaning> {
        if 0.5 * (tilts[0] + tilts[1] + turned) <= self.most {
            return None;
        }
        let share = 0.5 * (shares[0] + shares[1]);
        let q = crate::sweep::between(a, b, share);
        let tilt = self.tilt(&q);
        if tilt > self.most || turned < SHORTEST {
            return Some(Leaning { share, q });
        }
        let first = self.halves(a, b, [shares[0], share], [tilts[0], tilt], 0.5 * turned);
        first.or_else(|| self.halves(a, b, [share, shares[1]], [tilt, tilts[1]], 0.5 * turned))
    }

    /// The same over a curve of share 0 to 1, of which `rates` bounds what each joint moves for a unit of the share.
    pub(crate) fn curve(&self, rates: &[f64], at: &dyn Fn(f64) -> Vec<f64>) -> Option<Leaning> {
        let turned = rates.iter().zip(&self.weights).map(|(rate, weight)| rate * weight).sum();
        let (a, b) = (at(0.0), at(1.0));
        let tilts = [self.tilt(&a), self.tilt(&b)];
        if tilts[1] > self.most {
            return Some(Leaning { share: 1.0, q: b });
        }
        self.curve_halves(at, [0.0, 1.0], tilts, turned)
    }

    fn curve_halves(
        &self,
        at: &dyn Fn(f64) -> Vec<f64>,
        shares: [f64; 2],
        tilts: [f64; 2],
        turned: f64,
    ) -> Option<Leaning> {
        if 0.5 * (tilts[0] + tilts[1] + turned) <= self.most {
            return None;
        }
        let share = 0.5 * (shares[0] + shares[1]);
        let q = at(share);
        let tilt = self.tilt(&q);
        if tilt > self.most || turned < SHORTEST {
            return Some(Leaning { share, q });
        }
        let first = self.curve_halves(at, [shares[0], share], [tilts[0], tilt], 0.5 * turned);
        first.or_else(|| self.curve_halves(at, [share, shares[1]], [tilt, tilts[1]], 0.5 * turned))
    }

    /// Brings a position near to one that does not lean too much, within the joints' limits. False where that fails.
    pub(crate) fn project(&self, q: &mut [f64]) -> bool {
        let aim = AIM * self.most;
        for _ in 0..STEPS {
            let frames = self.arm.chain.frames(q);
            let axis = frames[q.len()].rotation * self.axis;
            let tilt = axis.xy().norm().atan2(axis.z);
            if tilt <= aim * (1.0 + 1e-6) {
                return true;
            }
            // To the same side at the tilt that is aimed at, by a part of a radian at once: it is not linear.
            let to = (tilt - 0.4).max(aim);
            let level = axis.xy().try_normalize(1e-9).unwrap_or_else(Vector2::x);
            let wanted = Vector3::new(level.x * to.sin(), level.y * to.sin(), to.cos());
            let turn = axis.cross(&wanted);
            let mut columns = [Vector6::zeros(); MAX_JOINTS];
            self.arm.chain.jacobian_columns(&frames, &Vector3::zeros(), &mut columns);
            // What a radian of each joint turns the axis about the two directions across the vertical that matter.
            let across = turn.try_normalize(1e-12).unwrap_or_else(Vector3::x);
            let other = axis.cross(&across);
            let rows: Vec<Vector2<f64>> = columns[..q.len()]
                .iter()
                .map(|column| {
                    let spin = Vector3::new(column[3], column[4], column[5]);
                    Vector2::new(spin.dot(&across), spin.dot(&other))
                })
                .collect();
            let square: Matrix2<f64> = rows.iter().map(|row| row * row.transpose()).sum();
            let damped = square + Matrix2::identity() * 1e-6;
            let Some(inverse) = damped.try_inverse() else { return false };
            let angle = turn.norm().atan2(axis.dot(&wanted));
            let pull = inverse * Vector2::new(angle, 0.0);
            for ((position, row), limit) in q.iter_mut().zip(&rows).zip(self.arm.limits()) {
                *position = (*position + row.dot(&pull)).clamp(limit.lower, limit.upper);
            }
        }
        self.tilt(q) <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::between;
    use crate::testing::omni7;
    use nightshift_core::describe::Solid;
    use nightshift_core::frames::Pose;
    use nightshift_core::random::{Seed, Stream};
    use rand::Rng;

    fn held(carry: Carry) -> Held {
        let solid = Solid::Cylinder { radius_m: 0.014, height_m: 0.06 };
        let down = Pose::from_xyz_rpy([0.0; 3], [std::f64::consts::PI, 0.0, 0.0]);
        Held { name: "vial".to_owned(), solid, tool_from_shape: down, carry: Some(carry) }
    }

    fn anywhere(arm: &Arm, stream: &mut Stream) -> Vec<f64> {
        arm.limits().iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect()
    }

    #[test]
    fn positions_are_brought_upright_and_what_passes_leans_nowhere_between() {
        let arm = Arm::new(&omni7()).unwrap();
        let mut stream = Seed(8).stream("upright");
        let (mut brought, mut passed, mut refused, mut wrongly) = (0, 0, 0, 0);
        for _ in 0..400 {
            let carry = Carry { tilt_rad: stream.random_range(0.05..0.8), acceleration_m_s2: 1.0 };
            let upright = Upright::new(&arm, &held(carry), &carry);
            let mut a = anywhere(&arm, &mut stream);
            if !upright.project(&mut a) {
                continue;
            }
            brought += 1;
            assert!(upright.tilt(&a) <= carry.tilt_rad);
            assert!(a.iter().zip(arm.limits()).all(|(q, l)| (l.lower..=l.upper).contains(q)));
            let mut b: Vec<f64> = a.iter().map(|q| q + stream.random_range(-1.2..1.2)).collect();
            if !upright.project(&mut b) {
                continue;
            }
            let most =
                (0..=2000).map(|k| upright.tilt(&between(&a, &b, f64::from(k) / 2000.0))).fold(0.0, f64::max);
            match upright.stretch(&a, &b) {
                None => {
                    passed += 1;
                    assert!(most <= carry.tilt_rad + 1e-9, "{most} of {}", carry.tilt_rad);
                }
                Some(leaning) => {
                    refused += 1;
                    // Refused is what leans too much, but for what comes within a hair of it.
                    wrongly += usize::from(most <= carry.tilt_rad - 1e-3);
                    assert!(upright.tilt(&leaning.q) > carry.tilt_rad - 1e-3);
                }
            }
        }
        assert!(brought > 300 && passed > 150 && refused > 3, "{brought} {passed} {refused}");
        assert_eq!(wrongly, 0);
    }

    #[test]
    fn a_bent_way_is_bounded_by_how_fast_it_bends() {
        let arm = Arm::new(&omni7()).unwrap();
        let carry = Carry { tilt_rad: 0.2, acceleration_m_s2: 1.0 };
        let upright = Upright::new(&arm, &held(carry), &carry);
        let mut start = vec![0.1, 0.3, 0.0, -1.4, 0.0, 1.2, 0.0];
        assert!(upright.project(&mut start));
        // Away and back, so that the ends tell nothing.
        let bent = |by: f64| {
            let start = start.clone();
            move |share: f64| -> Vec<f64> {
                let mut q = start.clone();
                q[3] += by * (std::f64::consts::PI * share).sin();
                q
            }
        };
        let rates = |by: f64| {
            (0..7).map(|k| if k == 3 { by * std::f64::consts::PI } else { 0.0 }).collect::<Vec<_>>()
        };
        assert!(upright.curve(&rates(0.02), &bent(0.02)).is_none());
        let leaning = upright.curve(&rates(0.6), &bent(0.6)).expect("it leans in the middle");
        assert!(upright.tilt(&leaning.q) > 0.2 && leaning.share > 0.0 && leaning.share < 1.0);
    }

    #[test]
    fn an_arm_that_holds_it_askew_may_go_on_but_no_more_askew() {
        let arm = Arm::new(&omni7()).unwrap();
        let carry = Carry { tilt_rad: 0.05, acceleration_m_s2: 1.0 };
        let mut upright = Upright::new(&arm, &held(carry), &carry);
        let q = [0.1, 0.3, 0.0, -1.4, 0.0, 1.2, 0.0];
        let tilt = upright.tilt(&q);
        assert!(tilt > 0.05);
        upright.relax_at(&q);
        assert!((upright.most() - tilt - SLACK).abs() < 1e-12);
        assert!(upright.stretch(&q, &q).is_none());
    }
}
