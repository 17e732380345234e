"""The fault suite over EtherNet/IP: tags of Logix controllers, and data tables."""

import pytest

from harness.faults import Enip, Pccc, run_seeds


@pytest.mark.fault_suite
@pytest.mark.timeout(7200)
def test_faults_of_logix_controllers_are_noticed_in_time_spare_the_neighbours_and_pass(tmp_path, request):
    problems = run_seeds(Enip, tmp_path, request.config.getoption("--fault-seeds"))
    assert not problems, "\n".join(problems[:40])


@pytest.mark.fault_suite
@pytest.mark.timeout(7200)
def test_faults_of_processors_with_data_tables_are_noticed_in_time_spare_the_neighbours_and_pass(tmp_path, request):
    problems = run_seeds(Pccc, tmp_path, request.config.getoption("--fault-seeds"))
    assert not problems, "\n".join(problems[:40])
