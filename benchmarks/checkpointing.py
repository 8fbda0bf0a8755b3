"""What saving costs: a checkpoint every 60 s as a share of throughput, and the first step of a resumed run.

The share is the time of a save over the time between two, measured by saves in the middle of training: each is timed
with the steps after it less those before it, so that what it evicts from caches is counted, and noise is not. Seconds
of the processor stand beside those of the clock: they are the same at any load. ``make checkpointing`` calls it.
"""

import argparse
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from result import RESULTS, head, write

import lenext
from lenext.recipes import SGD, AdamW
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.optim import build_optimizer
from lenext.training.soundness import unsound

EVERY = 60.0  # seconds between two checkpoints
NETWORKS = (("lenet5", 32, 128), ("resnet20_cifar", 32, 128), ("resnet50", 224, 8))
SAVES, STEPS = 7, 3


def saves(name: str, size: int, batch: int) -> dict:
    """Seconds of a save between two runs of steps, beyond what the steps take without one."""
    network = lenext.create_model(name).train()
    value = AdamW(lr=1e-4) if name == "lenet5" else SGD(lr=1e-4, momentum=0.9)
    optimizer = build_optimizer(value, network)
    images = torch.randn(batch, network.input_size[0], size, size)

    def steps() -> float:
        begun = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            network(images).square().mean().backward()
            optimizer.step()
        return time.perf_counter() - begun

    with tempfile.TemporaryDirectory(dir=".") as folder:
        checkpoints, found, busy = Checkpoints(Path(folder) / "checkpoints"), [], []
        steps()
        for number in range(1, SAVES + 1):
            before = steps()
            begun, at_work = time.perf_counter(), time.process_time()
            assert unsound(network.state_dict()) is None  # as the loop does before it saves
            checkpoints.save(network, optimizer, Progress(epoch=number, step=number))
            busy.append(time.process_time() - at_work)
            found.append(time.perf_counter() - begun - before + steps())
        size_bytes = sum(file.stat().st_size for file in max(checkpoints.folder.iterdir()).iterdir())
    middle = statistics.median(found)
    return {
        "name": f"a save of {name}, with the steps that it slows",
        "seconds": round(middle, 4),
        "low": round(min(found), 4),
        "high": round(max(found), 4),
        "seconds of the processor in the save": round(statistics.median(busy), 4),
        "bytes": size_bytes,
        "share_of_throughput": round(middle / (EVERY + middle), 6),
    }


def pictures(folder: Path, count: int) -> Path:
    """So many different small pictures in two classes."""
    numbers = np.random.default_rng(0)
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
    for index in range(count):
        pixels = numbers.integers(0, 256, (12, 12), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "ab"[index % 2] / f"{index:06}.bmp")
    return folder


RESUMED = """if True:
    import sys, time
    begun = time.perf_counter()
    busy = time.process_time
    import torch
    from lenext.api.train import train
    from lenext.training.task import Task
    from lenext.training.watch import Silent
    loaded, at_work = time.perf_counter() - begun, busy()
    learn = Task.learn
    def first(self, *asked):
        found = learn(self, *asked)
        print(loaded, time.perf_counter() - begun, at_work, busy(), flush=True)
        import os; os._exit(0)
    if len(sys.argv) > 2:
        Task.learn = first
    class Stopping(Silent):
        def step(self, moment):
            if moment.batch >= 20:
                import os, signal; os.kill(os.getpid(), signal.SIGTERM)
    train(sys.argv[1] if len(sys.argv) < 3 else None, model="lenet5", epochs=1, batch_size=32, out="run", resume=True,
          watcher=Stopping(), threads=1)
"""


def resume(count: int) -> dict:
    """Seconds from the command to the end of the first step of a run that stopped in its first epoch."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = pictures(place / "data", count)
        words = [sys.executable, "-c", RESUMED, str(data)]
        begun = time.perf_counter()
        subprocess.run(words, cwd=folder, check=False, stderr=subprocess.DEVNULL)
        started = time.perf_counter() - begun
        found = []
        for _ in range(3):
            done = subprocess.run([*words, "again"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
            found.append([float(word) for word in done.stdout.split()])
        shutil.rmtree(data)
    loads, firsts, busy_loading, busy = zip(*found, strict=True)
    return {
        "name": f"from the command to the first step of a resumed run on {count:,} images",
        "images": count,
        "seconds": round(statistics.median(firsts), 3),
        "of which loading torch and lenext": round(statistics.median(loads), 3),
        "seconds of the processor": round(statistics.median(busy), 3),
        "of which loading torch and lenext, of the processor": round(statistics.median(busy_loading), 3),
        "low": round(min(firsts), 3),
        "high": round(max(firsts), 3),
        "the first start, with a scan of every file and 20 steps": round(started, 3),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--images", type=int, default=100_000)
    asked = words.parse_args()
    torch.set_num_threads(1)
    measurements = []
    for network in NETWORKS:
        measurements.append(saves(*network))
        print(measurements[-1], flush=True)
    measurements.append(resume(asked.images))
    print(measurements[-1])
    document = {
        **head(
            f"the cost of a checkpoint every {EVERY:g} s on one process, and how soon a killed run is back",
            "make checkpointing",
            "1 thread",
        ),
        "measurements": measurements,
    }
    path = RESULTS / f"checkpointing_{platform.machine()}.json"
    write(path, document)


if __name__ == "__main__":
    main()
