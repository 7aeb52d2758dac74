//! From the scene to a MuJoCo model.
//!
//! Contacts: elliptic cones, impratio 100, five no-slip iterations, 2 ms steps: with these a friction grasp
//! creeps less than 0.001 mm in ten seconds (docs: facts on simulation). Vials are free bodies; nothing is ever
//! welded to a gripper.

use crate::SimError;
use crate::content::Inertia;
use crate::people::PARTS;
use crate::scene::{CAP_KG, Form, Host, Prim, Role, Scene};
use mujoco_rs::prelude::*;
use nalgebra::Isometry3;
use nightshift_core::describe::{Joint, JointKind, PartJoint, Robot, Solid};
use std::fmt::Write;

/// Friction coefficient between glass and the pads' rubber.
pub const PAD_FRICTION: f64 = 0.6;
/// Physics steps of 1 ms in a step of the world where something is held or flies. What the pads carry around a bend of
/// radius r at speed v falls behind by a few times v^2 / r * dt a second, because friction holds speeds and not places, and
/// a contact takes two steps (`CONTACT_TIME_S`) to pull a speed in: at 2 ms a vial crept 1.5 mm during one swing of the arm.
/// Where nothing is held one step of 2 ms does (`world::pace`).
pub const SUBSTEPS: u32 = 2;
/// Such a step of physics, seconds.
pub const SHORT_STEP_S: f64 = 0.001;
/// A contact's time constant, seconds: the shortest that 1 ms steps allow.
const CONTACT_TIME_S: f64 = 0.002;
/// Friction coefficient between everything else.
const COMMON_FRICTION: f64 = 0.3;
/// The base's servo: natural frequency in rad/s.
const BASE_OMEGA: f64 = 100.0;
/// An arm joint's stiffness, as a multiple of its largest torque: 1/rad.
pub const ARM_STIFFNESS: f64 = 100.0;
/// Damping over stiffness of all servos, seconds.
pub const DAMPING_TIME_S: f64 = 0.02;
/// Reflected rotor inertia of an arm joint, as a multiple of its largest torque: s^2.
const ARM_ARMATURE: f64 = 1.0 / 320.0;
/// Reflected inertia of a finger's drive, kg.
pub const FINGER_ARMATURE_KG: f64 = 0.3;

/// A part's drive: natural frequency in rad/s. Its inertia is given, so that every part follows alike.
const PART_OMEGA: f64 = 60.0;
/// Mass of a sliding part, kg, and inertia of a turning one, kg m^2.
const PART_INERTIA: f64 = 2.0;
/// The most that a part's drive pushes with, N or N m: a door stops at what is in its way.
const PART_FORCE: f64 = 80.0;

/// With so few degrees of freedom of loose things MuJoCo is quicker with dense matrices: a step with a vial in the hand
/// takes 47 us then, and 56 us with sparse ones (62 degrees; MuJoCo by itself changes over at 60).
const FEW_DOFS: usize = 150;

/// The two kinds of things that can touch, as bits of MuJoCo's contype and conaffinity. What stands in the room is of
/// the first. Nothing of it is in the way of a station's parts: they run in guides that are not modelled.
const STANDS: u8 = 1;
const MOVES: u8 = 2;

/// Names within the model.
pub mod names {
    /// A link's body.
    pub fn link(name: &str) -> String {
        format!("link:{name}")
    }
    /// A vial's body.
    pub fn vial(index: usize) -> String {
        format!("vial:{index}")
    }
    /// A station's moving part: its body, joint and drive.
    pub fn part(index: usize) -> String {
        format!("part:{index}")
    }
    /// A part of a person.
    pub fn person(person: usize, part: usize) -> String {
        format!("person:{person}:{part}")
    }
    /// Labware that is not carried: its body.
    pub fn ware(index: usize) -> String {
        format!("ware:{index}")
    }
    /// A loose cap's body.
    pub fn loose_cap(index: usize) -> String {
        format!("cap:{index}")
    }
    /// A shape's geom.
    pub fn prim(index: usize) -> String {
        format!("prim:{index}")
    }
    /// A joint of the robot.
    pub fn joint(name: &str) -> String {
        format!("joint:{name}")
    }
    /// The joints that carry the base.
    pub const BASE: [&str; 3] = ["base:x", "base:y", "base:yaw"];
}

/// Compiles the scene.
pub fn compile(scene: &Scene, robot: &Robot) -> Result<Box<MjModel>, SimError> {
    let xml = document(scene, robot)?;
    MjModel::from_xml_string(&xml).map(Box::new).map_err(|error| SimError::Compile(error.to_string()))
}

/// The scene as an MJCF document.
pub fn document(scene: &Scene, robot: &Robot) -> Result<String, SimError> {
    let mut out = Document { xml: String::new(), scene, robot };
    out.write().map_err(|_| SimError::Compile("the model could not be written as text".into()))?;
    Ok(out.xml)
}

struct Document<'a> {
    xml: String,
    scene: &'a Scene,
    robot: &'a Robot,
}

impl Document<'_> {
    fn write(&mut self) -> std::fmt::Result {
        let dofs = 6 * (self.scene.vials.len() + self.scene.wares.len() + self.scene.loose_caps.len());
        let jacobian = if dofs <= FEW_DOFS { "dense" } else { "sparse" };
        writeln!(
            self.xml,
            r#"<mujoco model="nightshift">
<compiler angle="radian" autolimits="true" inertiafromgeom="false"/>
<option timestep="{SHORT_STEP_S}" cone="elliptic" impratio="100" noslip_iterations="5" integrator="implicitfast" jacobian="{jacobian}"
  gravity="0 0 -9.81"><flag multiccd="enable" sleep="enable" autoreset="disable"/></option>
<default><geom solref="{CONTACT_TIME_S} 1" solimp="0.95 0.99 0.001" condim="4" friction="{COMMON_FRICTION} 0.002 0.0001"/></default>
<worldbody>"#
        )?;
        self.room()?;
        self.link(0)?;
        for index in 0..self.scene.parts.len() {
            self.part(index)?;
        }
        for index in 0..self.scene.vials.len() {
            self.vial(index)?;
        }
        for index in 0..self.scene.wares.len() {
            self.ware(index)?;
        }
        for person in 0..self.scene.people {
            for part in 0..PARTS.len() {
                // Somewhere below the floor, until the people's own places are known.
                let name = names::person(person, part);
                writeln!(self.xml, r#"<body name="{name}" mocap="true" pos="{person} {part} -20">"#)?;
                self.geoms(Host::Person(person, part))?;
                writeln!(self.xml, "</body>")?;
            }
        }
        // Last, so that one more leaves the others' places in the state as they were.
        for index in 0..self.scene.loose_caps.len() {
            self.loose_cap(index)?;
        }
        writeln!(self.xml, "</worldbody>")?;
        self.excludes()?;
        self.actuators()?;
        let [left, right] = &self.robot.gripper.joints;
        writeln!(
            self.xml,
            r#"<equality><joint joint1="{}" joint2="{}" polycoef="0 1 0 0 0" solref="0.004 1"/></equality>
</mujoco>"#,
            names::joint(left),
            names::joint(right)
        )
    }

    fn geoms(&mut self, host: Host) -> std::fmt::Result {
        for (index, prim) in self.scene.prims.iter().enumerate() {
            if prim.host == host && prim.collides {
                write_geom(&mut self.xml, index, prim)?;
            }
        }
        Ok(())
    }

    /// Each thing of one shape that stands in the room is a body without a joint, so that the broad phase passes over it
    /// from afar. Floor and racks are the world's own: its many small shapes have a tree of boxes, whereas the broad phase
    /// looks at every shape of every other body in each step. So are faults' boxes, which come and go: the state must not
    /// change its size with them.
    fn room(&mut self) -> std::fmt::Result {
        let scene = self.scene;
        let prims = scene.prims.iter().enumerate();
        let room: Vec<(usize, &Prim)> =
            prims.filter(|(_, prim)| prim.host == Host::World && prim.collides).collect();
        let mut standing = Vec::new();
        for thing in room.chunk_by(|(_, one), (_, other)| one.name == other.name) {
            match thing {
                [(index, prim)] if prim.role == Role::Fixture => standing.push((*index, *prim)),
                _ => {
                    for (index, prim) in thing {
                        write_geom(&mut self.xml, *index, prim)?;
                    }
                }
            }
        }
        for (index, prim) in standing {
            writeln!(self.xml, "<body>")?;
            write_geom(&mut self.xml, index, prim)?;
            writeln!(self.xml, "</body>")?;
        }
        Ok(())
    }

    fn link(&mut self, index: usize) -> std::fmt::Result {
        let name = &self.scene.links[index];
        let link = &self.robot.model.links[name];
        let joint = self.robot.model.joint_above(name);
        let place = joint.map_or_else(Isometry3::identity, |joint| joint.parent_from_child);
        writeln!(self.xml, r#"<body name="{}" {} gravcomp="1">"#, names::link(name), pose(&place))?;
        match joint {
            None => {
                let axes = [("slide", "1 0 0"), ("slide", "0 1 0"), ("hinge", "0 0 1")];
                for (base, (kind, axis)) in names::BASE.iter().zip(axes) {
                    writeln!(self.xml, r#"<joint name="{base}" type="{kind}" axis="{axis}"/>"#)?;
                }
            }
            Some(joint) if joint.is_movable() => self.joint(joint)?,
            Some(_) => {}
        }
        if link.mass_kg > 0.0 {
            let (c, i) = (link.center_of_mass, link.inertia_diagonal);
            writeln!(
                self.xml,
                r#"<inertial pos="{} {} {}" mass="{}" diaginertia="{} {} {}"/>"#,
                c.x, c.y, c.z, link.mass_kg, i.x, i.y, i.z
            )?;
        }
        self.geoms(Host::Link(index))?;
        let children: Vec<usize> = (1..self.scene.links.len())
            .filter(|child| self.robot.model.joints[child - 1].parent == *name)
            .collect();
        for child in children {
            self.link(child)?;
        }
        writeln!(self.xml, "</body>")
    }

    fn joint(&mut self, joint: &Joint) -> std::fmt::Result {
        let (kind, armature) = match joint.kind {
            JointKind::Prismatic => ("slide", FINGER_ARMATURE_KG),
            _ => ("hinge", joint.max_effort * ARM_ARMATURE),
        };
        let a = joint.axis;
        writeln!(
            self.xml,
            r#"<joint name="{}" type="{kind}" axis="{} {} {}" range="{} {}" armature="{armature}"/>"#,
            names::joint(&joint.name),
            a.x,
            a.y,
            a.z,
            joint.lower,
            joint.upper
        )
    }

    fn vial(&mut self, index: usize) -> std::fmt::Result {
        let spec = &self.scene.vials[index];
        writeln!(self.xml, r#"<body name="{}" {}><freejoint/>"#, names::vial(index), pose(&spec.start.iso))?;
        let mass_kg = spec.mass_kg();
        let Inertia { center_m, across, along, .. } = spec.content.inertia(&spec.kind);
        writeln!(
            self.xml,
            r#"<inertial pos="0 0 {center_m}" mass="{mass_kg}" diaginertia="{across} {across} {along}"/>"#
        )?;
        self.geoms(Host::Vial(index))?;
        writeln!(self.xml, "</body>")
    }

    fn part(&mut self, index: usize) -> std::fmt::Result {
        let part = &self.scene.parts[index];
        let (kind, origin) = match part.joint {
            PartJoint::Slide { .. } => ("slide", [0.0; 3]),
            PartJoint::Turn { origin, .. } => ("hinge", origin),
        };
        let (name, axis, [x, y, z]) = (names::part(index), part.joint.axis(), origin);
        // It may sleep, although it has a drive: whoever leads it wakes it.
        let place = pose(&part.map_from_station);
        writeln!(self.xml, r#"<body name="{name}" {place} gravcomp="1" sleep="allowed">"#)?;
        // Nearly all of its inertia is the drive's, so that it is the same for every shape.
        let (own, armature) = (0.1, PART_INERTIA - 0.1);
        // What a hand moves rubs in its guides and comes to a stop at both ends.
        let guides = part.drag.map_or(r#"limited="false""#.to_owned(), |drag| {
            let (from, to) = (part.joint.travel().min(0.0), part.joint.travel().max(0.0));
            format!(r#"limited="true" range="{from} {to}" frictionloss="{drag}""#)
        });
        writeln!(
            self.xml,
            r#"<joint name="{name}" type="{kind}" pos="{x} {y} {z}" axis="{} {} {}" armature="{armature}" {guides}/>"#,
            axis.x, axis.y, axis.z
        )?;
        writeln!(self.xml, r#"<inertial pos="{x} {y} {z}" mass="{own}" diaginertia="{own} {own} {own}"/>"#)?;
        self.geoms(Host::Part(index))?;
        writeln!(self.xml, "</body>")
    }

    /// Of even density: what stands still has no use for more.
    fn ware(&mut self, index: usize) -> std::fmt::Result {
        let spec = &self.scene.wares[index];
        let (mass_kg, (solid, middle)) = (spec.piece.mass_kg(), spec.piece.kind.solid());
        let [x, y, z] = match solid {
            Solid::Box { size_m } => size_m.map(|edge| edge * edge),
            // As a box of the same inertia.
            Solid::Cylinder { radius_m, height_m } => {
                [3.0 * radius_m * radius_m, 3.0 * radius_m * radius_m, height_m * height_m]
            }
            Solid::Sphere { radius_m } => [2.4 * radius_m * radius_m; 3],
        };
        let [across, along, up] = [y + z, x + z, x + y].map(|sum| mass_kg * sum / 12.0);
        writeln!(self.xml, r#"<body name="{}" {}><freejoint/>"#, names::ware(index), pose(&spec.start.iso))?;
        writeln!(
            self.xml,
            r#"<inertial pos="0 0 {}" mass="{mass_kg}" diaginertia="{across} {along} {up}"/>"#,
            middle.translation().z
        )?;
        self.geoms(Host::Ware(index))?;
        writeln!(self.xml, "</body>")
    }

    fn loose_cap(&mut self, index: usize) -> std::fmt::Result {
        let loose = &self.scene.loose_caps[index];
        let cap = &self.scene.vials[loose.vial].kind.cap;
        writeln!(
            self.xml,
            r#"<body name="{}" {}><freejoint/>"#,
            names::loose_cap(index),
            pose(&loose.start)
        )?;
        let (radius, height) = (cap.diameter_m / 2.0, cap.height_m);
        let across = CAP_KG * (3.0 * radius * radius + height * height) / 12.0;
        let along = CAP_KG * radius * radius / 2.0;
        writeln!(
            self.xml,
            r#"<inertial pos="0 0 0" mass="{CAP_KG}" diaginertia="{across} {across} {along}"/>"#
        )?;
        self.geoms(Host::LooseCap(index))?;
        writeln!(self.xml, "</body>")
    }

    /// Links that are at most two moving joints apart do not collide: neighbours overlap at their joint, and the
    /// fingers are kept apart by their limits.
    fn excludes(&mut self) -> std::fmt::Result {
        let model = &self.robot.model;
        let chain = |link: &str| {
            let mut at = link.to_owned();
            let mut above = vec![(at.clone(), 0)];
            let mut moving = 0;
            while let Some(joint) = model.joint_above(&at) {
                moving += usize::from(joint.is_movable());
                at.clone_from(&joint.parent);
                above.push((at.clone(), moving));
            }
            above
        };
        writeln!(self.xml, "<contact>")?;
        for (index, one) in self.scene.links.iter().enumerate() {
            let up = chain(one);
            for other in &self.scene.links[index + 1..] {
                let apart = chain(other)
                    .iter()
                    .find_map(|(link, n)| up.iter().find(|(l, _)| l == link).map(|(_, m)| n + m))
                    .unwrap_or(0);
                if apart <= 2 {
                    let (a, b) = (names::link(one), names::link(other));
                    writeln!(self.xml, r#"<exclude body1="{a}" body2="{b}"/>"#)?;
                }
            }
        }
        // Parts run in guides of their station, which are not modelled.
        for (index, part) in self.scene.parts.iter().enumerate() {
            let name = names::part(index);
            let others = self.scene.parts.iter().enumerate().skip(index + 1);
            for (other, _) in others.filter(|(_, other)| other.station == part.station) {
                writeln!(self.xml, r#"<exclude body1="{name}" body2="{}"/>"#, names::part(other))?;
            }
        }
        writeln!(self.xml, "</contact>")
    }

    fn actuators(&mut self) -> std::fmt::Result {
        let model = &self.robot.model;
        let mass: f64 = model.links.values().map(|link| link.mass_kg).sum();
        // The arm reaches out; its share in the turning inertia needs no more than its order of magnitude.
        let root = &model.links[&model.root];
        let turning = root.inertia_diagonal.z + (mass - root.mass_kg) * 0.25;
        writeln!(self.xml, "<actuator>")?;
        for (joint, inertia) in names::BASE.iter().zip([mass, mass, turning]) {
            let kp = inertia * BASE_OMEGA * BASE_OMEGA;
            // Ten times what the base's acceleration needs: wheels slip at about that.
            let force = inertia * 10.0;
            writeln!(
                self.xml,
                r#"<position name="{joint}" joint="{joint}" kp="{kp}" kv="{}" forcerange="-{force} {force}"/>"#,
                kp * DAMPING_TIME_S
            )?;
        }
        for joint in self.robot.arm.joints.iter().filter_map(|name| model.joint(name)) {
            let name = names::joint(&joint.name);
            let (kp, force) = (joint.max_effort * ARM_STIFFNESS, joint.max_effort);
            writeln!(
                self.xml,
                r#"<position name="{name}" joint="{name}" kp="{kp}" kv="{}" forcerange="-{force} {force}"/>"#,
                kp * DAMPING_TIME_S
            )?;
        }
        let kp = PART_INERTIA * PART_OMEGA * PART_OMEGA;
        for (index, _) in self.scene.parts.iter().enumerate().filter(|(_, part)| part.drag.is_none()) {
            let name = names::part(index);
            writeln!(
                self.xml,
                r#"<position name="{name}" joint="{name}" kp="{kp}" kv="{}" forcerange="-{PART_FORCE} {PART_FORCE}"/>"#,
                kp * DAMPING_TIME_S
            )?;
        }
        for name in &self.robot.gripper.joints {
            let name = names::joint(name);
            writeln!(self.xml, r#"<motor name="{name}" joint="{name}"/>"#)?;
        }
        writeln!(self.xml, "</actuator>")
    }
}

fn pose(iso: &Isometry3<f64>) -> String {
    let (t, q) = (iso.translation.vector, iso.rotation.coords);
    format!(r#"pos="{} {} {}" quat="{} {} {} {}""#, t.x, t.y, t.z, q.w, q.x, q.y, q.z)
}

fn write_geom(xml: &mut String, index: usize, prim: &Prim) -> std::fmt::Result {
    let shape = match prim.form {
        Form::Solid(Solid::Box { size_m: [x, y, z] }) => {
            format!(r#"type="box" size="{} {} {}""#, x / 2.0, y / 2.0, z / 2.0)
        }
        Form::Solid(Solid::Cylinder { radius_m, height_m }) => {
            format!(r#"type="cylinder" size="{radius_m} {}""#, height_m / 2.0)
        }
        Form::Solid(Solid::Sphere { radius_m }) => format!(r#"type="sphere" size="{radius_m}""#),
        Form::Ground => r#"type="plane" size="0 0 1""#.to_owned(),
        Form::Tag { .. } => return Ok(()),
    };
    // With priority the pads' friction holds whatever they touch.
    let pad = match prim.role {
        Role::Robot { finger: Some(_) } => format!(r#" priority="1" friction="{PAD_FRICTION} 0.002 0.0001""#),
        _ => String::new(),
    };
    let (kind, meets) = match prim.host {
        Host::World => (STANDS, 0),
        Host::Part(_) => (MOVES, MOVES),
        _ => (MOVES, MOVES | STANDS),
    };
    let name = names::prim(index);
    let pose = pose(&prim.host_from_prim);
    writeln!(xml, r#"<geom name="{name}" contype="{kind}" conaffinity="{meets}" {shape} {pose}{pad}/>"#)
}
