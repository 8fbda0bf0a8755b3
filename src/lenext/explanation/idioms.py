"""Several operations that are one: a GELU spelt with ``erf``, a layer normalisation with ``mean`` and ``sqrt``.

Graphs of other tools have no other words for them, and people write them out; the mathematics is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from lenext.explanation.graph import Node, readers_of
from lenext.explanation.operators import ACTIVATION, CONVOLUTION, LINEAR, LRN, NORMALISATION, PADDING, POOLING

DEEP = 4  # products within products that one activation is written in


def recognise(nodes: Sequence[Node]) -> None:
    """Give every node that ends an idiom its name and what the idiom reads; ``nodes`` each after what it reads."""
    readers = readers_of(nodes)
    for node in nodes:
        for idiom in IDIOMS:
            if idiom(node, readers):
                break
        node.depth = 1 + max((one.depth for one in node.parents), default=0)


Readers = Mapping[int, list[Node]]


def become(node: Node, kind: str, constants: Mapping[str, str], reads: Node) -> bool:
    node.kind, node.constants, node.parents, node.weights = kind, constants, [reads], 0
    return True


def absorb(node: Node, inner: Node, **more: str) -> bool:
    """The node is the one before it, with other constants."""
    node.where, node.macs = inner.where, inner.macs
    node.kind, node.constants, node.parents = inner.kind, {**inner.constants, **more}, inner.parents
    return True


def number(node: Node) -> float | None:
    """The one constant of a step."""
    text = node.constants.get("constant", "")
    return None if not text or "," in text else float(text)


def by_tensor(node: Node, kind: str) -> bool:
    """A step with weights of the network's own, such as a factor for each channel."""
    return node.kind == kind and len(node.parents) == 1 and node.weights > 0


def alone(node: Node, readers: Readers) -> bool:
    return len(readers.get(id(node), [])) == 1


def with_number(node: Node, kind: str, value: float) -> Node | None:
    """What is read by a step of this kind with this constant."""
    found = number(node) if node.kind == kind else None
    close = found is not None and math.isclose(found, value, rel_tol=1e-3)
    return node.parents[0] if close and len(node.parents) == 1 else None


def factors(node: Node, deep: int = DEEP) -> tuple[float, list[Node]]:
    """A product as a number and the steps that are multiplied."""
    value = number(node)
    if deep and len(node.parents) == 1 and value and node.kind in {"multiplication", "div"}:
        factor, inner = factors(node.parents[0], deep - 1)
        return (factor * value if node.kind == "multiplication" else factor / value), inner
    if deep and node.kind == "multiplication" and len(node.parents) == 2:
        (one, first), (two, second) = (factors(parent, deep - 1) for parent in node.parents)
        return one * two, first + second
    return 1.0, [node]


def square(node: Node, _: Readers) -> bool:
    twice = node.kind == "multiplication" and len(node.parents) == 2 and node.parents[0] is node.parents[1]
    if twice or with_number(node, "pow", 2):
        return become(node, "square", {}, node.parents[0])
    return False


def activation(node: Node, _: Readers) -> bool:
    """x times a gate made of x."""
    if node.kind not in {"multiplication", "div"}:
        return False
    factor, parts = factors(node)
    for x, gate in (parts, parts[::-1]) if len(parts) == 2 else ():
        name = gated(x, gate, factor)
        if name:
            return become(node, ACTIVATION, {"type": name}, x)
    read = is_clipped(parts[0]) if len(parts) == 1 and math.isclose(factor, 1 / 6, rel_tol=1e-3) else None
    return read is not None and become(node, ACTIVATION, {"type": "hard sigmoid"}, read)


def gated(x: Node, gate: Node, factor: float) -> str:
    """The name of factor * x * gate."""
    read = gate.parents[0] if gate.parents else None
    whole = math.isclose(factor, 1, rel_tol=1e-3)
    names = {"sigmoid": "SiLU", "hard sigmoid": "hard swish"}
    if whole and gate.kind == ACTIVATION and read is x and gate.constants["type"] in names:
        return names[gate.constants["type"]]
    if math.isclose(factor, 1 / 6, rel_tol=1e-3) and is_clipped(gate) is x:
        return "hard swish"
    inner = with_number(gate, "addition", 1)
    if inner is None or not inner.parents or not math.isclose(factor, 0.5, rel_tol=1e-3):
        return ""
    scale, parts = factors(inner.parents[0])
    if inner.kind == "erf" and parts == [x] and math.isclose(scale, math.sqrt(0.5), rel_tol=1e-3):
        return "GELU"
    tanh = inner.kind == ACTIVATION and inner.constants["type"] == "tanh"
    return "GELU (tanh)" if tanh and math.isclose(scale, math.sqrt(2 / math.pi), rel_tol=1e-3) else ""


def is_clipped(node: Node) -> Node | None:
    """What is read by ReLU6 of it plus 3."""
    if node.kind == ACTIVATION and node.constants["type"] == "ReLU6":
        return with_number(node.parents[0], "addition", 3)
    return None


def layer_normalisation(node: Node, _: Readers) -> bool:
    """d / sqrt(mean(d^2) + eps) with d = x - mean(x)."""
    if node.kind != "div" or len(node.parents) != 2:
        return False
    difference, root = node.parents
    variance = root.parents[0] if root.kind == "sqrt" or with_number(root, "pow", 0.5) else None
    spread = variance.parents[0] if variance and variance.kind == "addition" and number(variance) else None
    if variance is None or spread is None or spread.kind != "mean" or spread.parents[0].kind != "square":
        return False
    if spread.parents[0].parents[0] is not difference or difference.kind != "subtraction":
        return False
    x, mean = (*difference.parents, None)[:2]
    if x is None or mean is None or mean.kind != "mean" or mean.parents[0] is not x:
        return False
    return become(node, NORMALISATION, {"type": "layer normalisation", "eps": variance.constants["constant"]}, x)


def local_response(node: Node, _: Readers) -> bool:
    """x / (k + alpha * mean of x^2 over neighbouring channels)^beta."""
    if node.kind != "div" or len(node.parents) != 2 or node.parents[1].kind != "pow":
        return False
    x, power = node.parents
    shift = power.parents[0]
    if shift.kind != "addition" or number(shift) is None:
        return False
    alpha, parts = factors(shift.parents[0])
    pool = parts[0]
    if pool.kind != POOLING or pool.constants["type"] != "average" or len(parts) != 1:
        return False
    before = pool.parents[0].parents[0] if pool.parents[0].kind == PADDING else pool.parents[0]
    if before.kind != "square" or before.parents[0] is not x:
        return False
    size = int(pool.constants["kernel"].split("x")[0])
    constants = {"size": str(size), "alpha": f"{alpha / size:g}", "beta": power.constants["constant"]}
    return become(node, LRN, constants | {"k": shift.constants["constant"]}, x)


def bias(node: Node, readers: Readers) -> bool:
    """A sum with one weight for each output of the convolution or linear layer before it."""
    if not by_tensor(node, "addition"):
        return False
    layer = node.parents[0]
    fits = layer.kind in {CONVOLUTION, LINEAR} and layer.constants["width"] == str(node.weights)
    if not fits or layer.constants["bias"] == "with" or not alone(layer, readers):
        return False
    node.weights += layer.weights
    return absorb(node, layer, bias="with")


def scale_and_shift(node: Node, readers: Readers) -> bool:
    """What stands apart after a normalisation, as Caffe's scale layer does; its own factors are then one with it."""
    scaled, shifted = by_tensor(node, "multiplication"), by_tensor(node, "addition")
    if not (scaled or shifted) or node.parents[0].kind != NORMALISATION or not alone(node.parents[0], readers):
        return False
    before = node.parents[0]
    batch = before.constants["type"] == "batch normalisation"
    if not batch and before.weights >= 2 * node.weights:
        return False
    node.weights = before.weights if batch else node.weights + before.weights
    return absorb(node, before)


def selection(node: Node, readers: Readers) -> bool:
    """A part of a part."""
    if node.kind != "getitem" or node.parents[0].kind != "getitem" or not alone(node.parents[0], readers):
        return False
    node.parents = node.parents[0].parents
    return True


IDIOMS: Sequence[Callable[[Node, Readers], bool]] = (
    square, activation, layer_normalisation, local_response, bias, scale_and_shift, selection,
)  # fmt: skip
