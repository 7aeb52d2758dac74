"""The stack is killed in each phase of a transfer and started again: nothing is lost, nothing is there twice."""
import uuid

import judge
import pytest
from conftest import Planner, open_lab
from nightshift_interfaces.srv import GetJob, QueryLedger, Resume

SAMPLE, TARGET = "S-001", "photolysis/rack/A1"
PHASES = ["RESERVED", "NAVIGATE", "DOCK", "LOCATE", "PICK", "VERIFY_PICK", "CARRY", "PLACE", "VERIFY_PLACE"]


@pytest.mark.parametrize("phase", PHASES)
def test_killed(tmp_path, phase):
    with open_lab(tmp_path) as (lab, node):
        planner = Planner(node)
        job = str(uuid.uuid4())
        planner.send("transfer", planner.goal("transfer", [(SAMPLE, TARGET)], job_id=job))
        planner.wait_for(phase)
        before = {row["sample"] for row in judge.compare(node)}
        lab.stack.kill()
        lab.start_stack()

        rows = judge.compare(node)
        assert [row["sample"] for row in rows] == sorted(before), "a sample was lost or doubled"
        for row in rows:
            # What was in the fingers, or just let go of, is doubtful: the truth is one of the places named.
            assert row["agree"], (phase, row)
        state = planner.call(GetJob, "get_job", GetJob.Request(job_id=job))
        assert state.found and state.outcomes, "a durable job answers after a restart"
        answer = planner.call(QueryLedger, "query_ledger", QueryLedger.Request(sample_id=SAMPLE))
        if "|" in answer.locations[0]:
            assert answer.in_doubt[0], "several places are a doubt"

        refused = planner.ask("transfer", [(SAMPLE, TARGET)], job_id=str(uuid.uuid4()))
        assert refused.error.name == "RESTART_NOT_ACKNOWLEDGED"
        resumed = planner.call(Resume, "resume", Resume.Request(caller="pytest", note="looked at it"))
        assert resumed.accepted, resumed.message
