//! Moving parts of stations: doors, trays, lids, carousels.

use super::{Problems, Shape, Solid};
use crate::frames::{self, Pose};
use crate::ids::NestId;
use nalgebra::{Isometry3, Point3, Translation3, Unit, UnitQuaternion, Vector3};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A moving part. What is on it (its shapes, the nests that name it) is described as it is at position 0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How it moves.
    pub joint: PartJoint,
    /// Share of its travel in a second, at most.
    pub speed_per_s: f64,
    /// It has no drive, and a hand moves it; none: the station does.
    pub hand: Option<Hand>,
    /// What it is made of, in the station's frame.
    #[serde(default)]
    pub shapes: Vec<Shape<frames::Station>>,
    /// Of a carousel: the position that brings a nest before the robot.
    #[serde(default)]
    pub stops: BTreeMap<NestId, f64>,
}

/// What a part that has no drive is moved by.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hand {
    /// What the fingers close on, one of the part's shapes: a cylinder with its free end at +z.
    pub knob: String,
    /// What it takes at the knob to move the part, newtons.
    pub drag_n: f64,
    /// With more than this at the knob nobody pushes on: the part sticks, newtons.
    pub most_n: f64,
}

/// A part's knob, where the part is at position 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knob {
    /// Its middle, with z along it to its free end.
    pub pose: Pose<frames::Station, frames::Link>,
    /// Metres.
    pub radius_m: f64,
    /// Metres.
    pub height_m: f64,
}

/// Fingers take a knob by so much of it, and keep off the part: shorter ones are refused, metres.
pub const KNOB_LEAST_M: f64 = 0.03;

/// Open fingers keep so far from a knob that is where it should be, on either side: docking is good to 5 mm, metres.
pub const KNOB_ROOM_M: f64 = 0.006;

/// How a part moves; its position goes from 0 to 1 over the travel. Axes are in the station's frame.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PartJoint {
    /// In a straight line.
    Slide {
        /// Which way; its length does not matter.
        axis: [f64; 3],
        /// How far, metres.
        travel_m: f64,
    },
    /// About a line.
    Turn {
        /// A point of the line, metres.
        origin: [f64; 3],
        /// Along it; its length does not matter.
        axis: [f64; 3],
        /// How far, degrees, right-handed about the axis.
        travel_deg: f64,
    },
}

impl PartJoint {
    /// The axis, of length one. Loading has checked that it has a length.
    pub fn axis(&self) -> Vector3<f64> {
        let (Self::Slide { axis, .. } | Self::Turn { axis, .. }) = self;
        Vector3::from(*axis).normalize()
    }

    /// The whole travel: metres, or radians.
    pub fn travel(&self) -> f64 {
        match *self {
            Self::Slide { travel_m, .. } => travel_m,
            Self::Turn { travel_deg, .. } => travel_deg.to_radians(),
        }
    }

    /// What takes a point of the part from where it is at position 0 to where it is at `position`, in the station's
    /// frame.
    pub fn displacement(&self, position: f64) -> Isometry3<f64> {
        let by = position * self.travel();
        match *self {
            Self::Slide { .. } => {
                Isometry3::translation(self.axis().x * by, self.axis().y * by, self.axis().z * by)
            }
            Self::Turn { origin, .. } => {
                let (there, turn) = (
                    Translation3::from(origin),
                    UnitQuaternion::from_axis_angle(&Unit::new_unchecked(self.axis()), by),
                );
                there * turn * there.inverse()
            }
        }
    }

    /// At which position the part is when what is at `first` at position 0 is at `now`, both in the station's frame, metres.
    pub fn position_of(&self, first: &Point3<f64>, now: &Point3<f64>) -> f64 {
        let axis = self.axis();
        match *self {
            Self::Slide { .. } => (now - first).dot(&axis) / self.travel(),
            Self::Turn { origin, .. } => {
                let across = |point: &Point3<f64>| {
                    let arm = point - Point3::from(origin);
                    arm - axis * arm.dot(&axis)
                };
                let (from, to) = (across(first), across(now));
                from.cross(&to).dot(&axis).atan2(from.dot(&to)) / self.travel()
            }
        }
    }

    /// How far a point goes over the whole travel, metres.
    pub fn way_m(&self, point: &Point3<f64>) -> f64 {
        match *self {
            Self::Slide { travel_m, .. } => travel_m.abs(),
            Self::Turn { origin, .. } => {
                let arm = point - Point3::from(origin);
                (arm - self.axis() * arm.dot(&self.axis())).norm() * self.travel().abs()
            }
        }
    }
}

impl Part {
    /// What a hand moves it by.
    pub fn knob(&self) -> Option<Knob> {
        let hand = self.hand.as_ref()?;
        let shape = self.shapes.iter().find(|shape| shape.name == hand.knob)?;
        let Solid::Cylinder { radius_m, height_m } = shape.solid else { return None };
        Some(Knob { pose: shape.pose, radius_m, height_m })
    }

    fn check_hand(&self, hand: &Hand, problems: &mut Problems, file: &str, key: &str) {
        let named = self.shapes.iter().any(|shape| shape.name == hand.knob);
        let words = match (self.knob(), named) {
            (Some(knob), _) if knob.height_m < KNOB_LEAST_M => {
                let (is, least) = (knob.height_m * 1e3, KNOB_LEAST_M * 1e3);
                format!("{} is {is:.0} mm long, fingers need {least:.0} mm", hand.knob)
            }
            (Some(knob), _) if self.joint.way_m(&knob.pose.translation().into()) < 1e-3 => {
                format!("{} does not move with the part: it is on its axis", hand.knob)
            }
            (Some(_), _) => String::new(),
            (None, true) => format!("{} must be a cylinder: fingers close around it", hand.knob),
            (None, false) => format!("the part has no shape {}", hand.knob),
        };
        problems.check(words.is_empty(), file, format!("{key}.hand.knob"), words);
        problems.check(
            hand.drag_n.is_finite() && hand.drag_n > 0.0,
            file,
            format!("{key}.hand.drag_n"),
            "must be positive",
        );
        // What is felt at the start of a pull may be what is left of the pull before it.
        problems.check(
            hand.most_n.is_finite() && hand.most_n >= 2.0 * hand.drag_n,
            file,
            format!("{key}.hand.most_n"),
            "must be at least twice drag_n: a hand tells what sticks from what drags by it",
        );
    }

    pub(super) fn check(&self, problems: &mut Problems, file: &str, key: &str) {
        let (PartJoint::Slide { axis, .. } | PartJoint::Turn { axis, .. }) = self.joint;
        let length = Vector3::from(axis).norm();
        problems.check(
            length.is_finite() && length > 1e-9,
            file,
            format!("{key}.joint.axis"),
            "must be finite and have a length",
        );
        let travel = self.joint.travel();
        problems.check(
            travel.is_finite() && travel.abs() > 1e-6,
            file,
            format!("{key}.joint"),
            "must travel somewhere",
        );
        problems.check(
            self.speed_per_s.is_finite() && self.speed_per_s > 0.0,
            file,
            format!("{key}.speed_per_s"),
            "must be positive",
        );
        for (index, shape) in self.shapes.iter().enumerate() {
            shape.check(problems, file, &format!("{key}.shapes[{index}]"));
        }
        if let Some(hand) = &self.hand {
            self.check_hand(hand, problems, file, key);
        }
        for (nest, stop) in &self.stops {
            problems.check(
                (0.0..=1.0).contains(stop),
                file,
                format!("{key}.stops.{nest}"),
                format!("is {stop}; a position goes from 0 to 1"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Point3;

    #[test]
    fn a_lid_swings_about_its_hinge_and_a_tray_slides() {
        let lid = PartJoint::Turn { origin: [0.3, 0.0, 0.9], axis: [0.0, 2.0, 0.0], travel_deg: 90.0 };
        // The edge towards the robot, 0.2 m before the hinge, comes to stand above it.
        let up = lid.displacement(1.0) * Point3::new(0.1, 0.05, 0.9);
        assert!((up - Point3::new(0.3, 0.05, 1.1)).norm() < 1e-12, "{up}");
        assert_eq!(lid.displacement(0.0), Isometry3::identity());
        let tray = PartJoint::Slide { axis: [-3.0, 0.0, 0.0], travel_m: 0.3 };
        let out = tray.displacement(0.5) * Point3::new(0.5, 0.0, 0.8);
        assert!((out - Point3::new(0.35, 0.0, 0.8)).norm() < 1e-12, "{out}");
        // Where a part is, told by where one of its points is.
        let first = Point3::new(0.1, 0.05, 0.9);
        for joint in [lid, tray] {
            for at in [-0.1, 0.0, 0.4, 1.0, 1.2] {
                let found = joint.position_of(&first, &(joint.displacement(at) * first));
                assert!((found - at).abs() < 1e-12, "{found} instead of {at}");
            }
        }
        assert!((lid.way_m(&first) - 0.2 * std::f64::consts::FRAC_PI_2).abs() < 1e-12);
        assert!((tray.way_m(&first) - 0.3).abs() < 1e-12);
    }
}
