"""Files that are decoded once: what is kept is what was decoded, and what is damaged counts as absent."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lenext.data import decoded as module
from lenext.data.decode import read_image
from lenext.data.decoded import Files, Memory, check_cache, decoded, size
from lenext.data.images import FileImages
from lenext.data.item import Content
from lenext.errors import UsageError


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Three JPEG files and what is known of them."""
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "cache"))
    numbers, contents = np.random.default_rng(0), []
    for index in range(3):
        path = tmp_path / f"{index}.jpg"
        Image.fromarray(numbers.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
        contents.append(Content(hashlib.sha256(path.read_bytes()).hexdigest(), "JPEG", 60, 40))
    return FileImages(tmp_path, ("0.jpg", "1.jpg", "2.jpg")), tuple(contents)


def counted(monkeypatch):
    """The paths that are decoded from now on."""
    found = []
    original = module.decode

    def decoding(data, name, **settings):
        found.append(Path(name).name)
        return original(data, name, **settings)

    monkeypatch.setattr(module, "decode", decoding)
    return found


@pytest.mark.parametrize(("cache", "decodings"), [("ram", 3), ("disk", 3), ("auto", 3), ("off", 6)])
@pytest.mark.parametrize(("channels", "least"), [(3, 0), (1, 20)])
def test_pixels_are_the_decoders_and_a_second_look_needs_none(pictures, monkeypatch, cache, decodings, channels, least):
    images, contents = pictures
    seen = counted(monkeypatch)
    kept = decoded(images, contents, channels, least, cache)
    looks = [[kept.read(index, channels, 255).clone() for index in range(3)] for _ in range(2)]
    assert len(seen) == decodings
    wanted = [read_image(images.path(index), channels=channels, least=least) for index in range(3)]
    for look in looks:
        assert all(torch.equal(one, other) for one, other in zip(look, wanted, strict=True))
    if cache == "disk":  # another process, later
        again = decoded(images, contents, channels, least, cache)
        seen.clear()
        assert all(torch.equal(again.read(index, channels, 255), wanted[index]) for index in range(3))
        assert not seen


def test_other_channels_than_those_that_are_kept_are_read_anew(pictures):
    images, contents = pictures
    kept = decoded(images, contents, 3, 0, "ram")
    kept.read(0, 3, 255)
    assert kept.read(0, 1, 255).shape[0] == 1
    assert kept.read(0, 3, 255).shape[0] == 3


def flipped(whole):
    return whole[:1000] + bytes([whole[1000] ^ 4]) + whole[1001:]


@pytest.mark.parametrize("damage", [b"", b"short", b"lenextPX" + bytes(100), flipped])
def test_a_damaged_file_of_pixels_is_decoded_anew(pictures, monkeypatch, damage):
    images, contents = pictures
    kept = decoded(images, contents, 3, 0, "disk")
    right = kept.read(0, 3, 255).clone()
    assert isinstance(kept.store, Files)
    path = kept.store._path(0)
    assert path.is_file()
    path.write_bytes(damage(path.read_bytes()) if callable(damage) else damage)
    seen = counted(monkeypatch)
    assert torch.equal(kept.read(0, 3, 255), right)
    assert seen == ["0.jpg"]


def test_pixels_that_nobody_asked_for_go_when_there_is_no_room(pictures, monkeypatch):
    images, contents = pictures
    monkeypatch.setenv("LENEXT_CACHE_GIB", "0")
    before = decoded(images, contents, 3, 0, "disk")
    for index in range(3):
        before.read(index, 3, 255)
        os.utime(before.store._path(index), (0, 0))
    decoded(images, contents[:1], 3, 0, "disk")
    assert [before.store._path(index).is_file() for index in range(3)] == [True, False, False]
    before.read(0, 3, 255)
    assert before.store._path(0).stat().st_mtime > 0


def test_a_full_disk_keeps_nothing_and_stops_nobody(pictures, monkeypatch):
    images, contents = pictures
    monkeypatch.setattr(module, "SPARE", 2**62)
    kept = decoded(images, contents, 3, 0, "disk")
    assert kept.read(0, 3, 255).shape == (3, 40, 60)
    assert not [path for path in kept.store.folder.rglob("*") if path.is_file()]


def test_memory_takes_what_fits():
    store = Memory(room=100)
    store.put(0, torch.zeros(3, 5, 5, dtype=torch.uint8))
    store.put(1, torch.zeros(3, 5, 5, dtype=torch.uint8))
    assert store.get(0) is not None
    assert store.get(1) is None


def test_auto_keeps_all_or_nothing(pictures, monkeypatch):
    images, contents = pictures
    assert size(contents, 3, 0) == 3 * 3 * 40 * 60
    assert size(contents, 3, 10) == 3 * 3 * 10 * 15
    monkeypatch.setattr(module, "free_memory", lambda: 4 * size(contents, 3, 0) - 4)
    assert decoded(images, contents, 3, 0, "auto").store is None
    monkeypatch.setattr(module, "free_memory", lambda: 4 * size(contents, 3, 0))
    assert decoded(images, contents, 3, 0, "auto").store is not None


def test_the_free_memory_of_this_machine_is_known():
    assert module.free_memory() > 2**20


def test_an_unknown_cache_is_refused():
    with pytest.raises(UsageError) as refused:
        check_cache("tape")
    assert "ram" in refused.value.remedy
