"""The place of a process, as its launcher says it."""

import pytest

from lenext.errors import UsageError
from lenext.parallel.interface import interface_towards
from lenext.parallel.place import FIRST_PORT, Place, first_node, place

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
SLURM = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "4711"}


def test_without_a_launcher_a_process_is_alone():
    assert place({}) == Place()
    assert place({}).first


def test_torchrun_says_it():
    assert place(TORCHRUN) == Place(3, 4, 1, "10.0.0.1", 29500)
    assert place({**SLURM, **TORCHRUN}) == Place(3, 4, 1, "10.0.0.1", 29500)


def test_slurm_says_it():
    nodes = {"SLURM_JOB_NODELIST": "gpu[03-05,9],other"}
    assert place({**SLURM, **nodes}) == Place(5, 8, 1, "gpu03", FIRST_PORT + 4711)
    step = {"SLURM_STEP_NODELIST": "gpu07", "MASTER_PORT": "1234"}
    assert place({**SLURM, **nodes, **step}) == Place(5, 8, 1, "gpu07", 1234)
    assert place({**SLURM, **nodes, "MASTER_ADDR": "head"}).address == "head"


@pytest.mark.parametrize("environment", [{"RANK": "0", "WORLD_SIZE": "1"}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}])
def test_one_of_one_is_alone(environment):
    assert place(environment) == Place()


@pytest.mark.parametrize("wrong", [{"RANK": "4"}, {"RANK": "-1"}, {"WORLD_SIZE": "many"}, {"MASTER_PORT": "x"}])
def test_a_place_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError) as refused:
        place({**TORCHRUN, **wrong})
    assert "unset" in refused.value.remedy


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("node[1-4]", "node1"),
        ("node[07,12-14]", "node07"),
        ("a[2-3]b,c", "a2b"),
        ("", ""),
    ],
)
def test_the_first_node_of_slurms_list(nodes, first):
    assert first_node(nodes) == first


def test_the_interface_that_leads_to_an_address():
    assert interface_towards("127.0.0.1", 29500) == "lo"
    assert interface_towards("no such name", 0) is None
