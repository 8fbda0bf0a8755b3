"""Networks that know pictures, for want of published weights: ten photographs in JPEGs, and a few minutes of training.

A network with random weights is chaotic: of ResNet-50's logits, spread by 4, one grey level in a thousandth of the
pixels moves some by 0.8, and every twentieth label changes. What has learnt something answers steadily, as networks in
use do.
"""

from pathlib import Path

import numpy as np

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE, CROP, SMALL = 256, 224, 112
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
         "retina.jpg", "rocket.jpg")  # fmt: skip
BATCH, RATE = 30, 4e-3
EPOCHS, LAST = 20, 4  # at half the size, then at the size of the test


def photographs() -> list[np.ndarray]:
    """Ten in colour: scikit-learn's two, and those that come inside scikit-image's package."""
    import skimage
    from PIL import Image
    from sklearn.datasets import load_sample_images

    folder = Path(skimage.__file__).parent / "data"
    own = [np.asarray(Image.open(folder / name).convert("RGB")) for name in NAMES]
    return [*load_sample_images().images, *own]


def draw(folder: Path, count: int) -> None:
    """JPEGs of ten classes, 500x375 and the like, quality 90: two parts of a photograph blended in patches, grain."""
    from PIL import Image

    numbers, sources = np.random.default_rng(0), photographs()
    sizes = [(500, 375)] * 6 + [(375, 500)] * 2 + [(500, 333), (500, 400)]

    def part(source: np.ndarray, width: int, height: int) -> np.ndarray:
        wide = min(source.shape[1], source.shape[0] * width / height) * numbers.uniform(0.35, 1)
        tall = wide * height / width
        left, top = (numbers.uniform(0, room) for room in (source.shape[1] - wide, source.shape[0] - tall))
        box = (left, top, left + wide, top + tall)
        return np.asarray(Image.fromarray(source).resize((width, height), Image.Resampling.LANCZOS, box), np.float32)

    for number in range(count):
        source = sources[number % len(sources)]
        width, height = sizes[numbers.integers(len(sizes))]
        patches = Image.fromarray((numbers.random((4, 4)) * 255).astype(np.uint8)).resize((width, height))
        weight = np.clip((np.asarray(patches, np.float32)[..., None] / 255 - 0.5) * 4 + 0.5, 0, 1)
        pixels = part(source, width, height) * weight + part(source, width, height) * (1 - weight)
        pixels = pixels * numbers.uniform(0.8, 1.2, 3) + numbers.normal(0, numbers.uniform(2, 9), pixels.shape)
        file = folder / f"c{number % len(sources)}" / f"{number:04}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, quality=90, subsampling=2)


def fitted(name: str, reading: str, pictures: Path):
    """The network, trained on at most 300 of the pictures, in bf16 where that is quick; normalised as they are at the
    test's size.
    """
    import torch
    from torch.nn import functional as F

    from lenext.data.decode import read_image
    from lenext.data.geometry import single_crop
    from lenext.data.statistics import Statistics
    from lenext.evaluation.inference import Compute
    from lenext.models import create_model
    from lenext.protocol import SingleCrop

    torch.manual_seed(0)
    files = sorted(pictures.rglob("*.jpg"), key=lambda file: file.name)[:300]
    view, constants = SingleCrop(resize=SIDE, crop=CROP), Statistics(MEAN, STD)
    views = torch.cat([single_crop(read_image(file)[None], view) for file in files])
    labels = torch.tensor([int(file.parent.name[1:]) for file in files])
    network, compute = create_model(name, reading=reading).train(), Compute.choose("cpu", "auto")
    compute.place(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.05)
    steps = (EPOCHS + LAST) * -(-len(files) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    small = F.interpolate(views, size=(SMALL, SMALL), mode="bilinear", antialias=True)
    for epoch in range(EPOCHS + LAST):
        for rows in torch.randperm(len(files)).split(BATCH):
            images = constants.normalise((small if epoch < EPOCHS else views)[rows])
            with compute.autocast():
                logits = network(images.flip(3) if torch.rand(()) < 0.5 else images)
            optimizer.zero_grad()
            F.cross_entropy(logits.float(), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    settle(network, [constants.normalise(part) for part in views.split(BATCH)])
    with torch.inference_mode():
        answers = torch.cat([network(constants.normalise(part)).argmax(1) for part in views.split(BATCH)])
    print(f"{name}: {int((answers == labels).sum())} of {len(files)} pictures are known", flush=True)
    return network


def settle(network, batches: list) -> None:
    """Statistics of batch normalisation as the plain mean over the batches; the network is ready for the test."""
    import torch

    norms = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    rates = [part.momentum for part in norms]
    network.eval()
    for part in norms:
        part.reset_running_stats()
        part.momentum = None  # the plain mean
        part.train()
    with torch.no_grad():
        for images in batches:
            network(images)
    for part, rate in zip(norms, rates, strict=True):
        part.momentum = rate
    network.eval()
