#!/usr/bin/env python3
"""Ask Nightshift to move samples, with nothing but stock rclpy. Copy it and make it yours.

    source launch/env
    python skills/clients/python/transfer.py S-001=photolysis/rack/A1 S-002=photolysis/rack/A2
    python skills/clients/python/transfer.py --action load S-001=gc/rack/A1
    python skills/clients/python/transfer.py --resume "looked at the robot, all is well"

Prints feedback as it comes, and the result as one JSON object on stdout. Exit code 0 when every sample is at its target.
"""
import argparse
import json
import sys
import uuid

import rclpy
from nightshift_interfaces.action import Charge, Load, Search, Transfer, Unload
from nightshift_interfaces.msg import TransferItem
from nightshift_interfaces.srv import Resume
from rclpy.action import ActionClient

MOVES = {"transfer": Transfer, "load": Load, "unload": Unload}
ACTIONS = {**MOVES, "search": Search, "charge": Charge}


def outcome(message):
    return {
        "sample_id": message.sample_id,
        "status": message.status,
        "effect": message.effect,
        "location": message.location,
        "ledger_seq": message.ledger_seq,
        "evidence": [{"kind": e.kind, "text": e.text, "path": e.path} for e in message.evidence],
        "error": error(message.error),
    }


def error(message):
    if message.code == 0:
        return None
    return {name: getattr(message, name) for name in ("code", "name", "level", "retriable", "message", "next_call")}


def ask(node, action, goal, on_feedback, wait_s=30.0):
    """Sends one goal and waits for its result."""
    client = ActionClient(node, ACTIONS[action], f"/nightshift/{action}")
    if not client.wait_for_server(timeout_sec=wait_s):
        raise SystemExit(f"nobody serves /nightshift/{action}: is `nightshift run` up on this ROS_DOMAIN_ID?")
    sent = client.send_goal_async(goal, feedback_callback=lambda m: on_feedback(m.feedback))
    rclpy.spin_until_future_complete(node, sent)
    handle = sent.result()
    if not handle.accepted:
        raise SystemExit("the goal was not accepted")
    done = handle.get_result_async()
    rclpy.spin_until_future_complete(node, done)
    client.destroy()
    return done.result().result


def resume(node, caller, note, wait_s=30.0):
    """Acknowledges a restart: somebody has looked at the robot, and it may move again."""
    client = node.create_client(Resume, "/nightshift/resume")
    if not client.wait_for_service(timeout_sec=wait_s):
        raise SystemExit("nobody serves /nightshift/resume: is `nightshift run` up on this ROS_DOMAIN_ID?")
    future = client.call_async(Resume.Request(caller=caller, note=note))
    rclpy.spin_until_future_complete(node, future, timeout_sec=wait_s)
    if not future.done():
        raise SystemExit("/nightshift/resume does not answer")
    return future.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("moves", nargs="*", metavar="SAMPLE=STATION/NEST/SLOT", help="which sample to which slot")
    parser.add_argument("--action", choices=MOVES, default="transfer")
    parser.add_argument("--job-id", default=str(uuid.uuid4()), help="send the same id again to ask for the same job")
    parser.add_argument("--caller", default="transfer.py")
    parser.add_argument("--resume", metavar="NOTE", help="acknowledge a restart, saying what was looked at")
    parser.add_argument("--dry-run", action="store_true", help="check only, move nothing")
    args = parser.parse_args()
    if args.resume is not None:
        rclpy.init()
        answer = resume(rclpy.create_node("planner"), args.caller, args.resume)
        rclpy.shutdown()
        print(json.dumps({"accepted": answer.accepted, "message": answer.message}))
        sys.exit(0 if answer.accepted else 1)
    if not args.moves:
        parser.error("say which sample is to go where, for instance S-001=photolysis/rack/A1")

    goal = ACTIONS[args.action].Goal(job_id=args.job_id, caller=args.caller, dry_run=args.dry_run)
    for move in args.moves:
        sample, _, target = move.partition("=")
        goal.items.append(TransferItem(sample_id=sample, target=target))

    def show(feedback):
        line = f"{feedback.progress * 100:3.0f} %  {feedback.phase:<12} {feedback.sample_id:<8} {feedback.custody:<8} {feedback.message}"
        print(line, file=sys.stderr, flush=True)

    rclpy.init()
    node = rclpy.create_node("planner")
    result = ask(node, args.action, goal, show)
    node.destroy_node()
    rclpy.shutdown()
    print(json.dumps({
        "success": result.success,
        "job_id": result.job_id,
        "outcomes": [outcome(o) for o in result.outcomes],
        "error": error(result.error),
    }))
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main()
