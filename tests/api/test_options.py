"""What the Python names are asked: an option that is not there is answered with a near one."""

import pytest

import lenext
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
