"""Which files are read: regular ones of a sound size; all else is refused, and never waited for."""

import os
import socket
import threading

import pytest
from pictures import encoded, is_root, noise

from lenext.data import decode as decoder
from lenext.data.decode import read_image
from lenext.data.limits import Limits
from lenext.errors import ImageError


def why(path):
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.path == str(path)
    return caught.value.reason


def test_an_empty_file(tmp_path):
    (tmp_path / "a.png").touch()
    assert why(tmp_path / "a.png") == "empty"


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_file_longer_than_what_is_read_at_once_is_whole(tmp_path, monkeypatch, more):
    data = encoded(kind="png")
    (tmp_path / "long.png").write_bytes(data)
    monkeypatch.setattr(decoder, "START", len(data) + more)
    assert decoder.read_file(tmp_path / "long.png") == data
    monkeypatch.setattr(decoder, "START", 64)
    assert decoder.read_file(tmp_path / "long.png") == data


def test_a_folder(tmp_path):
    assert why(tmp_path) == "special-file"


def test_nothing_there(tmp_path):
    assert why(tmp_path / "gone.png") == "unreadable"
    assert why(tmp_path / "zero\0byte.png") == "unreadable"


def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(why(tmp_path / "pipe.png")), daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert seen == ["special-file"]


def test_a_device_and_a_socket(tmp_path, monkeypatch):
    assert why("/dev/zero") == "special-file"
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.png")
        assert why("s.png") == "special-file"


def test_a_link_to_itself(tmp_path):
    (tmp_path / "a.png").symlink_to("a.png")
    assert why(tmp_path / "a.png") == "unreadable"


@pytest.mark.skipif(is_root(), reason="permissions do not bind root")
def test_no_permission(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded())
    (tmp_path / "a.png").chmod(0)
    assert why(tmp_path / "a.png") == "unreadable"


def test_refusing_leaves_no_file_open(tmp_path):
    (tmp_path / "a.png").touch()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        why(tmp_path)
        why(tmp_path / "a.png")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_over_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(decoder, "LIMITS", Limits(file_bytes=100))
    (tmp_path / "large.png").write_bytes(encoded(noise()))
    assert why(tmp_path / "large.png") == "too-large"
