"""``lenext models``: the line as a table, in a moment."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lenext.cli import main
from lenext.models import line, list_models


@pytest.fixture
def models(capsys):
    """Run the verb; returns exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["models", *arguments])
        return stop.value.code, *capsys.readouterr()

    return run


def test_the_document_is_the_whole_line_in_its_order(models):
    status, out, err = models("--json")
    rows = json.loads(out)
    assert (status, err) == (0, "")
    assert [row["name"] for row in rows] == list_models()
    assert rows[0] == {"name": "lenet5", **line()["lenet5"]}
    assert all(set(row) == {"name", "year", "paper", "params", "macs", "input"} for row in rows)


def test_a_glob_chooses(models):
    rows = json.loads(models("vgg1[69]", "--json")[1])
    assert [row["name"] for row in rows] == ["vgg16", "vgg19"]


def test_the_order_is_the_askers(models):
    rows = json.loads(models("resnet*", "--sort", "params", "--json")[1])
    params = [row["params"] for row in rows]
    assert params == sorted(params)
    assert len(params) > 5


def test_a_person_reads_a_table(models):
    header, row = models("lenet5")[1].splitlines()
    assert header.split() == ["name", "year", "parameters", "multiply-adds", "input", "paper"]
    assert row.split()[:5] == ["lenet5", "1998", "60,000", "325,680", "1x32x32"]


def test_a_name_that_fits_nothing_brings_near_ones(models):
    status, out, err = models("resnet51")
    assert (status, out) == (2, "")
    assert "No network is called 'resnet51'" in err
    assert "resnet50" in err


@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["--help"]])
def test_nobody_waits_for_torch(arguments):
    run = (
        "import sys\nfrom lenext.cli import lenext\n"
        f"lenext.main({arguments!r}, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "models" in done.stdout or "lenet5" in done.stdout
