"""Initial weights, as values; ``layers/init`` draws them, ``training/inherit`` copies them."""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Convolution and linear weights N(0, std), biases 0; ``bias`` in layers whose last name is one of ``biased``.

    apart: last names of layers that have another std, each with it; biases_apart: of such that have another bias.
    """

    std: float
    bias: float = 1.0
    biased: tuple[str, ...] = ()
    apart: tuple[tuple[str, float], ...] = ()
    biases_apart: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class He:
    """Convolution and linear weights N(0, sqrt(2 / fan)), biases 0; ``fan`` is "in" or "out".

    linear: whether linear weights too; else they are uniform within +- 1 / sqrt(F) of F inputs, as Torch draws them.
    """

    fan: str = "in"
    linear: bool = True

    def __post_init__(self) -> None:
        if self.fan not in {"in", "out"}:
            raise UsageError(f"He's fan is {self.fan!r}.", "Give in or out.")


@dataclass(frozen=True, kw_only=True)
class Glorot:
    """Convolution and linear weights uniform with variance 2 / (fan_in + fan_out), biases ``bias`` (classifiers: 0).

    fan: "average" for that variance, or "in" for 1 / fan_in, which Caffe calls xavier.
    """

    bias: float = 0.0
    fan: str = "average"

    def __post_init__(self) -> None:
        if self.fan not in {"average", "in"}:
            raise UsageError(f"Glorot's fan is {self.fan!r}.", "Give average or in.")


@dataclass(frozen=True, kw_only=True)
class TruncatedNormal:
    """Convolution and linear weights N(0, std) within +- ``cut``, biases 0 (ConvNeXt's code cuts at 2, not 2 std).

    classifier: what the weights of the last layer are multiplied by.
    """

    std: float
    cut: float = 2.0
    classifier: float = 1.0


@dataclass(frozen=True, kw_only=True)
class FanIn:
    """Weights and biases of every unit uniform within +- gain / F ** power, where F counts its inputs (LeNet)."""

    gain: float = 2.4
    power: float = 1.0


Init = Gaussian | He | Glorot | TruncatedNormal | FanIn


@dataclass(frozen=True, kw_only=True)
class Inherit:
    """Layers copied from a network that was trained before, the others as ``init`` draws them (VGG 3.1).

    network: its name; layers: last parts of the names of the layers, the same in both.
    """

    network: str
    layers: tuple[str, ...]
