"""Keras' weight files without Keras: ``.h5`` of every age, ``.weights.h5``, and the latter inside a ``.keras`` archive.

A tensor is called by its layer and its place in it, "block1_conv1/0": all three layouts have the same order, and old
files call tensors otherwise.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lenext.errors import UsageError, WeightFileError
from lenext.weights.durable import write_file

ARCHIVED = "model.weights.h5"
LARGEST = 2**33  # bytes; the largest network of the line, EfficientNet-L2, has 2**31
# Keras counts such layers from the start of the session, so the first number is chance.
UNNAMED = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")
_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, in Keras' shapes.

    Raises ``WeightFileError`` for a file that is damaged or is not Keras', ``UsageError`` where h5py is missing.
    """
    h5py = _h5py()
    try:
        source: Any = path
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo(ARCHIVED).file_size > LARGEST:
                    raise ValueError("too large")
                source = io.BytesIO(archive.read(ARCHIVED))
        with h5py.File(source, "r") as file:
            root = file.get("model_weights", file)
            layers = dict(_legacy(root) if _attribute(root, "layer_names") else _saved(root, h5py))
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0]
        raise WeightFileError(f"{path} cannot be read as a file of Keras ({reason}).", "Copy the file again.") from None
    if not any(layers.values()):
        raise WeightFileError(
            f"{path} holds no layers as Keras writes them.", "Save the model's weights again, with Keras 3.6 or newer."
        )
    names = _numbered(layers)
    return {f"{names[layer]}/{place}": tensor for layer in layers for place, tensor in enumerate(layers[layer])}


def write(path: str | Path, state: Mapping[str, Tensor]) -> None:
    """An ``.h5`` from what ``export_state(network, "keras")`` gave.

    Keras takes it by ``model.load_weights(path, by_name=True)``, which leaves layers without a place here as they are.
    """
    h5py = _h5py()
    layers: dict[str, list[tuple[str, Tensor]]] = defaultdict(list)
    for name, tensor in state.items():
        layer, _, place = name.rpartition("/")
        layers[_holder(layer)].append((f"{layer}/{place}", tensor))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"torch", b"3"
        for layer, tensors in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name, _ in tensors]
            for name, tensor in tensors:
                group.create_dataset(name, data=tensor.detach().cpu().contiguous().numpy())
    write_file(Path(path), buffer.getvalue(), resumes=False)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise UsageError(
            "Files of Keras are read with h5py, which is not installed.", 'Install it: pip install "lenext[keras]".'
        ) from None
    return h5py


def _legacy(root: Any) -> Iterator[tuple[str, list[Tensor]]]:
    """Layers in groups, with lists of names beside them; a weight may belong to a layer inside its layer."""
    for layer in _attribute(root, "layer_names"):
        inner: dict[str, list[Tensor]] = defaultdict(list)
        for name in _attribute(root[layer], "weight_names"):
            parts = name.split("/")
            inner[parts[-2] if len(parts) > 1 else layer].append(_tensor(root[layer][name]))
        yield from inner.items()


def _saved(root: Any, h5py: Any) -> Iterator[tuple[str, list[Tensor]]]:
    """Groups called "vars" whose attribute is the layer's name, its weights numbered."""
    found: list[Any] = []
    root.visititems(lambda path, item: found.append(item) if path.rpartition("/")[2] == "vars" else None)
    for group in found:
        if isinstance(group, h5py.Group) and len(group) and "name" in group.attrs:
            yield _text(group.attrs["name"]), [_tensor(group[str(place)]) for place in range(len(group))]


def _attribute(group: Any, name: str) -> list[str]:
    """A list of names, which Keras cuts into name0, name1, ... where it is long."""
    if name in group.attrs:
        return [_text(item) for item in group.attrs[name]]
    parts: list[Any] = []
    while f"{name}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{name}{len(parts)}"])
    return [_text(item) for part in parts for item in part]


def _text(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)


def _tensor(dataset: Any) -> Tensor:
    """Refuses sizes that a few bytes may claim."""
    if dataset.nbytes > LARGEST or dataset.nbytes > 1000 * (dataset.id.get_storage_size() + 1000):
        raise ValueError(f"{dataset.name} claims {dataset.nbytes:,} bytes")
    return torch.from_numpy(np.asarray(dataset[()]))


def _numbered(layers: Mapping[str, Any]) -> dict[str, str]:
    """Unnamed layers are numbered from 0."""
    names = {layer: layer for layer in layers}
    unnamed: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for layer in layers:
        match = UNNAMED.fullmatch(layer)
        if match:
            unnamed[match[1]].append((int(match[2] or 0), layer))
    for kind, numbered in unnamed.items():
        names |= {layer: f"{kind}_{place}" for place, (_, layer) in enumerate(sorted(numbered))}
    return names


def _holder(layer: str) -> str:
    """The layer that Keras counts as the model's own: ConvNeXt's stem and downsampling are made of several."""
    stem = re.fullmatch(r"(convnext_[a-z]+_stem)_\w+", layer)
    down = re.fullmatch(r"(convnext_[a-z]+_downsampling)_[a-z]+_(\d)", layer)
    named = stem[1] if stem else f"{down[1]}_block_{down[2]}" if down else layer
    return named.removesuffix("_0") if UNNAMED.fullmatch(named) else named
