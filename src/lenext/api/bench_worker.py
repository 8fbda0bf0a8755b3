"""Our process of ``lenext bench --engine``: the network by the engine that ``lenext predict`` would open."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from lenext.api.trained.engine import engine_of
from lenext.benchmark.case import Case
from lenext.benchmark.engine_work import EngineWork
from lenext.benchmark.rivals import OURS
from lenext.benchmark.worker import main
from lenext.data.statistics import Statistics
from lenext.protocol import Preprocessing, SingleCrop
from lenext.training.watch import Silent
from lenext.weights.card import Card, Model


class Listening(Silent):
    """Keeps what is said of the choice."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def message(self, text: str) -> None:
        self.told.append(text)


def by_engine(case: Case) -> EngineWork:
    """The case by its engine; what is exported for it and the choice of "auto" are kept as those of ``predict`` are."""
    assert case.engine is not None
    listening = Listening()
    engine = engine_of(model_of(case), case.engine, case.compute, case.batch, listening)
    channels, height, width = case.input_size
    pixels = np.random.default_rng(0).integers(0, 256, (case.batch, height, width, channels)).astype(np.uint8)
    return EngineWork(engine, pixels.transpose(0, 3, 1, 2), listening.told)


def model_of(case: Case) -> Model:
    """The case's network with what an engine asks of it beside its weights: a view of its size, middling constants."""
    channels, height, width = case.input_size
    middle = (0.5,) * channels, (0.25,) * channels
    view = SingleCrop(resize=height, crop=height, width=None if width == height else width)
    card = Card(
        network=case.name,
        reading=case.reading,
        classes=tuple(str(number) for number in range(case.classes)),
        preprocessing=Preprocessing(channels=channels, view=view, mean=middle[0], std=middle[1]),
    )
    return Model(case.fresh().eval(), card, Statistics(*middle))  # type: ignore[arg-type]  # every one of the line is one


if __name__ == "__main__":
    main(replace(OURS, name=sys.argv[1], prepare=by_engine))
