"""The model card of a run: a README.md that says what the classifier is, how good, from what, and where it ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from lenext.evaluation.calibration import BINNING
from lenext.evaluation.intervals import Interval
from lenext.evaluation.label_measure import LEFT_OUT, LabelEvaluation, LabelScore, weakest_first
from lenext.evaluation.label_trust import LabelTrust
from lenext.evaluation.measure import Evaluation, worst_first
from lenext.evaluation.record import Record
from lenext.evaluation.text import bounds, duration, per_cent, visible
from lenext.evaluation.thresholds import RULE
from lenext.protocol import MULTICLASS
from lenext.weights.durable import write_file

MANY = 50  # labels whose figures are listed
WEAK = 5  # classes that are named as the weakest


def write_card(path: Path, record: Record) -> None:
    """Write the model card of ``record`` to ``path``, whole or not at all. Raises ``Failed`` when it cannot."""
    write_file(path, card(record).encode())


def card(record: Record) -> str:
    """The model card in Markdown."""
    parts = [
        f"# {plain(record.title)}",
        _what(record),
        "## Use",
        _code("sh", record.usage.shell),
        _code("python", record.usage.python),
        "## Accuracy",
        *(_accuracy(record) if record.headline[1].task == MULTICLASS else label_accuracy(record)),
        *_trust(record),
        "## Limits",
        _limits(record),
        "## Data",
        _data(record),
        "## Training",
        _training(record),
        "## Licence",
        _licence(record),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """``text`` as Markdown that shows it and does nothing: every mark that Markdown could read is escaped."""
    marks = re.sub(r"([\\`*_{}\[\]<>#|~&!$@]|:(?=//))", r"\\\1", visible(text))
    return re.sub(r"^(\d*)([-+.)])(?!\d)", r"\1\\\2", marks)  # else the beginning of a list


def _what(record: Record) -> str:
    network = record.network
    reading = "" if network.reading == "paper" else f", reading {plain(network.reading)}"
    return (
        f"An image classifier: {plain(network.name)}{reading} ({network.params:,} parameters), from "
        f"*{plain(network.paper)}* ({network.year}), trained to {aim(record)}. Input: "
        f"{' x '.join(map(str, network.input))} (channels, height, width)."
    )


def aim(record: Record) -> str:
    """What the network was trained to do."""
    count, data = f"{len(record.data.classes):,}", plain(record.data.name)
    if record.headline[1].task == MULTICLASS:
        return f"tell {count} classes of {data} apart"
    return f"find any of the {count} labels of {data}"


def _accuracy(record: Record) -> list[str]:
    rows = [
        (
            split,
            f"{part.images:,}",
            f"{per_cent(part.top1.value, part.images)} %",
            bounds(part.top1, part.images),
            f"{part.loss:.4f}",
            part.protocol,
        )
        for split, part in record.evaluations.items()
        if isinstance(part, Evaluation)
    ]
    table = _table(("images of", "count", "top-1", "95 % interval", "loss", "protocol"), rows)
    notes = [table]
    if record.chosen_on in record.evaluations:
        notes.append(
            f"The {plain(record.chosen_on)} images chose the best epoch, so their figure is slightly optimistic."
        )
    return notes


def label_accuracy(record: Record) -> list[str]:
    """The figures of all labels together by split, and those of each label in the split that counts."""
    measured = {name: part for name, part in record.evaluations.items() if isinstance(part, LabelEvaluation)}
    rows = [
        (split, f"{part.images:,}", *(_quoted_share(one, part.images) for one in (part.map, part.exact, part.f1_macro)))
        for split, part in measured.items()
    ]
    split, shown = record.headline[0], measured[record.headline[0]]
    each = [
        (score.name, f"{score.support:,}", f"{score.threshold:.3f}", *label_figures(score))
        for score in weakest_first(shown.per_class)[:MANY]
    ]
    first = "" if len(each) == len(shown.per_class) else f", the {MANY} with the lowest average precision"
    chosen = f" The {plain(record.chosen_on)} images chose epoch, temperature and thresholds: a little optimistic."
    optimism = chosen if record.chosen_on in measured else ""
    legend = (
        f"Each label on the {plain(split)} images, in per cent{first}. A label is given from its threshold on: {RULE}."
    )
    return [
        _table(("images of", "count", "mean average precision", "all labels right", "F1, mean over labels"), rows),
        legend + optimism,
        _table(("label", "images", "threshold", "precision", "recall", "F1", "average precision", "ECE"), each),
        LEFT_OUT,
    ]


def label_figures(score: LabelScore) -> list[str]:
    """Precision, recall, F1 and average precision of a label with their intervals, and its calibration error."""
    parts = {**score.intervals, "average_precision": score.average_precision}
    figures = ["-" if part is None else _quoted_share(part, score.support) for part in parts.values()]
    return [*figures, f"{score.ece.value:.3f} ({score.ece.low:.3f} to {score.ece.high:.3f})"]


def _trust(record: Record) -> list[str]:
    """How far confidence is to be believed, and what `unknown` does."""
    if record.trust is None:
        return []
    if isinstance(record.trust, LabelTrust):
        return label_trust(record.trust)
    if record.trust.effect is None or record.trust.silence is None:
        return ["## Confidence", f"Not calibrated. {plain(record.trust.reason)}"]
    effect, silence = record.trust.effect, record.trust.silence
    rows = [
        (words, *(f"{part.value:.4f} ({part.low:.4f} to {part.high:.4f})" for part in parts))
        for words, parts in (
            ("calibration error (ECE)", (effect.before.ece, effect.after.ece)),
            ("negative log-likelihood", (effect.before.nll, effect.after.nll)),
            ("Brier score", (effect.before.brier, effect.after.brier)),
        )
    ]
    chosen = f"Temperature {effect.temperature:.3f}, from {record.trust.fitted:,} validation images"
    goal = f"{100 * silence.target:g} %"
    if silence.level is None:
        rule = f"An error rate of {goal} among the answers cannot be promised: too few validation images show it."
    else:
        answered, wrong = (_quoted_share(part, effect.images) for part in (silence.coverage, silence.error))
        rule = (
            f"With `--unknown {silence.target:g}` it answers {answered} of the images, and {wrong} of the answers are "
            f"wrong (at most {goal} were promised)."
        )
    table = _table(("figure", "before (95 % interval)", "after (95 % interval)"), rows)
    return ["## Confidence", f"{chosen}; judged on {effect.judged}. ECE is over {BINNING}.", table, rule]


def label_trust(trust: LabelTrust) -> list[str]:
    """How far the probabilities of labels are to be believed."""
    if trust.before is None or trust.after is None:
        return ["## Confidence", f"Not calibrated. {plain(trust.reason)}"]
    before, after = trust.before, trust.after
    rows = [
        ("calibration error (ECE), mean over labels", f"{before.ece:.4f}", f"{after.ece:.4f}"),
        ("negative log-likelihood", f"{before.nll.value:.4f}", f"{after.nll.value:.4f}"),
    ]
    chosen = f"Temperature {trust.temperature:.3f}, from {trust.fitted:,} validation images; judged on {trust.judged}."
    return ["## Confidence", f"{chosen} ECE is over {BINNING}.", _table(("figure", "before", "after"), rows)]


def _quoted_share(part: Interval, images: int) -> str:
    return f"{per_cent(part.value, images)} % (95 % interval {bounds(part, images)})"


def _limits(record: Record) -> str:
    _, evaluation = record.headline
    weakest = [score for score in worst_first(evaluation.per_class) if score.f1 is not None and score.f1 < 1][:WEAK]
    among = (
        "the answer is one of these {} classes" if evaluation.task == MULTICLASS else "it knows these {} labels only"
    )
    points = [
        f"Whatever the picture shows, {among.format(f'{len(record.data.classes):,}')}.",
        "The interval covers chance, not change: it holds for images of the same kind from the same source.",
    ]
    if isinstance(evaluation, Evaluation) and evaluation.no_better:
        points.append(plain(evaluation.no_better))
    if weakest:
        named = ", ".join(f"{plain(score.name)} ({per_cent(score.f1, evaluation.images)})" for score in weakest)
        points.append(f"Weakest classes, by F1 in per cent: {named}.")
    unseen = [score.name for score in evaluation.per_class if score.support == 0]
    if unseen:
        points.append(f"Never measured, for want of images: {', '.join(map(plain, unseen))}.")
    return _list(points)


def _data(record: Record) -> str:
    counts = record.data.counts
    table = _table(
        ("class", *counts),
        [(name, *(f"{part.get(name, 0):,}" for part in counts.values())) for name in record.data.classes],
    )
    left = len(record.data.problems)
    remark = f"Remarks on files: {left:,}, named in the report." if left else "No file was found wanting."
    return f"{table}\n\n{remark}"


def _training(record: Record) -> str:
    run = record.run
    facts = [
        *record.recipe,
        ("seed", str(run.seed)),
        ("time", duration(run.seconds)),
        ("machine", run.machine),
        ("versions", ", ".join(f"{package} {version}" for package, version in run.versions.items())),
    ]
    parts = [_code("sh", run.command), _table(("what", "value"), facts)]
    if record.deviations:
        parts.append("Departures from the recipe as written:\n\n" + _list(map(plain, record.deviations)))
    return "\n\n".join(parts)


def _licence(record: Record) -> str:
    return (
        f"Starting weights: {plain(record.network.start)}. What was learnt from the data may fall under "
        f"the licence of {plain(record.data.name)}."
    )


def _list(points: Iterable[str]) -> str:
    return "\n".join(f"- {point}" for point in points)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else plain(cell) for cell in line) + " |" for line in lines
    )


def _code(language: str, text: str) -> str:
    """A fenced block, its fence longer than any run of back-ticks within."""
    lines = [visible(line) for line in text.splitlines()]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + language, *lines, fence])
