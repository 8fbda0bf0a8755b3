"""The index of the line: which file defines which network. Importing it imports no torch."""

from __future__ import annotations

import fnmatch
import importlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lenext.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from lenext.facts import Difference, Paper
    from lenext.layers.network import Network
    from lenext.protocol import Protocol
    from lenext.recipes import Recipe

# One file, one paper, in the order of the years.
FILES: Mapping[str, tuple[str, ...]] = {
    "lenet": ("lenet5",),
    "alexnet": ("alexnet", "alexnet_one_gpu", "alexnet_ungrouped"),
    "nin": ("nin", "nin_cifar"),
    "vgg": (
        "vgg11", "vgg11_lrn", "vgg13", "vgg13_5x5", "vgg16_1x1", "vgg16", "vgg19",
        "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    ),
    "googlenet": ("googlenet", "googlenet_naive"),
    "inception_v3": ("inception_v3",),
    "resnet": (
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200", "plain18", "plain34",
        *(f"resnet{depth}_cifar" for depth in (20, 32, 44, 56, 110, 1202)),
        *(f"plain{depth}_cifar" for depth in (20, 32, 44, 56, 110)),
    ),
    "preresnet": (
        "preresnet50", "preresnet101", "preresnet152", "preresnet200",
        "preresnet110_cifar", "preresnet164_cifar", "preresnet1001_cifar",
    ),
    "densenet": (
        "densenet121", "densenet161", "densenet169", "densenet201", "densenet264",
        "densenet40_k12_cifar", "densenet100_k12_cifar", "densenet100_k24_cifar",
        "densenet_bc100_k12_cifar", "densenet_bc250_k24_cifar", "densenet_bc190_k40_cifar",
        "densenet_bc40_k36_cifar", "densenet_bc40_k48_cifar", "densenet_bc40_k60_cifar",
    ),
    "resnext": (
        "resnext50_32x4d", "resnext101_32x4d", "resnext101_64x4d", "resnext101_32x8d",
        "resnext50_1x64d", "resnext50_2x40d", "resnext50_4x24d", "resnext50_8x14d",
        "resnext29_8x64d_cifar", "resnext29_16x64d_cifar",
    ),
    "xception": ("xception",),
    "mobilenet": ("mobilenet_v1", "mobilenet_v1_075", "mobilenet_v1_050", "mobilenet_v1_025"),
    "efficientnet": (
        *(f"efficientnet_b{size}" for size in range(9)), "efficientnet_l2", "efficientnet_lite0",
    ),
    "convnext": (
        *(f"convnext_{size}" for size in ("tiny", "small", "base", "large", "xlarge")),
        *(f"convnext_isotropic_{size}" for size in ("small", "base", "large")),
    ),
    "convnext_roadmap": tuple(
        f"convnext_roadmap_resnet{depth}_{step:02}" for depth in (50, 200) for step in range(1, 14)
    ),
}  # fmt: skip

# The paper's own name -> ours.
ALIASES: Mapping[str, str] = {
    "lenet-5": "lenet5",
    "network-in-network": "nin",
    "vgg-a": "vgg11", "vgg-a-lrn": "vgg11_lrn", "vgg-b": "vgg13", "vgg-c": "vgg16_1x1", "vgg-d": "vgg16",
    "vgg-e": "vgg19", "vgg-11": "vgg11", "vgg-13": "vgg13", "vgg-16": "vgg16", "vgg-19": "vgg19",
    "inception-v1": "googlenet", "inception-v3": "inception_v3",
    **{f"resnet-{depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152, 200)},
    **{f"resnet-{depth}": f"resnet{depth}_cifar" for depth in (20, 32, 44, 56, 110, 1202)},
    **{f"plain-{depth}": f"plain{depth}" for depth in (18, 34)},
    **{f"plain-{depth}": f"plain{depth}_cifar" for depth in (20, 32, 44, 56, 110)},
    **{f"preresnet-{depth}": f"preresnet{depth}" for depth in (50, 101, 152, 200)},
    **{f"preresnet-{depth}": f"preresnet{depth}_cifar" for depth in (110, 164, 1001)},
    **{f"densenet-{depth}": f"densenet{depth}" for depth in (121, 161, 169, 201, 264)},
    "densenet-40-12": "densenet40_k12_cifar", "densenet-100-12": "densenet100_k12_cifar",
    "densenet-100-24": "densenet100_k24_cifar", "densenet-bc-100-12": "densenet_bc100_k12_cifar",
    "densenet-bc-250-24": "densenet_bc250_k24_cifar", "densenet-bc-190-40": "densenet_bc190_k40_cifar",
    **{f"wide-densenet-bc-40-{growth}": f"densenet_bc40_k{growth}_cifar" for growth in (36, 48, 60)},
    "resnext-50": "resnext50_32x4d", "resnext-101": "resnext101_32x4d",
    **{f"resnext-50-{form}": f"resnext50_{form}" for form in ("32x4d", "1x64d", "2x40d", "4x24d", "8x14d")},
    **{f"resnext-101-{form}": f"resnext101_{form}" for form in ("32x4d", "64x4d", "32x8d")},
    **{f"resnext-29-{form}": f"resnext29_{form}_cifar" for form in ("8x64d", "16x64d")},
    "mobilenet": "mobilenet_v1", "mobilenet-v1": "mobilenet_v1", "1.0 mobilenet-224": "mobilenet_v1",
    "0.75 mobilenet-224": "mobilenet_v1_075", "0.5 mobilenet-224": "mobilenet_v1_050",
    "0.25 mobilenet-224": "mobilenet_v1_025",
    **{f"efficientnet-{size}": f"efficientnet_{size}" for size in (*(f"b{n}" for n in range(9)), "l2", "lite0")},
    "convnext-t": "convnext_tiny", "convnext-s": "convnext_small", "convnext-b": "convnext_base",
    "convnext-l": "convnext_large", "convnext-xl": "convnext_xlarge",
    **{f"convnext-{size[0]}-iso": f"convnext_isotropic_{size}" for size in ("small", "base", "large")},
}  # fmt: skip

FILE_OF = {name: file for file, names in FILES.items() for name in names}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the networks that match the glob ``pattern``, in the order of the line."""
    return [name for name in FILE_OF if fnmatch.fnmatchcase(name, pattern)]


def canonical(name: str) -> str:
    """The network's name for a name or alias; unknown names raise ``UsageError`` with near ones."""
    lowered = name.lower()
    found = lowered if lowered in FILE_OF else ALIASES.get(lowered)
    if found is None:
        hint = did_you_mean(lowered, FILE_OF) or did_you_mean(lowered, ALIASES)
        raise UsageError(f"There is no network called {name!r}.", hint or "See `lenext models` for the names.")
    return found


def model_file(name: str) -> ModuleType:
    """The module whose paper defines ``name``."""
    return importlib.import_module(f"lenext.models.{FILE_OF[canonical(name)]}")


def entry(table: Mapping[str, Any], name: str) -> Any:
    """The value of the first glob in ``table`` that matches ``name`` (RECIPES, PROTOCOLS and READINGS are keyed so)."""
    return next((value for pattern, value in table.items() if fnmatch.fnmatchcase(name, pattern)), {})


def readings(name: str) -> Mapping[str, tuple[Difference, ...]]:
    """The published readings of a network, each with its differences from the paper; "paper" has none."""
    name = canonical(name)
    return {"paper": (), **entry(getattr(model_file(name), "READINGS", {}), name)}


def differences(name: str, reading: str) -> tuple[Difference, ...]:
    """Those of one reading. Raises ``UsageError`` where the network does not have it."""
    known = readings(name)
    if reading not in known:
        hint = did_you_mean(reading, known) or f"It has: {', '.join(known)}."
        raise UsageError(f"{canonical(name)} has no reading {reading!r}.", hint)
    return known[reading]


def create_model(
    name: str, *, num_classes: int | None = None, in_channels: int | None = None, reading: str = "paper", **options: Any
) -> Network:
    """Build a network with fresh weights drawn from torch's generator.

    num_classes, in_channels: the paper's when None; reading: "paper" or another published reading;
    options: what the paper varies (``shortcut="A"``), and of any network ``scales``, at which it sees each picture, and
    ``unit_length``, whether its classifier sees features of length 1.
    Raises ``UsageError`` for unknown names, readings and options.
    """
    from lenext.layers.choice import one_of
    from lenext.layers.scales import check_scales

    name = canonical(name)
    built = {difference.option: difference.value for difference in differences(name, reading)} | options
    scales, unit_length = built.pop("scales", ()), built.pop("unit_length", False)
    if num_classes is not None:
        built["num_classes"] = num_classes
    if in_channels is not None:
        built["in_channels"] = in_channels
    check_options(name, built)
    network: Network = model_file(name).build(name, **built)
    network.name, network.reading, network.options = name, reading, dict(options)
    network.scales, network.unit_length = check_scales(scales), one_of("unit_length", unit_length, (False, True))
    return network


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse an option that the network's ``build`` does not have."""
    known = build_options(name)
    for option in options:
        if option not in known:
            hint = did_you_mean(option, known) or f"It has: {', '.join(sorted(known))}."
            raise UsageError(f"{name} has no option {option!r}.", hint)


def build_options(name: str) -> frozenset[str]:
    """What ``build`` of the network's file can be told."""
    code = model_file(name).build.__code__
    return frozenset(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])


def paper(name: str) -> Paper:
    """Where the network comes from."""
    found: Paper = model_file(name).PAPER
    return found


def recipe(name: str) -> Recipe:
    """How the network is trained: "vgg16" for the paper's recipe, "vgg16:s384" for a variant of it."""
    network, _, variant = name.partition(":")
    known = entry(model_file(network).RECIPES, canonical(network))
    variant = variant or next(iter(known), "paper")
    if variant not in known:
        hint = did_you_mean(variant, known) or f"It has: {', '.join(known) or 'none; train by the recipe practical'}."
        raise UsageError(f"{network} has no recipe {variant!r}.", hint)
    found: Recipe = known[variant]
    return found


def protocols(name: str) -> Mapping[str, Protocol]:
    """How the network's paper tests it, by name."""
    return dict(entry(model_file(name).PROTOCOLS, canonical(name)))


@cache
def line() -> Mapping[str, Mapping[str, Any]]:
    """Year, paper, parameters, multiply-adds and input of every network, from the generated table beside this file."""
    text = (Path(__file__).parent / "line.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = json.loads(text)
    return table
