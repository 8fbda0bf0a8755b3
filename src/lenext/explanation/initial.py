"""What the initial weights of a network are drawn from, told from the numbers: their spread, layer by layer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from lenext.explanation.audit import NOTHING, Point
from lenext.layers.dispatch import OperatorMode

SEEN, FEW, MANY = 2**17, 2**8, 2**12  # numbers of a layer that are looked at, that tell its spread, that tell its law
CLOSE, FITS = math.log(1.1), math.log(1.05)  # deviations on average: told apart beyond 10 %, of one law within 5 %
CENTRED = 6  # standard errors that the mean of numbers nobody has trained may be from 0
# Fourth moment over squared variance: 1.8 of a uniform law, 2.4 of a normal one cut at two deviations, 3 of a whole.
UNIFORM, CUT, NORMAL = 2.1, 2.7, 3.5
WHAT = "initialisation"
CONVOLUTIONS, LINEAR, LAST = "convolutions", "linear layers", "last linear layer"


@dataclass(frozen=True)
class Drawn:
    """The initial weights of one layer; zeros are left out. biases: "0", "drawn", "" without any."""

    where: str
    shape: tuple[int, ...]
    count: int
    mean: float
    deviation: float
    peakedness: float
    biases: str

    def fans(self) -> tuple[int, int]:
        """Numbers that one output is made of, and outputs that one number goes into."""
        field = math.prod(self.shape[2:])
        return self.shape[1] * field, self.shape[0] * field


Law = Callable[[Drawn], float]
LAWS: Mapping[str, Law] = {  # the deviation but for a constant; the words for that constant squared
    "variance {:.2g}": lambda _: 1.0,
    "variance {:.2g} / fan-in": lambda layer: layer.fans()[0] ** -0.5,
    "variance {:.2g} / fan-out": lambda layer: layer.fans()[1] ** -0.5,
    "variance {:.2g} / (fan-in + fan-out)": lambda layer: sum(layer.fans()) ** -0.5,
    "variance {:.2g} / fan-in squared": lambda layer: 1 / layer.fans()[0],
}


class Sparing(OperatorMode):  # type: ignore[no-untyped-call]
    """Draws only as many numbers of a large tensor as are looked at, and repeats them: a tenth of the time."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in {"normal_", "uniform_"} and large(args[0]):
            flat = args[0].view(-1)
            func(flat[:SEEN], *args[1:], **(kwargs or {}))
            for start in range(SEEN, len(flat), SEEN):
                part = flat[start : start + SEEN]
                part.copy_(flat[: len(part)])
            return args[0]
        return func(*args, **(kwargs or {}))


def large(tensor: Tensor) -> bool:
    return tensor.numel() > SEEN and tensor.is_contiguous() and not tensor.is_meta


def initially(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """The network with initial weights of its own, as far as they are looked at."""
    mode = Sparing()
    with torch.random.fork_rng(devices=[]), mode, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about their ways to draw
        torch.manual_seed(seed)
        return build()


def drawn(network: nn.Module) -> dict[str, list[Drawn]]:
    """The layers of each kind; nothing where a layer's weights look trained, or are without numbers."""
    found: dict[str, list[Drawn]] = {CONVOLUTIONS: [], LINEAR: [], LAST: []}
    for where, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if module.weight.is_meta:
                return {}
            values = module.weight.detach().flatten()[:SEEN].double()
            layer = measured(where, module, values[values != 0])
            if layer.count >= FEW:
                found[LINEAR if isinstance(module, nn.Linear) else CONVOLUTIONS].append(layer)
    found[LAST] = found[LINEAR][-1:]
    found[LINEAR] = found[LINEAR][:-1]
    return found if all(fresh(layer) for layers in found.values() for layer in layers) else {}


def measured(where: str, module: nn.Conv2d | nn.Linear, values: Tensor) -> Drawn:
    mean, deviation = (float(values.mean()), float(values.std())) if len(values) >= FEW else (0.0, 0.0)
    peakedness = float(((values - mean) ** 4).mean()) / deviation**4 if deviation else 0.0
    biases = "" if module.bias is None else constants(module.bias.detach())
    return Drawn(where, tuple(module.weight.shape), len(values), mean, deviation, peakedness, biases)


def constants(biases: Tensor) -> str:
    return f"{float(biases[0]):.2g}" if torch.all(biases == biases[0]) else "drawn"


def fresh(layer: Drawn) -> bool:
    """Centred, with no tails: training moves the mean and makes some weights large."""
    if not layer.deviation or abs(layer.mean) > CENTRED * layer.deviation / math.sqrt(layer.count):
        return False
    return layer.count < MANY or layer.peakedness < NORMAL


def law(layers: Sequence[Drawn]) -> tuple[str, Callable[[Drawn], float]] | None:
    """Words and the deviation of any layer, by the simplest law that all of these follow; None if there is none."""
    for words, shape in LAWS.items():
        logs = [math.log(layer.deviation / shape(layer)) for layer in layers]
        gain = math.exp(fmean(logs))
        if fmean(abs(one - math.log(gain)) for one in logs) < FITS:
            told = f"std {gain:.2g}" if words == "variance {:.2g}" else words.format(gain**2)
            return told, lambda layer, shape=shape, gain=gain: gain * shape(layer)
    return None


def family(layers: Iterable[Drawn]) -> str:
    """The kind of law, "" where the layers are too small to tell."""
    found = [layer.peakedness for layer in layers if layer.count >= MANY]
    if not found:
        return ""
    middle = fmean(found)
    return "uniform" if middle < UNIFORM else "normal, cut at two deviations" if middle < CUT else "normal"


def biases(layers: Iterable[Drawn]) -> str:
    return " or ".join(sorted({layer.biases for layer in layers if layer.biases}))


def words(layers: Sequence[Drawn]) -> str:
    """What layers of one kind start from."""
    found = law(layers)
    low, high = (f"{end(layer.deviation for layer in layers):.2g}" for end in (min, max))
    told = [family(layers), found[0] if found else f"std {low} to {high}"]
    told += [f"biases {biases(layers)}"] if biases(layers) else []
    return ", ".join(filter(None, told))


def alike(paper: Sequence[Drawn], found: Sequence[Drawn]) -> bool:
    """Whether the layers are spread as the paper's of the same shape are, or by its law; yes where nobody can tell."""
    known = law(paper)
    off = []
    for layer in found:
        same = [one.deviation for one in paper if one.shape == layer.shape]
        if same or known:
            expected = fmean(same) if same else known[1](layer) if known else 0.0
            off.append(abs(math.log(layer.deviation / expected)))
    families, starts = {family(paper), family(found)} - {""}, {biases(paper), biases(found)} - {""}
    return not off or (fmean(off) < CLOSE and len(families) < 2 and len(starts) < 2)


def initial_points(papers: Sequence[Mapping[str, list[Drawn]]], found: Mapping[str, list[Drawn]]) -> Iterator[Point]:
    """A point for each kind of layer that starts from none of the laws that the paper allows."""
    sides = [side for side in (*papers, found) if side]
    if len(sides) < 1 + len(papers):
        return
    if all(law([*side[LINEAR], *side[LAST]]) for side in sides if side[LAST]):  # then the last is as the others
        sides = [{**side, LINEAR: [*side[LINEAR], *side[LAST]], LAST: []} for side in sides]
    *allowed, theirs = sides
    for kind, layers in theirs.items():
        ours = [paper[kind] for paper in allowed if paper[kind]]
        if layers and ours and not any(alike(paper, layers) for paper in ours):
            told = "; or ".join(dict.fromkeys(words(paper) for paper in ours)) or NOTHING
            yield Point(WHAT, told, words(layers), kind, tuple(layer.where for layer in layers))
