"""What the particle filter of Debian's mrpt-apps (`pf-localization`) comes to on a drive that `nightshift bench navigation` measures, as
one JSON object: errors in metres, by the names of the benchmark's figures.

    python3 navigation.py LOG.txt.gz MAP.yaml SETTLE even|all

It begins where ours begins, 15 cm, -15 cm and 4.6 degrees off. Needs pf-localization, carmen2rawlog and ros-map-yaml2mrpt on the path.
"""

import gzip
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOLD_OFF = (0.15, -0.15, math.radians(4.6))
TOOLS = ("pf-localization", "carmen2rawlog", "ros-map-yaml2mrpt")
MAX_RANGE_M = 49.0
MOST_SCANS = 1000

CONFIG = """
[KLD_options]
KLD_binSize_XY = 0.06
KLD_binSize_PHI = 3
KLD_delta = 0.001
KLD_epsilon = 0.01
KLD_minSampleSize = 250
KLD_maxSampleSize = 2000

[PF_options]
PF_algorithm = 0
adaptiveSampleSize = true
BETA = 0.5
sampleSize = 1
resamplingMethod = 0

[DummyOdometryParams]
minStdXY = 0.04
minStdPHI = 2.0

[LocalizationExperiment]
experimentRepetitions = 1
rawlog_file = {folder}/drive.rawlog
rawlog_offset = 0
map_file = {map}
logOutput_dir = {folder}/out
particles_count = 1000
init_PDF_mode = 1
init_PDF_min_x = {x0}
init_PDF_max_x = {x1}
init_PDF_min_y = {y0}
init_PDF_max_y = {y1}
init_PDF_min_yaw_deg = {p0}
init_PDF_max_yaw_deg = {p1}
SHOW_PROGRESS_3D_REAL_TIME = false
3DSceneFrequency = 1
SAVE_STATS_ONLY = false

[MetricMap]
occupancyGrid_count = 1
gasGrid_count = 0
landmarksMap_count = 0
pointsMap_count = 0
beaconMap_count = 0

[MetricMap_occupancyGrid_00_creationOpts]
resolution = 0.05

[MetricMap_occupancyGrid_00_likelihoodOpts]
likelihoodMethod = 4
LF_decimation = 3
LF_stdHit = 0.2
LF_maxCorrsDistance = 0.30
LF_zHit = 0.95
LF_zRandom = 0.05
LF_maxRange = 49
LF_alternateAverageMethod = 0
"""


def read(path):
    with gzip.open(path, "rt") as file:
        lines = file.read().splitlines()
    words = lines[0].split()
    header = {key: float(words[words.index(key) + 1]) for key in ("n_beams", "angle_min", "angle_inc")}
    return header, [[float(word) for word in line.split()] for line in lines[1:] if not line.startswith("#")]


def carmen(header, scans, file):
    """The log as CARMEN has it. Without the line with the resolution carmen2rawlog takes half a degree."""
    step = math.degrees(header["angle_inc"])
    file.write(f"PARAM laser_front_laser_resolution {step}\nPARAM robot_front_laser_max {MAX_RANGE_M + 1}\n")
    for index, time, *numbers in scans:
        ranges = " ".join(f"{min(r, MAX_RANGE_M + 1):.3f}" if r == r and r > 0 else "50" for r in numbers[6:])
        odometry = " ".join(f"{v:.6f}" for v in numbers[:3])
        file.write(f"FLASER {int(header['n_beams'])} {ranges} {odometry} {odometry} {time:.4f} host {time:.4f}\n")


def run(argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        raise SystemExit(f"{argv[0]} ends with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done


def mean(cloud):
    """Of the particles after a scan, by their weights."""
    rows = [[float(word) for word in line.split()] for line in cloud.read_text().splitlines() if line[:1] != "%"]
    weights = [math.exp(row[-1]) for row in rows]
    return tuple(sum(w * row[axis] for w, row in zip(weights, rows)) / sum(weights) for axis in (0, 1))


def measure(log, map_yaml, settle, even):
    header, scans = read(log)
    if len(scans) > MOST_SCANS:
        raise SystemExit(f"{len(scans)} scans; pf-localization writes its poses into a picture's files a scan, and is run over {MOST_SCANS} at most")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open(folder / "drive.log", "w") as file:
            carmen(header, scans, file)
        run(["carmen2rawlog", "-w", "-q", "-i", folder / "drive.log", "-o", folder / "drive.rawlog"])
        for path in (map_yaml, map_yaml.with_suffix(".pgm")):
            shutil.copy(path, folder / path.name)
        run(["ros-map-yaml2mrpt", "-w", "-i", map_yaml.name], cwd=folder)
        x, y, yaw = (a + b for a, b in zip(scans[0][5:8], TOLD_OFF))
        yaw = math.degrees(yaw)
        config = CONFIG.format(folder=folder, map=folder / f"{map_yaml.stem}.gridmap.gz", x0=x - 0.2, x1=x + 0.2,
                               y0=y - 0.2, y1=y + 0.2, p0=yaw - 6, p1=yaw + 6)
        (folder / "drive.ini").write_text(config)
        run(["pf-localization", folder / "drive.ini"], cwd=folder, timeout=900)
        out = next(folder.glob("out_0*"))
        clouds = sorted((out / "particles").glob("particles_0????.txt"))
        places = [mean(cloud) for cloud in clouds]
    if len(places) != len(scans):
        raise SystemExit(f"{len(places)} answers for {len(scans)} scans")
    errors = [math.dist(place, scan[5:7]) for place, scan in zip(places, scans)]
    scored = sorted(error for index, error in enumerate(errors) if index >= settle and (not even or index % 2 == 0))
    return {
        "error, mean": sum(scored) / len(scored),
        "error, RMS": math.sqrt(sum(error * error for error in scored) / len(scored)),
        "error, p95": scored[int(0.95 * (len(scored) - 1))],
        "error, max": scored[-1],
    }


def main():
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        raise SystemExit(f"{', '.join(absent)} of Debian's mrpt-apps is not on the path")
    log, map_yaml, settle, which = sys.argv[1:]
    print(json.dumps(measure(Path(log), Path(map_yaml), int(settle), which == "even")))


if __name__ == "__main__":
    main()
