"""What checkpoints take of a disk, also while another process saves and removes them."""

import shutil
import threading

from lenext.api.run.space import bytes_in


def test_files_below_are_added_up_and_no_folder_is_none(tmp_path):
    (tmp_path / "epoch").mkdir()
    (tmp_path / "epoch" / "weights").write_bytes(bytes(1000))
    (tmp_path / "log").write_bytes(bytes(24))
    assert bytes_in(tmp_path) == 1024
    assert bytes_in(tmp_path / "none") == 0


def test_what_vanishes_meanwhile_does_not_count(tmp_path):
    (tmp_path / "stays").write_bytes(bytes(7))
    done = threading.Event()

    def save() -> None:
        while not done.is_set():
            for name in ("a", "b", "c"):
                (tmp_path / name).mkdir()
                for number in range(9):
                    (tmp_path / name / f"{number}").touch()
                shutil.rmtree(tmp_path / name)

    other = threading.Thread(target=save)
    other.start()
    try:
        assert [bytes_in(tmp_path) for _ in range(2000)] == [7] * 2000
    finally:
        done.set()
        other.join()
