//! The arm as a serial chain of joints: forward kinematics and Jacobian.

use super::MAX_JOINTS;
use super::family::Screw;
use nalgebra::{Isometry3, Matrix6xX, Point3, Translation3, Unit, UnitQuaternion, Vector3, Vector6};
use nightshift_core::describe::{ArmDescription, Joint, JointKind, RobotModel};
use nightshift_core::{Code, Failure};

/// What one joint of the arm may do: radians and seconds (metres for a sliding joint).
#[derive(Clone, Debug, PartialEq)]
pub struct JointLimits {
    /// The joint's name in the URDF.
    pub joint: String,
    /// How it moves.
    pub kind: JointKind,
    /// Least position.
    pub lower: f64,
    /// Largest position.
    pub upper: f64,
    /// Largest speed.
    pub velocity: f64,
    /// Largest acceleration.
    pub acceleration: f64,
    /// Largest jerk.
    pub jerk: f64,
}

impl JointLimits {
    /// A position, in words for a person.
    pub(crate) fn words(&self, position: f64) -> String {
        match self.kind {
            JointKind::Prismatic => format!("{position:.3} m"),
            JointKind::Revolute | JointKind::Fixed => format!("{:.1} deg", position.to_degrees()),
        }
    }
}

#[derive(Clone, Debug)]
struct ChainJoint {
    /// This joint's frame at position zero, in the frame of the joint before it (of the base for the first).
    before_from_joint: Isometry3<f64>,
    axis: Unit<Vector3<f64>>,
    kind: JointKind,
}

/// The arm's joints in order. Frame 0 is the base; frame k moves with the k-th joint.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    joints: Vec<ChainJoint>,
    /// The flange in the last joint's frame.
    last_from_flange: Isometry3<f64>,
}

/// Frames 0 to n in the base's frame.
#[derive(Clone, Debug)]
pub(crate) struct Frames {
    frames: [Isometry3<f64>; MAX_JOINTS + 1],
    count: usize,
}

impl std::ops::Deref for Frames {
    type Target = [Isometry3<f64>];

    fn deref(&self) -> &[Isometry3<f64>] {
        &self.frames[..self.count]
    }
}

/// Where a link hangs: the chain's frame that it moves with, and its pose in that frame.
#[derive(Clone, Debug)]
pub(crate) struct LinkPlace {
    pub(crate) link: String,
    pub(crate) frame: usize,
    pub(crate) frame_from_link: Isometry3<f64>,
}

impl Chain {
    pub(crate) fn new(model: &RobotModel, arm: &ArmDescription) -> Result<Self, Failure> {
        let places = place_links(model, arm, |joint| 0.0f64.clamp(joint.lower, joint.upper));
        let find = |link: &str| places.iter().find(|place| place.link == link);
        let bad = |what: String| Failure::new(Code::MalformedRequest, what);
        if arm.joints.is_empty() || arm.joints.len() > MAX_JOINTS {
            return Err(bad(format!("the arm has {} joints; 1 to {MAX_JOINTS} are taken", arm.joints.len())));
        }
        let mut joints = Vec::with_capacity(arm.joints.len());
        for (index, name) in arm.joints.iter().enumerate() {
            let joint = model.joint(name).ok_or_else(|| bad(format!("the robot has no joint {name}")))?;
            let parent = find(&joint.parent).filter(|parent| parent.frame == index);
            let parent = parent.ok_or_else(|| bad(format!("joint {name} does not follow in the chain")))?;
            joints.push(ChainJoint {
                before_from_joint: parent.frame_from_link * joint.parent_from_child,
                axis: joint.axis,
                kind: joint.kind,
            });
        }
        let flange = find(&arm.flange_link).filter(|place| place.frame == joints.len());
        let flange =
            flange.ok_or_else(|| bad(format!("flange {} is not after the last joint", arm.flange_link)))?;
        Ok(Self { joints, last_from_flange: flange.frame_from_link })
    }

    pub(crate) fn len(&self) -> usize {
        self.joints.len()
    }

    /// Frames 0 to n in the base's frame.
    pub(crate) fn frames(&self, q: &[f64]) -> Frames {
        assert_eq!(q.len(), self.joints.len(), "one position a joint");
        let mut frames = [Isometry3::identity(); MAX_JOINTS + 1];
        let mut at = Isometry3::identity();
        for ((joint, position), frame) in self.joints.iter().zip(q).zip(&mut frames[1..]) {
            at *= joint.before_from_joint;
            match joint.kind {
                JointKind::Revolute => at.rotation *= UnitQuaternion::from_axis_angle(&joint.axis, *position),
                JointKind::Prismatic => at *= Translation3::from(joint.axis.into_inner() * *position),
                JointKind::Fixed => {}
            }
            *frame = at;
        }
        Frames { frames, count: self.joints.len() + 1 }
    }

    /// The joints as screws in the base's frame, at position zero.
    pub(crate) fn screws(&self) -> Vec<Screw> {
        let frames = self.frames(&[0.0; MAX_JOINTS][..self.joints.len()]);
        let joints = self.joints.iter().zip(&frames[1..]);
        let screw = |(joint, frame): (&ChainJoint, &Isometry3<f64>)| Screw {
            axis: frame.rotation * joint.axis.into_inner(),
            point: frame.translation.vector,
            slides: joint.kind == JointKind::Prismatic,
        };
        joints.map(screw).collect()
    }

    /// Each joint's frame in the one before, its axis and how it moves.
    pub(crate) fn hinges(&self) -> impl Iterator<Item = (Isometry3<f64>, Vector3<f64>, JointKind)> + '_ {
        self.joints.iter().map(|joint| (joint.before_from_joint, joint.axis.into_inner(), joint.kind))
    }

    pub(crate) fn last_from_flange(&self) -> Isometry3<f64> {
        self.last_from_flange
    }

    /// The flange in the base's frame.
    pub(crate) fn flange(&self, frames: &[Isometry3<f64>]) -> Isometry3<f64> {
        frames[self.joints.len()] * self.last_from_flange
    }

    /// How fast a point that moves with the last frame goes (first three, m) and turns (last three, rad) for a unit
    /// rate of each joint, in the base's frame.
    pub(crate) fn jacobian_columns(
        &self,
        frames: &[Isometry3<f64>],
        point: &Vector3<f64>,
        columns: &mut [Vector6<f64>; MAX_JOINTS],
    ) {
        for ((joint, frame), column) in self.joints.iter().zip(&frames[1..]).zip(columns) {
            let axis = frame.rotation * joint.axis.into_inner();
            *column = match joint.kind {
                JointKind::Revolute => {
                    let lever = axis.cross(&(point - frame.translation.vector));
                    Vector6::new(lever.x, lever.y, lever.z, axis.x, axis.y, axis.z)
                }
                JointKind::Prismatic => Vector6::new(axis.x, axis.y, axis.z, 0.0, 0.0, 0.0),
                JointKind::Fixed => Vector6::zeros(),
            };
        }
    }

    pub(crate) fn jacobian(&self, frames: &[Isometry3<f64>], point: &Vector3<f64>) -> Matrix6xX<f64> {
        let mut columns = [Vector6::zeros(); MAX_JOINTS];
        self.jacobian_columns(frames, point, &mut columns);
        Matrix6xX::from_columns(&columns[..self.joints.len()])
    }

    /// For each joint, how far from its axis the farthest of these points is, of those that it moves: an upper bound
    /// of how far a unit of the joint moves them. A point is given with the frame that it moves with and a radius
    /// around it. A sliding joint moves everything by 1.
    pub(crate) fn levers(
        &self,
        frames: &[Isometry3<f64>],
        balls: impl Iterator<Item = (usize, Point3<f64>, f64)> + Clone,
    ) -> Vec<f64> {
        let lever = |(index, joint): (usize, &ChainJoint)| {
            if joint.kind != JointKind::Revolute {
                return 1.0;
            }
            let (frame, axis) = (frames[index + 1], frames[index + 1].rotation * joint.axis.into_inner());
            let of = |(_, center, radius): (usize, Point3<f64>, f64)| {
                axis.cross(&(center.coords - frame.translation.vector)).norm() + radius
            };
            balls.clone().filter(|ball| ball.0 > index).map(of).fold(0.0, f64::max)
        };
        self.joints.iter().enumerate().map(lever).collect()
    }
}

/// Where every link hangs when the joints that are not the arm's stand at `position_of` them.
pub(crate) fn place_links(
    model: &RobotModel,
    arm: &ArmDescription,
    position_of: impl Fn(&Joint) -> f64,
) -> Vec<LinkPlace> {
    let root = LinkPlace { link: model.root.clone(), frame: 0, frame_from_link: Isometry3::identity() };
    let mut places = vec![root];
    for joint in &model.joints {
        let Some(parent) = places.iter().find(|place| place.link == joint.parent) else { continue };
        let place = match arm.joints.iter().position(|name| *name == joint.name) {
            Some(index) => LinkPlace {
                link: joint.child.clone(),
                frame: index + 1,
                frame_from_link: Isometry3::identity(),
            },
            None => LinkPlace {
                link: joint.child.clone(),
                frame: parent.frame,
                frame_from_link: parent.frame_from_link * joint.parent_from_child_at(position_of(joint)),
            },
        };
        places.push(place);
    }
    places
}
