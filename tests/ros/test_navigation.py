"""What somebody with RViz or Nav2's habits meets: map, costmaps, pose and plan on the usual topics, and the two poses that a
person tells by hand."""
import math
import subprocess
import time

import judge
import pytest
import rclpy
from conftest import BIN
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import OccupancyGrid, Path
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

# As RViz subscribes to a map.
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Viewer:
    """Keeps the latest of each topic, and every notice and path."""

    def __init__(self, node):
        self.node, self.latest, self.notices, self.paths = node, {}, [], []
        for topic, kind in [("/map", OccupancyGrid), ("/global_costmap/costmap", OccupancyGrid),
                            ("/local_costmap/costmap", OccupancyGrid), ("/amcl_pose", PoseWithCovarianceStamped)]:
            node.create_subscription(kind, topic, lambda m, t=topic: self.latest.__setitem__(t, m), LATCHED)
        node.create_subscription(Path, "/plan", lambda m: self.paths.append(m), LATCHED)
        node.create_subscription(String, "/nightshift/notices", lambda m: self.notices.append(m.data), 50)
        self.initial = node.create_publisher(PoseWithCovarianceStamped, "/initialpose", 1)
        self.goal = node.create_publisher(PoseStamped, "/goal_pose", 1)

    def until(self, done, what, timeout_s=60.0):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if done():
                return
            rclpy.spin_once(self.node, timeout_sec=0.05)
        raise AssertionError(f"{what} did not come within {timeout_s} s; notices: {self.notices}")

    def until_told(self, words):
        self.until(lambda: any(words in notice for notice in self.notices), repr(words))

    def place(self):
        pose = self.latest["/amcl_pose"].pose.pose
        return pose.position.x, pose.position.y


def pose_into(pose, x, y, yaw):
    pose.position.x, pose.position.y = x, y
    pose.orientation.z, pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)


def initial(x, y, yaw, frame="map"):
    message = PoseWithCovarianceStamped()
    message.header.frame_id = frame
    pose_into(message.pose.pose, x, y, yaw)
    return message


def goal(x, y, yaw=0.0, frame="map"):
    message = PoseStamped()
    message.header.frame_id = frame
    pose_into(message.pose, x, y, yaw)
    return message


@pytest.fixture(scope="module")
def viewer(shared):
    return Viewer(shared[1])


def test_map_costmaps_pose_and_plan_are_where_rviz_looks_and_a_person_can_tell_pose_and_goal(viewer, lab, node):
    topics = ["/map", "/global_costmap/costmap", "/local_costmap/costmap", "/amcl_pose"]
    viewer.until(lambda: all(topic in viewer.latest for topic in topics), f"all of {topics}")
    grid, costs, near = (viewer.latest[topic] for topic in topics[:3])
    assert grid.header.frame_id == "map" and set(grid.data) <= {-1, 0, 100} and 100 in grid.data
    assert (costs.info.width, costs.info.height) == (grid.info.width, grid.info.height)
    assert all(cost == 100 for cell, cost in zip(grid.data, costs.data) if cell == 100)
    assert max(cost for cell, cost in zip(grid.data, costs.data) if cell == 0) >= 99
    x, y = viewer.place()
    assert abs(near.info.origin.position.x + near.info.width * near.info.resolution / 2 - x) < 3.0
    assert len(near.data) == near.info.width * near.info.height < len(grid.data)
    told, start = judge.truth(node)["robot"]["pose"], (x, y)
    assert math.dist(told[:2], start) < 0.05
    covariance = viewer.latest["/amcl_pose"].pose.covariance
    assert all(0.0 < covariance[i] < 0.1 for i in (0, 7, 35))

    # Nonsense is refused in words that a person reads, and nothing moves.
    for publisher, message, words in [
        (viewer.initial, initial(x, y, 0.0, "odom"), '/initialpose is refused: frame_id is "odom"'),
        (viewer.initial, initial(math.nan, y, 0.0), "/initialpose is refused: the pose is not finite"),
        (viewer.initial, initial(-90.0, y, 0.0), "lies outside the map"),
        (viewer.goal, goal(x, y, frame="base_link"), '/goal_pose is refused: frame_id is "base_link"'),
        (viewer.goal, goal(-90.0, y), "meets the map"),
    ]:
        publisher.publish(message)
        viewer.until_told(words)
    assert not any(path.poses for path in viewer.paths)

    viewer.initial.publish(initial(x + 0.1, y - 0.1, told[2] + 0.05))
    viewer.until_told("is tried")
    away = (x + 0.8, y)
    viewer.goal.publish(goal(*away))
    viewer.until_told("the base is at the goal")
    assert viewer.paths[0].header.frame_id == "map" and len(viewer.paths[0].poses) > 1
    viewer.until(lambda: not viewer.paths[-1].poses, "the end of the path")
    assert math.dist(judge.truth(node)["robot"]["pose"][:2], away) < 0.05

    lab.stack.stop()
    assert not (lab.folder / "run/changes.json").exists(), "nothing in this room differs from its map"
    replay = subprocess.run([BIN, "replay", lab.folder / "run"], capture_output=True, text=True, timeout=300)
    assert replay.stdout.startswith("equal"), replay.stdout[-2000:] + replay.stderr
