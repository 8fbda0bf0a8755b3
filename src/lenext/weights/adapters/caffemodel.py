"""Caffe's ``.caffemodel`` without Caffe: the few fields of its protocol buffers that hold weights.

A tensor is called by its layer and its place in it, "conv1_1/0". Field numbers are those of Caffe's ``caffe.proto``.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lenext.errors import WeightFileError

VARINT, EIGHT, LENGTH, FOUR = 0, 1, 2, 5  # wire types
NAME, LAYER, OLD_LAYER = 1, 100, 2  # NetParameter


class Fields(NamedTuple):
    """Where a message of layers keeps what."""

    name: int
    kind: int
    blobs: int


LAYERS = {LAYER: Fields(1, 2, 7), OLD_LAYER: Fields(4, 5, 6)}  # LayerParameter, V1LayerParameter
SHAPE, DATA, DOUBLES = 7, 5, 8  # BlobProto
OLD_SHAPE = (1, 2, 3, 4)  # BlobProto: num, channels, height, width


class Model(NamedTuple):
    """name: of the network, as its author calls it."""

    name: str
    tensors: dict[str, Tensor]


def read(path: Path) -> Model:
    """The weights of every layer; those of BatchNorm divided by their factor, the third blob, which is left out.

    Raises ``WeightFileError`` for a file that is damaged or no ``.caffemodel``.
    """
    try:
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        name, tensors = "", dict[str, Tensor]()
        for number, _, value in _fields(whole):
            if isinstance(value, memoryview) and number == NAME:
                name = _text(value)
            elif isinstance(value, memoryview) and number in LAYERS:
                tensors.update(_layer(value, LAYERS[number]))
    except (OSError, RuntimeError, TypeError, ValueError, OverflowError, UnicodeDecodeError) as error:
        raise WeightFileError(
            f"{path} is no weight file that is known here, or a damaged one ({error}).",
            "Copy the file again; known are safetensors, .pth, Keras' .h5 and Caffe's .caffemodel.",
        ) from None
    if not tensors:
        raise WeightFileError(
            f"{path} holds no layers with weights.", "Name a .caffemodel, not its .prototxt or mean file."
        )
    return Model(name, tensors)


def _layer(message: memoryview, fields: Fields) -> Iterator[tuple[str, Tensor]]:
    name, kind = "", ""  # an old layer's kind is a number, and none of them is a BatchNorm
    blobs: list[Tensor] = []
    for number, _, value in _fields(message):
        if isinstance(value, int):
            continue
        if number == fields.name:
            name = _text(value)
        elif number == fields.kind:
            kind = _text(value)
        elif number == fields.blobs:
            blobs.append(_blob(value))
    if kind == "BatchNorm" and len(blobs) == 3:
        factor = float(blobs.pop().sum())
        blobs = [blob / factor if factor else blob for blob in blobs]
    return ((f"{name}/{place}", blob) for place, blob in enumerate(blobs))


def _blob(message: memoryview) -> Tensor:
    shape: list[int] | None = None
    old: dict[int, int] = {}
    parts: list[np.ndarray[Any, Any]] = []
    for number, _, value in _fields(message):
        if isinstance(value, int):
            old[number] = value
        elif number == SHAPE:
            shape = list(_dimensions(value))
        elif number in (DATA, DOUBLES):
            parts.append(np.frombuffer(value, "<f4" if number == DATA else "<f8").astype(np.float32))
    data = np.concatenate(parts) if parts else np.empty(0, np.float32)
    if shape is None:
        shape = [old.get(place, 0) for place in OLD_SHAPE]
        while len(shape) > 1 and shape[0] == 1:  # old files give a vector or matrix four dimensions too
            del shape[0]
    return torch.from_numpy(data).reshape(shape)


def _dimensions(message: memoryview) -> Iterator[int]:
    for number, _, value in _fields(message):
        if isinstance(value, int):
            yield value
        elif number == 1:
            place = 0
            while place < len(value):
                size, place = _varint(value, place)
                yield size


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type and value of every field; no length reaches beyond its message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise ValueError("there is no field 0")
        if wire == VARINT:
            value, place = _varint(message, place)
            yield number, wire, value
            continue
        if wire == LENGTH:
            length, place = _varint(message, place)
        elif wire in (EIGHT, FOUR):
            length = 8 if wire == EIGHT else 4
        else:
            raise ValueError(f"no such wire type: {wire}")
        if length > len(message) - place:
            raise ValueError("a field reaches beyond its end")
        yield number, wire, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("it breaks off within a number")
        byte = message[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError("a number of more than 64 bits")


def _text(value: memoryview) -> str:
    return bytes(value).decode()
