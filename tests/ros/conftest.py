"""Starts the simulator and the stack as separate processes, as the demo does."""
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "nightshift"
RATE = os.environ.get("NIGHTSHIFT_TEST_RATE", "2")
sys.path.insert(0, str(ROOT / "skills/clients/python"))
sys.path.insert(0, str(ROOT / "tests/ros"))


class Child:
    def __init__(self, argv, log):
        self.argv, self.log = [str(a) for a in argv], log
        self.start()

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(self.argv, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

    def signal(self, number):
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def stop(self):
        self.signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class Lab:
    """One simulator and one stack on a domain of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.sim = Child([BIN, "sim", "--ros", "--rate", RATE], folder / "sim.log")
        self.stack = None
        self.start_stack()

    def start_stack(self):
        self.stack = Child([BIN, "run", "--out", self.folder / "run"], self.folder / "stack.log")

    def stop(self):
        self.stack.stop()
        self.sim.stop()


def _next_domain(counter=[0]):
    counter[0] += 1
    # Beside the domain that the caller gave this test run, never the same twice.
    return str((int(os.environ.get("NIGHTSHIFT_TEST_DOMAIN", "30")) + counter[0]) % 100 + 1)


@contextlib.contextmanager
def open_lab(folder):
    """A laboratory, and a stock rclpy node on its domain."""
    import rclpy

    os.environ["ROS_DOMAIN_ID"] = _next_domain()
    lab = Lab(folder)
    rclpy.init()
    node = rclpy.create_node("test_planner")
    try:
        yield lab, node
    finally:
        node.destroy_node()
        rclpy.shutdown()
        lab.stop()
        for name, child in (("stack", lab.stack), ("simulator", lab.sim)):
            print(f"--- the {name}'s last words\n{child.tail()}")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.fixture
def lab(shared):
    return shared[0]


@pytest.fixture
def node(shared):
    return shared[1]


class Planner:
    """A planner as a stranger would write one, on stock rclpy."""

    def __init__(self, node):
        from rclpy.action import ActionClient
        import transfer

        self.node = node
        self.clients = {
            name: ActionClient(node, kind, f"/nightshift/{name}") for name, kind in transfer.ACTIONS.items()
        }
        self.kinds = transfer.ACTIONS
        self.feedback = []

    def goal(self, action, moves, **fields):
        from nightshift_interfaces.msg import TransferItem

        goal = self.kinds[action].Goal(caller="pytest", **fields)
        goal.items = [TransferItem(sample_id=s, target=t) for s, t in moves]
        return goal

    def send(self, action, goal):
        import rclpy

        client = self.clients[action]
        assert client.wait_for_server(timeout_sec=60.0), f"nobody serves /nightshift/{action}"
        # Sent again where nobody answers: the same job_id is the same job, and a killed server is still seen for a while.
        for _ in range(10):
            future = client.send_goal_async(goal, feedback_callback=lambda m: self.feedback.append(m.feedback))
            rclpy.spin_until_future_complete(self.node, future, timeout_sec=5.0)
            if future.done():
                assert future.result().accepted
                return future.result()
        raise AssertionError(f"/nightshift/{action} takes no goal")

    def result(self, handle, timeout_s=400.0):
        import rclpy

        future = handle.get_result_async()
        rclpy.spin_until_future_complete(self.node, future, timeout_sec=timeout_s)
        answer = future.result()
        assert answer is not None, f"no result within {timeout_s} s; last feedback {self.feedback[-1:]}"
        return answer

    def ask(self, action, moves, **fields):
        return self.result(self.send(action, self.goal(action, moves, **fields))).result

    def wait_for(self, phase, timeout_s=300.0):
        """Until feedback of this phase has come."""
        import rclpy

        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if any(f.phase == phase for f in self.feedback):
                return
            rclpy.spin_once(self.node, timeout_sec=0.1)
        raise AssertionError(f"{phase} never came; seen {sorted({f.phase for f in self.feedback})}")

    def call(self, kind, name, request):
        import judge

        return judge.ask(self.node, kind, f"/nightshift/{name}", request)


@pytest.fixture
def planner(node):
    return Planner(node)
