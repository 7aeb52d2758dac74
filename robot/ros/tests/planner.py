"""A stock rclpy client against both sides of the graph. Ends with 0 where everything was as expected."""

import json
import sys
import time
import uuid

import rclpy
from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory, GripperCommand
from nav_msgs.msg import OccupancyGrid
from nightshift_interfaces.action import Load, Transfer
from nightshift_interfaces.msg import TransferItem
from nightshift_interfaces.srv import Cancel, GetJob, QueryLedger, Resume, SetPassage
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, JointState, LaserScan
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectoryPoint
from unique_identifier_msgs.msg import UUID

# A busy machine is slow, and no worse for that.
PATIENCE_S = 30.0
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def say(text):
    print(f"planner: {text}", flush=True)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Planner(Node):
    def __init__(self):
        super().__init__("planner")
        self.heard = {}

    def until(self, done, what):
        end = time.monotonic() + PATIENCE_S
        while not done():
            expect(time.monotonic() < end, f"{what} did not come within {PATIENCE_S} s")
            rclpy.spin_once(self, timeout_sec=0.05)

    def get(self, future, what):
        self.until(future.done, what)
        return future.result()

    def listen(self, kind, topic, qos):
        self.create_subscription(kind, topic, lambda message: self.heard.setdefault(topic, []).append(message), qos)

    def client(self, kind, name):
        client = ActionClient(self, kind, name)
        self.until(client.server_is_ready, name)
        return client

    def ask(self, kind, name, **fields):
        client = self.create_client(kind, name)
        self.until(client.service_is_ready, name)
        return self.get(client.call_async(kind.Request(**fields)), name)

    def start(self, client, goal, goal_id=None):
        goal.feedback = []
        handle = self.get(
            client.send_goal_async(goal.message, lambda f: goal.feedback.append(f.feedback), goal_id), "acceptance"
        )
        goal.handle = handle
        return goal

    def finish(self, goal):
        return self.get(goal.handle.get_result_async(), "the result")

    def run(self, client, message):
        return self.finish(self.start(client, Goal(message)))


class Goal:
    def __init__(self, message):
        self.message = message


def job(kind, job_id, caller="test", target="photolysis/rack/A1"):
    item = TransferItem(sample_id="s1", source="storage/rack/A1", target=target)
    return kind.Goal(job_id=job_id, caller=caller, items=[item])


def check_topics(planner):
    planner.listen(OccupancyGrid, "/map", LATCHED)
    planner.listen(TFMessage, "/tf_static", LATCHED)
    planner.listen(TFMessage, "/tf", 100)
    planner.listen(LaserScan, "/scan_front", qos_profile_sensor_data)
    planner.listen(JointState, "/joint_states", 10)
    planner.listen(Image, "/camera/color/image_raw", 1)
    planner.listen(Image, "/camera/depth/image_raw", qos_profile_sensor_data)
    planner.listen(CameraInfo, "/camera/color/camera_info", 1)
    planner.listen(String, "/nightshift/notices", 10)
    planner.listen(String, "/nightshift_sim/truth", 1)
    edges = {
        ("map", "odom"), ("odom", "base_link"), ("base_link", "laser_front"), ("base_link", "laser_rear"),
        ("flange", "camera_color_optical_frame"),
    }

    def seen():
        messages = planner.heard.get("/tf", []) + planner.heard.get("/tf_static", [])
        return {(t.header.frame_id, t.child_frame_id) for m in messages for t in m.transforms}

    planner.until(lambda: edges <= seen(), "transforms")

    def roots():
        return {parent for parent, _ in seen()} - {child for _, child in seen()}

    planner.until(lambda: roots() == {"map"}, "one tree with the root map")
    others = ["/map", "/scan_front", "/joint_states", "/camera/color/image_raw", "/camera/depth/image_raw",
              "/camera/color/camera_info", "/nightshift/notices", "/nightshift_sim/truth"]
    planner.until(lambda: all(topic in planner.heard for topic in others), "topics")
    expect(list(planner.heard["/map"][0].data) == [0, 100, -1, 0], "the map's cells")
    expect(planner.heard["/camera/depth/image_raw"][0].encoding == "16UC1", "the depth's encoding")
    faults = planner.create_publisher(String, "/nightshift_sim/fault", 10)
    planner.until(lambda: faults.get_subscription_count() > 0, "who listens to faults")
    faults.publish(String(data='{"fault": "slip"}'))
    planner.until(
        lambda: json.loads(planner.heard["/nightshift_sim/truth"][-1].data)["faults"] == ['{"fault": "slip"}'],
        "the fault in the truth",
    )
    say("topics and transforms are there")


def check_transfer(planner, transfer):
    goal = planner.start(transfer, Goal(job(Transfer, "step-1")))
    expect(goal.handle.accepted, "the goal is accepted")
    # rclpy drops feedback that it looks at after the goal's end: so the executive waits to be resumed.
    planner.until(lambda: [f.phase for f in goal.feedback] == ["NAVIGATE", "PICK"], "feedback")
    expect(planner.ask(Resume, "/nightshift/resume", caller="me", note="looked").accepted, "resume")
    answer = planner.finish(goal)
    expect(answer.status == GoalStatus.STATUS_SUCCEEDED, f"status {answer.status}")
    expect(answer.result.success and answer.result.job_id == "step-1", "the result")
    outcome = answer.result.outcomes[0]
    expect((outcome.status, outcome.effect, outcome.location) == ("DONE", "PLACED", "photolysis/rack/A1"), str(outcome))

    again = planner.run(transfer, job(Transfer, "step-1"))
    expect(again.status == GoalStatus.STATUS_SUCCEEDED and again.result == answer.result, "the same job again")

    refused = planner.run(transfer, job(Transfer, "job-9", caller=""))
    error = refused.result.error
    expect(refused.status == GoalStatus.STATUS_ABORTED, f"status {refused.status}")
    expect((error.code, error.name) == (100, "MALFORMED_REQUEST") and "caller" in error.message, str(error))

    loaded = planner.run(planner.client(Load, "/nightshift/load"), job(Load, "load-1", target="gc/rack/A1"))
    expect(loaded.status == GoalStatus.STATUS_SUCCEEDED, "a load")
    say("transfer, resubmission, refusal and load went well")


def check_cancel(planner, transfer):
    first = planner.start(transfer, Goal(job(Transfer, "hold-1")))
    second = planner.start(transfer, Goal(job(Transfer, "hold-1")))
    planner.until(lambda: any(f.phase == "CARRY" for f in second.feedback), "CARRY")
    cancel = planner.get(first.handle.cancel_goal_async(), "the cancel's answer")
    expect(len(cancel.goals_canceling) == 1, f"{cancel}")
    answer = planner.finish(first)
    expect(answer.status == GoalStatus.STATUS_CANCELED, f"status {answer.status}")
    expect(answer.result.outcomes[0].status == "CANCELLED", "the outcome")
    answer = planner.finish(second)
    expect(answer.status == GoalStatus.STATUS_ABORTED, f"status {answer.status} of who did not cancel")
    expect(answer.result.error.name == "CANCELLED", "why")

    goal_id = UUID(uuid=list(uuid.uuid4().bytes))
    first = planner.start(transfer, Goal(job(Transfer, "hold-2")), goal_id)
    second = planner.start(transfer, Goal(job(Transfer, "hold-3")), goal_id)
    expect(first.handle.accepted and not second.handle.accepted, "a goal under a used id is rejected")
    expect(planner.ask(Cancel, "/nightshift/cancel", job_id="hold-2").accepted, "cancel by service")
    answer = planner.finish(first)
    expect(answer.result.outcomes[0].status == "CANCELLED", "the outcome")
    say("cancel by action and by service went well")


def check_services(planner):
    told = planner.ask(GetJob, "/nightshift/get_job", job_id="step-1")
    expect(told.found and told.state == "SUCCEEDED" and told.outcomes[0].status == "DONE", str(told))
    expect(json.loads(told.json)["request"]["caller"] == "test", "the job's JSON")
    expect(not planner.ask(GetJob, "/nightshift/get_job", job_id="nobody").found, "an unknown job")
    unknown = planner.ask(Cancel, "/nightshift/cancel", job_id="nobody")
    expect(not unknown.accepted and "UNKNOWN_JOB" in unknown.message, str(unknown))
    closed = planner.ask(SetPassage, "/nightshift/set_passage", passage="aisle", closed=True, caller="test")
    expect(closed.accepted and closed.message == "aisle is closed", str(closed))
    attic = planner.ask(SetPassage, "/nightshift/set_passage", passage="attic", closed=False, caller="test")
    expect(not attic.accepted and "attic" in attic.message, str(attic))
    ledger = planner.ask(QueryLedger, "/nightshift/query_ledger", sample_id="")
    expect(ledger.sample_ids == ["s1"] and ledger.locations == ["photolysis/rack/A1"], str(ledger))
    say("services went well")


def check_robot(planner):
    arm = planner.client(FollowJointTrajectory, "/arm_controller/follow_joint_trajectory")
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = ["elbow"]
    answer = planner.run(arm, goal)
    expect(answer.status == GoalStatus.STATUS_ABORTED, f"status {answer.status}")
    expect(answer.result.error_code == FollowJointTrajectory.Result.INVALID_JOINTS, str(answer.result))
    expect("elbow" in answer.result.error_string, "the words")

    goal.trajectory.joint_names = [f"joint_{i}" for i in range(7, 0, -1)]
    point = JointTrajectoryPoint(positions=[0.1] * 7, velocities=[0.0] * 7)
    point.time_from_start.nanosec = 200_000_000
    goal.trajectory.points = [point]
    answer = planner.run(arm, goal)
    expect(answer.status == GoalStatus.STATUS_SUCCEEDED, f"{answer}")

    gripper = planner.client(GripperCommand, "/gripper_controller/gripper_cmd")
    goal = GripperCommand.Goal()
    goal.command.position = 9.0
    expect(planner.run(gripper, goal).status == GoalStatus.STATUS_ABORTED, "nine metres")
    goal.command.position, goal.command.max_effort = 0.02, 10.0
    answer = planner.run(gripper, goal)
    expect(answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.reached_goal, str(answer))
    say("arm and gripper went well")


def main():
    rclpy.init()
    planner = Planner()
    transfer = planner.client(Transfer, "/nightshift/transfer")
    check_topics(planner)
    check_transfer(planner, transfer)
    check_cancel(planner, transfer)
    check_services(planner)
    check_robot(planner)
    say("all went well")


try:
    main()
except AssertionError as problem:
    say(f"not as expected: {problem}")
    sys.exit(1)
