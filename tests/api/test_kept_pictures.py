"""Training from files that are decoded once: the same bits, wherever they are kept."""

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image, ImageFilter

import lenext
from lenext.errors import UsageError
from lenext.training.watch import Silent


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of six soft JPEGs of 240 x 200 pixels, which the network wants at 32."""
    folder, numbers = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for label in ("dark", "light"):
        (folder / label).mkdir()
        for index in range(6):
            noise = numbers.integers(0, 128, (200, 240, 3), dtype=np.uint8) + (128 if label == "light" else 0)
            picture = Image.fromarray(noise.astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
            picture.save(folder / label / f"{index}.jpg")
    return folder


def weights(photos, out, **asked):
    lenext.train(photos, model="lenet5", epochs=2, batch_size=4, validation=0.25, threads=1, out=out, **asked)
    return safetensors.numpy.load_file(out / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_the_weights_are_the_same_wherever_pixels_are_kept(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "cache"))
    off = weights(photos, tmp_path / "off", cache="off")
    for cache in ("auto", "ram", "disk", "disk"):
        out = tmp_path / f"{cache}{len(list(tmp_path.iterdir()))}"
        assert same(weights(photos, out, cache=cache), off), cache
    assert len([path for path in (tmp_path / "cache" / "decoded").rglob("*") if path.is_file()]) == 12


def test_exact_is_another_run_and_is_kept_for_resuming(photos, tmp_path):
    scaled = weights(photos, tmp_path / "scaled")
    assert not same(weights(photos, tmp_path / "exact", exact=True), scaled)
    with pytest.raises(UsageError, match="exact False"):
        weights(photos, tmp_path / "scaled", exact=True, resume=True)


def test_an_unknown_cache_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UsageError, match="no cache 'tape'"):
        lenext.train(tmp_path / "nowhere", model="lenet5", cache="tape")


def test_a_cache_of_files_says_that_there_are_none(tmp_path, monkeypatch):
    said = []
    watcher = Silent()
    monkeypatch.setattr(watcher, "message", said.append, raising=False)
    few = {"model": "lenet5", "recipe": "practical", "epochs": 1, "threads": 1, "watcher": watcher}
    lenext.train("digits", out=tmp_path / "disk", cache="disk", **few)
    assert "--cache disk is for files, and the images of digits are in memory already." in said
    said.clear()
    lenext.train("digits", out=tmp_path / "auto", **few)
    assert not any("--cache" in line for line in said)
