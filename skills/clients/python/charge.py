#!/usr/bin/env python3
"""Have Nightshift charge its battery, with nothing but stock rclpy. Copy it (and transfer.py) and make it yours.

    source launch/env
    python skills/clients/python/charge.py                    # at the nearest charger, until the battery is full
    python skills/clients/python/charge.py --minutes 20       # for so long at most; exit code 1 if it is not full by then

Prints feedback as it comes, and the result as one JSON object on stdout. Exit code 0 when the battery is full.
"""
import argparse
import json
import sys
import uuid

import rclpy
from nightshift_interfaces.action import Charge
from transfer import ask, error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", default="", metavar="STATION", help="which charger; without it, the nearest")
    parser.add_argument("--minutes", type=float, default=0.0, help="for so long at most; 0 is until it is full")
    parser.add_argument("--job-id", default=str(uuid.uuid4()), help="send the same id again to ask for the same job")
    parser.add_argument("--caller", default="charge.py")
    args = parser.parse_args()

    def show(feedback):
        print(f"{feedback.progress * 100:3.0f} %  {feedback.phase:<12} {feedback.message}", file=sys.stderr, flush=True)

    rclpy.init()
    node = rclpy.create_node("planner")
    goal = Charge.Goal(job_id=args.job_id, caller=args.caller, station=args.at, deadline_s=args.minutes * 60.0)
    result = ask(node, "charge", goal, show)
    node.destroy_node()
    rclpy.shutdown()
    print(json.dumps({"success": result.success, "job_id": result.job_id, "error": error(result.error)}))
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main()
