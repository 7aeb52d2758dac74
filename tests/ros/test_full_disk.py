"""The disk under the ledger is full: no job is taken, nothing moves, and the caller is told why."""
import subprocess
import uuid

import judge
import pytest
from conftest import Planner, open_lab


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_work_before_anything_moves(small_disk):
    with open_lab(small_disk) as (lab, node):
        planner = Planner(node)
        before = judge.compare(node)
        assert before and all(row["agree"] for row in before)
        with open(small_disk / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(b"0" * 4096)
        result = planner.ask("transfer", [("S-001", "photolysis/rack/A1")], job_id=str(uuid.uuid4()))
        assert not result.success
        assert result.error.name == "STORE_UNAVAILABLE", result.error
        assert judge.truth(node)["samples"]["S-001"]["location"] == "storage/rack/A1"
        assert "journal" in lab.stack.tail()
