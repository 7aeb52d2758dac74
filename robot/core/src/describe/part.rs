//! Moving parts of stations: doors, trays, lids, carousels.

use super::{Problems, Shape};
use crate::frames;
use crate::ids::NestId;
use nalgebra::{Isometry3, Translation3, Unit, UnitQuaternion, Vector3};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A moving part. What is on it (its shapes, the nests that name it) is described as it is at position 0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How it moves.
    pub joint: PartJoint,
    /// Share of its travel in a second.
    pub speed_per_s: f64,
    /// What it is made of, in the station's frame.
    #[serde(default)]
    pub shapes: Vec<Shape<frames::Station>>,
    /// Of a carousel: the position that brings a nest before the robot.
    #[serde(default)]
    pub stops: BTreeMap<NestId, f64>,
}

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
}

impl Part {
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
    }
}
