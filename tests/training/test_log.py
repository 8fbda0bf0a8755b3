"""The metric log goes on where a checkpoint left it, and never holds more than was done."""

import errno
import os

import pytest

from lenext.errors import Failed
from lenext.training.log import MetricLog, read_log

ROWS = [{"epoch": 1, "loss": 0.5, "val_top1": 1.0}, {"epoch": 2, "loss": 0.1 + 0.2}, {"epoch": 3, "loss": 1e-300}]


def written(path, rows, length=0):
    log = MetricLog(path, length)
    for row in rows:
        log.add(row)
    size = log.sync()
    log.close()
    return size


def test_rows_come_back_with_every_bit(tmp_path):
    path = tmp_path / "metrics.jsonl"
    size = written(path, ROWS)
    assert read_log(path) == ROWS
    assert path.stat().st_size == size
    assert len(path.read_text().splitlines()) == 3


def test_what_was_written_after_the_checkpoint_is_cut_off(tmp_path):
    path = tmp_path / "metrics.jsonl"
    length = written(path, ROWS[:1])
    written(path, [{"epoch": 2, "loss": 99.0}], length)
    with path.open("ab") as file:
        file.write(b'{"epoch": 3, "lo')  # killed in the middle of a line
    written(path, ROWS[1:], length)
    assert read_log(path) == ROWS


def test_a_log_that_is_gone_on_with_has_the_bytes_of_an_uninterrupted_one(tmp_path):
    length = written(tmp_path / "stopped", ROWS[:2])
    whole, resumed = written(tmp_path / "whole", ROWS), written(tmp_path / "stopped", ROWS[2:], length)
    assert whole == resumed
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "stopped").read_bytes()


def test_a_row_is_in_the_file_as_soon_as_it_is_added(tmp_path):
    log = MetricLog(tmp_path / "metrics.jsonl", 0)
    log.add(ROWS[0])
    assert read_log(tmp_path / "metrics.jsonl") == ROWS[:1]
    log.close()


def test_a_log_that_lost_rows_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "metrics.jsonl"
    length = written(path, ROWS)
    kept = path.read_bytes()[:20]
    path.write_bytes(kept)
    with pytest.raises(Failed, match=rf"holds 20 of the {length} bytes") as caught:
        MetricLog(path, length)
    assert caught.value.remedy
    assert path.read_bytes() == kept


def test_sync_reaches_the_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    log = MetricLog(tmp_path / "metrics.jsonl", 0)
    log.add(ROWS[0])
    log.sync()
    assert len(synced) == 2, "the name in the folder, when the file is new, and then the bytes"
    assert synced[-1] == log._file.fileno()
    log.close()


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    log = MetricLog(tmp_path / "metrics.jsonl", 0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Failed, match="No space left on device") as caught:
        log.sync()
    assert "--resume" in caught.value.remedy
    log.close()


def test_the_device_that_is_always_full(tmp_path):
    """The same with a real system call, and closing it afterwards does not fail anew."""
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    log = MetricLog(tmp_path / "metrics.jsonl", 0)
    with pytest.raises(Failed, match="No space left"):
        log.add(ROWS[0])
    log.close()


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(Failed, match="No such file"):
        MetricLog(tmp_path / "gone" / "metrics.jsonl", 0)
