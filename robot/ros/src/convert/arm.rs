//! Trajectories of the arm, and what an arm's action says about them.

use super::{from_time, text, to_duration};
use nightshift_core::robot::{CommandId, JointTrajectory, RobotEvent, TrajectoryPoint};
use r2r::builtin_interfaces::msg::Time;
use r2r::control_msgs::action::{FollowJointTrajectory as Follow, GripperCommand as Grip};
use r2r::trajectory_msgs::msg::{JointTrajectory as TrajectoryMsg, JointTrajectoryPoint as PointMsg};

/// `error_code` of a result (control_msgs).
pub mod code {
    /// Done.
    pub const SUCCESSFUL: i32 = 0;
    /// The goal makes no motion.
    pub const INVALID_GOAL: i32 = -1;
    /// The goal's joints are not the arm's.
    pub const INVALID_JOINTS: i32 = -2;
    /// The motion was not finished.
    pub const PATH_TOLERANCE_VIOLATED: i32 = -4;
}

/// Why a goal is refused: an `error_code`, and words.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// One of [`code`].
    pub code: i32,
    /// Which joint or point, and what is wrong with it.
    pub words: String,
}

/// A result.
pub fn result(code: i32, words: &str) -> Follow::Result {
    Follow::Result { error_code: code, error_string: text(words) }
}

/// A goal.
pub fn to_goal(trajectory: &JointTrajectory, names: &[String]) -> Follow::Goal {
    let points = trajectory
        .points
        .iter()
        .map(|point| PointMsg {
            positions: point.positions.clone(),
            velocities: point.velocities.clone(),
            accelerations: Vec::new(),
            effort: Vec::new(),
            time_from_start: to_duration(point.time_s),
        })
        .collect();
    let trajectory = TrajectoryMsg { joint_names: names.to_vec(), points, ..TrajectoryMsg::default() };
    Follow::Goal { trajectory, ..Follow::Goal::default() }
}

/// A goal's motion, its joints in the order of `names`. Where it does not begin at time 0, as those of most clients
/// do not, a first point at `here` is put before it. The goal's tolerances are not read: the arm's own hold.
pub fn from_goal(
    goal: &Follow::Goal,
    names: &[String],
    here: Option<&[f64]>,
) -> Result<JointTrajectory, Refusal> {
    let message = &goal.trajectory;
    let order = order(message, names)?;
    let no_joints_of_several =
        goal.multi_dof_trajectory.joint_names.is_empty() && goal.multi_dof_trajectory.points.is_empty();
    if !no_joints_of_several {
        return refuse(code::INVALID_JOINTS, "the arm has no joints with several degrees of freedom");
    }
    if message.header.stamp != Time::default() {
        return refuse(code::INVALID_GOAL, "header.stamp must be 0: the arm starts at once");
    }
    let mut points = Vec::with_capacity(message.points.len() + 1);
    for (index, point) in message.points.iter().enumerate() {
        let invalid =
            |words: String| Refusal { code: code::INVALID_GOAL, words: format!("point {index}: {words}") };
        let span = &point.time_from_start;
        let time_s = from_time(&Time { sec: span.sec, nanosec: span.nanosec })
            .map_err(|_| invalid(format!("time_from_start of {} s is none", span.sec)))?
            .seconds();
        points.push(TrajectoryPoint {
            time_s,
            positions: sort(&point.positions, &order, "positions").map_err(invalid)?,
            velocities: sort(&point.velocities, &order, "velocities").map_err(invalid)?,
        });
    }
    match (points.first(), here) {
        (None, _) => return refuse(code::INVALID_GOAL, "the trajectory has no points"),
        (Some(first), Some(here)) if first.time_s > 0.0 => points.insert(
            0,
            TrajectoryPoint { time_s: 0.0, positions: here.to_vec(), velocities: vec![0.0; names.len()] },
        ),
        (Some(first), None) if first.time_s > 0.0 => {
            return refuse(
                code::INVALID_GOAL,
                "where the arm stands is not known yet, and no point is at time 0",
            );
        }
        (Some(_), _) => {}
    }
    match points.windows(2).position(|pair| pair[1].time_s <= pair[0].time_s) {
        Some(index) => refuse(
            code::INVALID_GOAL,
            format!("times must rise: {} s comes after {} s", points[index + 1].time_s, points[index].time_s),
        ),
        None => Ok(JointTrajectory { points }),
    }
}

fn refuse<T>(code: i32, words: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, words: words.into() })
}

/// How a motion of the fingers ended.
///
/// # Errors
/// What is wrong with it, in words.
pub fn from_gripper_result(id: CommandId, result: &Grip::Result) -> Result<RobotEvent, String> {
    let (opening_m, force_n) = (result.position, result.effort);
    if !opening_m.is_finite() || !force_n.is_finite() {
        return Err(format!("its result, position {opening_m} m and effort {force_n} N, is not finite"));
    }
    Ok(RobotEvent::GripperDone { id, opening_m, force_n, stalled: result.stalled })
}

/// For each joint of the arm, its place in the message.
fn order(message: &TrajectoryMsg, names: &[String]) -> Result<Vec<usize>, Refusal> {
    if let Some(unknown) = message.joint_names.iter().find(|name| !names.contains(name)) {
        return refuse(
            code::INVALID_JOINTS,
            format!("the arm has no joint {unknown:?}; it has {}", names.join(", ")),
        );
    }
    if message.joint_names.len() != names.len() {
        let words = format!("{} joints are named; the arm has {}", message.joint_names.len(), names.len());
        return refuse(code::INVALID_JOINTS, words);
    }
    names
        .iter()
        .map(|name| {
            let place = message.joint_names.iter().position(|other| other == name);
            place.ok_or_else(|| Refusal {
                code: code::INVALID_JOINTS,
                words: format!("joint {name} is missing, and another is named twice"),
            })
        })
        .collect()
}

fn sort(values: &[f64], order: &[usize], what: &str) -> Result<Vec<f64>, String> {
    if values.len() != order.len() {
        return Err(format!(
            "{} {what} for {} joints (the arm follows cubics: it needs positions and velocities)",
            values.len(),
            order.len()
        ));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("{what} are not finite"));
    }
    Ok(order.iter().map(|place| values[*place]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    fn trajectory() -> JointTrajectory {
        let point =
            |time_s, q| TrajectoryPoint { time_s, positions: vec![q, -q], velocities: vec![0.5 * q, 0.25] };
        JointTrajectory { points: vec![point(0.0, 0.0), point(0.5, 1.0), point(2.25, 3.0)] }
    }

    #[test]
    fn a_result_of_the_fingers_that_is_no_number_is_refused() {
        let result = |position, effort| Grip::Result { position, effort, stalled: true, reached_goal: false };
        let (opening_m, force_n) = (0.028, 8.0);
        let done = RobotEvent::GripperDone { id: CommandId(3), opening_m, force_n, stalled: true };
        assert_eq!(from_gripper_result(CommandId(3), &result(opening_m, force_n)), Ok(done));
        for (position, effort) in [(f64::NAN, 8.0), (0.028, f64::INFINITY)] {
            let why = from_gripper_result(CommandId(3), &result(position, effort)).unwrap_err();
            assert!(why.contains("not finite"), "{why}");
        }
    }

    #[test]
    fn a_trajectory_comes_back_also_when_its_joints_are_named_in_another_order() {
        let mut goal = to_goal(&trajectory(), &names());
        assert_eq!(from_goal(&goal, &names(), None), Ok(trajectory()));
        goal.trajectory.joint_names.reverse();
        for point in &mut goal.trajectory.points {
            point.positions.reverse();
            point.velocities.reverse();
        }
        assert_eq!(from_goal(&goal, &names(), None), Ok(trajectory()));
    }

    #[test]
    fn a_trajectory_that_begins_later_begins_where_the_arm_stands() {
        let mut goal = to_goal(&trajectory(), &names());
        goal.trajectory.points.remove(0);
        let read = from_goal(&goal, &names(), Some(&[0.25, 0.5])).unwrap();
        assert_eq!((read.points.len(), read.points[0].positions.as_slice()), (3, &[0.25, 0.5][..]));
        assert_eq!(from_goal(&goal, &names(), None).unwrap_err().code, code::INVALID_GOAL);
    }

    #[test]
    fn nonsense_is_refused_with_its_code() {
        let refused = |change: fn(&mut Follow::Goal)| {
            let mut goal = to_goal(&trajectory(), &names());
            change(&mut goal);
            from_goal(&goal, &names(), Some(&[0.0, 0.0])).unwrap_err()
        };
        let joints = |change| refused(change).code == code::INVALID_JOINTS;
        assert!(joints(|g| g.trajectory.joint_names[0] = "c".into()));
        assert!(joints(|g| g.trajectory.joint_names[0] = "b".into()));
        assert!(joints(|g| g.trajectory.joint_names.truncate(1)));
        assert!(joints(|g| g.multi_dof_trajectory.joint_names.push("base".into())));
        let invalid = |change| {
            let refusal = refused(change);
            assert_eq!(refusal.code, code::INVALID_GOAL);
            refusal.words
        };
        assert!(invalid(|g| g.trajectory.points.clear()).contains("no points"));
        assert!(invalid(|g| g.trajectory.points[1].velocities.clear()).contains("point 1: 0 velocities"));
        assert!(invalid(|g| g.trajectory.points[1].positions[0] = f64::NAN).contains("not finite"));
        assert!(invalid(|g| g.trajectory.points.swap(1, 2)).contains("times must rise"));
        assert!(invalid(|g| g.trajectory.points[0].time_from_start.sec = -1).contains("-1 s"));
        assert!(invalid(|g| g.trajectory.header.stamp.sec = 5).contains("at once"));
    }
}
