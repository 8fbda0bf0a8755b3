"""``lenext push`` and ``lenext pull``: a finished run into a repository of Hugging Face's Hub, and back as a MODEL."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lenext.errors import Failed, UsageError
from lenext.evaluation.model_card import plain
from lenext.evaluation.text import visible
from lenext.protocol import MULTILABEL
from lenext.training.watch import Silent, Watcher
from lenext.weights.card import FILE, Card, load, weight_file
from lenext.weights.hub import PREFIX, Repository, send, weights_of
from lenext.weights.store import HUB

CARD, REPORT = "README.md", "report.html"
LICENCE = "other"  # what the Hub calls one that it has no word for


def push(
    run: str | Path,
    repository: str,
    *,
    public: bool = False,
    report: bool = True,
    licence: str = LICENCE,
    message: str = "",
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Send a run's weight file, model card and report to a repository; what ``lenext push --json`` prints.

    run: a run folder or a weight file, which is checked first; repository: ``USER/NAME``; public: who may see one that
    is made (one that is there stays as it is); report: whether ``report.html``, which shows pictures of the data, is
    sent too; licence: the Hub's word for that of the weights. Raises the errors of ``lenext.load``, ``Failed`` and
    ``UsageError``.
    """
    place = Repository.read(repository)
    path = Path(run)
    card = load(path).card
    weights = weight_file(path)
    beside = weights.parent
    files: dict[str, Path | bytes] = {FILE: weights, CARD: readme(card, beside / CARD, place, licence)}
    if report and path.is_dir() and (beside / REPORT).is_file():
        files[REPORT] = beside / REPORT
    (watcher or Silent()).message(f"Sends {', '.join(files)} to {HUB}{place.name}.")
    commit = send(place, files, private=not public, message=message or f"{card.network}, trained by lenext")
    return {
        "repository": place.name,
        "address": f"{HUB}{place.name}",
        "commit": commit,
        "model": f"{PREFIX}{place.name}",
        "files": {name: len(one) if isinstance(one, bytes) else one.stat().st_size for name, one in files.items()},
        "sha256": card.sha256,
    }


def pull(repository: str, out: str | Path | None = None, *, watcher: Watcher | None = None) -> dict[str, Any]:
    """Fetch a repository's weight file into a folder, which then is a MODEL; what ``lenext pull --json`` prints.

    out: the folder, ``NAME`` of the repository when None; a model that lies there is not overwritten. The file's card
    and the SHA-256 of its tensors are checked before it gets there; nothing else of the repository is taken. Raises
    ``UsageError``, ``Failed``, and ``WeightFileError`` for a file that is not what its card says.
    """
    place = Repository.read(repository)
    folder = Path(out) if out is not None else Path(place.name.partition("/")[2])
    target = folder / FILE
    if target.exists() or (folder.exists() and not folder.is_dir()):
        raise UsageError(
            f"{target if target.exists() else folder} is there already.", "Give another folder with --out."
        )
    found = weights_of(place, watcher or Silent())
    card = load(found).card
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{FILE}.part")
        shutil.copyfile(found, part)
        part.replace(target)
    except OSError as error:
        raise Failed(f"Cannot write {target}: {error.strerror}.", "Free space, or give another --out.") from None
    return {
        "repository": str(place),
        "out": str(folder),
        "network": card.network,
        "reading": card.reading,
        "classes": list(card.classes),
        "metrics": dict(card.metrics),
        "licence": card.licence,
        "sha256": card.sha256,
    }


def readme(card: Card, written: Path, place: Repository, licence: str) -> bytes:
    """The model card with the Hub's front matter: the run's own, or a short one where there is only a weight file."""
    use = f"```sh\nlenext predict {PREFIX}{place.name} image.jpg\n```"
    own = written.read_text(encoding="utf-8") if written.is_file() else short(card)
    title, _, rest = own.partition("\n")
    return f"{front_matter(card, place, licence)}\n{title}\n\n{use}\n{rest}".encode()


def short(card: Card) -> str:
    """A model card of what a weight file alone says."""
    lines = [
        f"# {plain(card.network)}",
        "",
        f"An image classifier of {len(card.classes):,} classes: {', '.join(map(plain, card.classes))}.",
        "",
        f"Licence: {plain(card.licence)}.",
    ]
    return "\n".join(lines) + "\n"


def front_matter(card: Card, place: Repository, licence: str) -> str:
    """What the Hub reads: each value as JSON, which YAML is a superset of, so that no name can break out of it."""
    values: dict[str, Any] = {
        "library_name": "lenext",
        "pipeline_tag": "image-classification",
        "license": licence,
        **({"license_name": "see-below", "license_link": CARD} if licence == LICENCE else {}),
        "tags": ["image-classification", "lenext", card.network],
        "model-index": [{"name": place.name.partition("/")[2], "results": results(card)}],
    }
    if not values["model-index"][0]["results"]:
        del values["model-index"]  # the Hub refuses an empty one
    lines = [f"{name}: {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(["---", *lines, "---", ""])


def results(card: Card) -> list[dict[str, Any]]:
    """The measurements as the Hub's model index has them."""
    labels = ("map", "mean_average_precision", "mAP")
    figure, kind, words = labels if card.task == MULTILABEL else ("top1", "accuracy", "top-1")
    data = visible(str(card.data.get("name", "") or "images"))
    return [
        {
            "task": {"type": "image-classification"},
            "dataset": {"name": data, "type": "images", "split": visible(split)},
            "metrics": [{"type": kind, "value": found["value"], "name": named(words, found)}],
        }
        for split, measured in card.metrics.items()
        if (found := of(measured, figure))
    ]


def of(measured: Any, name: str) -> Mapping[str, float] | None:
    """A figure of one measurement of a card, None where it has none."""
    found = measured.get(name) if isinstance(measured, Mapping) else None
    fits = isinstance(found, Mapping) and all(
        isinstance(found.get(part), int | float) for part in ("value", "low", "high")
    )
    return found if fits else None


def named(words: str, found: Mapping[str, float]) -> str:
    return f"{words}, 95 % interval {found['low']:.4f} to {found['high']:.4f}"
