"""Batches in a given order, whose bits no number of threads changes."""

import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import encoded, noise

from lenext.data.ahead import read_ahead
from lenext.data.augment import Pipeline, single_crop
from lenext.data.images import ArrayImages, FileImages
from lenext.data.listing import Part
from lenext.data.loader import Loader, batch_cuts
from lenext.data.statistics import Statistics
from lenext.errors import ImageError
from lenext.protocol import SingleCrop
from lenext.recipes import PCAColour, RandomAffine, RandomCrop, RandomFlip, RandomResizedCrop, ShortSide

COUNT = 23
STATISTICS = Statistics((0.5,) * 3, (0.2,) * 3, colour_axes=torch.eye(3, dtype=torch.float64) * 9)
SHAKEN = Pipeline((RandomResizedCrop(size=16), RandomFlip(), RandomAffine(degrees=9), PCAColour()), STATISTICS, 5)
SCALED = Pipeline((ShortSide(low=17, high=30), RandomCrop(size=16), RandomFlip()), STATISTICS, 5)
VIEW = SingleCrop(resize=18, crop=16)


def part(images):
    """Every other image of twice as many, backwards."""
    indices = np.arange(COUNT)[::-1] * 2
    return Part(images, indices.copy(), np.arange(COUNT) % 7, tuple(map(str, indices)))


@pytest.fixture(scope="module")
def arrays():
    return part(ArrayImages(np.stack([noise(20, 26, seed) for seed in range(2 * COUNT)]), "toy"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    names = tuple(f"{number}.png" for number in range(2 * COUNT))
    for number, name in enumerate(names):
        (folder / name).write_bytes(encoded(noise(20 + number % 3, 26, number)))
    return part(FileImages(folder, names))


@pytest.fixture(params=["arrays", "files"])
def data(request):
    return request.getfixturevalue(request.param)


ORDER = np.random.default_rng(0).permutation(COUNT)


def epoch(data, workers, pipeline=SHAKEN, first=0):
    cuts = batch_cuts(COUNT, 5)[first:]
    return list(Loader(data, 3, workers=workers).training(pipeline, 4, ORDER, cuts))


class TestTraining:
    @pytest.mark.parametrize("pipeline", [SHAKEN, SCALED], ids=["one size", "many sizes"])
    def test_no_number_of_threads_changes_a_bit(self, data, pipeline):
        alone = epoch(data, 0, pipeline)
        assert [len(images) for images, _ in alone] == [5, 5, 5, 5, 3]
        for workers in (1, 3):
            for (images, labels), (expected, expected_labels) in zip(
                epoch(data, workers, pipeline), alone, strict=True
            ):
                assert images.equal(expected)
                assert labels.equal(expected_labels)

    def test_images_and_labels_stand_in_the_order_given(self, data):
        still = Pipeline((ShortSide(low=20, high=20), RandomCrop(size=16)), STATISTICS, 5)
        rows = iter(enumerate(ORDER))
        for images, labels in epoch(data, 2, still):
            for image, label in zip(images, labels, strict=True):
                position, row = next(rows)
                raw = data.images.read(int(data.indices[row]), 3, 255)[None]
                assert image.equal(still(raw, 4, position)[0])
                assert label == data.labels[row]
        assert next(rows, None) is None

    @pytest.mark.parametrize("pipeline", [SHAKEN, SCALED], ids=["one size", "many sizes"])
    def test_the_channels_of_a_pixel_lie_together(self, data, pipeline):
        """As files and arrays have them: resizing, normalising and the network would else move every pixel."""
        for images, _ in epoch(data, 0, Pipeline(pipeline.steps[:2], STATISTICS, 5)):
            assert images.is_contiguous(memory_format=torch.channels_last)

    def test_the_rest_of_an_epoch_is_the_rest_of_the_whole(self, data):
        whole, rest = epoch(data, 1), epoch(data, 2, first=2)
        assert len(rest) == 3
        for (images, labels), (expected, expected_labels) in zip(rest, whole[2:], strict=True):
            assert images.equal(expected)
            assert labels.equal(expected_labels)

    def test_files_and_arrays_of_the_same_pixels_give_the_same_bits(self, tmp_path):
        pictures = np.stack([noise(20, 26, seed) for seed in range(2 * COUNT)])
        for number, picture in enumerate(pictures):
            (tmp_path / f"{number}.png").write_bytes(encoded(picture))
        names = tuple(f"{number}.png" for number in range(2 * COUNT))
        both = [part(ArrayImages(pictures, "toy")), part(FileImages(tmp_path, names))]
        for (one, _), (other, _) in zip(*(epoch(data, 0) for data in both), strict=True):
            assert one.equal(other)

    def test_a_file_that_breaks_off_ends_the_epoch_with_its_own_error(self, tmp_path):
        for number in range(4):
            (tmp_path / f"{number}.png").write_bytes(encoded(noise()))
        broken = (tmp_path / "2.png").read_bytes()
        (tmp_path / "2.png").write_bytes(broken[: len(broken) // 2])
        data = Part(FileImages(tmp_path, tuple(f"{n}.png" for n in range(4))), np.arange(4), np.zeros(4, np.int64), ())
        for workers in (0, 2):
            batches = Loader(data, 3, workers=workers).training(SHAKEN, 0, np.arange(4), [0, 1, 2, 3, 4])
            assert len(next(batches)[0]) == len(next(batches)[0]) == 1
            with pytest.raises(ImageError, match=r"2\.png") as caught:
                next(batches)
            assert caught.value.reason == "truncated"


class TestViews:
    @pytest.mark.parametrize("workers", [0, 1, 3])
    @pytest.mark.parametrize("batch_size", [1, 5, 100])
    def test_every_image_is_shown_once_in_the_order_of_the_part(self, data, workers, batch_size):
        found = torch.cat(list(Loader(data, 3, workers=workers).views(VIEW, batch_size)))
        assert found.dtype == torch.uint8
        expected = [single_crop(data.images.read(int(index), 3, 255)[None], VIEW) for index in data.indices]
        assert found.equal(torch.cat(expected))

    def test_grey_and_background_reach_the_reader(self, tmp_path):
        (tmp_path / "clear.png").write_bytes(encoded(np.zeros((20, 20, 4), np.uint8)))
        data = Part(FileImages(tmp_path, ("clear.png",)), np.array([0]), np.array([0]), ("clear.png",))
        (shown,) = Loader(data, 1, background=42).views(VIEW, 8)
        assert shown.shape == (1, 1, 16, 16)
        assert (shown == 42).all()

    @pytest.mark.parametrize("workers", [0, 3])
    def test_whole_images_go_through_a_function_in_the_order_of_the_part(self, data, workers):
        found = list(Loader(data, 3, workers=workers).images(lambda image: image + 1))
        assert len(found) == COUNT
        for image, index in zip(found, data.indices, strict=True):
            assert image.equal(data.images.read(int(index), 3, 255)[None] + 1)

    def test_no_image_makes_no_batch(self, arrays):
        nothing = Part(arrays.images, np.array([], np.int64), np.array([], np.int64), ())
        assert list(Loader(nothing, 3, workers=2).views(VIEW, 8)) == []


class TestCuts:
    @given(st.integers(0, 500), st.integers(1, 64))
    def test_every_image_is_in_one_batch_and_none_is_alone(self, length, batch_size):
        cuts = batch_cuts(length, batch_size)
        sizes = [stop - start for start, stop in pairwise(cuts)]
        assert cuts[0] == 0
        assert sum(sizes) == length
        assert all(size == batch_size for size in sizes[:-1])
        assert all(1 <= size <= batch_size + 1 for size in sizes)
        if length > 1 and batch_size > 1:
            assert min(sizes) > 1, "one image has no variance for batch normalisation"

    def test_examples(self):
        assert batch_cuts(10, 5) == [0, 5, 10]
        assert batch_cuts(12, 5) == [0, 5, 10, 12]
        assert batch_cuts(11, 5) == [0, 5, 11]
        assert batch_cuts(1, 5) == [0, 1]
        assert batch_cuts(3, 1) == [0, 1, 2, 3], "who asks for single images gets them"


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


class TestReadingAhead:
    @given(st.lists(st.integers(), max_size=30), st.integers(0, 4))
    def test_results_come_in_order(self, jobs, workers):
        assert list(read_ahead(lambda job: -job, jobs, workers)) == [-job for job in jobs]

    def test_it_reads_two_jobs_a_thread_ahead_and_no_further(self):
        begun, enough = [], threading.Event()

        def work(job):
            begun.append(job)
            if len(begun) == 6:
                enough.set()
            return job

        results = read_ahead(work, range(100), 3)
        assert next(results) == 0
        assert enough.wait(5)
        results.close()
        assert len(begun) <= 3 * 2 + 1

    def test_torch_computes_alone_in_a_reading_thread_and_as_before_elsewhere(self):
        threads = torch.get_num_threads()
        inside = [*read_ahead(lambda _: torch.get_num_threads(), range(10), 2)]
        assert inside == [1] * 10
        assert torch.get_num_threads() == threads
        later = []
        other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert later == [threads], "threads that start afterwards are not slowed down"

    def test_the_calling_thread_computes_as_before_while_it_is_read(self):
        threads = torch.get_num_threads()
        for _ in read_ahead(lambda job: job, range(5), 2):
            assert torch.get_num_threads() == threads

    @pytest.mark.parametrize("ending", ["exhausted", "closed", "failed"])
    def test_no_thread_outlives_the_iterator(self, ending):
        before = len(reading_threads())
        results = read_ahead(lambda job: 1 // (3 - job) if ending == "failed" else job, range(20), 2)
        next(results)
        assert len(reading_threads()) == before + 2
        if ending == "closed":
            results.close()
        elif ending == "failed":
            with pytest.raises(ZeroDivisionError):
                list(results)
        else:
            list(results)
        assert len(reading_threads()) == before

    def test_there_are_no_more_threads_than_jobs(self):
        before = len(reading_threads())
        results = read_ahead(lambda job: job, range(2), 50)
        next(results)
        assert len(reading_threads()) <= before + 2
        assert list(results) == [1]
