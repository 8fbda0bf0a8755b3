"""The header of a weight file says nothing twice, nothing that is not so, and nothing too large."""

import json
import struct
from dataclasses import replace

import pytest

from lenext.data.statistics import Statistics
from lenext.errors import WeightFileError
from lenext.models import create_model
from lenext.protocol import Preprocessing, SingleCrop
from lenext.values import encode
from lenext.weights import header as headers
from lenext.weights.card import FILE, Card, load, save
from lenext.weights.header import HEADER, check_header, once

CARD = Card(
    network="lenet5",
    reading="paper",
    classes=("cat", "dog"),
    preprocessing=Preprocessing(channels=1, view=SingleCrop(resize=32, crop=32), mean=(0.1,), std=(0.7,)),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The header of a sound file as a document, and the bytes behind it."""
    path = tmp_path_factory.mktemp("sound") / FILE
    save(path, create_model("lenet5", num_classes=2, in_channels=1), CARD, Statistics((0.1,), (0.7,)))
    check_header(path)
    data = path.read_bytes()
    end = 8 + struct.unpack_from("<Q", data)[0]
    return json.loads(data[8:end]), data[end:]


def written(folder, text, body, length=None):
    text = text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode()
    path = folder / FILE
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def refused(path, *words):
    with pytest.raises(WeightFileError) as caught:
        load(path)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert caught.value.remedy


def with_card(parts, document):
    header, body = parts
    return {**header, "__metadata__": {"lenext": document if isinstance(document, str) else json.dumps(document)}}, body


@pytest.mark.parametrize("length", [2**63, 2**32, HEADER + 1, 10**6])
def test_a_length_that_lies(parts, tmp_path, length):
    refused(written(tmp_path, parts[0], parts[1], length), "header")


def test_names_that_are_there_twice(parts, tmp_path):
    header, body = parts
    name = next(name for name in header if name != "__metadata__")
    for key in (name, "__metadata__"):
        text = json.dumps(header)[:-1] + f', "{key}": {json.dumps(header[key])}}}'
        refused(written(tmp_path, text, body), f"{key!r} is there twice")


@pytest.mark.parametrize("field", ["network", "classes", "kind"])
def test_a_card_that_says_something_twice(parts, tmp_path, field):
    text = json.dumps(encode(CARD))
    document = text[:-1] + f', "{field}": {json.dumps(encode(CARD)[field])}}}'
    refused(written(tmp_path, *with_card(parts, document)), f"{field!r} is there twice")


def test_deep_down_too(parts, tmp_path):
    document = json.dumps(encode(CARD)).replace('"crop": 32', '"crop": 32, "crop": 64')
    refused(written(tmp_path, *with_card(parts, document)), "'crop' is there twice")


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "F128"}, {"dtype": "F64"}, {"dtype": 5}, {"shape": [2**62, 4]}, {"shape": [-1]}, {"shape": [True]},
        {"shape": "84"}, {"data_offsets": [0, 2**60]}, {"data_offsets": [-4, 0]}, {"data_offsets": [4, 0]},
        {"data_offsets": [0]}, {"data_offsets": [0.0, 4.0]}, {"more": 1},
    ],
)  # fmt: skip
def test_a_tensor_that_lies(parts, tmp_path, change):
    header, body = parts
    changed = {**header, "head.f6.bias": {**header["head.f6.bias"], **change}}
    refused(written(tmp_path, changed, body), "is not a weight file, or a damaged one")


def test_tensors_that_share_bytes_or_leave_some(parts, tmp_path):
    header, body = parts
    bias = "head.f6.bias"
    moved = {**header, bias: {**header[bias], "data_offsets": [4, 4 * 85]}}
    refused(written(tmp_path, moved, body), "overlap")
    refused(written(tmp_path, header, body + b"\0"), "are there")
    refused(written(tmp_path, header, body[:-1]), "are there")


@pytest.mark.parametrize("text", ["[]", "5", "null", '{"a"', "[" * 100_000, b"\xff\xfe", '{"__metadata__": []}', ""])
def test_what_is_no_header(parts, tmp_path, text):
    refused(written(tmp_path, text, parts[1]), "is not a weight file, or a damaged one")


def test_a_card_larger_than_any(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(headers, "CARD", 1000)
    document = encode(replace(CARD, licence="x" * 1001))
    refused(written(tmp_path, *with_card(parts, document)), "its card has more than")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["cat", "cat"]},
        {"options": {"growth": 10**9}},
        {"preprocessing": {**encode(CARD.preprocessing), "view": {"resize": 10**9, "crop": 10**9}}},
        {"preprocessing": {**encode(CARD.preprocessing), "channels": 10**9}},
    ],
)
def test_a_card_that_would_cost_the_memory(parts, tmp_path, change):
    refused(written(tmp_path, *with_card(parts, {**encode(CARD), **change})), "contradicts itself")


def test_many_classes_cost_nothing_before_the_shapes_are_compared(parts, tmp_path):
    """Of a network with 4096 features they would be 3 GB."""
    many = {**encode(CARD), "network": "vgg16", "classes": [str(number) for number in range(200_000)]}
    refused(written(tmp_path, *with_card(parts, many)), "tensor")


def test_json_without_doubles_is_read_as_ever():
    assert once('{"a": [{"b": 1}, {"b": 2}], "c": null}') == {"a": [{"b": 1}, {"b": 2}], "c": None}
    with pytest.raises(ValueError, match="'b' is there twice"):
        once('{"a": {"b": 1, "b": 1}}')
