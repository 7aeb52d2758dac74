#!/usr/bin/env python3
"""Ask Nightshift where samples are, with nothing but stock rclpy. Copy it (and transfer.py) and make it yours.

    source launch/env
    python skills/clients/python/search.py                        # all that may be on the deck and in the storages
    python skills/clients/python/search.py S-001 S-002
    python skills/clients/python/search.py --at storage --at gc S-001

Prints feedback as it comes, and the result as one JSON object on stdout. Exit code 0 when every sample was found.
"""
import argparse
import json
import sys
import uuid

import rclpy
from nightshift_interfaces.action import Search
from transfer import ask, error, outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", metavar="SAMPLE", help="what to find; none is all that may be there")
    parser.add_argument("--at", action="append", default=[], metavar="STATION",
                        help="where to look, in this order; none is the deck and every storage")
    parser.add_argument("--job-id", default=str(uuid.uuid4()), help="send the same id again to ask for the same job")
    parser.add_argument("--caller", default="search.py")
    args = parser.parse_args()

    def show(feedback):
        print(f"{feedback.progress * 100:3.0f} %  {feedback.phase:<12} {feedback.message}", file=sys.stderr, flush=True)

    rclpy.init()
    node = rclpy.create_node("planner")
    goal = Search.Goal(job_id=args.job_id, caller=args.caller, sample_ids=args.samples, stations=args.at)
    result = ask(node, "search", goal, show)
    node.destroy_node()
    rclpy.shutdown()
    print(json.dumps({
        "success": result.success,
        "job_id": result.job_id,
        "outcomes": [outcome(o) for o in result.outcomes],
        "seen": [{"at": s.at, "code": s.code, "sample_id": s.sample_id, "path": s.path} for s in result.seen],
        "unseen": [{"nest": u.nest, "error": error(u.error)} for u in result.unseen],
        "error": error(result.error),
    }))
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main()
