"""How a run that starts from trained weights goes on: its head first, on frozen features, then as much as is free."""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError

CLASSIFIERS = LOGISTIC, SVM, DISCRIMINANT = "logistic", "svm", "discriminant"
NOTHING, LOWER, EVERYTHING = "none", "lower", "all"  # beside the names of stages


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Two phases. First the classifier alone, as a convex problem on features that are computed once; then the steps.

    freeze: the last stage that keeps its weights and statistics, with all before it: "none", the name of a stage or
    "stem", "lower" for the first two thirds of the stages, or "all", after which only the classifier trains;
    classifier: "logistic" (regression), "svm" (linear, one against the rest) or "discriminant" (Fisher's linear one);
    views: of each image whose features are learnt from, the plain one and augmented ones; scales: shares of the view's
    size at which the network sees an image, and mirrored, whose features are averaged, in the fit and in every answer
    afterwards (VGG, Appendix B); () once, as it is;
    unit_length: the features of an image are scaled to length 1, there too; the fit then takes them as they are, where
    it divides each by the root of its spread else;
    strengths: those of the fit, of which cross-validation within the training images in ``folds`` parts chooses:
    scikit-learn's C for features of mean length 1, of a discriminant the share of an even spread in that of a class.
    """

    freeze: str = NOTHING
    classifier: str = LOGISTIC
    views: int = 1
    scales: tuple[float, ...] = ()
    unit_length: bool = False
    strengths: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    folds: int = 5

    def __post_init__(self) -> None:
        if self.classifier not in CLASSIFIERS:
            raise UsageError(
                f"There is no classifier {self.classifier!r} of features.", f"Give one of {', '.join(CLASSIFIERS)}."
            )
        if not self.strengths:
            raise UsageError("A transfer needs a strength at least.", "Give a list: [1.0].")
        if self.classifier == DISCRIMINANT and not all(0 <= share <= 1 for share in self.strengths):
            raise UsageError(
                f"The strengths of a discriminant are {self.strengths}.", "Give shares from 0 to 1: [0.4]."
            )
