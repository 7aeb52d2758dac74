"""Writes MotionBenchMaker's problems as plan requests, one JSON object a line.

    python tests/peers/motion_bench_maker.py problems.tar.bz2 panda > panda.jsonl

The archive is `resources/<robot>/problems.tar.bz2` of the source distribution of PyPI's vamp-planner. Needs PyYAML.
"""

import json
import re
import sys
import tarfile

import yaml

# In the order of robot/description/<arm>/arm.toml; distance between the open fingers.
ARMS = {
    "panda": ([f"panda_joint{k}" for k in range(1, 8)], 0.13),
    "ur5": (
        ["shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint"] + [f"wrist_{k}_joint" for k in range(1, 4)],
        0.085,
    ),
    "fetch": (
        ["torso_lift_joint", "shoulder_pan_joint", "shoulder_lift_joint", "upperarm_roll_joint", "elbow_flex_joint"]
        + ["forearm_roll_joint", "wrist_flex_joint", "wrist_roll_joint"],
        0.1,
    ),
}


def multiply(a, b):
    """Quaternions, x y z w."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    ]


def compose(outer, inner):
    turn = outer["orientation"]
    conjugate = [-turn[0], -turn[1], -turn[2], turn[3]]
    moved = multiply(multiply(turn, [*inner["position"], 0.0]), conjugate)
    position = [p + m for p, m in zip(outer["position"], moved)]
    return {"position": position, "orientation": multiply(turn, inner["orientation"])}


def solid(primitive):
    size = primitive["dimensions"]
    kind = primitive["type"]
    if kind == "box":
        return {"box": {"size_m": size}}
    if kind == "cylinder":
        return {"cylinder": {"height_m": size[0], "radius_m": size[1]}}
    if kind == "sphere":
        return {"sphere": {"radius_m": size[0]}}
    raise ValueError(f"no solid is known for {kind}")


def shapes(scene):
    nowhere = {"position": [0.0, 0.0, 0.0], "orientation": [0.0, 0.0, 0.0, 1.0]}
    for thing in scene["world"]["collision_objects"]:
        pose = compose(thing.get("pose", nowhere), thing["primitive_poses"][0])
        yield {
            "name": thing["id"],
            "solid": solid(thing["primitives"][0]),
            "base_from_shape": [*pose["position"], *pose["orientation"]],
        }


def problems(archive, arm):
    """Each problem's family and its plan request."""
    joints, opening = ARMS[arm]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = {}
    with tarfile.open(archive, "r:bz2") as tar:
        for member in tar.getmembers():
            if member.isfile():
                folder, name = member.name.split("/")[-2:]
                kind, number = re.fullmatch(r"(scene|request)(\d+)\.yaml", name).groups()
                files[folder, int(number), kind] = yaml.load(tar.extractfile(member).read(), Loader=loader)
    for folder, number in sorted({key[:2] for key in files}):
        scene, request = files[folder, number, "scene"], files[folder, number, "request"]
        state = request["start_state"]["joint_state"]
        start = dict(zip(state["name"], state["position"]))
        goal = {c["joint_name"]: c["position"] for c in request["goal_constraints"][0]["joint_constraints"]}
        problem = {
            "start": [start[joint] for joint in joints],
            "goal": {"Joints": [goal[joint] for joint in joints]},
            "scene": {
                "shapes": list(shapes(scene)),
                "held": None,
                "may_touch": [],
                "fingers_opening_m": opening,
                "margin_m": 0.001,
            },
            "seed": number,
            "speed": 1.0,
        }
        yield folder, problem


def main():
    archive, arm = sys.argv[1:]
    for _, problem in problems(archive, arm):
        print(json.dumps(problem))


if __name__ == "__main__":
    main()
