"""What OptIK and TRAC-IK come to on the poses that `nightshift bench motion` makes, as one JSON object.

    python tests/peers/motion.py URDF BASE_LINK TIP_LINK POSES.json

POSES.json is a list of poses of the tip link in the base link's frame, [x, y, z, qx, qy, qz, qw], metres; each is solved alone, within 5 ms.
Right is what the peer's own forward kinematics puts within 1e-4 m and 1e-3 rad of the pose. Times are of the processor; the limit of 5 ms is
the peers' own, on the wall. Needs numpy and optik-py or pytracik, from PyPI.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

LIMIT_S = 0.005


def matrix(pose):
    x, y, z, w = np.array(pose[3:]) / np.linalg.norm(pose[3:])
    turn = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = turn, pose[:3]
    return out


def optik(urdf, base, tip):
    from optik import Robot, SolverConfig

    robot = Robot.from_urdf_file(urdf, base, tip)
    robot.set_parallelism(1)
    config = SolverConfig(max_time=LIMIT_S, tol_f=1e-12)
    low, high = (np.array(side) for side in robot.joint_limits())
    middle = 0.5 * (low + high)

    def solve(pose):
        found = robot.ik(config, pose, middle)
        return None if found is None else found[0]

    return solve, lambda q: np.array(robot.fk(q))


def tracik(urdf, base, tip):
    from trac_ik import TracIK

    solver = TracIK(base_link_name=base, tip_link_name=tip, urdf_path=urdf, timeout=LIMIT_S, epsilon=1e-6)
    low, high = (np.array(side) for side in solver.joint_limits)
    middle = 0.5 * (low + high)
    return lambda pose: solver.ik(pose[:3, 3], pose[:3, :3], middle), solver.fk


def right(told, pose):
    """Whether what the peer says of its own answer is the pose."""
    place, turn = told if isinstance(told, tuple) else (told[:3, 3], told[:3, :3])
    angle = np.arccos(np.clip((np.trace(turn.T @ pose[:3, :3]) - 1) / 2, -1, 1))
    return np.linalg.norm(place - pose[:3, 3]) < 1e-4 and angle < 1e-3


def measure(peer, poses):
    solve, forward = peer
    times, solved = [], 0
    for pose in poses:
        began = time.process_time()
        q = solve(pose)
        times.append(time.process_time() - began)
        solved += q is not None and bool(right(forward(np.array(q)), pose))
    return {"solved": solved / len(poses), "p50_us": float(np.median(times)) * 1e6, "n": len(poses)}


def alone(peer, urdf, base, tip, poses):
    return measure(peer(urdf, base, tip), poses)


def main():
    urdf, base, tip, file = sys.argv[1:5]
    with open(file) as text:
        poses = [matrix(pose) for pose in json.load(text)]
    answer = {}
    for name, peer in (("optik", optik), ("tracik", tracik)):
        try:
            # In a process of its own: a peer may abort.
            with ProcessPoolExecutor(1) as pool:
                answer[name] = pool.submit(alone, peer, urdf, base, tip, poses).result()
        except Exception as error:  # a peer that is not there, or that refuses the robot, is told and left out
            answer[name] = {"skipped": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
