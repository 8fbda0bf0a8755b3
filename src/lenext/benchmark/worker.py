"""Each contestant in a process of its own: its libraries, its allocator and its memory touch nobody else's.

A worker reads one JSON order a line: ``prepare`` a case, take a ``sample`` of so many calls. The workers sit still in
between, so that only one of them computes at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from lenext.benchmark.timing import Sample
from lenext.errors import Failed, LenextError
from lenext.evaluation.allocator import SWITCH

if TYPE_CHECKING:
    from lenext.benchmark.case import Case
    from lenext.benchmark.rivals import Contestant

OURS = "lenext"
CASE_FAILS = (LenextError, RuntimeError, ValueError, TypeError, ImportError, AttributeError, KeyError)


class Worker:
    """A contestant, asked through pipes; ``with`` ends its process."""

    def __init__(self, name: str, program: Sequence[str] = ("-m", __name__), threads: int = 1) -> None:
        """``program``: what Python runs with the name behind it; it answers each line of JSON with another."""
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, *program, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(name, threads),
        )

    def prepare(self, case: Case) -> dict[str, Any]:
        """Set up a case: ``calls`` of a sample, ``memory``, ``operations``; or ``refused``, why not."""
        return self.ask({"prepare": asdict(case)})

    def sample(self, calls: int) -> Sample:
        return Sample(**self.ask({"sample": calls}))

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failed(f"The process that measures {self.name} ended.", "Leave it out, or take a smaller --batch.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def environment(name: str, threads: int) -> dict[str, str]:
    """What a contestant's process sees: a rival has the C library's memory as it comes, and is quiet."""
    found = os.environ | {"OMP_NUM_THREADS": str(threads)}
    if name != OURS:
        found |= {SWITCH: "default", "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return found


def serve(one: Contestant, orders: IO[str], answers: IO[str]) -> None:
    """Answer orders until there are no more."""
    import torch

    from lenext.benchmark.case import Case
    from lenext.benchmark.timing import Work, sample

    work: Work | None = None
    by_clock = False

    def prepare(case: Case) -> dict[str, Any]:
        nonlocal work, by_clock
        work, by_clock = None, case.threads > 1
        torch.set_num_threads(case.threads)
        if "torch._dynamo" in sys.modules:  # which gives up compiling after the eighth network of the same code
            torch._dynamo.reset()  # noqa: SLF001
        try:
            work, found = one.prepared(case)
        except CASE_FAILS as error:
            return {"refused": f"{one.name} cannot run {case.name}: {str(error).partition(chr(10))[0] or repr(error)}"}
        return found if work is not None else {"refused": f"{one.name} has no {case.name}."}

    for line in orders:
        order = json.loads(line)
        if "prepare" in order:
            answer = prepare(Case(**order["prepare"]))
        else:
            assert work is not None
            answer = asdict(sample(work, order["sample"], by_clock=by_clock))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main(one: Contestant) -> None:
    """Answer what stands on standard input."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is for people
    serve(one, sys.stdin, answers)


if __name__ == "__main__":
    from lenext.benchmark.rivals import contestant

    main(contestant(sys.argv[1]))
