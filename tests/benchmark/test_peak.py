"""The most memory that a piece of work takes."""

import sys

import pytest
import torch

from lenext.benchmark.peak import measured

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")
def test_memory_that_is_given_back_before_the_end_counts():
    def work():
        torch.ones(64 << 18).sum()  # 64 MiB
        return "made"

    made, memory = measured(work, CPU)
    assert made == "made"
    assert memory is not None
    assert 60 << 20 < memory < 160 << 20
    _, little = measured(lambda: None, CPU)
    assert little is not None
    assert little < 16 << 20
