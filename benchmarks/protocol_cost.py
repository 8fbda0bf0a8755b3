"""What a test of many views costs: GoogLeNet's 144 crops of photographs against 144 single views of each.

``python benchmarks/protocol_cost.py --model mobilenet_v1_025 --images 4``: seconds of both, median of ``--repeats``
alternating runs, and their ratio. Reading and decoding are left out of both; cutting and scaling are not.
"""

import argparse
import json
import statistics
import time

import torch

from lenext.data.statistics import Statistics
from lenext.evaluation.inference import Compute
from lenext.evaluation.testing import run, stacks
from lenext.models import create_model, protocols
from lenext.protocol import SingleCrop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mobilenet_v1_025")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    network = create_model(asked.model).eval()
    draw = torch.Generator().manual_seed(0)
    photos = [torch.randint(0, 256, (1, 3, 375, 500), dtype=torch.uint8, generator=draw) for _ in range(asked.images)]
    many, one = protocols("googlenet")["144-crop"], SingleCrop(resize=256, crop=224)
    pixels = 64 * network.input_size[1] * network.input_size[2]  # that go through at once
    compute, scale = Compute(torch.device("cpu")), Statistics((0.5,) * 3, (0.25,) * 3)

    def seconds(images: list[torch.Tensor], protocol: object) -> float:
        start = time.perf_counter()
        run(network, scale, (stacks(image, protocol, scale) for image in images), compute, pixels)
        return time.perf_counter() - start

    seconds(photos[:1], many)  # warm
    runs = [(seconds(photos, many), seconds(photos * many.views, one)) for _ in range(asked.repeats)]
    crops, singles = (statistics.median(column) for column in zip(*runs, strict=True))
    ratios = sorted(first / second for first, second in runs)
    print(
        json.dumps(
            {
                "model": asked.model,
                "images": asked.images,
                "views": many.views,
                "threads": asked.threads,
                "seconds_of_crops": crops,
                "seconds_of_single_views": singles,
                "ratio": {"median": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]},
            }
        )
    )


if __name__ == "__main__":
    main()
