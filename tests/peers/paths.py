"""Looks at planned motions again with another collision checker (coal): do they keep clear of the scene's things?

    nightshift plan --robot panda --problems panda.jsonl --json > plans.json
    python tests/peers/paths.py robot/description/panda panda.jsonl plans.json

Kinematics are computed here from the URDF, so that neither our checker nor our chain is trusted. Between two points joints go straight; each
such stretch is looked at every 0.01 rad (m for a lift) of its fastest joint. Links against things; links against each other where they do
not touch at the motion's start and are not neighbours. Prints one JSON object; exit code 1 where something is touched. Needs coal and numpy.
"""

import json
import math
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import coal
import numpy as np

STEP = 0.01


def turn(axis, angle):
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def frame(xyz, rotation):
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = rotation, xyz
    return out


def numbers(text):
    return [float(word) for word in text.split()]


def origin(element):
    here = element.find("origin")
    if here is None:
        return np.eye(4)
    roll, pitch, yaw = numbers(here.get("rpy", "0 0 0"))
    rotation = turn((0, 0, 1), yaw) @ turn((0, 1, 0), pitch) @ turn((1, 0, 0), roll)
    return frame(numbers(here.get("xyz", "0 0 0")), rotation)


def shape(geometry):
    (kind,) = list(geometry)
    if kind.tag == "sphere":
        return coal.Sphere(float(kind.get("radius")))
    if kind.tag == "box":
        return coal.Box(*numbers(kind.get("size")))
    if kind.tag == "cylinder":
        return coal.Cylinder(float(kind.get("radius")), float(kind.get("length")))
    raise SystemExit(f"no shape is known for <{kind.tag}>")


class Robot:
    def __init__(self, folder):
        description = tomllib.loads((folder / "arm.toml").read_text())
        root = ElementTree.parse(folder / description["urdf"]).getroot()
        self.shapes = []  # link, pose in the link, shape
        for link in root.findall("link"):
            for collision in link.findall("collision"):
                self.shapes.append((link.get("name"), origin(collision), shape(collision.find("geometry"))))
        self.joints = []  # parent, child, origin, kind, axis, name
        waiting = root.findall("joint")
        known = {link.get("name") for link in root.findall("link")} - {j.find("child").get("link") for j in waiting}
        while waiting:
            joint = next(j for j in waiting if j.find("parent").get("link") in known)
            waiting.remove(joint)
            known.add(joint.find("child").get("link"))
            axis = joint.find("axis")
            self.joints.append((
                joint.find("parent").get("link"), joint.find("child").get("link"), origin(joint), joint.get("type"),
                numbers(axis.get("xyz")) if axis is not None else None, joint.get("name"),
            ))
        self.fingers = description["gripper"]["joints"]
        near = {(a, b) for a, b, *_ in self.joints}
        near |= {(b, a) for a, b in near}
        self.strangers = [
            (i, k) for i, (a, *_) in enumerate(self.shapes) for k, (b, *_) in enumerate(self.shapes[:i])
            if a != b and (a, b) not in near
        ]

    def at(self, positions):
        """Where each shape is, in the base's frame."""
        poses = {}
        for parent, child, here, kind, axis, name in self.joints:
            poses.setdefault(parent, np.eye(4))
            q = positions.get(name, 0.0)
            move = np.eye(4)
            if kind in ("revolute", "continuous"):
                move = frame((0, 0, 0), turn(axis, q))
            elif kind == "prismatic":
                move = frame(np.array(axis) * q, np.eye(3))
            poses[child] = poses[parent] @ here @ move
        return [transform(poses[link] @ here) for link, here, _ in self.shapes]


def transform(pose):
    return coal.Transform3s(pose[:3, :3], pose[:3, 3])


def thing(entry):
    ((kind, sizes),) = entry["solid"].items()
    if kind == "box":
        solid = coal.Box(*sizes["size_m"])
    elif kind == "cylinder":
        solid = coal.Cylinder(sizes["radius_m"], sizes["height_m"])
    else:
        solid = coal.Sphere(sizes["radius_m"])
    *place, x, y, z, w = entry["base_from_shape"]
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])
    return entry["name"], solid, transform(frame(place, rotation))


def touch(a, a_at, b, b_at):
    return coal.collide(a, a_at, b, b_at, coal.CollisionRequest(), coal.CollisionResult()) > 0


def look(robot, joints, problem, points):
    """The first touch of a motion, and how many postures were looked at."""
    things = [thing(entry) for entry in problem["scene"]["shapes"]]
    fingers = {name: problem["scene"]["fingers_opening_m"] / 2 for name in robot.fingers}
    pairs, seen = None, 0
    rows = [np.array(point) for point in points]
    stretches = [(rows[0], rows[0]), *zip(rows, rows[1:])]
    for start, end in stretches:
        parts = max(1, math.ceil(np.abs(end - start).max() / STEP))
        for part in range(1, parts + 1):
            q = start + (end - start) * part / parts
            at = robot.at(dict(zip(joints, q)) | fingers)
            seen += 1
            if pairs is None:
                pairs = [(i, k) for i, k in robot.strangers if not touch(robot.shapes[i][2], at[i], robot.shapes[k][2], at[k])]
            for (link, _, solid), here in zip(robot.shapes, at):
                for name, other, there in things:
                    if touch(solid, here, other, there):
                        return f"{link} touches {name} at {q.round(4).tolist()}", seen
            for i, k in pairs:
                if touch(robot.shapes[i][2], at[i], robot.shapes[k][2], at[k]):
                    return f"{robot.shapes[i][0]} touches {robot.shapes[k][0]} at {q.round(4).tolist()}", seen
    return None, seen


def main():
    folder, problems, plans = sys.argv[1:]
    robot = Robot(Path(folder))
    with open(problems) as file:
        problems = [json.loads(line) for line in file if line.strip()]
    with open(plans) as file:
        report = json.load(file)
    touches, motions, postures = [], 0, 0
    for index, (problem, answer) in enumerate(zip(problems, report["problems"], strict=True)):
        if answer["trajectory"] is None:
            continue
        points = [point["positions"] for point in answer["trajectory"]["points"]]
        found, seen = look(robot, report["joints"], problem, points)
        motions, postures = motions + 1, postures + seen
        if found:
            touches.append(f"line {index + 1}: {found}")
        if sys.stderr.isatty():
            print(f"\r{index + 1} of {len(problems)}, {len(touches)} touch", end="", file=sys.stderr)
    print(json.dumps({"motions": motions, "postures": postures, "touching": len(touches), "first": touches[:5]}))
    sys.exit(1 if touches else 0)


main()
