"""The fault suite over OPC UA."""

import pytest

from harness.faults import OpcUa, run_seeds


@pytest.mark.fault_suite
@pytest.mark.timeout(7200)
def test_faults_are_noticed_in_time_spare_the_neighbours_and_pass(tmp_path, request):
    problems = run_seeds(OpcUa, tmp_path, request.config.getoption("--fault-seeds"))
    assert not problems, "\n".join(problems[:40])
