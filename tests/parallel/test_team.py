"""Two and four processes compute what one does: to the bit where that is promised, else up to rounding.

Two are started as SLURM's srun starts them, four by two launchers on this machine, as on two nodes.
"""

import json
import shutil
import sys
from pathlib import Path

import cases
import pytest
import safetensors.torch
import torch
from launching import end, free_port, kept, launch, torchrun

from lenext.evaluation.inference import probabilities
from lenext.parallel.team import Alone

SCRIPT = Path(cases.__file__)
pytestmark = pytest.mark.xdist_group("team")  # the processes are started once
TOLERANCE = {"fp32": 1e-6, "fp64": 1e-12}


def done(processes):
    """Wait for processes that belong together; none of them may fail."""
    try:
        said = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            end(process)
    assert [process.returncode for process in processes] == [0] * len(processes), said


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("two"), str(free_port())
    slurm = {"SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "localhost", "MASTER_PORT": port}
    done(
        [
            launch([sys.executable, str(SCRIPT), str(folder)], SLURM_PROCID=rank, SLURM_LOCALID=rank, **slurm)
            for rank in "01"
        ]
    )
    return folder


@pytest.fixture(scope="session")
def four(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("four"), str(free_port())
    meeting = ["--nnodes", "2", "--master-addr", "127.0.0.1", "--master-port", port]
    done([launch(torchrun(2, [SCRIPT, folder], *meeting, "--node-rank", node)) for node in "01"])
    return folder


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    cases.everything(Alone(), folder)
    return folder


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("norm", ["average", "sync"])
@pytest.mark.parametrize("processes", ["two", "four"])
def test_averaged_gradients_train_as_one_process_does(processes, norm, precision, request):
    folder, tolerance = request.getfixturevalue(processes), TOLERANCE[precision]
    one = cases.smooth_task(norm=norm == "sync", double=precision == "fp64")
    losses = cases.steps(one)
    said = torch.tensor(json.loads((folder / f"{norm}-{precision}.json").read_text()), dtype=torch.float64)
    torch.testing.assert_close(said, torch.tensor(losses, dtype=torch.float64), rtol=0, atol=tolerance)
    found = safetensors.torch.load_file(folder / f"{norm}-{precision}.safetensors")
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=tolerance)


@pytest.mark.parametrize("processes", ["two", "four"])
def test_in_shards_the_bits_are_the_same_on_any_number_of_processes(processes, alone, request):
    assert kept(request.getfixturevalue(processes) / "whole") == kept(alone)


@pytest.mark.parametrize("processes", ["two", "four"])
def test_another_number_of_processes_goes_on_to_the_same_bits(processes, alone, request, tmp_path):
    folder = shutil.copytree(request.getfixturevalue(processes) / "killed", tmp_path / "killed")
    assert kept(folder)["at"] == "epoch-00001-step-000000006"
    cases.everything(Alone(), folder)
    assert kept(folder) == kept(alone)


@pytest.mark.parametrize("processes", ["two", "four"])
def test_every_validation_image_is_tested_once(processes, request):
    one = cases.task(micro_batch=3)
    scores = probabilities(one.network, one.pipeline.statistics, one.validation_views(), one.compute)
    assert len(scores) % 4 != 0  # what does not divide evenly is neither lost nor counted twice
    found = safetensors.torch.load_file(request.getfixturevalue(processes) / "tested.safetensors")["scores"]
    assert found.equal(torch.from_numpy(scores))


@pytest.mark.parametrize(("processes", "ranks"), [("two", 2), ("four", 4)])
def test_a_loss_that_is_no_number_stops_all_in_its_step(processes, ranks, request):
    folder = request.getfixturevalue(processes)
    for rank in range(ranks):
        said = json.loads((folder / f"poisoned-{rank}.json").read_text())
        assert "loss on rank 1 is not a number at step 3" in said["message"]
        assert said["whole"]
