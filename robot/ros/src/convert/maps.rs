//! The map, poses in it, and paths.

use super::{BadMessage, from_pose, header, stamp_in, to_pose, to_time};
use crate::frames;
use crate::stack_side::CostGrid;
use nalgebra::Matrix3;
use nightshift_core::frames::{Base, Map, Pose, Pose2};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::{Stamp, frames as frame};
use r2r::geometry_msgs::msg::{PoseStamped, PoseWithCovarianceStamped, TransformStamped};
use r2r::nav_msgs::msg::{MapMetaData, OccupancyGrid as GridMsg, Path};

/// The map.
pub fn to_grid(grid: &OccupancyGrid, stamp: Stamp) -> GridMsg {
    let origin = Pose::<Map, Map>::from_xyz_rpy([grid.origin[0], grid.origin[1], 0.0], [0.0; 3]);
    GridMsg {
        header: header(stamp, frames::MAP),
        info: MapMetaData {
            map_load_time: to_time(stamp),
            resolution: grid.resolution_m as f32,
            width: grid.width as u32,
            height: grid.height as u32,
            origin: to_pose(&origin.iso),
        },
        data: grid
            .cells
            .iter()
            .map(|cell| match cell {
                Cell::Free => 0,
                Cell::Occupied => 100,
                Cell::Unknown => -1,
            })
            .collect(),
    }
}

/// The transform that the localiser gives.
pub fn to_map_transform(map_from_odom: &Pose2<Map, frame::Odom>, stamp: Stamp) -> TransformStamped {
    super::to_transform(stamp, frames::MAP, frames::ODOM, &map_from_odom.spatial().iso)
}

/// A pose in the map with the covariance of x, y (m^2) and yaw (rad^2).
pub fn to_pose_with_covariance(
    map_from_base: &Pose2<Map, Base>,
    covariance: &Matrix3<f64>,
    stamp: Stamp,
) -> PoseWithCovarianceStamped {
    let mut message = PoseWithCovarianceStamped {
        header: header(stamp, frames::MAP),
        ..PoseWithCovarianceStamped::default()
    };
    message.pose.pose = to_pose(&map_from_base.spatial().iso);
    // Rows and columns of the message: x, y, z, roll, pitch, yaw.
    let place = [0, 1, 5];
    message.pose.covariance = vec![0.0; 36];
    for row in 0..3 {
        for column in 0..3 {
            message.pose.covariance[place[row] * 6 + place[column]] = covariance[(row, column)];
        }
    }
    message
}

/// Where a person says that the robot is. The covariance is not read.
pub fn from_initial_pose(message: &PoseWithCovarianceStamped) -> Result<Pose2<Map, Base>, BadMessage> {
    stamp_in(&message.header, frames::MAP)?;
    Ok(Pose::new(from_pose(&message.pose.pose)?).planar())
}

/// Where a person wants the base to be.
pub fn from_goal_pose(message: &PoseStamped) -> Result<Pose2<Map, Base>, BadMessage> {
    stamp_in(&message.header, frames::MAP)?;
    Ok(Pose::new(from_pose(&message.pose)?).planar())
}

/// What the base plans on.
pub fn to_costmap(costs: &CostGrid, stamp: Stamp) -> GridMsg {
    let origin = Pose::<Map, Map>::from_xyz_rpy([costs.origin[0], costs.origin[1], 0.0], [0.0; 3]);
    GridMsg {
        header: header(stamp, frames::MAP),
        info: MapMetaData {
            map_load_time: to_time(stamp),
            resolution: costs.resolution_m as f32,
            width: costs.width as u32,
            height: (costs.costs.len() / costs.width.max(1)) as u32,
            origin: to_pose(&origin.iso),
        },
        data: costs.costs.clone(),
    }
}

/// A path.
pub fn to_path(path: &[Pose2<Map, Base>], stamp: Stamp) -> Path {
    let header = header(stamp, frames::MAP);
    let poses = path
        .iter()
        .map(|pose| PoseStamped { header: header.clone(), pose: to_pose(&pose.spatial().iso) })
        .collect();
    Path { header, poses }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_as_map_server_does() {
        let grid = OccupancyGrid {
            resolution_m: 0.05,
            width: 3,
            height: 1,
            origin: [-1.0, 2.0],
            cells: vec![Cell::Free, Cell::Occupied, Cell::Unknown],
        };
        let message = to_grid(&grid, Stamp(0));
        assert_eq!(message.data, [0, 100, -1]);
        assert_eq!((message.info.origin.position.x, message.info.origin.position.y), (-1.0, 2.0));
        assert_eq!((message.info.width, message.info.height), (3, 1));
    }

    #[test]
    fn the_covariance_lands_in_its_rows() {
        let covariance = Matrix3::new(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0);
        let pose = Pose2::new(1.0, -2.0, 3.0);
        let message = to_pose_with_covariance(&pose, &covariance, Stamp(1));
        let c = &message.pose.covariance;
        assert_eq!(
            (c.len(), c[0], c[1], c[5], c[7], c[30], c[31], c[35]),
            (36, 1.0, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0)
        );
        let back = from_initial_pose(&message).unwrap();
        assert!(back.distance(&pose) < 1e-12 && back.turn_to(&pose).abs() < 1e-12);
    }

    #[test]
    fn an_initial_pose_in_another_frame_is_refused() {
        let message = PoseWithCovarianceStamped { header: header(Stamp(0), "odom"), ..Default::default() };
        assert!(from_initial_pose(&message).unwrap_err().0.contains("\"map\""));
    }

    #[test]
    fn a_goal_is_read_and_one_in_another_frame_or_without_numbers_is_refused() {
        let pose = Pose2::<Map, Base>::new(1.0, 2.0, 0.5);
        let pose = to_pose(&pose.spatial().iso);
        let goal = |frame: &str, pose| PoseStamped { header: header(Stamp(0), frame), pose };
        assert!((from_goal_pose(&goal("map", pose.clone())).unwrap().yaw() - 0.5).abs() < 1e-12);
        assert!(from_goal_pose(&goal("base_link", pose.clone())).is_err());
        let mut nowhere = pose;
        nowhere.position.x = f64::NAN;
        assert!(from_goal_pose(&goal("map", nowhere)).is_err());
    }

    #[test]
    fn a_costmap_keeps_its_rows() {
        let costs = CostGrid { resolution_m: 0.1, width: 2, origin: [1.0, 2.0], costs: vec![0, 99, 100, -1] };
        let message = to_costmap(&costs, Stamp(0));
        assert_eq!((message.info.width, message.info.height), (2, 2));
        assert_eq!(message.data, [0, 99, 100, -1]);
    }

    #[test]
    fn a_path_keeps_its_poses() {
        let message = to_path(&[Pose2::new(1.0, 2.0, 0.0), Pose2::new(3.0, 4.0, 1.0)], Stamp(2));
        assert_eq!(message.poses.len(), 2);
        assert_eq!(
            (message.poses[1].pose.position.x, message.poses[1].header.frame_id.as_str()),
            (3.0, "map")
        );
    }
}
