//! Where the scene's things are in MuJoCo's arrays.

use crate::SimError;
use crate::mjcf::names;
use crate::people::PARTS;
use crate::scene::{Role, Scene};
use mujoco_rs::prelude::*;
use nightshift_core::describe::Robot;

/// Indices into MuJoCo's arrays.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The body of each link of the scene.
    pub link_body: Vec<usize>,
    /// The arm's flange.
    pub flange_body: usize,
    /// The body of each vial.
    pub vial_body: Vec<usize>,
    /// The start in qpos of each vial's free joint.
    pub vial_qpos: Vec<usize>,
    /// The body of each moving part.
    pub part_body: Vec<usize>,
    /// The joint of each moving part.
    pub parts: Vec<PartIndex>,
    /// The moved bodies of each person's parts.
    pub people: Vec<[usize; PARTS.len()]>,
    /// The body of each piece of labware that is not carried.
    pub ware_body: Vec<usize>,
    /// The body of each loose cap.
    pub cap_body: Vec<usize>,
    /// x, y and yaw of the base.
    pub base: [JointIndex; 3],
    /// In the description's order.
    pub arm: Vec<JointIndex>,
    /// In the description's order.
    pub fingers: [JointIndex; 2],
    /// The geoms of both fingers.
    pub finger_geoms: Vec<usize>,
    /// The shape that each geom is.
    pub prim_of_geom: Vec<usize>,
}

/// A joint with one degree of freedom and a drive.
#[derive(Clone, Copy, Debug)]
pub struct JointIndex {
    /// In qpos.
    pub qpos: usize,
    /// In qvel.
    pub dof: usize,
    /// In ctrl.
    pub actuator: usize,
}

/// The joint of a station's part.
#[derive(Clone, Copy, Debug)]
pub struct PartIndex {
    /// In qpos.
    pub qpos: usize,
    /// In qvel.
    pub dof: usize,
    /// Its drive in ctrl, where it has one.
    pub drive: Option<usize>,
}

impl Layout {
    /// Finds everything by name.
    pub fn new(scene: &Scene, robot: &Robot, model: &MjModel) -> Result<Self, SimError> {
        let find = |kind: MjtObjBase, name: &str| {
            let missing = || SimError::Compile(format!("the model has no {name}"));
            model.name_to_id(kind, name).ok_or_else(missing)
        };
        let joint = |name: &str| {
            let id = find(MjtObjBase::mjOBJ_JOINT, name)?;
            Ok(JointIndex {
                qpos: model.jnt_qposadr()[id] as usize,
                dof: model.jnt_dofadr()[id] as usize,
                actuator: find(MjtObjBase::mjOBJ_ACTUATOR, name)?,
            })
        };
        let part = |name: &str| {
            let id = find(MjtObjBase::mjOBJ_JOINT, name)?;
            Ok(PartIndex {
                qpos: model.jnt_qposadr()[id] as usize,
                dof: model.jnt_dofadr()[id] as usize,
                drive: model.name_to_id(MjtObjBase::mjOBJ_ACTUATOR, name),
            })
        };
        let body = |name: &str| find(MjtObjBase::mjOBJ_BODY, name);
        let vial_body = (0..scene.vials.len())
            .map(|i| body(&names::vial(i)))
            .collect::<Result<Vec<usize>, SimError>>()?;
        let vial_qpos =
            vial_body.iter().map(|b| model.jnt_qposadr()[model.body_jntadr()[*b] as usize] as usize);
        let mut prim_of_geom = vec![0; model.ngeom() as usize];
        let mut finger_geoms = Vec::new();
        for (index, prim) in scene.prims.iter().enumerate().filter(|(_, prim)| prim.collides) {
            let geom = find(MjtObjBase::mjOBJ_GEOM, &names::prim(index))?;
            prim_of_geom[geom] = index;
            if matches!(prim.role, Role::Robot { finger: Some(_) }) {
                finger_geoms.push(geom);
            }
        }
        let mocap = |person: usize| {
            let mut parts = [0; PARTS.len()];
            for (part, id) in parts.iter_mut().enumerate() {
                *id = model.body_mocapid()[body(&names::person(person, part))?] as usize;
            }
            Ok(parts)
        };
        let [x, y, yaw] = names::BASE;
        let [left, right] = &robot.gripper.joints;
        Ok(Self {
            link_body: scene.links.iter().map(|l| body(&names::link(l))).collect::<Result<_, SimError>>()?,
            flange_body: body(&names::link(&robot.arm.flange_link))?,
            part_body: (0..scene.parts.len())
                .map(|i| body(&names::part(i)))
                .collect::<Result<_, SimError>>()?,
            parts: (0..scene.parts.len()).map(|i| part(&names::part(i))).collect::<Result<_, SimError>>()?,
            vial_qpos: vial_qpos.collect(),
            ware_body: (0..scene.wares.len())
                .map(|i| body(&names::ware(i)))
                .collect::<Result<_, SimError>>()?,
            cap_body: (0..scene.loose_caps.len())
                .map(|i| body(&names::loose_cap(i)))
                .collect::<Result<_, SimError>>()?,
            vial_body,
            people: (0..scene.people).map(mocap).collect::<Result<_, SimError>>()?,
            base: [joint(x)?, joint(y)?, joint(yaw)?],
            arm: robot.arm.joints.iter().map(|n| joint(&names::joint(n))).collect::<Result<_, SimError>>()?,
            fingers: [joint(&names::joint(left))?, joint(&names::joint(right))?],
            finger_geoms,
            prim_of_geom,
        })
    }
}
