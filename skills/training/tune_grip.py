#!/usr/bin/env python3
"""Tunes the force with which a site's vials are held, in the simulator, and says whether it beats the rule.

The rule alone (force_n at nothing) holds a vial with what its weight and the friction that is reckoned with ask for (skills/src/grip.rs).
`grasp.force_n` in labware.toml is a floor under it. Each candidate floor is tried in the same seeded trials of
`nightshift bench grasp` (sight up to 3 mm and 2 degrees off, friction 0.2 to 0.6, any fill, neighbours, drops); the best is the one with the most successes,
of those the one with the fewest grasps made again, of those the one with the least grip. It is then tried beside the rule, and
beside what the file has, in trials of another seed, and is worth keeping only where it beats both there.

    skills/training/tune_grip.py --out out/grip                    # some 15 minutes of processor time
    skills/training/tune_grip.py --out out/grip --json | jq .kept  # goes on where it was interrupted

Needs `nightshift` on PATH (source launch/env). Only the Python standard library.
"""

import argparse
import concurrent.futures
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

RULE = 0.1


def tried(args, force_n, seed, count):
    """The report of `bench grasp` with this floor; from its file where it was tried before. `None` is the site's own floor."""
    name = "own" if force_n is None else f"{force_n:g}"
    report = args.out / f"{args.site.name}-{args.robot}-{name}-{seed}-{count}.json"
    if not report.exists():
        site = args.site
        if force_n is not None:
            site = args.out / f"force-{name}" / args.site.name
            shutil.copytree(args.site, site, dirs_exist_ok=True)
            labware = site / "labware.toml"
            text, changed = re.subn(r"force_n = [0-9.]+(?=, max_force_n)", f"force_n = {force_n}", labware.read_text())
            if not changed:
                sys.exit(f"tune_grip.py: {args.site}/labware.toml has no grasp with force_n and max_force_n")
            labware.write_text(text)
        print(f"tune_grip.py: {count} trials with {name} N, seed {seed}", file=sys.stderr, flush=True)
        run = subprocess.run(["nightshift", "bench", "grasp", "--site", site, "--robot", args.robot, "--count", str(count), "--seed", str(seed), "--json"],
                             capture_output=True, text=True)
        # 1 says that aims are missed, which a poor floor does.
        if run.returncode not in (0, 1):
            sys.exit(f"tune_grip.py: nightshift bench grasp --site {site}: {run.stderr.strip()}")
        report.write_text(run.stdout)
    found = json.loads(report.read_text())
    # A fall that a trial brought about on purpose tells nothing of the grip.
    return {"force_n": force_n, "n": found["n"], "successes": found["successes"], "interval": found["interval"], "grasped_again": found["grasped_again"],
            "grip_peak_n": found["grip_peak_n"], "axial_peak_n": found["axial_peak_n"], "broken": found["broken"], "misplaced": found["misplaced"]}


def order(one):
    """Better ones first."""
    return (one["broken"] + one["misplaced"], -one["successes"], one["grasped_again"], one["grip_peak_n"][1])


def words(one, names):
    low, middle, most = one["grip_peak_n"]
    return (f"| {names.get(one['force_n'], '%g N' % (one['force_n'] or 0))} | {one['successes']} of {one['n']} (at least {one['interval'][0]:.3f}) | {one['grasped_again']} "
            f"| {low:.1f} / {middle:.1f} / {most:.1f} | {one['axial_peak_n'][1]:.1f} / {one['axial_peak_n'][2]:.1f} | {one['broken'] + one['misplaced']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, default=Path(__file__).resolve().parents[2] / "maps/photocatalysis")
    parser.add_argument("--robot", default="omni7")
    parser.add_argument("--forces", type=float, nargs="+", default=[2.0, 4.0, 6.0, 10.0], help="candidate floors, N, beside the rule and the file's own")
    parser.add_argument("--train", type=int, default=20, help="trials of each candidate")
    parser.add_argument("--test", type=int, default=40, help="trials of the best, the rule and the file's own, of another seed")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="a folder for reports, gone on with where there are some")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        trained = list(pool.map(lambda force: tried(args, force, args.seed, args.train), [RULE, None, *args.forces]))
        best = min(trained, key=order)["force_n"]
        rivals = [force for force in (RULE, None) if force != best]
        tested = list(pool.map(lambda force: tried(args, force, args.seed + 1, args.test), [best, *rivals]))
    kept = all(order(tested[0]) < order(rival) for rival in tested[1:])
    if args.json:
        print(json.dumps({"simulated": True, "seed": args.seed, "trained": trained, "tested": tested, "kept": kept}))
        return
    names = {RULE: "rule alone", None: "as in the file"}
    for title, rows in ((f"tried, seed {args.seed}", trained), (f"tested, seed {args.seed + 1}; the best first", tested)):
        print(f"| {title} | in their slots | grasped again | grip, least / p50 / most, N | axial, p50 / most, N | broken, misplaced |\n|---|---|---|---|---|---|")
        print("\n".join(words(row, names) for row in rows))
    print("simulated; " + ("the best beats both: worth keeping" if kept else "the best does not beat both: the file stays as it is"))


if __name__ == "__main__":
    main()
