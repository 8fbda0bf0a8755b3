"""The pictures of a report: the best and worst of each class and the worst mistakes, with heat maps as time allows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lenext.api.run.prepare import Prepared
from lenext.data.geometry import single_crop
from lenext.data.listing import Part, part
from lenext.data.placement import placement
from lenext.errors import UsageError
from lenext.evaluation.inference import Compute, activated
from lenext.evaluation.measure import Examples, Mistake, worst_first
from lenext.evaluation.record import PicturedClass, PicturedMistake, Record
from lenext.explanation.gradcam import gradcam
from lenext.explanation.judgement import hottest
from lenext.explanation.overlay import drawn_size, layer
from lenext.explanation.stages import Stage, chosen_stage
from lenext.protocol import ACTIVATIONS

MISTAKES = 24  # that the report shows
CLASSES = 8  # whose best and worst it shows
SECONDS = 8.0  # after which no more heat maps are begun
TOGETHER = 4  # pictures
LEAST, MOST = 128, 192  # pixels of the longer side of a map


@dataclass(frozen=True)
class Heat:
    """A layer to lay on a picture (PNG file), and the answer's probability without the hottest tenth."""

    layer: bytes
    hidden: float


def with_pictures(record: Record, prepared: Prepared, compute: Compute, temperature: float) -> Record:
    """The record with its pictures: of each class the surest answers, right and wrong, then the worst mistakes.

    The maps come in that order, until ``SECONDS`` have gone by; the network stays in evaluation mode.
    """
    split, evaluation = record.headline
    images = part(prepared.listing, split)
    worst = [score.name for score in worst_first(evaluation.per_class)]
    examples = chosen_classes(evaluation.examples, worst)
    shown = [one for pair in examples for one in (pair.right, pair.wrong) if one is not None]
    indices = {one.index for one in shown}
    rest = [mistake for mistake in evaluation.mistakes if mistake.index not in indices][:MISTAKES]
    maps = heat_maps([*shown, *rest], images, prepared, compute, temperature)

    def pictured(one: Mistake | None) -> PicturedMistake | None:
        if one is None:
            return None
        heat = maps.get(one.index)
        channels = prepared.network.input_size[0]
        return PicturedMistake(
            name=one.name,
            truth=one.truth,
            answer=one.answer,
            probability=one.probability,
            label=one.label,
            verdict=one.verdict,
            picture=read(images, one.index, channels).permute(1, 2, 0).numpy(),
            heat=heat.layer if heat else None,
            hidden=heat.hidden if heat else None,
        )

    classes = [
        PicturedClass(name=pair.name, right=pictured(pair.right), wrong=pictured(pair.wrong)) for pair in examples
    ]
    others = [found for mistake in rest if (found := pictured(mistake)) is not None]
    return replace(record, examples=classes, mistakes=others)


def chosen_classes(examples: tuple[Examples, ...], worst: list[str]) -> list[Examples]:
    """All classes in their order, or of too many those that stand first in ``worst``."""
    if len(examples) <= CLASSES:
        return list(examples)
    by_name = {one.name: one for one in examples}
    return [by_name[name] for name in worst if name in by_name][:CLASSES]


def read(images: Part, row: int, channels: int) -> Tensor:  # -> uint8 C H W
    """One picture as it was read for the measurement."""
    return images.images.read(int(images.indices[row]), channels, 255)


def heat_maps(
    shown: list[Mistake], images: Part, prepared: Prepared, compute: Compute, temperature: float
) -> dict[int, Heat]:
    """Heat maps of the answers by the picture's row, as many as there is time for; none where no stage has room."""
    network = prepared.network.eval()
    begun = time.monotonic()
    try:
        stage = chosen_stage(network, *prepared.job.recipe.view.shape, None)
    except UsageError:  # images of so few pixels that every map is one unit
        return {}
    found: dict[int, Heat] = {}
    for start in range(0, len(shown), TOGETHER):
        before = time.monotonic()
        some = shown[start : start + TOGETHER]
        found.update(
            zip([one.index for one in some], heat_of(some, images, stage, prepared, compute, temperature), strict=True)
        )
        now = time.monotonic()
        if now - begun + (now - before) > SECONDS:
            break
    return found


def heat_of(
    some: list[Mistake], images: Part, stage: Stage, prepared: Prepared, compute: Compute, temperature: float
) -> list[Heat]:
    """The heat maps of a few answers together."""
    network, view = prepared.network, prepared.job.recipe.view
    pictures = [read(images, one.index, network.input_size[0]) for one in some]
    views = torch.cat([single_crop(picture[None], view) for picture in pictures])
    inputs = prepared.statistics.normalise(views.to(compute.device))
    answers = torch.tensor(
        [prepared.listing.classes.index(one.label or one.answer) for one in some], device=compute.device
    )
    maps = gradcam(network, inputs, answers, stage).cpu()
    hot = torch.stack([hottest(one) for one in maps])
    with torch.no_grad():
        logits = network(inputs * ~hot[:, None].to(compute.device))
        scores = activated(logits, temperature, ACTIVATIONS[prepared.listing.task])
    hidden = scores.gather(1, answers[:, None])[:, 0].tolist()
    layers = []
    for picture, heat in zip(pictures, maps, strict=True):
        height, width = picture.shape[1:]
        laid, seen = placement(height, width, view).lay(heat, *drawn_size(height, width, LEAST, MOST))
        layers.append(layer(np.asarray(laid), np.asarray(seen)))
    return [Heat(one, float(probability)) for one, probability in zip(layers, hidden, strict=True)]
