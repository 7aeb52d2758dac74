//! The arm of one robot, with everything that can be worked out beforehand.

use crate::kinematics::chain::{Chain, JointLimits, place_links};
use crate::kinematics::dexterity::Dexterity;
use crate::kinematics::family::Family;
use crate::kinematics::inverse::Inverse;
use crate::kinematics::numeric::{Attempt, Solver, distance};
use crate::pairs::self_pairs;
use nalgebra::{Isometry3, Matrix6xX, Rotation3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::describe::{Manipulator, Robot, RobotModel};
use nightshift_core::frames::{Base, Flange, Link, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_core::{Code, Failure};

/// The arm of one robot: its chain of joints, its limits, its collision shapes.
#[derive(Clone, Debug)]
pub struct Arm {
    pub(crate) chain: Chain,
    pub(crate) manipulator: Manipulator,
    /// Whether the root link stands on a floor.
    pub(crate) on_floor: bool,
    limits: Vec<JointLimits>,
    /// None where the inverse has no closed form that is known here.
    family: Option<Family>,
    /// Pairs of links that can touch each other, by index into the links in the order of [`place_links`].
    pub(crate) self_pairs: Vec<(usize, usize)>,
}

impl Arm {
    /// The arm of a mobile robot, whose base stands on the floor.
    ///
    /// # Errors
    /// `MALFORMED_REQUEST` where the description does not give a chain from base to flange, or no limits for it
    /// (loading a [`Robot`] refuses such a description before).
    pub fn new(robot: &Robot) -> Result<Self, Failure> {
        Self::of(robot.manipulator(), true)
    }

    /// An arm alone. There is nothing around it but what the scene names, no floor either.
    ///
    /// # Errors
    /// As [`Arm::new`].
    pub fn alone(manipulator: Manipulator) -> Result<Self, Failure> {
        Self::of(manipulator, false)
    }

    fn of(manipulator: Manipulator, on_floor: bool) -> Result<Self, Failure> {
        let chain = Chain::new(&manipulator.model, &manipulator.arm)?;
        let bad = |what: String| Failure::new(Code::MalformedRequest, what);
        let mut limits = Vec::with_capacity(chain.len());
        for (index, name) in manipulator.arm.joints.iter().enumerate() {
            let joint =
                manipulator.model.joint(name).ok_or_else(|| bad(format!("there is no joint {name}")))?;
            let rates = (manipulator.arm.max_acceleration.get(index), manipulator.arm.max_jerk.get(index));
            let (Some(acceleration), Some(jerk)) = rates else {
                return Err(bad(format!("no largest acceleration or jerk is given for joint {name}")));
            };
            limits.push(JointLimits {
                joint: name.clone(),
                kind: joint.kind,
                lower: joint.lower,
                upper: joint.upper,
                velocity: joint.max_velocity,
                acceleration: *acceleration,
                jerk: *jerk,
            });
        }
        let zero = vec![0.0; chain.len()];
        let home = chain.flange(&chain.frames(&zero)) * manipulator.gripper.tool.iso;
        let family = Family::recognise(&chain.screws(), &home);
        let unchecked = Self { chain, manipulator, on_floor, limits, family, self_pairs: Vec::new() };
        let self_pairs = self_pairs(&unchecked);
        Ok(Self { self_pairs, ..unchecked })
    }

    /// How many joints the arm has.
    pub fn joint_count(&self) -> usize {
        self.chain.len()
    }

    /// What each joint may do, in the order of the robot's description.
    pub fn limits(&self) -> &[JointLimits] {
        &self.limits
    }

    /// The flange. Like all functions of joint positions, it needs one position a joint and panics otherwise.
    pub fn base_from_flange(&self, q: &[f64]) -> Pose<Base, Flange> {
        Pose::new(self.chain.flange(&self.chain.frames(q)))
    }

    /// The tool: the middle between the finger pads.
    pub fn base_from_tool(&self, q: &[f64]) -> Pose<Base, Tool> {
        self.base_from_flange(q) * self.manipulator.gripper.tool
    }

    /// Every link with its name, the root first; the fingers closed.
    pub fn link_poses(&self, q: &[f64]) -> Vec<(String, Pose<Base, Link>)> {
        let frames = self.chain.frames(q);
        let places =
            place_links(self.model(), &self.manipulator.arm, |joint| 0.0f64.clamp(joint.lower, joint.upper));
        places.into_iter().map(|p| (p.link, Pose::new(frames[p.frame] * p.frame_from_link))).collect()
    }

    /// How fast the tool goes (rows 1 to 3, m/s) and turns (rows 4 to 6, rad/s), seen from the base, for a unit rate of
    /// each joint.
    pub fn jacobian(&self, q: &[f64]) -> Matrix6xX<f64> {
        let frames = self.chain.frames(q);
        let tool = self.chain.flange(&frames) * self.manipulator.gripper.tool.iso;
        self.chain.jacobian(&frames, &tool.translation.vector)
    }

    /// All distinct joint positions found that put the tool at `goal` within 1e-6 m and 1e-6 rad and within the joint
    /// limits, nearest to `near` first: all branches of the arm. An arm with more joints than needed has endlessly many:
    /// these are all branches at places 10 degrees apart of the redundant joint, and the nearest one to `near`. Empty
    /// where none was found.
    pub fn inverse(&self, goal: &Pose<Base, Tool>, near: &[f64], seed: Seed) -> Vec<Vec<f64>> {
        self.search(goal, near, seed).unwrap_or_default()
    }

    /// Like [`Arm::inverse`], for a gripper that may be turned about the tool's own z axis: by half a turn, or, where
    /// that gives nothing, by any multiple of 15 degrees.
    pub fn inverse_free_spin(&self, goal: &Pose<Base, Tool>, near: &[f64], seed: Seed) -> Vec<Vec<f64>> {
        let half = self.search_spins(goal, near, seed, &HALF_TURNS);
        half.or_else(|_| self.search_spins(goal, near, seed, &other_turns())).unwrap_or_default()
    }

    /// One solution, as fast as possible; [`Arm::inverse`] finds them all.
    pub fn inverse_one(&self, goal: &Pose<Base, Tool>, near: &[f64], seed: Seed) -> Option<Vec<f64>> {
        self.inverses().one(&goal.iso, near, seed).ok()
    }

    /// How the inverse is found, for a person: `closed form, three parallel axes`.
    pub fn inverse_words(&self) -> &'static str {
        self.family.as_ref().map_or("numeric", Family::words)
    }

    /// How well the tool can be moved from there.
    pub fn dexterity(&self, q: &[f64]) -> Dexterity {
        Dexterity::of(&self.jacobian(q))
    }

    fn inverses(&self) -> Inverse<'_> {
        Inverse { family: self.family.as_ref(), solver: self.solver() }
    }

    pub(crate) fn search(
        &self,
        goal: &Pose<Base, Tool>,
        near: &[f64],
        seed: Seed,
    ) -> Result<Vec<Vec<f64>>, Attempt> {
        self.inverses().all(&goal.iso, near, seed)
    }

    /// Over several turns about the tool's z axis, radians.
    pub(crate) fn search_spins(
        &self,
        goal: &Pose<Base, Tool>,
        near: &[f64],
        seed: Seed,
        spins: &[f64],
    ) -> Result<Vec<Vec<f64>>, Attempt> {
        let mut found: Vec<Vec<f64>> = Vec::new();
        let mut best: Option<Attempt> = None;
        for spin in spins {
            match self.search(&spun(goal, *spin), near, seed) {
                Ok(solutions) => found.extend(solutions),
                Err(attempt) => {
                    let nearer = best.as_ref().is_none_or(|best| attempt.distance < best.distance);
                    best = if nearer { Some(attempt) } else { best };
                }
            }
        }
        match best {
            Some(attempt) if found.is_empty() => Err(attempt),
            _ => {
                let away = |q: &Vec<f64>| distance(q, near);
                found.sort_by(|a, b| away(a).total_cmp(&away(b)));
                Ok(found)
            }
        }
    }

    pub(crate) fn solver(&self) -> Solver<'_> {
        Solver {
            chain: &self.chain,
            limits: &self.limits,
            flange_from_end: self.manipulator.gripper.tool.iso,
        }
    }

    /// The tool in the frame of the last joint.
    pub(crate) fn last_from_tool(&self) -> Isometry3<f64> {
        self.chain.last_from_flange() * self.manipulator.gripper.tool.iso
    }

    pub(crate) fn model(&self) -> &RobotModel {
        &self.manipulator.model
    }
}

/// No turn and half a turn.
pub(crate) const HALF_TURNS: [f64; 2] = [0.0, std::f64::consts::PI];

/// The turns that [`HALF_TURNS`] leaves, every 15 degrees, small ones first.
pub(crate) fn other_turns() -> Vec<f64> {
    let step = std::f64::consts::PI / 12.0;
    (1..12).flat_map(|k| [f64::from(k) * step, -f64::from(k) * step]).collect()
}

fn spun(goal: &Pose<Base, Tool>, spin: f64) -> Pose<Base, Tool> {
    let turn = UnitQuaternion::from_rotation_matrix(&Rotation3::from_axis_angle(&Vector3::z_axis(), spin));
    Pose::new(goal.iso * Isometry3::from_parts(Translation3::identity(), turn))
}
