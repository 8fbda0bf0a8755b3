"""A folder of small pictures, a run trained on it, and the command as a function."""

import json

import pytest
from daylight import COLOURS, draw

from lenext.cli import main


@pytest.fixture
def lenext(capsys):
    """Run the command; returns its status, standard output and standard error."""

    def command(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        shown = capsys.readouterr()
        return left.value.code, shown.out, shown.err

    return command


@pytest.fixture
def refused(lenext):
    """The error document of a command that must fail, with its status; the same command in words has no traceback."""

    def command(*words):
        status, output, _ = lenext(*words, "--json")
        error = json.loads(output)["error"]
        again, output, said = lenext(*words)
        assert again == status
        assert output == ""
        assert "Traceback" not in said
        assert error["message"] in said
        assert error["remedy"], "an error without a remedy"
        return status, error

    return command


@pytest.fixture
def audit(lenext):
    """What ``lenext audit`` says as JSON."""

    def run(*words):
        status, output, said = lenext("audit", *words, "--json")
        assert (status, said) == (0, "")
        return json.loads(output)

    return run


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("photos") / "photos", COLOURS)


@pytest.fixture(scope="session")
def trained(photos, tmp_path_factory):
    """A LeNet-5 that tells day from night."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(SystemExit) as left:
        main(["train", str(photos), "--model", "lenet5", "--epochs", "12", "--batch-size", "4", "--out", str(out)])
    assert left.value.code == 0
    return out
