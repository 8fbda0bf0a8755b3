"""The locks of a run's folder: they hold off who comes second, and are in nobody's way where there are none."""

import fcntl
import os

import pytest

from lenext.api.run import folder as module
from lenext.api.run.folder import RunFolder, alone
from lenext.errors import Failed


def test_one_waits_until_the_other_has_made_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    other, waited = os.open(tmp_path, os.O_RDONLY), []
    fcntl.flock(other, fcntl.LOCK_EX)

    def sleep(_):
        waited.append(True)
        os.close(other)

    monkeypatch.setattr("time.sleep", sleep)
    with alone(tmp_path):
        assert waited == [True]


def test_a_lock_that_is_kept_keeps_nobody(tmp_path, monkeypatch):
    """As by ``flock runs lenext train ...``, whose lock ends after the run."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    kept = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(kept, fcntl.LOCK_EX)
    with alone(tmp_path):
        (tmp_path / "run").mkdir()
    os.close(kept)


@pytest.mark.parametrize("name", ["fcntl.flock", "os.open"])
def test_a_folder_without_locks_is_written_to(tmp_path, monkeypatch, name):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(name, refuse)
    with alone(tmp_path):
        pass


def test_a_run_is_trained_by_one_process_and_without_locks_by_any(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    with folder.locked(), pytest.raises(Failed, match="Another process is training"), RunFolder(tmp_path).locked():
        pass

    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", none)
    with folder.locked():
        pass
