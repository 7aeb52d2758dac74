#!/usr/bin/env python3
"""Compares what the stack's ledger says with what is true in the simulator.

Only a judge may know the truth; the stack never does. Prints one JSON object; exit code 0 when both agree.
"""
import json
import sys
import time

import rclpy
from nightshift_interfaces.srv import QueryLedger
from std_msgs.msg import String


def truth(node, wait_s=60.0):
    """The simulator's next word on where everything is.

    By the clock and not by a count of spins: a spin ends at whatever comes first, and a node with much unheard (an
    action's feedback, its status) spins a hundred times within milliseconds.
    """
    heard = []
    subscription = node.create_subscription(String, "/nightshift_sim/truth", lambda m: heard.append(m.data), 10)
    deadline = time.monotonic() + wait_s
    while not heard and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_subscription(subscription)
    if not heard:
        raise SystemExit("the simulator says nothing on /nightshift_sim/truth")
    return json.loads(heard[-1])


def ask(node, kind, name, request, wait_s=60.0):
    """Calls a service, again and again until somebody answers: a killed server is still seen for a while."""
    client = node.create_client(kind, name)
    deadline = time.monotonic() + wait_s
    answer = None
    while answer is None and time.monotonic() < deadline:
        if client.wait_for_service(timeout_sec=1.0):
            future = client.call_async(request)
            rclpy.spin_until_future_complete(node, future, timeout_sec=3.0)
            answer = future.result() if future.done() else None
    node.destroy_client(client)
    if answer is None:
        raise SystemExit(f"{name} does not answer within {wait_s:.0f} s")
    return answer


def ledger(node):
    """Where the stack believes each sample to be."""
    answer = ask(node, QueryLedger, "/nightshift/query_ledger", QueryLedger.Request())
    return dict(zip(answer.sample_ids, answer.locations))


def compare(node):
    """One row a sample: where it is told to be, where it is, and whether that agrees."""
    told, real = ledger(node), truth(node)["samples"]
    rows = []
    for sample in sorted(set(told) | set(real)):
        place = real.get(sample, {}).get("location", "unknown to the laboratory")
        word = told.get(sample, "unknown to the ledger")
        broken = real.get(sample, {}).get("broken", False)
        rows.append({"sample": sample, "ledger": word, "truth": place, "broken": broken,
                     "agree": place in word.split("|") and not broken})
    return rows


def main():
    rclpy.init()
    node = rclpy.create_node("judge")
    rows = compare(node)
    node.destroy_node()
    rclpy.shutdown()
    agree = all(row["agree"] for row in rows) and bool(rows)
    print(json.dumps({"agree": agree, "samples": rows}))
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
