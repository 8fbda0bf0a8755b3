"""What the Python names are asked: an option that is not there is answered with a near one."""

from pathlib import Path

import numpy as np
import pytest

import lenext
from lenext.api.options import TrainOptions, read_options
from lenext.errors import UsageError


@pytest.mark.parametrize(
    "function",
    [
        lambda **asked: lenext.train("digits", **asked),
        lambda **asked: lenext.evaluate("run", "digits", **asked),
        lambda **asked: lenext.predict("run", "image.png", **asked),
    ],
    ids=["train", "evaluate", "predict"],
)
def test_an_unknown_option_is_refused_before_anything_is_read(function):
    with pytest.raises(UsageError, match="takes no 'worker'") as refused:
        function(worker=1)
    assert "workers" in refused.value.remedy


class TestTypes:
    """A value of another type is answered in words, not with a traceback from deep inside."""

    @pytest.mark.parametrize(
        ("asked", "wanted"),
        [
            ({"epochs": "3"}, "a whole number"),
            ({"epochs": 3.5}, "a whole number"),
            ({"epochs": True}, "a whole number"),
            ({"workers": None}, "a whole number"),
            ({"model": 5}, "a text"),
            ({"settings": "batch_size=3"}, "a list or tuple"),
            ({"options": ["dropout"]}, "a dictionary"),
            ({"save_every": float("nan")}, "a number"),
            ({"save_every": float("inf")}, "a number"),
            ({"validation": "0.1"}, "a number"),
            ({"out": 3}, "a path"),
            ({"resume": 1}, "True or False"),
        ],
    )
    def test_wrong_ones(self, asked, wanted):
        with pytest.raises(UsageError, match="train was given") as refused:
            lenext.train("digits", **asked)
        assert wanted in refused.value.remedy

    @pytest.mark.parametrize(
        ("asked", "remedy"),
        [
            ({"batch_size": 0}, "above zero"),
            ({"micro_batch": 0}, "above zero"),
            ({"on_bad": "zzz"}, "skip, stop"),
            ({"save_every": -1}, "0 or more"),
            ({"precision": "fp64"}, "fp32"),
        ],
    )
    def test_values_that_no_run_has(self, asked, remedy):
        with pytest.raises(UsageError) as refused:
            lenext.train("digits", model="lenet5", **asked)
        assert remedy in refused.value.remedy

    @pytest.mark.parametrize("data", [123, ["photos"], b"photos"])
    def test_data_that_are_no_path(self, data):
        with pytest.raises(UsageError, match="The data are"):
            lenext.train(data, model="lenet5")

    @pytest.mark.parametrize("thing", [3, object(), [np.zeros((4, 4))]])
    def test_things_that_are_no_path(self, thing):
        for function in (lambda: lenext.predict("run", thing), lambda: lenext.explain("run", thing)):
            with pytest.raises(UsageError, match="takes paths, not"):
                next(function())
        with pytest.raises(UsageError, match="takes paths, not"):
            lenext.evaluate(thing, "digits")

    def test_what_means_the_same_is_taken(self):
        asked = {"seed": np.int64(3), "out": "run", "data_root": Path("files"), "save_every": 5, "settings": ["a=1"]}
        options = read_options(TrainOptions, asked, "lenext.train")
        assert (options.seed, options.data_root, options.save_every) == (3, "files", 5)
        assert type(options.seed) is int
