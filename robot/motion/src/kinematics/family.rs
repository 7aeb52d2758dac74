//! Which arms have an inverse in closed form, recognised from the axes alone.
//!
//! The last six joints to be solved are either
//! - *three parallel axes* in second to fourth place and the last two meeting (the UR family), or
//! - three axes that meet in one point at the end (a *spherical wrist*), after three of which the first two meet or the
//!   last two are parallel (most industrial arms).
//!
//! Joints before them are swept over their range: none for six axes; one for seven, with a shoulder, elbow and wrist of
//! two, one and three axes (the lightweight arms, Fetch); a lift besides. The chain may also be looked at from the tool:
//! then the shoulder is the spherical wrist (Panda).

use super::MAX_JOINTS;
use nalgebra::{Isometry3, Point3, Vector3};

/// How far apart axes may be that meet, and how much off those that are parallel: what drawings and URDFs round, in
/// metres and as a sine.
const EXACT: f64 = 1e-6;

/// A joint at position zero of all joints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screw {
    /// Unit.
    pub(crate) axis: Vector3<f64>,
    /// On the axis.
    pub(crate) point: Vector3<f64>,
    /// Slides along the axis instead of turning about it.
    pub(crate) slides: bool,
}

/// How the first three of the last six joints put the wrist's centre in place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reach {
    /// The first two axes meet here.
    Meet(Vector3<f64>),
    /// The last two are parallel.
    Parallel,
}

/// The form of the last six joints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// Axes 2, 3 and 4 are parallel; 5 and 6 meet at `meet`.
    ThreeParallel { meet: Vector3<f64> },
    /// Axes 4, 5 and 6 meet at `centre`.
    Wrist { centre: Vector3<f64>, reach: Reach },
}

/// An arm with an inverse in closed form.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// In the order of solving.
    pub(crate) screws: Vec<Screw>,
    pub(crate) form: Form,
    /// Solved from the tool to the base.
    pub(crate) reversed: bool,
    /// The tool at position zero.
    pub(crate) home: Isometry3<f64>,
}

impl Family {
    /// None where the axes have no form that is known here.
    pub(crate) fn recognise(screws: &[Screw], home: &Isometry3<f64>) -> Option<Self> {
        if screws.len() < 6 || screws.len() > MAX_JOINTS {
            return None;
        }
        let reversed: Vec<Screw> = screws.iter().rev().map(|screw| seen_from(home, screw)).collect();
        let ways = [(screws.to_vec(), false), (reversed, true)];
        ways.into_iter().find_map(|(screws, reversed)| {
            let (swept, last) = screws.split_at(screws.len() - 6);
            // A lift stays in its place and one joint besides is swept.
            let turning = swept.iter().filter(|screw| !screw.slides).count();
            let form = form(last).filter(|_| turning <= 1)?;
            Some(Self { screws, form, reversed, home: *home })
        })
    }

    /// Joints that are swept, by their place in the order of solving: those before.
    pub(crate) fn swept(&self) -> usize {
        self.screws.len() - 6
    }

    /// For a person.
    pub(crate) fn words(&self) -> &'static str {
        match (self.form, self.swept()) {
            (Form::ThreeParallel { .. }, 0) => "closed form, three parallel axes",
            (Form::Wrist { .. }, 0) => "closed form, spherical wrist",
            (Form::ThreeParallel { .. }, _) => "closed form, three parallel axes, redundancy swept",
            (Form::Wrist { .. }, _) => "closed form, spherical wrist, redundancy swept",
        }
    }
}

/// A joint of the chain that leads from the tool to the base, in the tool's frame.
fn seen_from(home: &Isometry3<f64>, screw: &Screw) -> Screw {
    Screw {
        axis: -(home.rotation.inverse() * screw.axis),
        point: (home.inverse() * Point3::from(screw.point)).coords,
        ..*screw
    }
}

fn form(six: &[Screw]) -> Option<Form> {
    if six.iter().any(|screw| screw.slides) {
        return None;
    }
    let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|index| &six[index]);
    if parallel(b, c) && parallel(c, d) && !parallel(a, b) {
        return Some(Form::ThreeParallel { meet: meeting(e, f)? });
    }
    let centre = meeting(d, e).filter(|at| on_axis(f, at))?;
    if parallel(e, f) {
        return None;
    }
    if let Some(meet) = meeting(a, b) {
        return Some(Form::Wrist { centre, reach: Reach::Meet(meet) });
    }
    (parallel(b, c) && !parallel(a, b)).then_some(Form::Wrist { centre, reach: Reach::Parallel })
}

fn parallel(one: &Screw, other: &Screw) -> bool {
    one.axis.cross(&other.axis).norm() < EXACT
}

fn on_axis(screw: &Screw, point: &Vector3<f64>) -> bool {
    screw.axis.cross(&(point - screw.point)).norm() < EXACT
}

/// Where two axes that are not parallel meet.
fn meeting(one: &Screw, other: &Screw) -> Option<Vector3<f64>> {
    let normal = one.axis.cross(&other.axis);
    let square = normal.norm_squared();
    if square < EXACT * EXACT {
        return None;
    }
    let between = other.point - one.point;
    let at = one.point + one.axis * (between.cross(&other.axis).dot(&normal) / square);
    on_axis(other, &at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screw(axis: [f64; 3], point: [f64; 3]) -> Screw {
        Screw { axis: axis.into(), point: point.into(), slides: false }
    }

    #[test]
    fn forms_are_recognised_and_others_are_not() {
        // Axes of a UR arm and of an elbow arm with a wrist, about.
        let ur = [
            screw([0.0, 0.0, 1.0], [0.0; 3]),
            screw([0.0, 1.0, 0.0], [0.0, 0.0, 0.1]),
            screw([0.0, 1.0, 0.0], [0.4, 0.0, 0.1]),
            screw([0.0, 1.0, 0.0], [0.8, 0.0, 0.1]),
            screw([0.0, 0.0, -1.0], [0.8, 0.1, 0.1]),
            screw([0.0, 1.0, 0.0], [0.8, 0.1, 0.0]),
        ];
        let home = Isometry3::translation(0.8, 0.2, 0.0);
        let form = |screws: &[Screw]| Family::recognise(screws, &home).map(|family| family.form);
        let meet = Vector3::new(0.8, 0.1, 0.0);
        assert_eq!(form(&ur), Some(Form::ThreeParallel { meet }));
        let mut wrist = ur;
        wrist[3] = screw([1.0, 0.0, 0.0], [0.5, 0.1, 0.0]);
        assert!(matches!(form(&wrist), Some(Form::Wrist { reach: Reach::Meet(_), .. })));
        wrist[0].point = Vector3::new(0.0, -0.2, 0.0);
        wrist[1].point = Vector3::new(0.15, 0.0, 0.1);
        assert!(matches!(form(&wrist), Some(Form::Wrist { reach: Reach::Parallel, .. })));
        // One axis a millimetre off: no closed form that holds to a micrometre.
        wrist[4].point.y += 1e-3;
        assert_eq!(form(&wrist), None);
        // From the tool, the same arm's wrist is its shoulder.
        let backwards: Vec<Screw> = wrist.iter().rev().copied().collect();
        assert_eq!(form(&backwards), None);
        wrist[4].point.y -= 1e-3;
        let backwards: Vec<Screw> = wrist.iter().rev().copied().collect();
        assert!(Family::recognise(&backwards, &home).is_some_and(|family| family.reversed));
    }
}
