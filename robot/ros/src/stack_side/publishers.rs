//! What the stack writes to topics.

use super::{CostGrid, Localised, Shared, Sighted};
use crate::convert::{maps, seen, text};
use crate::error::RosError;
use crate::node::Writer;
use crate::{names, qos};
use nightshift_core::Pose2;
use nightshift_core::frames::{Base, Map};
use nightshift_core::grid::OccupancyGrid;
use r2r::geometry_msgs::msg::PoseWithCovarianceStamped;
use r2r::sensor_msgs::msg::Image;
use r2r::tf2_msgs::msg::TFMessage;
use r2r::vision_msgs::msg::Detection2DArray;
use r2r::{Node, nav_msgs, std_msgs};
use std::sync::Arc;

/// The stack's writers.
pub struct Publishers {
    map: Writer<nav_msgs::msg::OccupancyGrid>,
    costmap: Writer<nav_msgs::msg::OccupancyGrid>,
    local_costmap: Writer<nav_msgs::msg::OccupancyGrid>,
    changes: Writer<nav_msgs::msg::OccupancyGrid>,
    pose: Writer<PoseWithCovarianceStamped>,
    path: Writer<nav_msgs::msg::Path>,
    tf: Writer<TFMessage>,
    notices: Writer<std_msgs::msg::String>,
    detections: Writer<Detection2DArray>,
    overlay: Writer<Image>,
    depth: Writer<Image>,
    validity: Writer<Image>,
    shared: Arc<Shared>,
}

impl Publishers {
    /// Announces all topics.
    pub fn open(node: &mut Node, shared: Arc<Shared>) -> Result<Self, RosError> {
        Ok(Self {
            map: Writer::open(node, names::MAP, qos::latched())?,
            costmap: Writer::open(node, names::COSTMAP, qos::latched())?,
            local_costmap: Writer::open(node, names::LOCAL_COSTMAP, qos::latched())?,
            changes: Writer::open(node, names::CHANGES, qos::latched())?,
            pose: Writer::open(node, names::POSE, qos::latched())?,
            path: Writer::open(node, names::PLAN, qos::latched())?,
            tf: Writer::open(node, names::TF, qos::tf())?,
            notices: Writer::open(node, names::NOTICES, qos::events())?,
            detections: Writer::open(node, names::DETECTIONS, qos::latched())?,
            overlay: Writer::open(node, names::OVERLAY, qos::latched())?,
            depth: Writer::open(node, names::TRUSTED_DEPTH, qos::latched())?,
            validity: Writer::open(node, names::DEPTH_VALIDITY, qos::latched())?,
            shared,
        })
    }

    /// Where the base is.
    pub fn localised(&self, localised: &Localised) {
        let now = self.shared.clock.now();
        let transform = maps::to_map_transform(&localised.map_from_odom, now);
        self.tf.write(&TFMessage { transforms: vec![transform] }, &self.shared.health);
        let pose =
            maps::to_pose_with_covariance(&localised.map_from_base, &localised.covariance, localised.stamp);
        self.pose.write(&pose, &self.shared.health);
    }

    /// The saved map.
    pub fn map(&self, grid: &OccupancyGrid) {
        self.map.write(&maps::to_grid(grid, self.shared.clock.now()), &self.shared.health);
    }

    /// What the base plans on.
    pub fn costmap(&self, costs: &CostGrid) {
        self.costmap.write(&maps::to_costmap(costs, self.shared.clock.now()), &self.shared.health);
    }

    /// The same about the base.
    pub fn local_costmap(&self, costs: &CostGrid) {
        self.local_costmap.write(&maps::to_costmap(costs, self.shared.clock.now()), &self.shared.health);
    }

    /// What differs from the map.
    pub fn changes(&self, changes: &CostGrid) {
        self.changes.write(&maps::to_costmap(changes, self.shared.clock.now()), &self.shared.health);
    }

    /// The way that the base means to take.
    pub fn path(&self, path: &[Pose2<Map, Base>]) {
        self.path.write(&maps::to_path(path, self.shared.clock.now()), &self.shared.health);
    }

    /// What was seen in a picture.
    pub fn seen(&self, seen: &Sighted) {
        let health = &self.shared.health;
        self.detections.write(&seen::to_detections(seen), health);
        self.overlay.write(&seen::to_overlay(seen), health);
        if !seen.depth.pixels.is_empty() {
            self.depth.write(&seen::to_depth(seen), health);
            self.validity.write(&seen::to_validity(seen), health);
        }
    }

    /// Words for a person.
    pub fn notice(&self, words: &str) {
        self.notices.write(&std_msgs::msg::String { data: text(words) }, &self.shared.health);
    }
}
