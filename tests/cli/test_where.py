"""``lenext where``: paths that an editor opens, near names where there is nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lenext.cli import main


@pytest.fixture
def where(capsys):
    """Run the verb; returns exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["where", *arguments])
        return stop.value.code, *capsys.readouterr()

    return run


def test_a_line_is_path_and_number_then_kind_and_name(where):
    status, out, err = where("TableConv")
    assert (status, err) == (0, "")
    address, named = out.splitlines()[0].split("  ")
    path, number = address.rsplit(":", 1)
    assert named == "layer TableConv"
    assert Path(path).read_text(encoding="utf-8").splitlines()[int(number) - 1].startswith("class TableConv")


@pytest.mark.parametrize("word", ["vgg16", "vgg-d", "VGG-16"])
def test_a_network_is_its_line_in_the_table_and_its_build(where, word):
    found = json.loads(where(word, "--json")[1])
    assert [set(one) for one in found] == [{"name", "kind", "file", "line"}] * len(found)
    assert [(one["name"], one["kind"]) for one in found[:2]] == [("vgg16", "network"), ("build", "function")]


def test_nothing_found_offers_near_names(where):
    status, out, err = where("platau")
    assert (status, out) == (2, "")
    assert "Nothing is called 'platau'" in err
    assert "Plateau" in err


def test_nobody_waits_for_torch():
    run = (
        "import sys\nfrom lenext.cli import lenext\n"
        "lenext.main(['where', 'resnet110_cifar'], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "network resnet110_cifar" in done.stdout
