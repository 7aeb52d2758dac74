//! An arm with its gripper: what motion planning needs of a robot. An arm alone, without base, camera and scanners, is
//! described by `arm.toml`.

use super::robot::{ArmDescription, GripperDescription};
use super::urdf::RobotModel;
use super::{JointKind, Problems, Reader};
use serde::Deserialize;

/// An arm with its gripper, on whatever its root link stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Manipulator {
    /// The folder's name.
    pub name: String,
    /// Links and joints.
    pub model: RobotModel,
    /// The arm.
    pub arm: ArmDescription,
    /// The gripper.
    pub gripper: GripperDescription,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmFile {
    #[serde(rename = "schema")]
    _schema: i64,
    name: String,
    urdf: String,
    arm: ArmDescription,
    gripper: GripperDescription,
}

const FILE: &str = "arm.toml";

impl Manipulator {
    /// Loads the folder of an arm alone through `reader`. Reports everything that is wrong at once.
    pub fn load(reader: &Reader<'_>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let file: Option<ArmFile> = problems.read(reader, FILE);
        let model = file.as_ref().and_then(|file| RobotModel::load(reader, &file.urdf, &mut problems));
        if let Some(file) = &file {
            check_numbers(&file.arm, &file.gripper, FILE, &mut problems);
            if let Some(model) = &model {
                check_model(&file.arm, &file.gripper, model, (FILE, &file.urdf), &mut problems);
            }
        }
        if let (Some(file), Some(model), true) = (file, model, problems.0.is_empty()) {
            return Ok(Self { name: file.name, model, arm: file.arm, gripper: file.gripper });
        }
        problems.0.sort();
        Err(problems)
    }
}

pub(super) fn check_numbers(
    arm: &ArmDescription,
    gripper: &GripperDescription,
    file: &str,
    problems: &mut Problems,
) {
    let count = arm.joints.len();
    for (key, values) in [("arm.max_acceleration", &arm.max_acceleration), ("arm.max_jerk", &arm.max_jerk)] {
        problems.check(
            values.len() == count && values.iter().all(|v| *v > 0.0),
            file,
            key,
            format!("must be {count} positive values, one a joint"),
        );
    }
    for (name, posture) in &arm.postures_deg {
        problems.check(
            posture.len() == count,
            file,
            format!("arm.postures_deg.{name}"),
            format!("has {} angles for {count} joints", posture.len()),
        );
    }
    problems.check(gripper.max_opening_m > 0.0, file, "gripper.max_opening_m", "must be positive");
    problems.check(gripper.max_force_n > 0.0, file, "gripper.max_force_n", "must be positive");
}

/// `files` are the description's and the URDF's names.
pub(super) fn check_model(
    arm: &ArmDescription,
    gripper: &GripperDescription,
    model: &RobotModel,
    files: (&str, &str),
    problems: &mut Problems,
) {
    let (file, urdf) = files;
    let mut link = model.root.as_str();
    for (index, name) in arm.joints.iter().enumerate() {
        let key = format!("arm.joints[{index}]");
        match model.joint(name) {
            None => problems.add(file, key, format!("{urdf} has no joint {name}")),
            Some(joint) => {
                problems.check(joint.is_movable(), file, key.clone(), format!("{name} is fixed"));
                problems.check(
                    model.is_ancestor(link, &joint.child),
                    file,
                    key,
                    format!("{name} does not come after {link} in the chain"),
                );
                link = &joint.child;
            }
        }
    }
    problems.check(
        model.is_ancestor(link, &arm.flange_link),
        file,
        "arm.flange_link",
        format!("{} does not come after the last arm joint", arm.flange_link),
    );
    for (index, name) in gripper.joints.iter().enumerate() {
        let prismatic = model.joint(name).is_some_and(|j| j.kind == JointKind::Prismatic);
        problems.check(
            prismatic,
            file,
            format!("gripper.joints[{index}]"),
            format!("{urdf} has no prismatic joint {name}"),
        );
    }
    for (name, posture) in &arm.postures_deg {
        for (joint, degrees) in arm.joints.iter().zip(posture) {
            let Some(joint) = model.joint(joint) else { continue };
            // A sliding joint's posture would be no angle.
            let angle = degrees.to_radians();
            problems.check(
                angle >= joint.lower && angle <= joint.upper,
                file,
                format!("arm.postures_deg.{name}"),
                format!(
                    "{} at {degrees} is outside {:.1} to {:.1}",
                    joint.name,
                    joint.lower.to_degrees(),
                    joint.upper.to_degrees()
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &'static str) -> impl Fn(&str) -> Result<String, String> {
        move |file| {
            let full = format!("{}/../description/{name}/{file}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&full).map_err(|e| e.to_string())
        }
    }

    #[test]
    fn the_bundled_arms_load() {
        for (name, joints) in [("panda", 7), ("ur5", 6), ("fetch", 8)] {
            let arm = Manipulator::load(&folder(name)).unwrap();
            assert_eq!((arm.name.as_str(), arm.arm.joints.len()), (name, joints));
        }
    }

    /// Each kind of broken URDF gets its own words, with the file and the joint or link.
    #[test]
    fn a_broken_arm_is_refused_with_its_reason() {
        let panda = folder("panda");
        let broken = |from: &str, to: &str| {
            let reader = |file: &str| {
                let text = panda(file)?;
                if file != "robot.urdf" {
                    return Ok(text);
                }
                assert!(text.contains(from), "{from}");
                Ok(text.replacen(from, to, 1))
            };
            Manipulator::load(&reader).unwrap_err().to_string()
        };
        let limit = "<limit lower=\"-2.8973\" upper=\"2.8973\" effort=\"87\" velocity=\"2.175\"/>";
        let safe =
            |soft: &str| format!("{limit}<safety_controller {soft} k_position=\"1\" k_velocity=\"1\"/>");
        let cases = [
            (
                "<link name=\"panda_link4\">",
                "<link name=\"other\">".to_owned(),
                "joint panda_joint4: there is no link panda_link4",
            ),
            ("<child link=\"panda_link1\"/>", "<child link=\"panda_link0\"/>".to_owned(), "link"),
            (limit, String::new(), "joint panda_joint1: "),
            (
                limit,
                safe("soft_lower_limit=\"1\" soft_upper_limit=\"-1\""),
                "joint panda_joint1: its <safety_controller> leaves no range: 1 to -1 within -2.8973 to 2.8973",
            ),
            (
                limit,
                safe("soft_lower_limit=\"3\" soft_upper_limit=\"4\""),
                "joint panda_joint1: its <safety_controller> leaves no range: 3 to 4 within -2.8973 to 2.8973",
            ),
            ("ixx=\"0.0135\"", "ixx=\"-0.0135\"".to_owned(), "no body has this inertia"),
        ];
        for (from, to, expected) in cases {
            let found = broken(from, &to);
            assert!(
                found.contains("robot.urdf: ") && found.contains(expected),
                "{expected:?} not in:\n{found}"
            );
        }
    }

    #[test]
    fn a_safety_controller_narrows_the_limits_and_one_without_limits_changes_nothing() {
        let panda = folder("panda");
        let limit = "velocity=\"2.175\"/>";
        let upper = |soft: &str| {
            let reader = |file: &str| Ok(panda(file)?.replacen(limit, &format!("{limit}{soft}"), 1));
            let arm = Manipulator::load(&reader).unwrap();
            arm.model.joint("panda_joint1").unwrap().upper
        };
        let soft = "<safety_controller soft_lower_limit=\"-2\" soft_upper_limit=\"2\" k_velocity=\"1\"/>";
        assert_eq!(upper(soft), 2.0);
        assert_eq!(upper("<safety_controller k_velocity=\"1\"/>"), 2.8973);
    }
}
