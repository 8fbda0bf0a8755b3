"""A test protocol by name, for networks of any paper, and in proportion to the images that they were trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from lenext.errors import LenextError, UsageError, did_you_mean
from lenext.evaluation.dense import densely
from lenext.layers.network import Network
from lenext.models import FILE_OF, FILES, protocols
from lenext.protocol import Dense, Mean, MultiCrop, Protocol, SingleCrop, SquareCrops, TenCrop
from lenext.weights.card import Model

SINGLE = "single"
Single = SingleCrop | TenCrop | SquareCrops | MultiCrop | Dense  # a protocol that is no mean of others


@dataclass(frozen=True)
class Chosen:
    """A protocol as one network is tested by it; ``scaled`` says in words what was changed of the paper's, if anything.

    Not ``scaled`` are the view that a weight file brings with it and a crop of just the size that it was trained on.
    """

    protocol: Protocol
    scaled: str | None = None


def choose_protocols(models: Sequence[Model], name: str) -> list[Chosen]:
    """For each model the protocol that ``name`` means: its own of that name, else that of the first that has one.

    "single" is the view of the weight file. A name with a paper's file or network before it (``vgg-dense-multiscale``,
    ``resnet50-ten-crop``) is that paper's protocol for any network. Raises UsageError for names that lead nowhere, and
    where a network cannot take what it would be shown.
    """
    if name == SINGLE:
        return [Chosen(model.card.preprocessing.view) for model in models]
    owners = [owner for model in models if (owner := owner_of(name, model.card.network)) is not None]
    if not owners:
        own = [f"{file}-{protocol}" for file, protocol in every_name()] + [
            protocol for model in models for protocol in protocols(model.card.network)
        ]
        usual = ", ".join(dict.fromkeys((SINGLE, *protocols(models[0].card.network))))
        hint = did_you_mean(name, own) or f"It has: {usual}. Another paper's is called like vgg-dense-multiscale."
        raise UsageError(f"{models[0].card.network} has no protocol {name!r}.", hint)
    return [choose_protocol(model, owner_of(name, model.card.network) or owners[0]) for model in models]


def owner_of(name: str, network: str) -> tuple[str, str] | None:
    """Network and name of the protocol that ``name`` means for ``network``; None when there is none."""
    if name in protocols(network):
        return network, name
    for owner in (network, *FILE_OF):
        for prefix in (FILE_OF[owner], owner):
            short = name.replace("_", "-").removeprefix(f"{prefix.replace('_', '-')}-")
            if short in protocols(owner) and short != name.replace("_", "-"):
                return owner, short
    return None


def every_name() -> Iterator[tuple[str, str]]:
    """Every paper's file with each of its protocols, once."""
    for file, names in FILES.items():
        for protocol in dict.fromkeys(protocol for name in names for protocol in protocols(name)):
            yield file, protocol


def choose_protocol(model: Model, owner: tuple[str, str]) -> Chosen:
    """The owner's protocol for ``model``: every length in the proportion of the trained size to the paper's.

    Where the trained size is another crop of images of the paper's scale (Caffe's 227 of 256), only crops change.
    """
    paper = protocols(owner[0])
    usual, found, trained = paper[SINGLE], paper[owner[1]], model.card.preprocessing.view
    assert isinstance(usual, SingleCrop)
    if trained.width not in (None, trained.crop):
        raise UsageError(
            f"{model.card.network} was trained on {trained.crop} x {trained.width} pixels, and the protocols of papers "
            "show squares.",
            f"Use --protocol {SINGLE}.",
        )
    share = trained.crop / usual.crop
    chosen = Chosen(found)
    if share != 1 and getattr(found, "crop", None) != trained.crop:
        same_scale = trained.resize == usual.resize
        what = "crops" if same_scale else "lengths"
        chosen = Chosen(
            in_proportion(found, share, crops_only=same_scale),
            f"{model.card.network} was trained on {trained.crop} pixels, the paper's network on {usual.crop}: all "
            f"{what} of the protocol are {trained.crop}/{usual.crop} of the paper's.",
        )
    check(model.network, chosen.protocol, trained.crop)
    return chosen


def in_proportion(protocol: Protocol, share: float, *, crops_only: bool = False) -> Protocol:
    """The protocol with every length times ``share``, to the nearest pixel."""
    if isinstance(protocol, Mean):
        return Mean(parts=tuple(_part(part, share, crops_only) for part in protocol.parts))
    return _part(protocol, share, crops_only)


def _part(protocol: Single, share: float, crops_only: bool) -> Single:
    def lengths(*paper: int, by: float = 1 if crops_only else share) -> tuple[int, ...]:
        return tuple(max(1, round(length * by)) for length in paper)

    match protocol:
        case SingleCrop() | TenCrop():
            return replace(protocol, resize=lengths(protocol.resize)[0], crop=lengths(protocol.crop, by=share)[0])
        case SquareCrops() | MultiCrop():
            return replace(protocol, scales=lengths(*protocol.scales), crop=lengths(protocol.crop, by=share)[0])
        case Dense():
            return replace(protocol, scales=lengths(*protocol.scales))


def check(network: Network, protocol: Protocol, trained: int) -> None:
    """Refuse views that the network's layers cannot take, before the data are read."""
    device = next(network.eval().parameters()).device
    for part in protocol.parts if isinstance(protocol, Mean) else (protocol,):
        dense = isinstance(part, Dense)
        size = min(part.scales) if isinstance(part, Dense) else part.crop
        if size == trained and not dense:
            continue
        image = torch.zeros(1, network.input_size[0], size, size, device=device)
        try:
            with torch.inference_mode():
                (densely(network) if dense else network)(image)
        except LenextError:
            raise
        except RuntimeError:
            raise UsageError(
                f"{network.name} cannot be shown {size} x {size} pixels, as the protocol asks.",
                f"It was trained on {trained} x {trained}: use --protocol {SINGLE}, or another one.",
            ) from None
