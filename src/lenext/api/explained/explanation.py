"""One picture explained: what the network sees of it, its answer, the map laid back on it, the test, the words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.api.explained.nearest import Found, Pictures
from lenext.data.decode import read_image
from lenext.data.geometry import single_crop
from lenext.data.placement import Placement, placement
from lenext.errors import ImageError
from lenext.evaluation.inference import Compute, activated
from lenext.explanation import sheets
from lenext.explanation.gradcam import gradcam
from lenext.explanation.judgement import Judgement, judge
from lenext.explanation.neighbours import direction
from lenext.explanation.occlusion import occlusion
from lenext.explanation.odds import asked
from lenext.explanation.region import Region, region, why
from lenext.explanation.stages import Stage, chosen_stage, upto
from lenext.weights.card import Model

MOST = 1024  # pixels of the longer side of a map on its picture

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """A file read: the picture for people (uint8 C H W), the network's view of it (1 C h w), or why there is none."""

    path: str
    picture: Tensor | None = None
    view: Tensor | None = None
    error: dict[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One explanation; what does not apply is None or empty.

    class_, probability: what is explained; predicted, predicted_probability: the answer; picture: uint8 H W C;
    heat, shown: the map on the picture (H W) and where the network was shown anything; on_view: the map as the network
    sees it, for other sizes by way of ``placement``; sheet: uint8 H W 3; map: the file in the folder.
    """

    path: str | None
    method: str
    class_: str | None = None
    probability: float | None = None
    predicted: str | None = None
    predicted_probability: float | None = None
    stage: str | None = None
    picture: NDArray[np.uint8] | None = None
    heat: Floats | None = None
    shown: NDArray[np.bool_] | None = None
    on_view: Tensor | None = None
    placement: Placement | None = None
    sheet: NDArray[np.uint8] | None = None
    found: Region | None = None
    peak: tuple[int, int] | None = None
    judged: Judgement | None = None
    said: tuple[str, ...] = ()
    near: tuple[Found, ...] = ()
    map: str | None = None
    error: dict[str, str] | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the map is worth no more than chance."""
        cold = self.on_view is not None and self.found is None
        return cold or (self.judged is not None and self.judged.better_than_random is False)

    def document(self) -> dict[str, Any]:
        """What ``lenext explain --json`` prints of it."""
        judged, found = self.judged, self.found
        random = judged and {"matched": judged.matched, "trials": judged.trials}
        return {
            "path": self.path,
            "class": self.class_,
            "probability": self.probability,
            "predicted": self.predicted and {"class": self.predicted, "probability": self.predicted_probability},
            "method": self.method,
            "stage": self.stage,
            "map": self.map,
            "peak": self.peak and list(self.peak),
            "share": found and found.share,
            "region": found and found.words,
            "hidden": judged and judged.hidden,
            "alone": judged and judged.alone,
            "random": random,
            "better_than_random": judged and judged.better_than_random,
            "why": list(self.said),
            "neighbours": [{"path": one.name, "class": one.label, "distance": one.distance} for one in self.near],
            "error": self.error,
        }


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """A model and how it is to be explained; ``target`` is a class's position, None for each picture's own answer."""

    model: Model
    compute: Compute
    method: str
    stage: str | None
    target: int | None
    patch: tuple[int, int]
    trials: int
    pictures: Pictures | None = None
    nearest: int = 0

    @cached_property
    def chosen(self) -> Stage:
        """The stage whose maps are looked at."""
        return chosen_stage(self.model.network, *self.model.card.preprocessing.view.shape, self.stage)

    def read(self, path: str) -> Seen:
        """A file as the network and as people see it."""
        shown_as = self.model.card.preprocessing
        try:
            image = read_image(path, channels=shown_as.channels, background=shown_as.background)
            pictured = shown_as.channels in {1, 4}  # for people in colour; of more channels the first three
            colour = read_image(path, background=shown_as.background) if pictured else first_three(image)
        except ImageError as error:
            return Seen(path, error={"kind": error.reason, "message": error.message})
        return Seen(path, colour, single_crop(image[None], shown_as.view))

    def explain(self, seen: Seen) -> Explained:
        """The explanation of a file that was read."""
        if seen.view is None or seen.picture is None:
            return Explained(path=seen.path, method=self.method, error=seen.error)
        network, classes = self.model.network, self.model.card.classes
        inputs = self.model.statistics.normalise(seen.view.to(self.compute.device))
        with torch.no_grad():
            scores = activated(network(inputs), self.model.temperature, self.model.card.activation)[0].cpu()
        answer = int(scores.argmax())
        explained = Explained(
            path=seen.path,
            method=self.method,
            predicted=classes[answer],
            predicted_probability=float(scores[answer]),
            picture=seen.picture.permute(1, 2, 0).numpy(),
            near=self._near(inputs),
        )
        if self.method == "activations":
            return self._activations(explained, inputs)
        target = answer if self.target is None else self.target
        named = replace(explained, class_=classes[target], probability=float(scores[target]))
        return self._map(named, inputs, target, seen.picture)

    def _near(self, inputs: Tensor) -> tuple[Found, ...]:
        if self.pictures is None:
            return ()
        with torch.no_grad():
            own = direction(self.model.network.pooled(inputs))[0].cpu().numpy()
        return self.pictures.nearest(own, self.nearest)

    def _activations(self, explained: Explained, inputs: Tensor) -> Explained:
        with torch.no_grad():
            sheet = sheets.activations(upto(self.model.network, inputs, self.chosen.name)[0].float())
        said = f"The {sheet.drawn} strongest of the {sheet.of:,} maps of {self.chosen.name}, the strongest first."
        return replace(explained, stage=self.chosen.name, sheet=sheet.pixels, said=(said,))

    def _map(self, explained: Explained, inputs: Tensor, target: int, picture: Tensor) -> Explained:
        """The map of one class, on the view and on the picture, and what it is worth."""
        network = self.model.network
        if self.method == "occlusion":
            patch, stride = self.patch
            answers, place = asked(network, target, self.model.card.activation)
            heat = occlusion(answers, inputs, place, patch=patch, stride=stride).relu()
        else:
            heat = gradcam(network, inputs, torch.tensor([target], device=inputs.device), self.chosen)[0].cpu()
        height, width = picture.shape[1:]
        placed = placement(height, width, self.model.card.preprocessing.view)
        scale = min(1.0, MOST / max(height, width))
        laid, shown = (part.numpy() for part in placed.lay(heat, round(height * scale) or 1, round(width * scale) or 1))
        found = region(laid, shown)
        judged = self._judged(inputs, target, heat, placed) if found else None
        assert explained.class_ is not None
        return replace(
            explained,
            stage=self.chosen.name if self.method == "gradcam" else None,
            heat=laid,
            shown=shown,
            on_view=heat,
            placement=placed,
            found=found,
            peak=on_whole(found.peak, laid.shape, (height, width)) if found else None,
            judged=judged,
            said=tuple(why(explained.class_, found, judged)),
        )

    def _judged(self, inputs: Tensor, target: int, heat: Tensor, placed: Placement) -> Judgement:
        framed = torch.full_like(heat, float("nan"))
        framed[placed.picture] = heat[placed.picture]
        temperature, trials = self.model.temperature, self.trials
        answers, place = asked(self.model.network, target, self.model.card.activation)
        return judge(answers, inputs, place, framed, temperature=temperature, trials=trials)


def first_three(image: Tensor) -> Tensor:  # C H W -> 3 H W
    """Three channels for people: the first three, or the first alone as grey."""
    return image[:3] if len(image) >= 3 else image[:1].expand(3, -1, -1)


def on_whole(peak: tuple[int, int], drawn: tuple[int, ...], whole: tuple[int, int]) -> tuple[int, int]:
    """A pixel of the drawn map as a pixel of the whole picture."""
    y, x = (int((at + 0.5) * side / size) for at, size, side in zip(peak, drawn, whole, strict=True))
    return y, x


def sheet_of_filters(model: Model) -> Explained:
    """The first layer's filters, which belong to no picture."""
    sheet = sheets.filters(model.network, model.card.preprocessing.channels)
    said = f"{sheet.drawn} of the {sheet.of:,} filters of the first layer, each on its own scale: grey is zero."
    return Explained(path=None, method="filters", stage="stem", sheet=sheet.pixels, said=(said,))
