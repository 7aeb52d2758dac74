"""What a planner meets: transfer, load, unload, resubmission, cancel in mid-carry, nonsense."""
import math
import struct
import time
import uuid

import judge
import pytest
import rclpy
from nightshift_interfaces.srv import GetJob, Handshake
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray


def agree(node):
    rows = judge.compare(node)
    assert rows and all(row["agree"] for row in rows), rows


def latest(node, kind, topic):
    """What a viewer sees that comes now: the latest, which is kept for it."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    came = []
    listener = node.create_subscription(kind, topic, came.append, latched)
    end = time.monotonic() + 20
    while not came and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.2)
    node.destroy_subscription(listener)
    assert came, f"nothing on {topic}"
    return came[-1]


def viewers_see(node):
    """What the last picture showed is there for them: fiducials, the picture, and what its depth is worth."""
    seen = latest(node, Detection2DArray, "/nightshift/detections")
    assert seen.header.frame_id == "camera_color_optical_frame"
    names = [thing.id for thing in seen.detections]
    assert len(names) >= 3 and all(name.startswith("tag36h11:") for name in names), names
    for thing in seen.detections:
        box = thing.bbox
        assert thing.results[0].hypothesis.class_id == "tag36h11" and thing.results[0].hypothesis.score == 1.0
        assert 10 < box.size_x < 300 and 10 < box.size_y < 300 and 0 < box.center.position.x < 640 and 0 < box.center.position.y < 480
    overlay = latest(node, Image, "/nightshift/overlay")
    assert (overlay.width, overlay.height, overlay.encoding) == (640, 480, "rgb8") and len(overlay.data) == 640 * 480 * 3
    depth, validity = latest(node, Image, "/nightshift/depth"), latest(node, Image, "/nightshift/depth_validity")
    metres = struct.unpack(f"<{640 * 480}f", depth.data)
    assert (depth.encoding, validity.encoding) == ("32FC1", "mono8") and set(validity.data) <= {0, 128, 255}
    assert depth.header.stamp == validity.header.stamp
    for metre, worth in zip(metres, validity.data):
        assert (0.1 < metre < 5.0) if worth == 255 else math.isnan(metre)


def test_nonsense_is_refused_by_name(planner):
    cases = [
        ([("S-001", "moon/rack/A1")], "UNKNOWN_STATION"),
        ([("S-001", "photolysis/shelf/A1")], "UNKNOWN_NEST"),
        ([("S-001", "photolysis/rack/Z9")], "UNKNOWN_SLOT"),
        ([("S-999", "photolysis/rack/A1")], "UNKNOWN_SAMPLE"),
        ([("S-001", "photolysis/rack/B4")], "TARGET_OCCUPIED"),
        ([("S-001", "gc/rack/A1"), ("S-002", "gc/rack/A1")], "DUPLICATE_ITEM"),
        ([("S-001", "gc/rack")], "MALFORMED_REQUEST"),
        ([], "MALFORMED_REQUEST"),
    ]
    for moves, name in cases:
        result = planner.ask("transfer", moves, job_id=str(uuid.uuid4()))
        assert not result.success
        assert result.error.name == name, (moves, result.error)
        assert result.error.message and result.error.next_call


def test_a_transfer_is_carried_out_and_answers_again_when_it_is_sent_again(planner, node):
    job = str(uuid.uuid4())
    moves = [("S-001", "photolysis/rack/A1")]
    first = planner.ask("transfer", moves, job_id=job)
    assert first.success, first
    assert first.outcomes[0].status == "DONE"
    assert {e.kind for e in first.outcomes[0].evidence} >= {"picture", "code"}
    seen = [f.phase for f in planner.feedback]
    for phase in ("ACCEPTED", "NAVIGATE", "DOCK", "LOCATE", "PICK", "CARRY", "PLACE", "VERIFY_PLACE"):
        assert phase in seen, seen
    again = planner.ask("transfer", moves, job_id=job)
    assert again.success and again.outcomes[0].ledger_seq == first.outcomes[0].ledger_seq
    conflict = planner.ask("transfer", [("S-002", "photolysis/rack/A2")], job_id=job)
    assert conflict.error.name == "JOB_CONFLICT"
    there = planner.ask("transfer", moves, job_id=str(uuid.uuid4()))
    assert there.success and there.outcomes[0].status == "ALREADY_THERE"
    state = planner.call(GetJob, "get_job", GetJob.Request(job_id=job))
    assert state.found and state.outcomes[0].status == "DONE"
    agree(node)
    viewers_see(node)


def test_load_and_unload(planner, node):
    loaded = planner.ask("load", [("S-001", "gc/rack/A1")], job_id=str(uuid.uuid4()))
    assert loaded.success, loaded
    phases = [f.phase for f in planner.feedback]
    assert phases.index("PREPARE_SITE") < phases.index("RELEASE_SITE"), phases
    assert any(e.kind == "site" and "sensor sees" in e.text for e in loaded.outcomes[0].evidence)
    assert any(e.kind == "part" and "tray of gc is seen" in e.text for e in loaded.outcomes[0].evidence)
    # The instrument's side, as its driver would serve it: nobody holds it, and a hand without a token is refused.
    status = judge.ask(node, Handshake, "/stations/gc/handshake", Handshake.Request(verb="STATUS"))
    assert status.verdict == "OK" and status.holder == "" and list(status.parts) == ["tray"], status
    nobody = Handshake.Request(verb="PREPARE", nest="rack", slot="A2", purpose="PLACE")
    assert judge.ask(node, Handshake, "/stations/gc/handshake", nobody).verdict == "REFUSED"
    unloaded = planner.ask("unload", [("S-001", "storage/rack/A1")], job_id=str(uuid.uuid4()))
    assert unloaded.success, unloaded
    agree(node)


def test_a_search_tells_where_samples_stand_and_what_was_read(planner, node):
    search = planner.kinds["search"].Goal

    def ask(**goal):
        goal = search(job_id=str(uuid.uuid4()), caller="pytest", **goal)
        return planner.result(planner.send("search", goal)).result

    refused = ask(sample_ids=["S-999"])
    assert refused.error.name == "UNKNOWN_SAMPLE" and not refused.seen
    assert ask(stations=["moon"]).error.name == "UNKNOWN_STATION"
    # S-007 stands at no storage: it is not there, and its place in the ledger is left as it was.
    found = ask(sample_ids=["S-005", "S-007"])
    assert [o.status for o in found.outcomes] == ["DONE", "FAILED"], found
    assert found.outcomes[0].location == "storage/rack/B1" and found.outcomes[0].evidence[0].sha256
    assert found.outcomes[1].error.name == "SAMPLE_MISSING", found.outcomes[1]
    read = {sighting.sample_id: sighting for sighting in found.seen}
    assert read["S-005"].code == "tag36h11:105" and read["S-005"].off_axis_m < 0.002
    assert not found.unseen
    agree(node)


def test_the_battery_is_charged_and_told(planner, node):
    import rclpy
    from rcl_interfaces.msg import Parameter, ParameterValue
    from rcl_interfaces.srv import SetParameters
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import BatteryState

    nearly = Parameter(name="fault", value=ParameterValue(type=4, string_value="battery.charge(at=97.8%)"))
    request = SetParameters.Request(parameters=[nearly])
    assert judge.ask(node, SetParameters, "/nightshift_sim/inject_faults", request).results[0].successful
    charge = planner.kinds["charge"].Goal

    def ask(**goal):
        goal = charge(job_id=str(uuid.uuid4()), caller="pytest", **goal)
        return planner.result(planner.send("charge", goal)).result

    assert "no charger" in ask(station="gc").error.message
    told = []
    listener = node.create_subscription(BatteryState, "/battery_state", told.append, qos_profile_sensor_data)
    full = ask()
    assert full.success, full
    assert "CHARGE" in {f.phase for f in planner.feedback}
    for _ in range(300):
        if told and told[-1].percentage >= 0.98:
            break
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_subscription(listener)
    assert told[-1].power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING, told[-1]
    assert 0.98 <= told[-1].percentage < 0.985


def test_cancel_in_mid_carry_leaves_the_sample_at_a_declared_place(planner, node):
    import rclpy

    handle = planner.send("transfer", planner.goal("transfer", [("S-003", "solid/rack/A1")], job_id=str(uuid.uuid4())))
    planner.wait_for("CARRY")
    cancelled = handle.cancel_goal_async()
    rclpy.spin_until_future_complete(node, cancelled, timeout_sec=30.0)
    answer = planner.result(handle)
    outcome = answer.result.outcomes[0]
    assert not answer.result.success
    assert outcome.status == "CANCELLED" and outcome.location.count("/") == 2, outcome
    agree(node)


def test_a_second_stack_on_the_same_domain_is_refused(lab, planner, tmp_path):
    import subprocess
    from conftest import BIN

    # The first one answers, so it is up.
    planner.call(GetJob, "get_job", GetJob.Request(job_id="none"))

    second = subprocess.run(
        [BIN, "run", "--out", tmp_path / "second"], capture_output=True, text=True, timeout=90)
    assert second.returncode != 0
    assert "nightshift" in second.stderr and "domain" in second.stderr.lower(), second.stderr
    assert lab.stack.process.poll() is None


def test_the_live_run_replays_bit_for_bit(lab):
    """The last test of this file: it ends the stack, so that its record is whole."""
    import subprocess
    from conftest import BIN

    lab.stack.stop()
    replay = subprocess.run([BIN, "replay", lab.folder / "run"], capture_output=True, text=True, timeout=300)
    assert replay.returncode == 0, replay.stdout[-2000:] + replay.stderr
    assert replay.stdout.startswith("equal"), replay.stdout
