"""A model of Keras as a torch module without memory for weights: one child for each layer, called as in its graph.

Nothing is computed but shapes, and no layer of Keras runs, so its backend does not matter: what is read of a layer are
its class, its settings and the shapes of its weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.explanation.keras_layers import LAYERS, activated, after, is_softmax, told, weights_of

REMEDY = "Audit a Functional or Sequential model of Keras 3 that has its Input: an image classifier."
SCALING = {"Rescaling", "Normalization"}


class KerasLayer(nn.Module):
    """A layer, or a function of ``keras.ops``.

    scales_pixels: it stands between the image and the first layer with weights; ends: it gives the model's answer, of
    which the logits are looked at.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.held = (layer,)  # not itself a child, which a layer of Keras can be
        self.scales_pixels = self.ends = False
        self._names: dict[str, str] = {}
        for number, (name, weight) in enumerate(weights_of(layer).items()):
            self._names[name] = f"weight{number}"
            self.register_parameter(self._names[name], weight)

    def forward(self, *given: Any, **options: Any) -> Any:
        (layer,) = self.held
        kind = type(layer).__name__
        if self.scales_pixels:
            return told(given[0], kind="scaling of pixels", type="in the network", shape=given[0].shape)
        if self.ends and kind == "Softmax":
            return given[0]
        result = None
        if kind in LAYERS:
            named = [value for value in options.values() if isinstance(value, Tensor)]
            weights = {name: getattr(self, attribute) for name, attribute in self._names.items()}
            result = LAYERS[kind](layer, weights, *given, *named)
        if result is None:
            return self._in_words(*given, **options)
        return result if self.ends and is_softmax(layer) else activated(layer, result)

    def _in_words(self, *given: Any, **options: Any) -> Any:
        """What no network of the line has is called as its class is."""
        (layer,) = self.held
        maps = [leaf for leaf in leaves((given, options)) if isinstance(leaf, Tensor)]

        def told_of(shape: tuple[int, ...]) -> Tensor:
            return told(*maps, kind="layer", type=type(layer).__name__, shape=shape)

        return after(layer, told_of, *given, **options)


@dataclass(frozen=True, eq=False)
class Mark:
    """What stands for a map where only the order of the layers is asked for: who made it, and whether it is pixels."""

    maker: KerasLayer | None
    pixels: bool


class KerasNetwork(nn.Module):
    """The graph of ``model``, a Functional or Sequential one that is built, from its image to its first answer.

    ``size``: (channels, height, width) that it is for, None where it leaves them open. Raises ``UsageError`` for
    models without a graph, and for those that take anything but one image.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not has_graph(model) or not model.built:
            raise UsageError(f"{type(model).__name__} of Keras has no graph that can be read.", REMEDY)
        shapes = [tuple(one.shape) for one in model.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise UsageError(f"The inputs of {model.name} are {shapes}, not one image.", REMEDY)
        self.held = (model,)
        self._layers: dict[int, KerasLayer] = {}
        (answer, *_) = leaves(run(model, [Mark(None, pixels=True)], partial(self._add, "")))
        if answer.maker:
            answer.maker.ends = True
        self.channels_first = laid_out(layer for one in self._layers.values() for layer in one.held)
        self.size = size_of(shapes[0], channels_first=self.channels_first)

    def _add(self, path: str, layer: Any, *given: Any, **options: Any) -> Any:
        """One call of a layer, whose place in the model is ``path``."""
        name = f"{path}{layer.name}".replace(".", "/")
        if has_graph(layer):
            return run(layer, given, partial(self._add, f"{name}/"))
        module = self._layers.get(id(layer))
        if module is None:
            module = self._layers[id(layer)] = KerasLayer(layer)
            while hasattr(self, name):  # a layer may be called as a method of a module is
                name += "_"
            self.add_module(name, module)
        seen = [one for one in leaves((given, options)) if isinstance(one, Mark)]
        pixels = all(one.pixels for one in seen)
        module.scales_pixels = pixels and type(layer).__name__ in SCALING
        still = module.scales_pixels or (type(layer).__name__ not in LAYERS and not weights_of(layer))  # as RandomFlip
        mark = Mark(module, pixels and still)
        results = leaves(layer.output)
        return mark if len(results) == 1 else [mark] * len(results)

    def forward(self, x: Tensor) -> Any:  # N C H W
        found = run(self.held[0], [x if self.channels_first else x.permute(0, 2, 3, 1)], self._call)
        answer = leaves(found)[0]
        return answer.permute(0, 3, 1, 2) if answer.dim() == 4 and not self.channels_first else answer

    def _call(self, layer: Any, *given: Any, **options: Any) -> Any:
        if has_graph(layer):
            return run(layer, given, self._call)
        return self._layers[id(layer)](*given, **options)


def leaves(given: Any) -> list[Any]:
    found: list[Any] = importlib.import_module("keras").tree.flatten(given)
    return found


def has_graph(layer: Any) -> bool:
    """Whether it is a model that is made of layers in an order, as Functional and Sequential ones are."""
    keras = importlib.import_module("keras")
    return isinstance(layer, keras.Sequential) or (isinstance(layer, keras.Model) and hasattr(layer, "operations"))


def run(model: Any, given: Sequence[Any], call: Callable[..., Any]) -> Any:
    """The model's answer, if ``call`` takes a layer and what it reads, and gives what it makes of it."""
    if not hasattr(model, "operations"):
        (x,) = leaves(given)
        for layer in model.layers:
            x = call(layer, x)
        return x
    return model._run_through_graph(given, operation_fn=lambda layer: partial(call, layer))  # noqa: SLF001  no other way


def laid_out(layers: Iterator[Any]) -> bool:
    """Whether the channels come first: as the first layer says that knows."""
    told_by = next((layer.data_format for layer in layers if hasattr(layer, "data_format")), None)
    order: str = told_by or importlib.import_module("keras").config.image_data_format()
    return order == "channels_first"


def size_of(shape: tuple[int | None, ...], *, channels_first: bool) -> tuple[int, int, int] | None:
    sides = shape[1:] if channels_first else (shape[3], *shape[1:3])
    channels, height, width = sides
    return (channels, height, width) if channels and height and width else None


def without_memory(build: Callable[[], Any]) -> Any:
    """What ``build`` makes, without memory for weights where Keras' backend and the model let it."""
    keras = importlib.import_module("keras")
    try:
        with keras.device("meta"):
            return build()
    except (RuntimeError, TypeError, ValueError):
        return build()
