"""glibc's memory is kept between two uses, unless one says otherwise."""

import os
import subprocess
import sys

import pytest

from lenext.evaluation.allocator import has_glibc

PROGRAM = """
import resource
from lenext.evaluation.allocator import keep_memory
told = keep_memory(sparingly=SPARINGLY)
faults = []
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(b"1") * (64 << 20)
    del block
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(told, faults[-1])
"""

glibc = pytest.mark.skipif(not has_glibc(), reason="the C library is not glibc")


def ran(*, sparingly: bool = False, **environment: str) -> tuple[str, int]:
    """What keep_memory answered, and how many pages the last of eight blocks of 64 MB was faulted in with."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("SPARINGLY", str(sparingly))],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    told, faults = done.stdout.split()
    return told, int(faults)


@glibc
def test_a_block_that_was_given_back_is_there_for_the_next_one():
    told, faults = ran(LENEXT_MALLOC="")
    assert told == "True"
    assert faults < 100


@glibc
@pytest.mark.parametrize("settings", [{"LENEXT_MALLOC": "default"}, {"sparingly": True, "LENEXT_MALLOC": ""}])
def test_large_blocks_go_back_to_the_system_by_default_and_where_memory_is_dear(settings):
    told, faults = ran(**settings)
    assert told == str("sparingly" in settings)
    assert faults > 1000
