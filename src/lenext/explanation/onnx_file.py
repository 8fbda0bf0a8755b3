"""ONNX files, whoever wrote them, as torch modules without memory for weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lenext.errors import LenextError, UsageError, WeightFileError
from lenext.explanation.onnx_network import OnnxNetwork, Operation
from lenext.explanation.trace import Size

LIMIT = 2**31  # bytes of one protobuf message
KEPT = 4096  # whole numbers up to this many are read, as shapes are made of them; the rest is weights
CHANNELS = (1, 3, 4)  # of an image whose layout is to be told
DAMAGED = "Copy the file again, or export it anew."
FOREIGN = "Audit an image classifier: its first input is (images, channels, height, width), or channels last."


def read(path: str) -> tuple[OnnxNetwork, Size | None]:
    """The network, and the (channels, height, width) that the file fixes, None where it leaves them free.

    Raises ``WeightFileError`` for damaged files, ``UsageError`` where the package ``onnx`` or a network for images is
    missing. Tensors that lie in other files need not be there.
    """
    model = parsed(path)
    folder = str(Path(path).parent)
    try:
        constants = {one.name: value(one, folder) for one in model.graph.initializer}
        operations = list(operations_of(model.graph, constants, folder))
        image, shape = first_input(model.graph, constants)
        last = channels_last(shape)
        network = OnnxNetwork(
            operations,
            constants,
            image=image,
            answer=model.graph.output[0].name,
            images=shape[0] or 1,
            channels_last=last,
            thrifty=model.producer_name == "pytorch" and any(node.metadata_props for node in model.graph.node),
        )
    except LenextError:
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WeightFileError(f"The graph in {path} contradicts itself ({reason}).", DAMAGED) from None
    channels, height, width = (shape[3], shape[1], shape[2]) if last else shape[1:]
    return network, (channels, height, width) if channels and height and width else None


def parsed(path: str) -> Any:
    """The file's message, functions of its own put in their places."""
    try:
        import onnx
        import onnx.inliner
        from google.protobuf.message import DecodeError
    except ImportError as error:
        message = f"{path} cannot be read: the package onnx is not installed here."
        raise UsageError(message, 'Install it: pip install "lenext[onnx]".') from error
    if not Path(path).is_file():
        raise WeightFileError(f"{path} is no file.", "Name an ONNX file.")
    if Path(path).stat().st_size >= LIMIT:
        remedy = "Export the network with its weights in a file of their own (external data)."
        raise WeightFileError(f"{path} is larger than the 2 GB that one ONNX file may have.", remedy)
    try:
        model = onnx.load(path, load_external_data=False)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except (DecodeError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise WeightFileError(f"{path} is not an ONNX file, or a damaged one ({error}).", DAMAGED) from None
    if not (model.graph.node and model.graph.output):
        raise WeightFileError(f"{path} is not an ONNX file, or a damaged one: it holds no graph.", DAMAGED)
    return model


def value(message: Any, folder: str) -> Tensor:
    """A tensor of the file; more than a few numbers are weights, of which the shape is enough."""
    import onnx

    sizes = tuple(message.dims)
    kind = onnx.helper.tensor_dtype_to_np_dtype(message.data_type)
    floating = kind.kind not in "iub"
    count = torch.Size(sizes).numel()
    if count > (1 if floating else KEPT):
        return torch.empty(sizes, dtype=torch.float32 if floating else torch.int64, device="meta")
    numbers = onnx.numpy_helper.to_array(message, folder)
    return torch.tensor(numbers.astype("float32") if floating else numbers.tolist(), device="cpu").reshape(sizes)


def operations_of(graph: Any, constants: dict[str, Tensor], folder: str) -> Iterator[Operation]:
    """The nodes in their order; ``constants`` of inner graphs are added to the others, as no name is given twice."""
    for node in graph.node:
        known = {"", "ai.onnx"}
        operator = node.op_type if node.domain in known else f"{node.op_type} of {node.domain}"
        attributes = {one.name: attribute(one, constants, folder) for one in node.attribute}
        yield Operation(node.name, operator, tuple(node.input), tuple(node.output), attributes)


def attribute(message: Any, constants: dict[str, Tensor], folder: str) -> Any:
    import onnx

    kinds = onnx.AttributeProto
    if message.type == kinds.TENSOR:
        return value(message.t, folder)
    if message.type == kinds.GRAPH:
        constants.update((one.name, value(one, folder)) for one in message.g.initializer)
        return list(operations_of(message.g, constants, folder)), [one.name for one in message.g.output]
    found = onnx.helper.get_attribute_value(message)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found


def first_input(graph: Any, constants: Mapping[str, Tensor]) -> tuple[str, list[int]]:
    """Name and shape of the image, 0 for an axis that is left free."""
    inputs = [one for one in graph.input if one.name not in constants]
    shapes = [[axis.dim_value for axis in one.type.tensor_type.shape.dim] for one in inputs]
    found = next(((one.name, shape) for one, shape in zip(inputs, shapes, strict=True) if len(shape) == 4), None)
    if found is None or len(inputs) > 1:
        told = ", ".join(f"{one.name} of {len(shape)} axes" for one, shape in zip(inputs, shapes, strict=True))
        raise UsageError(f"The ONNX graph is no network for images: it reads {told or 'nothing'}.", FOREIGN)
    return found


def channels_last(shape: list[int]) -> bool:
    return shape[3] in CHANNELS and shape[1] not in CHANNELS
