"""What falls to each of several processes, and what is refused to them."""

from types import SimpleNamespace

import pytest

from lenext.api.run.shares import check_divided
from lenext.errors import UsageError


@pytest.mark.parametrize(
    "kept", [{"time_limit": 60.0}, {"settled": False}, {"compile": "on"}], ids=["time limit", "search", "compiled"]
)
def test_what_one_process_does_alone_is_not_resumed_by_several(kept):
    """A batch in parts is of other sizes than those that were compiled: nothing would call the program."""
    run = {"time_limit": None, "settled": True, "compile": "off", "shards": None, "batch_norm": "local"} | kept
    job = SimpleNamespace(recipe=SimpleNamespace(batch_size=32), **run)
    with pytest.raises(UsageError, match="one on one process"):
        check_divided(job, SimpleNamespace(), SimpleNamespace(size=2))
    check_divided(job, SimpleNamespace(), SimpleNamespace(size=1))
