"""The hand on the running simulator: held, stepped, set back exactly, and made to fail, by a stock client."""
import re

import judge
import pytest
from conftest import BIN, Child, _next_domain
from control_msgs.action import FollowJointTrajectory
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectoryPoint


@pytest.fixture
def sim_node(tmp_path, monkeypatch):
    import rclpy

    monkeypatch.setenv("ROS_DOMAIN_ID", _next_domain())
    sim = Child([BIN, "sim", "--ros"], tmp_path / "sim.log")
    rclpy.init()
    node = rclpy.create_node("test_simulator")
    yield node
    node.destroy_node()
    rclpy.shutdown()
    sim.stop()
    print(sim.tail())


def call(node, name):
    return judge.ask(node, Trigger, f"/nightshift_sim/{name}", Trigger.Request())


def hold(node, held=True):
    """Holds it; answers its time and the hash of its state."""
    answer = judge.ask(node, SetBool, "/nightshift_sim/pause", SetBool.Request(data=held))
    assert answer.success, answer.message
    return at(answer.message)


def at(message):
    time_s, state = re.search(r"at ([0-9.]+) s, state ([0-9a-f]{64})$", message).groups()
    return float(time_s), state


def steps(node, count):
    for _ in range(count):
        assert call(node, "step").success


def test_held_stepped_and_set_back(sim_node):
    refused = call(sim_node, "step")
    assert not refused.success and "pause it first" in refused.message
    assert not call(sim_node, "restore").success
    before = hold(sim_node)
    assert hold(sim_node) == before, "it moved while it was held"
    assert at(call(sim_node, "snapshot").message) == before
    steps(sim_node, 5)
    after = hold(sim_node)
    assert after[0] == pytest.approx(before[0] + 0.010) and after[1] != before[1]
    assert at(call(sim_node, "restore").message) == before
    steps(sim_node, 5)
    assert hold(sim_node) == after, "what was restored went another way"


def test_a_reset_ends_the_motion_that_runs(sim_node):
    import rclpy
    from rclpy.action import ActionClient

    heard = []
    sim_node.create_subscription(JointState, "/joint_states", heard.append, 10)
    arm = ActionClient(sim_node, FollowJointTrajectory, "/arm_controller/follow_joint_trajectory")
    assert arm.wait_for_server(timeout_sec=30.0)
    while not any(len(message.name) > 2 for message in heard):
        rclpy.spin_once(sim_node, timeout_sec=0.1)
    here = next(message for message in heard if len(message.name) > 2)
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = list(here.name)
    for second in (1, 100):
        point = JointTrajectoryPoint(positions=list(here.position), velocities=[0.0] * len(here.name))
        point.time_from_start.sec = second
        goal.trajectory.points.append(point)
    sent = arm.send_goal_async(goal)
    rclpy.spin_until_future_complete(sim_node, sent, timeout_sec=10.0)
    handle = sent.result()
    assert handle.accepted
    ended = handle.get_result_async()
    assert call(sim_node, "reset").success
    rclpy.spin_until_future_complete(sim_node, ended, timeout_sec=10.0)
    assert ended.done() and "set back" in ended.result().result.error_string, ended.result()


def test_faults_are_taken_or_refused_with_the_reason(sim_node):
    texts = ["scanner.front.freeze(for=3s)", "scanner.front.melt", "gripper.slip at phase PICK", "rack.moon/rack.shift(x=5mm)"]
    faults = [Parameter(name="fault", value=ParameterValue(type=4, string_value=text)) for text in texts]
    request = SetParameters.Request(parameters=faults)
    results = judge.ask(sim_node, SetParameters, "/nightshift_sim/inject_faults", request).results
    assert [result.successful for result in results] == [True, False, False, False]
    assert results[0].reason.startswith("scanner.front.freeze(for=3")
    assert "melt" in results[1].reason and "phase PICK" in results[2].reason and "moon" in results[3].reason
    number = Parameter(name="fault", value=ParameterValue(type=2, integer_value=3))
    request = SetParameters.Request(parameters=[number])
    (result,) = judge.ask(sim_node, SetParameters, "/nightshift_sim/inject_faults", request).results
    assert not result.successful and "must be named `fault`" in result.reason
