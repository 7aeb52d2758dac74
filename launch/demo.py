#!/usr/bin/env python3
"""The demo: simulator and stack as separate processes on ROS 2, and a stock client that asks for transfers.

Leaves in out/demo: run.rrd (Rerun), run.png, report.md, the journal, the ledger and the pictures.
Exit code 0 only if every job succeeded and the ledger agrees with the truth.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
CLIENT = ROOT / "skills/clients/python/transfer.py"
JUDGE = ROOT / "tests/ros/judge.py"
JOBS = [
    ("transfer", ["S-001=photolysis/rack/A1", "S-002=photolysis/rack/A2"]),
    ("load", ["S-001=gc/rack/A1"]),
]


def say(words):
    print(f"demo  {words}", file=sys.stderr, flush=True)


class Process:
    """A process in a group of its own, with its talk in a log file."""

    def __init__(self, name, argv, log):
        self.name, self.log = name, log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

    def check(self):
        if self.child.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise SystemExit(f"{self.name} ended with code {self.child.returncode}:\n{tail}")

    def stop(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGINT)
            try:
                self.child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()


def run_jobs(processes):
    results = []
    for action, moves in JOBS:
        say(f"{action}: {', '.join(moves)}")
        started = time.monotonic()
        client = subprocess.run(
            [sys.executable, str(CLIENT), "--action", action, "--caller", "demo", *moves],
            stdout=subprocess.PIPE, text=True)
        for process in processes:
            process.check()
        if not client.stdout.strip():
            raise SystemExit(f"the client ended with code {client.returncode} and no result")
        result = json.loads(client.stdout)
        result.update(action=action, wall_s=time.monotonic() - started)
        results.append(result)
        words = "done" if result["success"] else result["error"] or "not done"
        say(f"{action}: {words} in {result['wall_s']:.0f} s")
    return results


def judge():
    answer = subprocess.run([sys.executable, str(JUDGE)], stdout=subprocess.PIPE, text=True)
    if not answer.stdout.strip():
        raise SystemExit("the judge could not compare ledger and truth")
    return json.loads(answer.stdout)


def report(out, results, verdict, seconds):
    lines = ["# Demo run", "", "Everything in this report happened in the simulator.", "",
             f"{len(results)} jobs in {seconds:.0f} s of wall-clock time.", "",
             "| job | sample | status | where it is | evidence |", "|---|---|---|---|---|"]
    for result in results:
        for outcome in result["outcomes"]:
            shown = "; ".join(f"{e['kind']}: {e['text'] or e['path'][:24]}" for e in outcome["evidence"])
            lines.append(f"| {result['action']} | {outcome['sample_id']} | {outcome['status']} "
                         f"| {outcome['location']} | {shown} |")
    lines += ["", "## Ledger against truth", "", "| sample | ledger | truth | agree |", "|---|---|---|---|"]
    for row in verdict["samples"]:
        lines.append(f"| {row['sample']} | {row['ledger']} | {row['truth']} | {'yes' if row['agree'] else 'NO'} |")
    lines += ["", "![the run from above](run.png)", ""]
    (out / "report.md").write_text("\n".join(lines))


def draw(out):
    """The picture and the Rerun recording; neither decides whether the demo passed."""
    run = str(out / "run")
    for argv in (
        [BIN / "nightshift", "picture", run, "--out", out / "run.png"],
        [BIN / "nightshift-watch", "--record", run, "--save", out / "run.rrd"],
    ):
        try:
            subprocess.run([str(arg) for arg in argv], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"{argv[-1].name} was not made: {error} (launch/setup builds what makes it)")


def get_viewer():
    """The Rerun viewer, installed first where that is needed; None, and words why, where it cannot be opened here."""
    if not os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY"):
        say("--watch: no display here (DISPLAY and WAYLAND_DISPLAY are not set), so the Rerun viewer will not open")
        return None
    if subprocess.run([str(ROOT / "launch/setup"), "--no-build", "--viewer", "--quiet"]).returncode != 0:
        say("--watch: the Rerun viewer could not be had; the demo goes on without it")
        return None
    return Path(sys.executable).parent / "rerun"


def show(viewer, recording):
    """Opens the viewer and waits until it is closed; how that goes decides nothing."""
    say("the Rerun viewer opens; close it to end")
    try:
        code = subprocess.run([str(viewer), str(recording)]).returncode
    except KeyboardInterrupt:
        return
    if code != 0:
        say(f"the Rerun viewer ended with code {code} (its words are above); the recording is {os.path.relpath(recording)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watch", action="store_true", help="open the Rerun viewer on the recording")
    parser.add_argument("--seed", default="1", help="of the simulator's noise, slip and bias")
    parser.add_argument("--rate", default="2", help="simulated seconds per second")
    parser.add_argument("--out", type=Path, default=ROOT / "out/demo")
    args = parser.parse_args()

    viewer = get_viewer() if args.watch else None
    started = time.monotonic()
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    out = args.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    nightshift = str(BIN / "nightshift")
    say(f"ROS_DOMAIN_ID {os.environ['ROS_DOMAIN_ID']}, everything on loopback; results in {os.path.relpath(out)}")
    sim = Process("the simulator", [nightshift, "sim", "--ros", "--seed", args.seed, "--rate", args.rate], out / "sim.log")
    stack = Process("the stack", [nightshift, "run", "--out", str(out / "run")], out / "stack.log")
    try:
        results = run_jobs([sim, stack])
        verdict = judge()
    finally:
        stack.stop()
        sim.stop()
    report(out, results, verdict, time.monotonic() - started)
    draw(out)
    for row in verdict["samples"]:
        say(f"{row['sample']}  ledger {row['ledger']:<22} truth {row['truth']:<22} {'ok' if row['agree'] else 'DIFFERS'}")
    good = verdict["agree"] and all(result["success"] for result in results)
    say(f"{'PASSED' if good else 'FAILED'} in {time.monotonic() - started:.0f} s: report.md, run.png, run.rrd in {os.path.relpath(out)}")
    if viewer and (out / "run.rrd").exists():
        show(viewer, out / "run.rrd")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
