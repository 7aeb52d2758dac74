"""Both networks made from nothing, small: pictures, training, ONNX files, cards; and the robot sees with them.

Nothing that they answer is of use. What is asked is whether the one command goes through, gives the same from the same seed, goes on where
it ended, and makes what the program takes. Needs PyTorch (launch/test --training installs Debian's); skips, and says so, without.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
MAKE = ROOT / "perception/training/make"
NETWORKS = ["detector", "reader"]


def has_torch():
    words = [PYTHON, "-c", "import torch, numpy, PIL"]
    return shutil.which(PYTHON) is not None and subprocess.run(words, capture_output=True, env=plain()).returncode == 0


def plain():
    """The environment without Nightshift's own Python packages, which are of another interpreter."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHON": PYTHON}


pytestmark = pytest.mark.skipif(not has_torch(), reason=f"{PYTHON} has no PyTorch, numpy and Pillow: launch/setup --training")


def run(*words):
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=plain(), timeout=900)
    assert ended.returncode == 0, f"{words}: {ended.stderr[-3000:]}"
    return ended


def digests(folder):
    return [hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest() for name in NETWORKS]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    run(MAKE, out, 16, 40, 4)
    return out


def test_the_robot_sees_with_networks_that_one_command_made_from_nothing(made):
    for name, digest in zip(NETWORKS, digests(made)):
        card = (made / f"{name}.toml").read_text()
        assert digest in card and "seed" in card, card
    picture = made / "pictures/pictures/000003.png"
    seen = subprocess.run(["nightshift", "see", "--image", str(picture), "--models", str(made), "--json"], capture_output=True, text=True)
    # 1 says that nothing is seen, which four steps of training may come to.
    assert seen.returncode in (0, 1) and isinstance(json.loads(seen.stdout)["vessels"], list), seen.stderr
    # A card that tells of another file is refused.
    other = made / "other"
    other.mkdir()
    for name in NETWORKS:
        shutil.copy(made / f"{name}.toml", other)
        shutil.copy(made / f"{NETWORKS[1 - NETWORKS.index(name)]}.onnx", other / f"{name}.onnx")
    refused = subprocess.run(["nightshift", "see", "--image", str(picture), "--models", str(other), "--json"], capture_output=True, text=True)
    assert refused.returncode != 0 and "detector" in refused.stderr, refused.stderr


def test_the_same_seed_gives_the_same_networks_and_what_is_made_is_left(made, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    for folder in ["pictures", "close-ups"]:
        (again / folder).symlink_to(made / folder)
    run(MAKE, again, 16, 40, 4)
    assert digests(again) == digests(made)
    # What is there is left: nothing is trained a second time.
    ended = run(MAKE, again, 16, 40, 4)
    assert "step 4/4" not in ended.stderr, ended.stderr
    assert digests(again) == digests(made)


def test_an_interrupted_training_goes_on_and_ends_as_one_that_was_not(made, tmp_path):
    words = [PYTHON, ROOT / "perception/training/train.py", "reader", "--data", made / "close-ups", "--steps", 8, "--tell", 1, "--out"]
    run(*words, tmp_path / "whole")
    broken = [str(word) for word in words] + [str(tmp_path / "broken")]
    with subprocess.Popen(broken, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain()) as child:
        for line in child.stderr:
            if line.startswith("step 3/8"):
                child.send_signal(signal.SIGINT)
        assert child.wait(timeout=900) == 130
    assert not (tmp_path / "broken/reader.onnx").exists()
    ended = run(*words, tmp_path / "broken")
    assert "goes on from step" in ended.stderr and "step 1/8" not in ended.stderr, ended.stderr
    whole, broken = [(tmp_path / name / "reader.onnx").read_bytes() for name in ["whole", "broken"]]
    assert whole == broken
