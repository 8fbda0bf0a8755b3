"""The weight file: one ``.safetensors`` whose metadata is a card that says all one needs to use and to judge it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lenext.data.remarks import SUFFIXES
from lenext.data.statistics import Statistics
from lenext.errors import LenextError, UsageError, WeightFileError
from lenext.layers.network import Network
from lenext.models import create_model
from lenext.protocol import ACTIVATIONS, MULTICLASS, MULTILABEL, Preprocessing
from lenext.values import decode, encode, once
from lenext.weights import trust
from lenext.weights.durable import write_file
from lenext.weights.header import OURS, check_header, damaged

FILE = "model.safetensors"
LARGEST = 16_384  # pixels of a side, channels, and whatever number is an option of a network
_KEY = "lenext"
_PIXEL_MEAN = "preprocessing.pixel_mean"

# What libraries raise when they are handed the contents of a file that somebody damaged or made up.
_NONSENSE = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a weight file is. ``network reading options`` build it again; ``classes`` are in the order of the logits.

    recipe: as JSON, with its deviations; start: the weights that training began with, None for random ones; data: name,
    fingerprint, images per split; metrics: split -> measurement with interval; calibration: None where it was not
    measured; versions: what trained it; sha256: of all tensors, filled in by ``save``; licence: of the weights; task:
    whether an image is of one class or has any number of labels; thresholds: of each label, from which probability on
    it is given, none where one class answers.
    """

    network: str
    reading: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    options: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    calibration: trust.Calibration | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    task: str = MULTICLASS
    thresholds: tuple[float, ...] = ()
    licence: str = "that of the training data's owner; the weights started from random numbers"

    @property
    def activation(self) -> str:
        """What makes probabilities of the logits: "softmax" or "sigmoid"; the one place that says so."""
        return ACTIVATIONS[self.task]


@dataclass(frozen=True)
class Model:
    """A network with everything that predicting needs: what ``load`` returns; familiar: None where nobody looked."""

    network: Network
    card: Card
    statistics: Statistics
    familiar: trust.Familiar | None = None

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities; 1 for a network that was not calibrated."""
        return 1.0 if self.card.calibration is None else self.card.calibration.temperature


def save(
    path: Path, network: Network, card: Card, statistics: Statistics, familiar: trust.Familiar | None = None
) -> None:
    """Write the weight file, whole or not at all; ``familiar`` goes with a card that has novelty."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if statistics.pixel_mean is not None:
        tensors[_PIXEL_MEAN] = statistics.pixel_mean.contiguous()
    tensors.update(familiar.tensors() if familiar else {})
    # One key: several would be written in an order of chance.
    metadata = {_KEY: json.dumps(document(replace(card, sha256=digest(tensors))))}
    write_file(path, safetensors.torch.save(tensors, metadata=metadata))


def document(card: Card) -> dict[str, Any]:
    """The card as JSON. Only of labels it says the task, so that earlier versions read all others and refuse these."""
    found: dict[str, Any] = encode(card)
    if card.task == MULTICLASS:
        del found["task"], found["thresholds"]
    return found


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and bytes, so that a bit that turned over in a file is noticed."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def load(path: str | Path) -> Model:
    """The model of a run folder or weight file, on the CPU, in evaluation mode.

    Raises UsageError when nothing is there, WeightFileError when it is not a weight file, has no card, is damaged, or
    does not fit the network that its card names.
    """
    file = weight_file(Path(path))
    card, tensors = _read(file)
    shown = card.preprocessing
    _check_card(file, card)
    with torch.device("meta"):  # shapes alone, for a card may name more classes than there is memory
        expected = _build(file, card).state_dict()
    if shown.pixel_mean:  # of the view's size, or larger
        own = tensors[_PIXEL_MEAN].shape[-1:] if _PIXEL_MEAN in tensors else ()
        side = max([shown.view.crop, *own])
        expected[_PIXEL_MEAN] = torch.empty(shown.channels, side, side, device="meta")
    expected.update(trust.expected(card.calibration))
    _check_tensors(file, expected, tensors)
    _check_bytes(file, card, tensors)
    network = _build(file, card)
    pixel_mean, familiar = tensors.pop(_PIXEL_MEAN, None), trust.taken(tensors)
    network.load_state_dict(tensors)
    network.eval()
    return Model(network, card, Statistics(shown.mean, shown.std, pixel_mean), familiar)


def weight_file(path: Path) -> Path:
    """The weight file that a path means: itself, or the one in a run folder."""
    if path.is_dir():
        if not (path / FILE).is_file():
            remedy = f"Name a folder that `lenext train` made, or a weight file ({FILE}); DATA comes after it."
            if (path / "checkpoints").is_dir():
                remedy = "The run is not finished: go on with `lenext train --resume --out` and this folder."
            if folds := sorted(path.glob(f"fold-*/{FILE}")):
                remedy = f"It holds the runs of folds: name one, as {folds[0].parent}."
            raise WeightFileError(f"{path} is not a finished run: it has no {FILE}.", remedy)
        return path / FILE
    if not path.exists():
        raise UsageError(f"There is no model at {path}.", "Name a run folder or a weight file.")
    if path.suffix.lower() in SUFFIXES:
        raise WeightFileError(f"{path} is an image, not a model.", "Name a run folder first, and the images after it.")
    if not path.is_file():  # a pipe would be waited for
        raise WeightFileError(f"{path} is neither a file nor a folder.", "Name a run folder or a weight file.")
    return path


def has_card(file: Path) -> bool:
    """Whether lenext wrote the file; of a damaged one True, so that ``load`` says what is wrong.

    A file that is not called as ours are is in another's format, and not damaged for that.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            return _KEY in (opened.metadata() or {})
    except (SafetensorError, OSError):
        return file.suffix == OURS


def _read(file: Path) -> tuple[Card, dict[str, Tensor]]:
    try:
        check_header(file)
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            if _KEY not in metadata:
                raise WeightFileError(
                    f"{file} has no card, so its classes and preprocessing are unknown.",
                    "Use a weight file that lenext wrote.",
                )
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        return decode(Card, once(metadata[_KEY]), "card"), tensors
    except PermissionError as error:
        raise WeightFileError(f"{file} cannot be read ({error.strerror}).", "Check the file's permissions.") from None
    except (SafetensorError, OSError, *_NONSENSE) as error:
        raise damaged(file, str(error)) from None
    except UsageError as error:
        raise WeightFileError(f"The card of {file} cannot be read: {error.message}", error.remedy) from None


def _build(file: Path, card: Card) -> Network:
    try:
        return create_model(
            card.network,
            num_classes=len(card.classes),
            in_channels=card.preprocessing.channels,
            reading=card.reading,
            **card.options,
        )
    except (LenextError, *_NONSENSE) as error:
        raise WeightFileError(
            f"{file} names a network that cannot be built: {error}", "Use the version of lenext that wrote it."
        ) from None


def _check_card(file: Path, card: Card) -> None:
    """Refuse a card whose preprocessing contradicts itself."""
    shown = card.preprocessing
    channels = len(shown.mean) == len(shown.std) == shown.channels
    sides = [side for side in (shown.view.resize, shown.view.crop, shown.view.width) if side is not None]
    positive = all(number > 0 for number in (shown.channels, *sides, *shown.std))
    if card.task not in ACTIVATIONS:
        raise WeightFileError(
            f"{file} is for the task {card.task!r}, which this version does not know.",
            "Use the version of lenext that wrote it.",
        )
    wanted = (0, len(card.classes)) if card.task == MULTILABEL else (0,)
    labels = len(card.thresholds) in wanted and all(0 < threshold <= 1 for threshold in card.thresholds)
    numbers = [value for value in card.options.values() if isinstance(value, int | float)]
    sensible = max([shown.channels, *sides, *numbers]) <= LARGEST and len(set(card.classes)) == len(card.classes)
    calibrated = card.calibration is None or card.calibration.sound
    if not (card.classes and channels and positive and sensible and labels and calibrated):
        raise WeightFileError(
            f"The card of {file} contradicts itself: classes, channels, mean, std, sizes, thresholds or calibration do "
            "not fit.",
            "Copy the file again, or use the run folder that it came from.",
        )


def _check_tensors(file: Path, expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    names = sorted(expected.keys() ^ found.keys())
    if names:
        where = "lacks" if names[0] in expected else "has the unknown"
        raise WeightFileError(f"{file} {where} tensor {names[0]!r}.", "It belongs to another network or is damaged.")
    for name, tensor in found.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape:
            raise WeightFileError(
                f"{file}: {name} has shape {tuple(tensor.shape)}, the network's is {tuple(wanted.shape)}.",
                "It belongs to another network or reading.",
            )
        if tensor.dtype != wanted.dtype:
            raise WeightFileError(
                f"{file}: {name} holds {tensor.dtype}, the network {wanted.dtype}.",
                "It belongs to another network or is damaged.",
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightFileError(f"{file}: {name} holds values that are not numbers.", "Use another checkpoint.")


def _check_bytes(file: Path, card: Card, found: Mapping[str, Tensor]) -> None:
    if digest(found) != card.sha256:
        raise WeightFileError(
            f"The weights in {file} are not those that were written: their SHA-256 differs.", "Copy the file again."
        )
