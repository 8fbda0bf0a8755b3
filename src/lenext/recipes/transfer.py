"""How a run that starts from trained weights goes on: its head first, on frozen features, then as much as is free."""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError

CLASSIFIERS = ("logistic", "svm")
NOTHING, LOWER, EVERYTHING = "none", "lower", "all"  # beside the names of stages


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Two phases. First the classifier alone, as a convex problem on features that are computed once; then the steps.

    freeze: the last stage that keeps its weights and statistics, with all before it: "none", the name of a stage or
    "stem", "lower" for the first two thirds of the stages, or "all", after which only the classifier trains;
    classifier: "logistic" (regression) or "svm" (linear, one against the rest); views: of each image whose features are
    learnt from, the plain one and augmented ones; scales: sides of the input, in shares of the view's, at which an
    image's features are taken and averaged (VGG, Appendix B);
    strengths: those of the fit (scikit-learn's C, for features of mean length 1), of which cross-validation within the
    training images in ``folds`` parts chooses.
    """

    freeze: str = NOTHING
    classifier: str = "logistic"
    views: int = 1
    scales: tuple[float, ...] = (1.0,)
    strengths: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    folds: int = 5

    def __post_init__(self) -> None:
        if self.classifier not in CLASSIFIERS:
            raise UsageError(
                f"There is no classifier {self.classifier!r} of features.", f"Give one of {', '.join(CLASSIFIERS)}."
            )
        if not self.scales or not self.strengths:
            raise UsageError("A transfer needs one of scales and of strengths at least.", "Give a list: [1.0].")
