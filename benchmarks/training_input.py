"""Training input on one core: files to uint8 batches by our pipeline, against PIL + torchvision v2 as documented.

``make bench-input``. CPU time of the process per image, in turns; both sides cut and mirror alike,
and the difference of their pixels is in the result. The pictures are made here from skimage's and sklearn's
photographs: of ImageNet's size (500x375, quality 90) and of 12 megapixels (4000x3000, quality 88).
"""

import argparse
import json
import math
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from result import RESULTS, command, head, write

from lenext.benchmark.timing import Sample, in_turns, ratios, sample
from lenext.benchmark.worker import Worker
from lenext.data.augment import Pipeline
from lenext.data.decode import read_image
from lenext.data.decoded import DecodedImages, Memory
from lenext.data.draws import AUGMENTATION, uniforms
from lenext.data.enough import enough
from lenext.data.images import FileImages
from lenext.data.listing import Part
from lenext.data.loader import Loader
from lenext.data.random_part import area_box
from lenext.data.statistics import Statistics
from lenext.evaluation.allocator import keep_memory
from lenext.protocol import SingleCrop
from lenext.recipes import RandomFlip, RandomResizedCrop
from lenext.weights.adapters.operators import declare_operators

declare_operators()
from torchvision.transforms import v2  # noqa: E402
from torchvision.transforms.v2 import functional as tv  # noqa: E402

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STEPS = (RandomResizedCrop(size=224), RandomFlip())
VIEW = SingleCrop(resize=256, crop=224)
SEED, BATCH = 0, 32


def photographs(folder: Path, count: int, size: tuple[int, int], quality: int) -> list[Path]:
    """JPEG files of blended and noisy parts of photographs, so that they are as large as a camera's."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    sources = [getattr(data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    sources += list(load_sample_images().images)
    numbers = np.random.default_rng(SEED)
    paths = []
    for index in range(count):
        one, other = (part(sources[numbers.integers(len(sources))], size, numbers) for _ in range(2))
        mask = Image.fromarray(numbers.integers(0, 256, (4, 4), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
        share = np.clip((np.asarray(mask, np.float32)[..., None] / 255 - 0.5) * 4 + 0.5, 0, 1)
        noisy = one * share + other * (1 - share) + numbers.normal(0, numbers.uniform(2, 9), one.shape)
        path = folder / f"{index:04d}.jpg"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=quality, subsampling=2)
        paths.append(path)
    return paths


def part(source: np.ndarray, size: tuple[int, int], numbers: np.random.Generator) -> np.ndarray:
    """A random part of a photograph, of the aspect of ``size`` and brought to it."""
    height, width = source.shape[:2]
    scale = numbers.uniform(0.6, 1) * min(width / size[0], height / size[1])
    w, h = size[0] * scale, size[1] * scale
    x, y = numbers.uniform(0, width - w), numbers.uniform(0, height - h)
    picture = Image.fromarray(source[..., :3]).resize(size, Image.Resampling.LANCZOS, box=(x, y, x + w, y + h))
    return np.asarray(picture, np.float32)


def batches(images: int) -> list[range]:
    """The positions of each batch."""
    return [range(start, min(start + BATCH, images)) for start in range(0, images, BATCH)]


class Documented:
    """PIL and torchvision's transforms v2, with the numbers drawn that ours draws."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.finish = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])

    def cut(self, index: int) -> Image.Image:
        with Image.open(self.paths[index]) as file:
            picture = file.convert("RGB")
        width, height = picture.size
        draws = uniforms((SEED, AUGMENTATION), 0, index, 1, 40)[0].reshape(10, 4)
        box = area_box(height, width, draws, STEPS[0])
        picture = tv.resized_crop(picture, *box, [224, 224], antialias=True)
        mirrored = uniforms((SEED, AUGMENTATION + 1), 0, index, 1, 1)[0, 0] < STEPS[1].p
        return tv.horizontal_flip(picture) if mirrored else picture

    def view(self, index: int) -> Image.Image:
        with Image.open(self.paths[index]) as file:
            picture = file.convert("RGB")
        return tv.center_crop(tv.resize(picture, [256], antialias=True), [224, 224])

    def training(self) -> None:
        for rows in batches(len(self.paths)):
            torch.stack([self.finish(self.cut(index)) for index in rows])

    def test(self) -> None:
        for rows in batches(len(self.paths)):
            torch.stack([self.finish(self.view(index)) for index in rows])


class Ours:
    """The reader, pipeline and loader of ``lenext train``; normalised as a batch, which the network's device does."""

    def __init__(self, paths: list[Path], *, exact: bool, kept: bool) -> None:
        least = 0 if exact else enough(STEPS, VIEW)
        store = Memory(2**34) if kept else None
        names = tuple(map(str, paths))
        images = DecodedImages(FileImages(Path("/"), names), least, 3, store=store)
        self.order = np.arange(len(paths))
        self.loader = Loader(Part(images, self.order, np.zeros(len(paths), np.int64), names), 3)
        self.statistics = Statistics(MEAN, STD)
        self.pipeline = Pipeline(STEPS, self.statistics, SEED)

    def parts(self) -> Iterator[torch.Tensor]:
        cuts = [rows.start for rows in batches(len(self.order))]
        return (images for images, _ in self.loader.training(self.pipeline, 0, self.order, [*cuts, len(self.order)]))

    def views(self) -> Iterator[torch.Tensor]:
        return self.loader.views(VIEW, BATCH)

    def training(self) -> None:
        for images in self.parts():
            self.statistics.normalise(images)

    def test(self) -> None:
        for images in self.views():
            self.statistics.normalise(images)


def difference(ours: Iterator[torch.Tensor], theirs: list[Image.Image]) -> dict[str, float]:
    """Of the pixels, in grey levels: mean, largest, and the peak signal to noise ratio in dB."""
    pairs = zip((image for batch in ours for image in batch), theirs, strict=True)
    gaps = torch.cat([(one.float() - tv.pil_to_tensor(other).float()).flatten() for one, other in pairs])
    square = float(gaps.square().mean())
    return {
        "mean": round(float(gaps.abs().mean()), 4),
        "largest": float(gaps.abs().max()),
        "psnr": round(10 * math.log10(255**2 / max(square, 1e-9)), 1),
    }


def serve(folder: Path) -> None:
    """The documented way in a process of its own, which has the C library's memory as it comes."""
    documented = Documented(sorted(folder.glob("*.jpg")))
    for line in sys.stdin:
        print(json.dumps(asdict(sample(getattr(documented, json.loads(line)["what"]), 1, by_clock=False))), flush=True)


def measured(name: str, paths: list[Path], rounds: int, theirs_process: Worker) -> tuple[list[dict], list[dict]]:
    """What each way takes, and how many times as fast ours are; ``decode``: only reading the files as pixels."""
    documented = Documented(paths)
    ways = {
        "exact": Ours(paths, exact=True, kept=False),
        "scaled": Ours(paths, exact=False, kept=False),
        "cache": Ours(paths, exact=True, kept=True),
    }
    rows, found = [], []
    for what in ("training", "test"):
        works = {way: getattr(ours, what) for way, ours in ways.items()}
        works |= {"decode": lambda: [read_image(path) for path in paths]}
        samplers = {way: partial(sample, work, 1, by_clock=False) for way, work in works.items()}
        samplers |= {"PIL + torchvision v2": lambda what=what: Sample(**theirs_process.ask({"what": what}))}
        in_turns(samplers, rounds=1, by_clock=False)  # warm up
        timings = in_turns(samplers, rounds=rounds, by_clock=False)
        step, seen = ("cut", Ours.parts) if what == "training" else ("view", Ours.views)
        theirs = [getattr(documented, step)(index) for index in range(len(paths))]
        for way, timing in timings.items():
            row = {"images": name, "what": what, "way": way, "milliseconds": 1e3 * timing.median / len(paths)}
            if way in ways:
                row["difference"] = difference(seen(ways[way]), theirs)
                value, low, high = ratios(timings["PIL + torchvision v2"], timing)
                found.append(
                    {"name": f"{name}, {what}, {way}", "against": "PIL + torchvision v2", "value": round(value, 3),
                     "low": round(low, 3), "high": round(high, 3)}
                )  # fmt: skip
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows, found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--images", type=int, default=100)
    words.add_argument("--large", type=int, default=8, help="photographs of 12 megapixels")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    asked = words.parse_args()
    torch.set_num_threads(1)
    if asked.serve:
        serve(asked.serve)
        return
    keep_memory()  # as `lenext train` does
    rows: list[dict] = []
    found: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, count, size, quality in (
            ("500x375", asked.images, (500, 375), 90),
            ("4000x3000", asked.large, (4000, 3000), 88),
        ):
            place = Path(folder) / name
            place.mkdir()
            paths = photographs(place, count, size, quality)
            with Worker(str(place), (__file__, "--serve")) as worker:
                more, also = measured(name, paths, asked.rounds, worker)
            rows, found = rows + more, found + also
    import torchvision

    document = {
        **head(
            "training input, CPU time of one core: decode, random part to 224, mirror, normalise",
            command(),
            "1 thread",
            {"torchvision": torchvision.__version__, "pillow": Image.__version__},
        ),
        "measurements": rows,
        "ratios": found,
    }
    path = RESULTS / f"training-input_{platform.machine()}.json"
    write(path, document)
    for one in found:
        print(f"{one['name']}: {one['value']:.2f}x")


if __name__ == "__main__":
    main()
