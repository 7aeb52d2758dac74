//! The part of URDF that the stack uses, checked.

use super::shape::Solid;
use super::{Problems, Reader};
use nalgebra::{Isometry3, Translation3, Unit, UnitQuaternion, Vector3};
use std::collections::BTreeMap;

/// A tree of links and joints.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotModel {
    /// The one link that is no joint's child.
    pub root: String,
    /// By name.
    pub links: BTreeMap<String, Link>,
    /// Parents before children.
    pub joints: Vec<Joint>,
}

/// A rigid body.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Kilograms; zero for a mere frame.
    pub mass_kg: f64,
    /// Centre of mass in the link's frame.
    pub center_of_mass: Vector3<f64>,
    /// Principal moments about the centre of mass are taken from the diagonal (ixx, iyy, izz), kg m^2.
    pub inertia_diagonal: Vector3<f64>,
    /// Collision shapes.
    pub collision: Vec<LinkShape>,
    /// What it looks like; the same solids where the URDF says nothing else.
    pub visual: Vec<LinkShape>,
}

/// A solid on a link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkShape {
    /// Its form.
    pub solid: Solid,
    /// Its centre in the link's frame.
    pub link_from_shape: Isometry3<f64>,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// How a joint moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JointKind {
    /// Not at all.
    Fixed,
    /// Turns about its axis between its limits, radians.
    Revolute,
    /// Slides along its axis between its limits, metres.
    Prismatic,
}

/// A joint.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// Its name.
    pub name: String,
    /// How it moves.
    pub kind: JointKind,
    /// The link it hangs on.
    pub parent: String,
    /// The link that it moves.
    pub child: String,
    /// The child's frame in the parent's at position zero.
    pub parent_from_child: Isometry3<f64>,
    /// In the child's frame.
    pub axis: Unit<Vector3<f64>>,
    /// Least position, radians or metres.
    pub lower: f64,
    /// Largest position, radians or metres.
    pub upper: f64,
    /// Largest rate, rad/s or m/s.
    pub max_velocity: f64,
    /// Largest torque or force, N m or N.
    pub max_effort: f64,
}

impl Joint {
    /// Whether it moves at all.
    pub fn is_movable(&self) -> bool {
        self.kind != JointKind::Fixed
    }

    /// The child's frame in the parent's at a position.
    pub fn parent_from_child_at(&self, position: f64) -> Isometry3<f64> {
        let motion = match self.kind {
            JointKind::Fixed => Isometry3::identity(),
            JointKind::Revolute => Isometry3::from_parts(
                Translation3::identity(),
                UnitQuaternion::from_axis_angle(&self.axis, position),
            ),
            JointKind::Prismatic => Isometry3::from_parts(
                Translation3::from(self.axis.into_inner() * position),
                UnitQuaternion::identity(),
            ),
        };
        self.parent_from_child * motion
    }
}

impl RobotModel {
    /// The joint of that name.
    pub fn joint(&self, name: &str) -> Option<&Joint> {
        self.joints.iter().find(|joint| joint.name == name)
    }

    /// The joint that moves that link; none for the root.
    pub fn joint_above(&self, link: &str) -> Option<&Joint> {
        self.joints.iter().find(|joint| joint.child == link)
    }

    /// Whether `ancestor` is `link` or above it.
    pub fn is_ancestor(&self, ancestor: &str, link: &str) -> bool {
        let mut at = link;
        loop {
            if at == ancestor {
                return self.links.contains_key(at);
            }
            match self.joint_above(at) {
                Some(joint) => at = &joint.parent,
                None => return false,
            }
        }
    }

    pub(super) fn load(reader: &Reader<'_>, file: &str, problems: &mut Problems) -> Option<Self> {
        let text = reader(file).map_err(|reason| problems.add(file, "", reason)).ok()?;
        Self::parse(&text, file, problems)
    }

    /// Parses URDF text. Only boxes, cylinders and spheres are taken; meshes are refused by name.
    pub fn parse(text: &str, file: &str, problems: &mut Problems) -> Option<Self> {
        let before = problems.0.len();
        let urdf = urdf_rs::read_from_string(text)
            .map_err(|error| problems.add(file, "", format!("not readable as URDF: {error}")))
            .ok()?;
        let mut links = BTreeMap::new();
        for raw in &urdf.links {
            let link = read_link(raw, &urdf, file, problems);
            if links.insert(raw.name.clone(), link).is_some() {
                problems.add(file, format!("link {}", raw.name), "is defined twice");
            }
        }
        let joints: Vec<Joint> =
            urdf.joints.iter().filter_map(|raw| read_joint(raw, &links, file, problems)).collect();
        let root = find_root(&links, &joints, file, problems)?;
        let joints = order_from(&root, joints);
        if joints.len() + 1 < links.len() && problems.0.len() == before {
            problems.add(file, "", "the links do not form one tree: there is a loop");
        }
        (problems.0.len() == before).then_some(Self { root, links, joints })
    }
}

fn find_root(
    links: &BTreeMap<String, Link>,
    joints: &[Joint],
    file: &str,
    problems: &mut Problems,
) -> Option<String> {
    for (index, joint) in joints.iter().enumerate() {
        if let Some(other) = joints[..index].iter().find(|other| other.child == joint.child) {
            problems.add(
                file,
                format!("joint {}", joint.name),
                format!("its child {} hangs on joint {} already", joint.child, other.name),
            );
        }
    }
    let mut roots = links.keys().filter(|link| joints.iter().all(|joint| joint.child != **link));
    match (roots.next(), roots.next()) {
        (Some(root), None) => Some(root.clone()),
        (Some(one), Some(other)) => {
            problems.add(
                file,
                "",
                format!("links {one} and {other} both have no parent: one root is needed"),
            );
            None
        }
        (None, _) => {
            problems.add(file, "", "every link is some joint's child: there is a loop");
            None
        }
    }
}

fn order_from(root: &str, mut joints: Vec<Joint>) -> Vec<Joint> {
    let mut known = vec![root.to_owned()];
    let mut ordered = Vec::with_capacity(joints.len());
    while let Some(index) = joints.iter().position(|joint| known.contains(&joint.parent)) {
        let joint = joints.remove(index);
        known.push(joint.child.clone());
        ordered.push(joint);
    }
    ordered
}

fn isometry(raw: &urdf_rs::Pose) -> Isometry3<f64> {
    let (t, r) = (raw.xyz.0, raw.rpy.0);
    Isometry3::from_parts(
        Translation3::new(t[0], t[1], t[2]),
        UnitQuaternion::from_euler_angles(r[0], r[1], r[2]),
    )
}

fn read_link(raw: &urdf_rs::Link, urdf: &urdf_rs::Robot, file: &str, problems: &mut Problems) -> Link {
    let key = format!("link {}", raw.name);
    let inertial = &raw.inertial;
    let (mass, inertia) = (inertial.mass.value, &inertial.inertia);
    let diagonal = Vector3::new(inertia.ixx, inertia.iyy, inertia.izz);
    problems.check(mass >= 0.0 && mass.is_finite(), file, key.clone(), "its mass must not be negative");
    if mass > 0.0 {
        let sum = diagonal.sum();
        let sound = diagonal.iter().all(|i| *i > 0.0 && 2.0 * i <= sum * (1.0 + 1e-9));
        problems.check(
            sound,
            file,
            key.clone(),
            "no body has this inertia: moments must be positive, and each at most the sum of the other two",
        );
    }
    let mut read = |geometry: &urdf_rs::Geometry, origin: &urdf_rs::Pose, color| {
        let solid = match geometry {
            urdf_rs::Geometry::Box { size } => Solid::Box { size_m: size.0 },
            urdf_rs::Geometry::Cylinder { radius, length } => {
                Solid::Cylinder { radius_m: *radius, height_m: *length }
            }
            urdf_rs::Geometry::Sphere { radius } => Solid::Sphere { radius_m: *radius },
            other => {
                problems.add(
                    file,
                    key.clone(),
                    format!("{other:?}: only box, cylinder and sphere are taken"),
                );
                return None;
            }
        };
        Some(LinkShape { solid, link_from_shape: isometry(origin), color })
    };
    let collision: Vec<LinkShape> =
        raw.collision.iter().filter_map(|c| read(&c.geometry, &c.origin, GREY)).collect();
    let mut visual: Vec<LinkShape> = raw
        .visual
        .iter()
        .filter_map(|v| read(&v.geometry, &v.origin, color_of(v.material.as_ref(), urdf)))
        .collect();
    if visual.is_empty() {
        visual.clone_from(&collision);
    }
    Link {
        mass_kg: mass,
        center_of_mass: isometry(&inertial.origin).translation.vector,
        inertia_diagonal: diagonal,
        collision,
        visual,
    }
}

const GREY: [u8; 3] = [160, 160, 160];

fn color_of(material: Option<&urdf_rs::Material>, urdf: &urdf_rs::Robot) -> [u8; 3] {
    let Some(material) = material else { return GREY };
    let named = urdf.materials.iter().find(|m| m.name == material.name);
    let color = material.color.as_ref().or(named.and_then(|m| m.color.as_ref()));
    color.map_or(GREY, |c| [0, 1, 2].map(|i| (c.rgba.0[i].clamp(0.0, 1.0) * 255.0) as u8))
}

fn read_joint(
    raw: &urdf_rs::Joint,
    links: &BTreeMap<String, Link>,
    file: &str,
    problems: &mut Problems,
) -> Option<Joint> {
    let key = format!("joint {}", raw.name);
    let kind = match raw.joint_type {
        urdf_rs::JointType::Fixed => JointKind::Fixed,
        urdf_rs::JointType::Revolute => JointKind::Revolute,
        urdf_rs::JointType::Prismatic => JointKind::Prismatic,
        ref other => {
            problems.add(file, key, format!("type {other:?}: only fixed, revolute and prismatic are taken"));
            return None;
        }
    };
    for link in [&raw.parent.link, &raw.child.link] {
        problems.check(links.contains_key(link), file, key.clone(), format!("there is no link {link}"));
    }
    let limit = &raw.limit;
    let axis = Vector3::from(raw.axis.xyz.0);
    if kind != JointKind::Fixed {
        problems.check(
            limit.lower < limit.upper && limit.velocity > 0.0 && limit.effort > 0.0,
            file,
            key.clone(),
            "needs a <limit> with lower < upper and positive velocity and effort",
        );
        problems.check(axis.norm() > 1e-6, file, key.clone(), "its axis has no direction");
    }
    // A safety controller narrows the limits that the joint may use; without soft limits it says nothing of them.
    let (mut lower, mut upper) = (limit.lower, limit.upper);
    if let Some(safety) = &raw.safety_controller
        && (safety.soft_lower_limit != 0.0 || safety.soft_upper_limit != 0.0)
    {
        let (soft_lower, soft_upper) = (safety.soft_lower_limit, safety.soft_upper_limit);
        lower = lower.max(soft_lower);
        upper = upper.min(soft_upper);
        problems.check(
            lower < upper && soft_lower < soft_upper,
            file,
            key,
            format!(
                "its <safety_controller> leaves no range: {soft_lower} to {soft_upper} within {} to {}",
                limit.lower, limit.upper
            ),
        );
    }
    Some(Joint {
        name: raw.name.clone(),
        kind,
        parent: raw.parent.link.clone(),
        child: raw.child.link.clone(),
        parent_from_child: isometry(&raw.origin),
        axis: Unit::try_new(axis, 1e-6).unwrap_or_else(Vector3::x_axis),
        lower,
        upper,
        max_velocity: limit.velocity,
        max_effort: limit.effort,
    })
}
