"""The search for a better recipe: its few knobs, what to try next, and when a trial is hopeless.

What is tried next is a function of the seed and of the trials before, so that a search that was stopped goes on as if
it had not been. Optuna suggests (a tree of Parzen estimators) and prunes (by the median); it is loaded when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lenext.data.draws import noise_seed
from lenext.errors import Failed, UsageError
from lenext.recipes import BinaryCrossEntropy, CrossEntropy, RandAugment, RandomCrop, RandomResizedCrop, Recipe

if TYPE_CHECKING:
    import optuna

STARTING = 5  # ours: trials at random, the recipe itself among them, before one is modelled on the others or pruned
SHARE = 0.2  # ours: of the recipe's length, that of a trial

Value = float | int


@dataclass(frozen=True)
class Knob:
    """A field of the recipe, the value it has, and those that are tried; ``choices`` are the only ones where given."""

    field: str
    start: Value
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    choices: tuple[int, ...] = ()

    def setting(self, value: Value) -> str:
        """As ``--set`` has it."""
        return f"{self.field}={value!r}"

    def rounded(self, value: Value) -> Value:
        """Three digits, so that a recipe can be read and typed."""
        return value if self.choices else min(self.high, max(self.low, float(f"{value:.3g}")))


@dataclass(frozen=True)
class Trial:
    """What was tried: the value of every knob, the validation score of each epoch, and whether it was given up."""

    number: int
    values: Mapping[str, Value]
    scores: tuple[float, ...] = ()
    pruned: bool = False

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "values": dict(self.values), "scores": list(self.scores)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Trial:
        return cls(**{**document, "scores": tuple(document["scores"])})


def knobs_of(recipe: Recipe, images: int) -> list[Knob]:
    """What matters most in nearly every recipe: rate, decay, smoothing, how much of an image is seen, batch."""
    optimizer = recipe.optimizer
    found = [around("optimizer.lr", optimizer.lr)]
    if getattr(optimizer, "weight_decay", 0.0):
        found.append(around("optimizer.weight_decay", optimizer.weight_decay))  # type: ignore[union-attr]
    if isinstance(recipe.loss, CrossEntropy | BinaryCrossEntropy):
        found.append(
            Knob("loss.label_smoothing", recipe.loss.label_smoothing, 0.0, max(0.2, recipe.loss.label_smoothing))
        )
    for number, step in enumerate(recipe.augment):
        match step:
            case RandomResizedCrop():
                least, most = step.area
                found.append(Knob(f"augment.{number}.area.0", least, min(0.08, least), max(least, most - 0.1)))
            case RandomCrop(pad=pad) if pad:
                found.append(Knob(f"augment.{number}.pad", pad, choices=tuple(sorted({0, pad // 2, pad, 2 * pad}))))
            case RandAugment():
                found.append(Knob(f"augment.{number}.magnitude", step.magnitude, 0.0, max(10.0, step.magnitude)))
            case _:
                continue
    sizes = {size for size in (recipe.batch_size // 2, recipe.batch_size, 2 * recipe.batch_size) if 2 <= size <= images}
    if len(sizes) > 1:
        found.append(Knob("batch_size", recipe.batch_size, choices=tuple(sorted(sizes))))
    return found


def around(field: str, value: float) -> Knob:
    """A tenth of the recipe's value to ten times it."""
    return Knob(field, value, float(f"{value / 10:.3g}"), float(f"{value * 10:.3g}"), logarithmic=True)


def settings(knobs: Sequence[Knob], values: Mapping[str, Value]) -> tuple[str, ...]:
    """The values of a trial as changes of the recipe."""
    return tuple(knob.setting(values[knob.field]) for knob in knobs)


def suggest(knobs: Sequence[Knob], trials: Sequence[Trial], seed: int) -> dict[str, Value]:
    """The values of the next trial; the first is the recipe as it stands."""
    if not trials:
        return {knob.field: knob.start for knob in knobs}
    study = study_of(knobs, trials, noise_seed(seed, len(trials)) % 2**32)
    found = study.ask(distributions(knobs)).params
    return {knob.field: knob.rounded(found[knob.field]) for knob in knobs}


def hopeless(knobs: Sequence[Knob], trials: Sequence[Trial], present: Trial) -> bool:
    """Whether the best score of a trial so far is below the median of the others' at the same epoch."""
    running = study_of(knobs, trials, 0).ask(distributions(knobs))
    for epoch, score in enumerate(present.scores):
        running.report(score, epoch)
    return bool(running.should_prune())


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial that ended best, the earliest of equals. Raises Failed where none did."""
    ended = [trial for trial in trials if not trial.pruned and trial.scores]
    if not ended:
        raise Failed(
            f"Not one of {len(trials)} trials came to its end.",
            "Look at the data with `lenext check`, or give a smaller rate (--set optimizer.lr=...).",
        )
    return max(ended, key=lambda trial: trial.scores[-1])


def study_of(knobs: Sequence[Knob], trials: Sequence[Trial], seed: int) -> optuna.Study:
    """Optuna's study of the trials that are over."""
    package = loaded()
    study: optuna.Study = package.create_study(
        direction="maximize",
        sampler=package.samplers.TPESampler(seed=seed, n_startup_trials=STARTING),
        pruner=package.pruners.MedianPruner(n_startup_trials=STARTING, n_warmup_steps=1),
    )
    state = package.trial.TrialState
    space = distributions(knobs)
    for trial in trials:
        study.add_trial(
            package.trial.create_trial(
                params=dict(trial.values),
                distributions=space,
                value=None if trial.pruned else trial.scores[-1],
                intermediate_values=dict(enumerate(trial.scores)),
                state=state.PRUNED if trial.pruned else state.COMPLETE,
            )
        )
    return study


def distributions(knobs: Sequence[Knob]) -> dict[str, optuna.distributions.BaseDistribution]:
    kinds = loaded().distributions
    return {
        knob.field: kinds.CategoricalDistribution(knob.choices)
        if knob.choices
        else kinds.FloatDistribution(knob.low, knob.high, log=knob.logarithmic)
        for knob in knobs
    }


def loaded() -> Any:
    """Optuna. Raises UsageError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise UsageError("--tune needs the package optuna.", "Install it with `pip install 'lenext[tune]'`.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
