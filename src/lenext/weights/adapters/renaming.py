"""How another library calls the tensors of one of our networks: an ordered list of renamings, read from our side.

Our names are all known, theirs come from a file; so every rule goes from ours to theirs, and both directions use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")

# What a module of either side calls its tensors; a renaming of a module carries them along.
LEAF = r"(\.(?:weight|bias|running_mean|running_var|num_batches_tracked))?"


class Rename(NamedTuple):
    """One rule, for a module's path or one tensor's.

    In ``ours`` a lower-case letter in braces stands for a number, an upper-case one for letters; in ``theirs``
    ``{2b-1}`` calculates with it, and ``{#}`` is the layer's place in line among all layers of our stages, from 0.
    shape: theirs, where it is not ours (0: as ours has it there); the elements stand in the same order.
    """

    ours: str
    theirs: str
    shape: tuple[int, ...] | None = None


class Counterpart(NamedTuple):
    """A tensor of ours in the other library; ``shape`` as in ``Rename``.

    split: into what ours is cut before ``axes`` puts its axes in their order; ``shape`` comes last (0: as ours has it).
    """

    name: str
    shape: tuple[int, ...] | None
    axes: tuple[int, ...] | None = None
    split: tuple[int, ...] | None = None

    def outward(self, ours: Tensor) -> Tensor | None:
        """A tensor of ours as the library has it; None where it has another number of elements."""
        if self.axes is None:
            return _cut(ours, self.shape)
        cut = _cut(ours, self.split)
        return None if cut is None else _cut(cut.permute(self.axes), self.shape)

    def inward(self, theirs: Tensor, ours: Tensor) -> Tensor:
        """The library's tensor in the shape of ours."""
        if self.axes is not None:
            cut = _cut(ours, self.split)
            assert cut is not None
            back = [self.axes.index(place) for place in range(len(self.axes))]
            theirs = theirs.reshape(cut.permute(self.axes).shape).permute(back)
        return theirs.reshape(ours.shape)


def _cut(tensor: Tensor, template: tuple[int, ...] | None) -> Tensor | None:
    """Reshaped, where 0 in the template is the tensor's own size; None where the elements do not come out even."""
    if template is None:
        return tensor
    shape = tuple(size or tensor.shape[place] for place, size in enumerate(template))
    return tensor.reshape(shape) if torch.Size(shape).numel() == tensor.numel() else None


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """Networks that a library has under the same rules.

    networks: our name -> the library's; reading: the one whose function the library computes; left_out: beginnings
    of names that our network may lack -> what they are; older: patterns of names that the library has given up and
    its files still have -> the names of today.
    """

    networks: Mapping[str, str]
    reading: str = "paper"
    renames: tuple[Rename, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    older: Mapping[str, str] = field(default_factory=dict)

    def counterparts(self, network: nn.Module) -> Iterator[tuple[str, Counterpart | None]]:
        """Every name in the network's state dict with the library's; None where no rule is for it."""
        places = in_line(network)
        for ours in network.state_dict():
            yield ours, self.renamed(ours, places)

    def renamed(self, ours: str, places: Mapping[str, int]) -> Counterpart | None:
        """What the first rule says that is about a tensor, or a module; None where no rule is."""
        return next((found for rule in self.renames if (found := apply(rule, ours, places))), None)

    def todays(self, state: Mapping[str, T]) -> dict[str, T]:
        """A state dict with its older names brought up to date."""
        return {self._todays(name): value for name, value in state.items()}

    def _todays(self, name: str) -> str:
        for old, new in self.older.items():
            name = re.sub(old, new, name)
        return name


def in_line(network: nn.Module) -> dict[str, int]:
    """The place of every layer of the stages, as a library that has them all in one ``nn.Sequential`` counts them."""
    leaves = (path for path, module in network.named_modules() if path.startswith("stages.") and is_leaf(module))
    return {path: place for place, path in enumerate(leaves)}


def is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def apply(rule: Rename, ours: str, places: Mapping[str, int]) -> Counterpart | None:
    """The library's name for the tensor ``ours``, or None when the rule is not about it."""
    match = pattern(rule.ours).fullmatch(ours)
    if match is None:
        return None
    known = match.groupdict()
    leaf = match[match.re.groups] or ""

    def calculate(hole: re.Match[str]) -> str:
        factor, letter, more = hole.groups()
        if letter == "#":
            return str(places[ours.removesuffix(leaf)])
        text = known[letter]
        return str(int(factor or 1) * int(text) + int(more or 0)) if letter.islower() else text

    theirs = re.sub(r"\{(\d*)([A-Za-z#])([+-]\d+)?\}", calculate, rule.theirs)
    return Counterpart(theirs + leaf, rule.shape)


@cache
def pattern(ours: str) -> re.Pattern[str]:
    """The left side of a rule; a letter that comes again must stand for the same."""
    seen: set[str] = set()

    def hole(letter: str) -> str:
        if letter in seen:
            return f"(?P={letter})"
        seen.add(letter)
        return rf"(?P<{letter}>{r'[0-9]+' if letter.islower() else r'[a-z]+'})"

    parts = re.split(r"\{([A-Za-z])\}", ours)
    return re.compile("".join(hole(part) if odd % 2 else re.escape(part) for odd, part in enumerate(parts)) + LEAF)
