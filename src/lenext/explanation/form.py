"""What a file for inference still shows of a network, and any network in that form, so that like is held to like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lenext.explanation.graph import Node, readers_of
from lenext.explanation.operators import CONVOLUTION, DROPOUT, LINEAR, NORMALISATION

TRAINING = ("momentum", "scale", "shift")  # of a normalisation: an exporter writes ones and zeros where it has none


@dataclass(frozen=True)
class Form:
    """dropout: it is there; normalisation: that after a convolution is there, not folded into its weights; bias: it
    is there even where it is zero, as fresh networks have it."""

    dropout: bool
    normalisation: bool
    bias: bool

    def hidden(self) -> Iterator[str]:
        """What cannot be seen in this form."""
        if not self.dropout:
            yield "dropout"
        if not self.normalisation:
            yield "batch normalisation after a convolution, which is folded into its weights"
        if not self.bias:
            yield "bias: the exporter leaves out one of zeros"
        yield "momentum of batch normalisation, and whether its scale and shift are trained"
        yield "stochastic depth"
        yield "auxiliary heads"
        yield "initialisation"


def reduced(nodes: Sequence[Node], end: Node, form: Form) -> Node:
    """The graph without what ``form`` does not show, and the step that it then ends in."""
    readers = readers_of(nodes)
    stand_in: dict[int, Node] = {}
    for node in nodes:
        node.parents = [stand_in.get(id(one), one) for one in node.parents]
        if node.kind == DROPOUT and not form.dropout:
            stand_in[id(node)] = node.parents[0]
        elif node.kind == NORMALISATION:
            before = node.parents[0]
            if not form.normalisation and foldable(node, before) and len(readers[id(before)]) == 1:
                weights = before.weights + (0 if before.constants["bias"] == "with" else int(before.constants["width"]))
                node.kind, node.constants = before.kind, {**before.constants, "bias": "with"}
                node.weights, node.macs, node.where, node.parents = weights, before.macs, before.where, before.parents
            else:
                node.constants = {name: text for name, text in node.constants.items() if name not in TRAINING}
        node.depth = 1 + max((one.depth for one in node.parents), default=0)
    if not form.bias:
        for node in nodes:
            unbias(node)
    end = stand_in.get(id(end), end)
    while end.kind in {"softmax", "log_softmax"}:  # probabilities for logits
        end = end.parents[0]
    return end


def unbias(node: Node) -> None:
    """The step as if nobody could tell whether it has a bias."""
    told = {name: text for name, text in node.constants.items() if name != "bias"}
    if node.constants.get("bias") == "with":
        node.weights -= int(node.constants["width"])
    node.constants = told


def foldable(node: Node, before: Node) -> bool:
    return node.constants["type"] == "batch normalisation" and before.kind in {CONVOLUTION, LINEAR}
