"""What VAMP comes to on MotionBenchMaker's problems, as one JSON object: which are valid to it, and its times.

    python tests/peers/vamp.py SOURCE panda|ur5|fetch

SOURCE is the unpacked source distribution of PyPI's vamp-planner (0.6.4). Its own headers are compiled here (g++, Debian's libeigen3-dev) with
its own flags; two libraries that no registry has are stood in for by tests/peers/vamp/. Robot, order and settings are those of its
scripts/evaluate_mbm.py: RRT-Connect over Halton numbers that begin anew for each problem, then its simplification. Cylinders are capsules to
VAMP, and boxes in the family `box`. The order of the problems is motion_bench_maker.py's. Needs PyYAML.
"""

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

import motion_bench_maker as maker

HERE = Path(__file__).parent / "vamp"
# Class and step of the trees, radians, as in its constants.py.
ROBOTS = {"panda": ("Panda", 1.0), "ur5": ("UR5", 1.5), "fetch": ("Fetch", 1.0)}
# Of its cmake/CompilerSettings.cmake, for x86-64 and GCC.
FLAGS = ["-std=c++17", "-O3", "-march=native", "-mavx2", "-Wno-ignored-attributes", "-fno-math-errno", "-fno-signed-zeros"]
FLAGS += ["-fno-trapping-math", "-fno-rounding-math", "-ffp-contract=fast", "-fassociative-math", "-DNDEBUG"]


def built(source, arm):
    program = source / "build" / f"nightshift-{arm}"
    if not program.exists():
        program.parent.mkdir(exist_ok=True)
        command = ["g++", *FLAGS, f"-I{HERE}", f"-I{source / 'src/impl'}", "-isystem", "/usr/include/eigen3"]
        command += [f"-DVAMP_ROBOT={ROBOTS[arm][0]}", f"-DVAMP_HEADER=<vamp/robots/{arm}.hh>"]
        made = subprocess.run([*command, HERE / "main.cc", "-o", program], capture_output=True, text=True)
        if made.returncode:
            wrong = next((row for row in made.stderr.splitlines() if "error" in row), "g++ failed")
            raise SystemExit(f"VAMP does not compile: {wrong}")
    return program


def angles(x, y, z, w):
    """Roll, pitch and yaw of a quaternion."""
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    return roll, pitch, math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def line(shape, family):
    """Kind, place, roll, pitch and yaw, and three sizes."""
    (kind, size), pose = *shape["solid"].items(), shape["base_from_shape"]
    if kind == "sphere":
        words, sizes = "sphere", [size["radius_m"], 0, 0]
    elif kind == "box":
        words, sizes = "cuboid", [edge / 2 for edge in size["size_m"]]
    elif family == "box":
        words, sizes = "cuboid", [size["radius_m"], size["radius_m"], size["height_m"] / 2]
    else:
        words, sizes = "capsule", [size["radius_m"], size["height_m"], 0]
    return " ".join([words, *(repr(float(v)) for v in (*pose[:3], *angles(*pose[3:]), *sizes))])


def main():
    source, arm = Path(sys.argv[1]).resolve(), sys.argv[2]
    program = built(source, arm)
    text = [str(ROBOTS[arm][1])]
    for family, problem in maker.problems(source / "resources" / arm / "problems.tar.bz2", arm):
        goal = problem["goal"]["Joints"]
        text.append(" ".join(repr(q) for q in (*problem["start"], *goal)))
        shapes = problem["scene"]["shapes"]
        text += [str(len(shapes)), *(line(shape, family.removesuffix(f"_{arm}")) for shape in shapes)]
    ran = subprocess.run([program], input="\n".join(text), capture_output=True, text=True, check=True)
    rows = [[int(word) for word in row.split()] for row in ran.stdout.splitlines()]
    solved = [row for row in rows if row[1]]
    cuts = lambda values: dict(zip(("p50", "p95"), (statistics.quantiles(values, n=100)[k] for k in (49, 94))))
    answer = {
        "valid": [bool(row[0]) for row in rows],
        "solved": len(solved),
        "search_us": cuts([row[2] / 1e3 for row in solved]),
        "simplify_us": cuts([row[3] / 1e3 for row in solved]),
        "iterations": cuts([row[4] for row in solved]),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
