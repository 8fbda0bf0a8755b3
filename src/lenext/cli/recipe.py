"""``lenext recipe``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import lenext
from lenext.cli.options import common
from lenext.cli.output import emit
from lenext.errors import UsageError, did_you_mean
from lenext.explanation.quotation import Line, quote_function, quote_value, variants
from lenext.models import FILE_OF, canonical, entry, line, model_file
from lenext.weights.catalogue import entries

TRANSFER = "transfer"  # ours: what practical becomes with --weights, for networks with published ones
PRACTICAL = "practical"  # ours: every network has it, from its own file or from training/practical.py


@click.command()
@click.argument("word", metavar="NAME[:VARIANT]")
@common
def command(word: str, as_json: bool, quiet: bool) -> None:  # noqa: ARG001 - nothing to silence
    """Print a recipe whole, each line with its address in the paper, as it stands in the network's file.

    \b
    lenext recipe vgg16
    lenext recipe vgg16:multiscale
    lenext recipe resnet50:practical
    """
    asked, _, variant = word.partition(":")
    name = canonical(asked)
    package = Path(lenext.__file__).parent
    file = package / "models" / f"{FILE_OF[name]}.py"
    own = variants(file, name)
    known = list(dict.fromkeys([*own, PRACTICAL, *([TRANSFER] if entries(name) else [])]))
    variant = variant or known[0]
    if variant not in known:
        hint = did_you_mean(variant, known) or f"It has: {', '.join(known)}."
        raise UsageError(f"{name} has no recipe {variant!r}.", hint)
    if variant in own:
        quoted, head = quote_value(file, own[variant]), f"{name}:{variant}, from {file}"
    elif variant == TRANSFER:
        file = package / "training" / "transfer.py"
        quoted = quote_function(file, TRANSFER)
        head = f"{name}:{variant}, from {file}, where shown is the input of the weights and images how many train"
    else:
        file = package / "training" / "practical.py"
        quoted = quote_function(file, PRACTICAL)
        head = f"{name}:{variant}, from {file}, where image_size is {line()[name]['input'][-1]} or the images' own size"
    document = recipe_document(name, variant, quoted) if as_json else None
    emit(document, [head, "", *aligned(quoted), "", f"Recipes of {name}: {', '.join(known)}"], as_json=as_json)


def aligned(quoted: list[Line]) -> list[str]:
    """Code, and the addresses in one column beside it."""
    width = max(len(line.text) for line in quoted if line.source)
    return [f"{line.text:<{width}}  # {line.source}" if line.source else line.text for line in quoted]


def recipe_document(name: str, variant: str, quoted: list[Line]) -> Mapping[str, Any]:
    """The recipe as a value, which imports the network's file, and its lines."""
    from lenext.training.practical import practical
    from lenext.training.transfer import transfer
    from lenext.values import encode

    recipe = entry(model_file(name).RECIPES, name).get(variant)
    if recipe is None and variant == TRANSFER:
        recipe = transfer(entries(name)[0].preprocessing, images=1000)  # ours: as for a small set
    recipe = recipe or practical(line()[name]["input"][-1])
    return {
        "name": recipe.name,
        "network": name,
        "variant": variant,
        "recipe": encode(recipe),
        "lines": [one._asdict() for one in quoted],
    }
