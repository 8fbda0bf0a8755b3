"""An engine at work on pixels, for ``lenext bench --engine``."""

from __future__ import annotations

from dataclasses import dataclass, field

from lenext.engines.engine import Engine, Pixels


@dataclass
class EngineWork:
    """One call is a batch: uint8 in, probabilities out; normalisation and softmax, which no rival computes, included.

    told: the lines with which the engine was chosen.
    """

    engine: Engine
    pixels: Pixels  # N C H W, channels last in memory, as they are decoded
    told: list[str] = field(default_factory=list)

    def __call__(self) -> None:
        self.engine.predict(self.pixels)
