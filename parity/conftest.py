"""torchvision on a torch that was built without its operators, and the pairs of networks that the tests share."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lenext.weights.adapters.operators import declare_operators

declare_operators()  # before anything imports torchvision

from pairs import NETWORKS, Pair  # noqa: E402


class ByNetwork(LoadScopeScheduling):
    """All tests of one network on one process, so that it is built once.

    Marks for ``--dist loadgroup`` would be the way, but pytest-xdist 3.8 loses them under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("[")[2] or nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByNetwork:
    return ByNetwork(config, log)


@pytest.fixture(scope="module", params=NETWORKS, ids=[f"{one.source}:{one.theirs}" for one in NETWORKS])
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)
