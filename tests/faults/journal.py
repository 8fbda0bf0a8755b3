"""``lenext`` with a journal of the samples that each step used, which the tests of faults read. Not a test itself.

What the loader hands over is compared with the labels of the rows that it says, and what the step takes in with what
the loader handed over.
"""

import json
import os
import sys
from itertools import pairwise

import lenext.training.task as tasks
from lenext.cli import main
from lenext.data.loader import Loader

HANDED: list[tuple[int, list[int], object]] = []
training, learn = Loader.training, tasks.Task.learn


def watched_training(self, pipeline, epoch, order, cuts):
    batches = training(self, pipeline, epoch, order, cuts)
    for (start, stop), batch in zip(pairwise(cuts), batches, strict=True):
        rows = order[start:stop]
        assert batch[1].tolist() == self.part.labels[rows].tolist()
        HANDED[:] = [(epoch, rows.tolist(), batch[0])]
        yield batch


def watched_learn(self, batch, at, *rates):
    (epoch, rows, images), *_ = HANDED
    assert epoch == at[1]
    assert images is batch[0]
    found = learn(self, batch, at, *rates)
    line = json.dumps([at[0], epoch, rows]) + "\n"
    os.write(JOURNAL, line.encode())
    return found


if __name__ == "__main__":
    JOURNAL = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(JOURNAL, b"\n")  # after a kill in the middle of a line
    Loader.training, tasks.Task.learn = watched_training, watched_learn
    main(sys.argv[2:])
