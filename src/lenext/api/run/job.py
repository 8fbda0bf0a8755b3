"""From what was asked to a job: the recipe with its deviations, the network, the constants of its input."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lenext.api.labels import check_outputs, check_task, suited_to
from lenext.api.options import TrainOptions
from lenext.api.run.chosen_channels import decided_channels, usual_channels
from lenext.api.run.chosen_recipe import as_stored, changes, check_numbers, check_recipe, named_recipe, training_shape
from lenext.api.run.short_options import check_patience, unevenness, with_settings
from lenext.api.run.transfer import transfer_recipe, with_frozen, without_steps
from lenext.data.folds import divided
from lenext.data.item import TRAIN
from lenext.data.listing import Listing, part
from lenext.data.loader import Loader, batch_cuts
from lenext.data.split import RULE
from lenext.data.statistics import Statistics, gather
from lenext.errors import UsageError
from lenext.evaluation.inference import Compute
from lenext.evaluation.memory import ran_out
from lenext.evaluation.selective import TARGET, check_target
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.models import build_options, canonical, create_model, line
from lenext.protocol import Preprocessing
from lenext.recipes import FixedChannels, FixedScale, PCAColour, PixelMean, Recipe
from lenext.training import fitting
from lenext.training.compiling import AUTO, OFF
from lenext.training.freezing import freeze
from lenext.training.gradients import passes
from lenext.training.head import check_head
from lenext.training.input_form import check_channels, to_form
from lenext.training.objective import objective_of
from lenext.training.sharded import LOCAL
from lenext.values import assign

SHARDS = 4  # ours: of a deterministic run, for up to as many processes
VALIDATION = 0.1  # share of the training images held out where the data have no validation split


@dataclass(frozen=True)
class Job:
    """A run that is fully decided.

    deviations: each field that differs from the recipe as it stands in its file; rules: by which of them were changed
    together, in words; micro_batch: images of one pass at most; channels: how many an image is read with, None for the
    paper's (runs of the first version); start: what is said of the weights that it began with;
    fold: which of several is tested, "1/5"; split: the rule of the validation split;
    error_target: what a network that may say `unknown` may get wrong;
    find_rate, tune, time_limit (seconds): what is to be found out before the first step, which a ``settled`` job knows;
    compile: "on" or "off", or "auto" until the job is settled;
    end: the second of the run at which training is over; exact: whether every image is read whole; shards: of each
    batch, where the bits are to be the same on any number of processes; batch_norm: over a process's images, or all.
    """

    model: str
    reading: str
    options: Mapping[str, Any]
    recipe: Recipe
    deviations: tuple[str, ...]
    seed: int
    precision: str
    validation: float
    rules: tuple[str, ...] = ()
    micro_batch: int | None = None
    channels: int | None = None
    start: Mapping[str, Any] | None = None
    fold: str | None = None
    split: int = RULE
    error_target: float = TARGET
    save_memory: bool = False
    compile: str = OFF
    find_rate: bool = False
    tune: int = 0
    time_limit: float | None = None
    settled: bool = True
    end: float | None = None
    shards: int | None = None
    batch_norm: str = LOCAL
    exact: bool = False


def decide(asked: TrainOptions, listing: Listing, shown: Preprocessing | None = None) -> Job:
    """Choose recipe and options for the data, and for weights that want images as ``shown``.

    Raises UsageError for unknown names, settings and sizes.
    """
    if asked.model is None:
        raise UsageError("No network was named.", "Name one with --model; `lenext models` lists them.")
    name, asked = canonical(asked.model), with_settings(asked)
    seed = asked.seed or 0
    if not 0 <= seed < 2**63:
        raise UsageError(f"The seed is {seed}.", "Give a whole number from 0 to 2**63 - 1.")
    usual = VALIDATION if asked.fold is None else 0.0  # ours: of a fold all else trains, and the last weights count
    validation = usual if asked.validation is None else asked.validation
    images = len(part(divided(listing, fraction=validation, seed=seed, fold=asked.fold), TRAIN))
    size = asked.image_size[0] if isinstance(asked.image_size, tuple) else asked.image_size
    ours = transfer_recipe(listing, shown, images, asked) or named_recipe(name, asked.recipe, listing, size)
    as_written = as_stored(ours)
    channels, found = decided_channels(asked, listing, usual_channels(name))
    suited, loss = suited_to(listing, with_frozen(as_written, asked))
    recipe, rules = fitted(suited, asked, images, channels)
    recipe, options = with_rates(recipe, name, dict(asked.options or {}))
    recipe = as_stored(recipe)
    check_recipe(recipe)
    check_task(recipe, listing, asked.error_target)
    check_channels(recipe, channels)
    check_patience(recipe, listing, validation)
    height, width = recipe.view.shape
    usual_side = line()[name]["input"][-1]
    slides = bool(options.get("scales")) and height > usual_side  # its head, over the larger maps of such a view
    if "image_size" in build_options(name) and height == width != usual_side and not slides:
        options.setdefault("image_size", recipe.view.crop)
    return Job(
        model=name,
        reading=asked.reading or "paper",
        options=options,
        recipe=recipe,
        deviations=changes(as_written, recipe),
        seed=seed,
        precision=Compute.choose(asked.device, asked.precision or "fp32").precision,
        validation=validation,
        rules=(*found, *loss, *without_steps(recipe, asked), *rules, *unevenness(listing, recipe)),
        micro_batch=asked.micro_batch,
        channels=channels,
        fold=asked.fold,
        error_target=TARGET if asked.error_target is None else check_target(asked.error_target),
        save_memory=asked.save_memory,
        compile=asked.compile or OFF,
        exact=asked.exact,
        find_rate=asked.find_rate,
        tune=asked.tune or 0,
        time_limit=asked.seconds,
        settled=not (asked.find_rate or asked.tune or asked.time_limit or asked.compile == AUTO),
        shards=(asked.shards or SHARDS) if asked.deterministic else None,
        batch_norm=asked.batch_norm or LOCAL,
    )


def fitted(recipe: Recipe, asked: TrainOptions, images: int, channels: int) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe for what was asked and for so many training images of so many channels, and the rules of its change.

    The settings come last; only the size of a batch that they give is known before, because an epoch depends on it.
    """
    recipe, rules = to_form(recipe, asked.image_size, asked.fit, channels)
    if asked.batch_size is not None:
        recipe = replace(recipe, batch_size=asked.batch_size)
    wanted = assign(recipe, *asked.settings)
    check_numbers(wanted)
    recipe, rule = fitting.to_data(replace(recipe, batch_size=wanted.batch_size), max(1, images))
    rules.append(rule)
    steps_per_epoch = max(1, len(batch_cuts(images, recipe.batch_size)) - 1)
    if asked.epochs is not None:
        recipe, rule = fitting.to_epochs(recipe, asked.epochs, steps_per_epoch)
        rules.append(rule)
    recipe = replace(assign(recipe, *asked.settings), batch_size=recipe.batch_size)
    recipe, rule = fitting.to_steps(recipe, recipe.iterations or (recipe.epochs or 0) * steps_per_epoch)
    return recipe, tuple(rule for rule in (*rules, rule) if rule)


def with_rates(recipe: Recipe, name: str, options: dict[str, Any]) -> tuple[Recipe, dict[str, Any]]:
    """What the recipe says of the network itself, as options of its build; an option that was asked for wins.

    Raises UsageError where the recipe sets a rate that the network does not have.
    """
    known = build_options(name)
    for field in ("dropout", "drop_path"):
        rate = getattr(recipe, field)
        if rate is None:
            continue
        if field not in known:
            raise UsageError(
                f"The recipe sets {field} to {rate}, and {name} is built without that option.",
                f"Leave it to the network with --set {field}=null.",
            )
        options.setdefault(field, rate)
        recipe = replace(recipe, **{field: options[field]})
    if recipe.auxiliary and "auxiliary" in known:
        options.setdefault("auxiliary", True)
    if recipe.transfer is not None and recipe.transfer.scales:
        options.setdefault("scales", list(recipe.transfer.scales))
    if recipe.transfer is not None and recipe.transfer.unit_length:
        options.setdefault("unit_length", True)
    return recipe, options


def build(job: Job, listing: Listing) -> Network:
    """The network with its initial weights, a function of the seed alone."""
    if "num_classes" in job.options:
        raise UsageError("num_classes is not an option of a run.", "Leave it out; the data say how many there are.")
    if "reading" in job.options:
        raise UsageError("reading is not an --option.", "Give it as --reading.")
    torch.manual_seed(job.seed)
    if "in_channels" in job.options:
        raise UsageError("in_channels is not an --option.", "Give it as --channels.")
    network = create_model(
        job.model, num_classes=len(listing.classes), in_channels=job.channels, reading=job.reading, **job.options
    )
    if job.recipe.init is not None:
        initialise(network, job.recipe.init)
    if job.recipe.transfer is not None:
        freeze(network, job.recipe.transfer)
        check_head(network, job.recipe.transfer.freeze)
    shape = training_shape(job.recipe)
    check_outputs(network, listing)
    check_input(network, job.recipe.view.shape)
    check_input(network, shape, objective_of(job.recipe, network).heads)
    if smallest_pass(job, len(part(listing, TRAIN))) == 1:
        check_single(network, shape)
    return network


def smallest_pass(job: Job, images: int) -> int:
    """The least number of images that the network sees at once in training."""
    cuts = batch_cuts(images, job.recipe.batch_size)
    sizes = {stop - start for start, stop in pairwise(cuts)}
    parts = [one for size in sizes for one in passes(size, job.micro_batch)]
    return min(int(one.stop) - int(one.start) for one in parts)


def check_input(network: Network, shape: tuple[int, int], forward: Callable[[Tensor], object] | None = None) -> None:
    """Refuse a height and width that the network's layers cannot take, before anything is written.

    forward: what training computes, where that is more than ``network`` itself.
    """
    network.eval()
    try:
        with torch.inference_mode():
            (forward or network)(torch.zeros(1, network.input_size[0], *shape))
    except RuntimeError as error:
        if ran_out(error):
            raise UsageError(
                f"There is not enough memory for one image of {shape[0]} x {shape[1]} pixels in {network.name}.",
                "Give a smaller --image-size.",
            ) from None
        usual = network.input_size[-1]
        reason = str(error).splitlines()[0]
        remedy = f"Use --image-size {usual}"
        if shape[0] != shape[1]:
            remedy += ", or a network whose head takes the mean of the last map, as resnet18"
        raise UsageError(
            f"{network.name} cannot take images of {shape[0]} x {shape[1]} pixels ({reason}).", f"{remedy}."
        ) from None


def check_single(network: Network, shape: tuple[int, int]) -> None:
    """Refuse passes of one image where a layer normalises over the batch and its maps are one pixel."""
    probe = copy.deepcopy(network).train()  # whose running means may change
    size = f"{shape[0]} x {shape[1]}"
    try:
        with torch.no_grad():
            probe(torch.zeros(1, network.input_size[0], *shape))
    except ValueError:
        raise UsageError(
            f"{network.name} normalises over the batch, and cannot learn from one image of {size} at a time.",
            "Give at least two training images, and --batch-size or --micro-batch 2 or more.",
        ) from None


def statistics(job: Job, loader: Loader) -> Statistics:
    """The constants of the input, from a pass over the training images where the recipe needs one."""
    recipe = job.recipe
    fixed = isinstance(recipe.normalise, FixedScale | FixedChannels)
    needed = not fixed or any(isinstance(step, PCAColour) for step in recipe.augment)
    view = recipe.view
    if isinstance(recipe.normalise, PixelMean) and recipe.normalise.side is not None:
        view = replace(view, resize=recipe.normalise.side, crop=recipe.normalise.side)
    views: Iterator[Tensor] = loader.views(view, 256) if needed else iter(())
    return gather(recipe.normalise, views, loader.channels)
