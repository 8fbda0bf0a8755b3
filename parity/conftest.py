"""torchvision on a torch that was built without its operators, and the pairs of networks that the tests share."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from lenext.api.target import declare_operators

declare_operators()  # before anything imports torchvision

from pairs import NETWORKS, Pair  # noqa: E402

# All tests of one network on one process, one after another, so that it is built once.
PARAMETERS = [
    pytest.param(one, id=f"{one.source}:{one.theirs}", marks=pytest.mark.xdist_group(f"{one.source}:{one.theirs}"))
    for one in NETWORKS
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Here and not as the fixture's parameters, whose marks pytest-xdist does not see."""
    if "pair" in metafunc.fixturenames:
        metafunc.parametrize("pair", PARAMETERS, indirect=True, scope="module")


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)
