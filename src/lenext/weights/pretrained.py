"""Networks with weights that others trained: the weights decide the reading, and every choice is said in one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenext.errors import UsageError, WeightFileError
from lenext.models import canonical, differences
from lenext.models import create_model as build
from lenext.weights.catalogue import BEST, Entry, choose, entries
from lenext.weights.header import OURS
from lenext.weights.hub import nearby, reading_told
from lenext.weights.store import Listener, weights_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lenext.layers.network import Network
    from lenext.weights.card import Model

SUFFIXES = (OURS, ".pth", ".pt", ".bin", ".ckpt", ".h5", ".caffemodel")  # of files that need not be there
OWN_FORMATS = ("keras", "caffe")  # sources whose files say themselves whose they are


class StandardError:
    """Says each choice on standard error; of a download the beginning only."""

    def message(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")

    def download(self, done: int, total: int) -> None: ...


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    reading: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Network:
    """Build a network, with fresh weights drawn from torch's generator or with trained ones.

    num_classes, in_channels: the paper's when None; reading: "paper" or another published reading, and when None that
    of the weights; weights: None, "imagenet" (the best published ones), a name that ``lenext show`` lists
    ("torchvision:IMAGENET1K_V2"), a repository of Hugging Face's Hub ("hf:timm/resnet50.a1_in1k"), or a file: lenext's
    own or a state dict of torchvision or timm. What was chosen is said in one line on standard error. With another
    ``num_classes`` than the weights' the classifier is fresh, for another ``in_channels`` the first convolution is
    adapted (see ``layers.first_convolution``).
    options: what the paper varies (``shortcut="A"``).

    Raises ``UsageError`` for unknown names, readings, options and weights, and where weights and reading contradict;
    ``WeightFileError`` for weights that do not fit; ``Failed`` for weights that cannot be had.
    """
    name = canonical(name)
    if weights is None:
        return build(name, num_classes=num_classes, in_channels=in_channels, reading=reading or "paper", **options)
    if not isinstance(weights, str | os.PathLike):
        raise UsageError(f"weights is {weights!r}.", 'Give "imagenet", the name of published weights, or a file.')
    listener = StandardError()
    word = nearby(name, os.fspath(weights), listener)
    if is_file(name, word):
        network = from_file(name, Path(word), reading, options)
        listener.message(f"{name}: weights from {word} (reading {network.reading!r})")
    else:
        network = published(choose(name, word, reading), listener, reading=reading, **options)
    if in_channels not in (None, network.input_size[0]):
        from lenext.layers.first_convolution import said  # brings torch

        network, before = with_channels(network, in_channels), network.input_size[0]
        listener.message(f"{name}: {said(before, network.input_size[0])}")
    if num_classes not in (None, network.num_classes):
        network = with_new_head(network, num_classes)
        listener.message(f"{name}: a new classifier of {num_classes} classes, not trained yet")
    return network


def is_file(name: str, word: str) -> bool:
    """Whether ``word`` means a file: where one has the name of published weights, these are meant."""
    if word == BEST or any(word == entry.name for entry in entries(name)):
        return False
    path = Path(word)
    return path.exists() or path.is_absolute() or os.sep in word or path.suffix in SUFFIXES


def published(entry: Entry, listener: Listener, *, reading: str | None = None, **options: Any) -> Network:
    """The network of a catalogue entry with its weights.

    reading: what was asked for; another than the entry's is refused with the differences between the two.
    """
    from lenext.weights.adapters import load_state
    from lenext.weights.adapters.foreign import read_foreign

    refuse_other_reading(entry.network, f"the weights {entry.name}", entry.reading, reading)
    path = weights_file(entry, listener)
    network = build(entry.network, reading=entry.reading, **options)
    load_state(network, read_foreign(path), entry.source, bgr=entry.bgr or None)
    listener.message(line(entry, path))
    return network


def line(entry: Entry, path: Path) -> str:
    """Which weights, for which reading, from where."""
    good = f", top-1 {entry.top1:g} % as reported" if entry.top1 else ""
    count = len(differences(entry.network, entry.reading))
    apart = f", {count} difference{'s' * (count > 1)} from the paper" if count else ""
    reading = f"reading {entry.reading!r}{apart}"
    return f"{entry.network}: weights {entry.name} ({reading}{good}; {entry.licence}) from {path}"


def published_model(name: str, word: str, listener: Listener) -> Model:
    """Published weights as what a weight file gives: network, the classes' names, the input that they want."""
    from lenext.data.imagenet import NAMES
    from lenext.data.statistics import Statistics
    from lenext.weights.card import Card, Model

    entry = choose(name, word)
    card = Card(
        network=entry.network,
        reading=entry.reading,
        classes=NAMES,
        preprocessing=entry.preprocessing,
        data={"name": "ImageNet (ILSVRC-2012)", "weights": entry.name},
        licence=entry.licence,
    )
    return Model(published(entry, listener).eval(), card, Statistics(entry.mean, entry.std))


def from_file(name: str, path: Path, reading: str | None, options: dict[str, Any]) -> Network:
    """The network with the weights of a file: lenext's own, else of the library whose names it has.

    Raises ``UsageError`` where a file fits several readings alike and none is asked for.
    """
    from lenext.weights.adapters import SOURCES, known
    from lenext.weights.adapters.foreign import read_foreign

    own = from_own_file(name, path, reading, options)
    if own is not None:
        return own
    reading = reading or reading_told(name, path)
    state = read_foreign(path)
    sources = [state.source] if state.source else [source for source in SOURCES if source not in OWN_FORMATS]
    forms = dict.fromkeys((form, source) for source in sources for ours, form, _ in known(source) if ours == name)
    fitting: dict[str, Network] = {}
    refusals: list[WeightFileError] = []
    for form, source in forms:
        if form in fitting or reading not in (None, form):
            continue
        try:
            fitting[form] = foreign_network(name, form, state, source, options)
        except WeightFileError as error:
            refusals.append(error)
    if len(fitting) > 1:
        raise UsageError(
            f"{path} fits {name} in several readings alike: {', '.join(fitting)}.",
            "Say by reading=... for which one its weights were trained.",
        )
    if fitting:
        return next(iter(fitting.values()))
    if refusals:
        raise refusals[0]
    others = ", ".join(dict.fromkeys(form for form, _ in forms))
    raise UsageError(
        f"Foreign weights of {name} cannot be read in the reading {reading or 'paper'!r}.",
        f"They can in: {others}." if others else "Load a weight file that lenext wrote.",
    )


def foreign_network(name: str, reading: str, state: Mapping[str, Tensor], source: str, options: Any) -> Network:
    """The network with the weights of ``source``, and as many classes as these have."""
    from lenext.weights.adapters import load_state

    network = build(name, num_classes=classes_in(name, reading, state, source, options), reading=reading, **options)
    load_state(network, state, source)
    return network


def classes_in(name: str, reading: str, state: Mapping[str, Tensor], source: str, options: Any) -> int | None:
    """How many classes foreign weights are for: the length of what grows with them; None where that is not there."""
    import torch

    from lenext.weights.adapters import export_state

    with torch.device("meta"):
        few, more = (
            export_state(build(name, num_classes=count, reading=reading, **options), source) for count in (2, 3)
        )
    biases = [theirs for theirs in few if few[theirs].dim() == 1 and few[theirs].shape != more[theirs].shape]
    return next((state[theirs].numel() for theirs in biases if theirs in state), None)


def classifier(network: Network) -> str:
    """The path of the last layer."""
    return f"head.{[name for name, _ in network.head.named_children()][-1]}"


def from_own_file(name: str, path: Path, reading: str | None, options: dict[str, Any]) -> Network | None:
    """The network of a weight file with a card; None where it has no card."""
    from lenext.weights.card import has_card, load, weight_file

    file = weight_file(path)
    if file.suffix != OURS or not has_card(file):
        return None
    network = load(file).network.train()
    if network.name != name:
        raise WeightFileError(f"{path} holds the weights of {network.name}, not of {name}.", "Name its network.")
    refuse_other_reading(name, str(path), network.reading, reading)
    for option, value in options.items():
        if network.options.get(option) != value:
            raise UsageError(
                f"The network in {path} is not built with {option}={value!r}.", f"It has the options {network.options}."
            )
    return network


def refuse_other_reading(name: str, what: str, theirs: str, asked: str | None) -> None:
    """Weights of one reading in a network of another would fit by shape and answer wrongly."""
    if asked in (None, theirs):
        return
    table = {form: differences(name, form) for form in (theirs, asked)}
    apart = [
        f"{difference.where} ({difference.found} in {form!r})"
        for form, other in ((theirs, asked), (asked, theirs))
        for difference in table[form]
        if (difference.option, difference.value) not in {(one.option, one.value) for one in table[other]}
    ]
    raise UsageError(
        f"For {name} {what} belong to the reading {theirs!r}, not to {asked!r}. These differ in: {'; '.join(apart)}.",
        f"Leave the reading out, or ask for {theirs!r}.",
    )


def built_afresh(network: Network, **other: int | None) -> Network:
    """The same network without its weights; other: its classes or channels."""
    form: dict[str, Any] = {"num_classes": network.num_classes, "in_channels": network.input_size[0], **other}
    return build(network.name, reading=network.reading, **form, **network.options)


def with_new_head(network: Network, num_classes: int | None) -> Network:
    """The same network with a classifier for other classes, as the paper initialises it."""
    import torch

    last, fresh = f"{classifier(network)}.", built_afresh(network, num_classes=num_classes)
    old = network.state_dict()
    with torch.no_grad():
        for tensor_name, tensor in fresh.state_dict().items():
            if not tensor_name.startswith(last) and tensor.shape == old[tensor_name].shape:
                tensor.copy_(old[tensor_name])
    return fresh


def with_channels(network: Network, channels: int | None) -> Network:
    """The same network for images of so many channels, its first convolution adapted."""
    from lenext.layers.first_convolution import adapted_state

    fresh = built_afresh(network, in_channels=channels)
    fresh.load_state_dict(adapted_state(network, fresh.input_size[0]))
    return fresh
