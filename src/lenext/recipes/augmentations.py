"""Augmentation as values, in the order of application; ``data/augment`` and ``data/colour`` compute them.

``interpolation`` is "bilinear" or "bicubic", both with antialiasing, or "random": one of bilinear, area, nearest and
bicubic with equal chances (GoogLeNet).
"""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError
from lenext.protocol import SingleCrop


@dataclass(frozen=True, kw_only=True)
class ShortSide:
    """Isotropic scaling: the shorter side becomes a whole number of pixels, uniform in [low, high].

    aspect: for inputs that are no squares their width as a multiple of their height; the number of pixels is then the
    height of a rectangle of that aspect, which the image just covers.
    """

    low: int
    high: int
    interpolation: str = "bilinear"
    aspect: float = 1.0


@dataclass(frozen=True, kw_only=True)
class RandomCrop:
    """A ``size`` x ``size`` square at a uniform place, after ``pad`` pixels of ``fill`` on each side.

    width: where it is no square, but ``size`` high; mean: the padding is the mean of each channel in place of ``fill``,
    as where the mean goes before the padding.
    """

    size: int
    pad: int = 0
    fill: int = 0
    width: int | None = None
    mean: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        return self.size, self.width or self.size


RULES = ("torchvision", "uniform", "fb.resnet.torch", "tensorflow", "efficientnet")  # computed by data/random_part


@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop:
    """A rectangle of ``area`` (share) and ``aspect``, scaled to ``size`` x ``size``; 10 tries to fit it in.

    drawn: how its shape is, and what is taken where no try fits: "torchvision", the aspect log-uniform, the area
    uniform, else the largest central part of such an aspect; "uniform", the same with the aspect uniform;
    "fb.resnet.torch", the aspect uniform and inverted with probability 1/2, the area uniform, else the central square;
    "tensorflow", the aspect uniform, then the height, within what ``area`` and the image allow, else the whole image;
    "efficientnet", as TensorFlow, else the central square of its test.
    width: where the result is no square, but ``size`` high; aspects are then multiples of its own.
    """

    size: int
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    width: int | None = None
    drawn: str = "torchvision"

    def __post_init__(self) -> None:
        if self.drawn not in RULES:
            raise UsageError(f"RandomResizedCrop is drawn as {self.drawn!r}.", f"Choose one of {', '.join(RULES)}.")

    @property
    def shape(self) -> tuple[int, int]:
        return self.size, self.width or self.size


@dataclass(frozen=True, kw_only=True)
class RandomFlip:
    """Mirror left and right with probability ``p``."""

    p: float = 0.5


@dataclass(frozen=True, kw_only=True)
class RandomAffine:
    """Planar affine map about the centre, each part uniform within +- its bound; outside the image is ``fill``.

    degrees: rotation; shift: share of the side; scale: relative size; shear: horizontal, as a slope; squeeze: one axis
    longer by this share and the other shorter by it (LeNet's distortions).
    """

    degrees: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    squeeze: float = 0.0
    fill: int = 0


@dataclass(frozen=True, kw_only=True)
class PCAColour:
    """AlexNet's colour noise: along each principal axis of the data's RGB values, N(0, std) times its size.

    size: "deviation", as AlexNet's code has it, or "eigenvalue", as its text says: of RGB values in 0..1, so that the
    noise is weaker (fb.resnet.torch). shrink: what was moved is divided by 1 + std, its mean left where it is, so that
    training images differ as much as those of a test, which have no noise (AlexNet's code).
    """

    std: float = 0.1
    size: str = "deviation"
    shrink: bool = False

    def __post_init__(self) -> None:
        if self.size not in {"deviation", "eigenvalue"}:
            raise UsageError(f"PCAColour's size is {self.size!r}.", "Give deviation or eigenvalue.")


@dataclass(frozen=True, kw_only=True)
class ColourJitter:
    """Brightness, contrast and saturation, each blended by a factor uniform in 1 +- its bound, in random order."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TensorFlowColour:
    """Colours as Inception's and slim's code changes them, by TensorFlow's operations.

    brightness: what is added at most, as a share of white; contrast: about each channel's mean, and saturation, HSV's,
    by a factor uniform in 1 +- its bound; hue: turned by this share of the circle at most, to either side;
    orders: of the changes, by their first letters, one of which is drawn; a change that is in none is never made.
    """

    brightness: float = 32 / 255
    contrast: float = 0.5
    saturation: float = 0.5
    hue: float = 0.2
    orders: tuple[str, ...] = ("BSHC", "BCSH")

    def __post_init__(self) -> None:
        if not self.orders or not all(set(order) <= set("BCSH") for order in self.orders):
            raise UsageError(
                f"TensorFlowColour's orders are {self.orders!r}.", 'Give words of the letters B, C, S and H: ["BSHC"].'
            )


@dataclass(frozen=True, kw_only=True)
class AutoAugment:
    """One of the policy's sub-policies at random, its two operations each with its probability and level.

    policy: "v0", the 25 sub-policies of EfficientNet; fill: grey level outside a moved image.
    """

    policy: str = "v0"
    fill: int = 128

    def __post_init__(self) -> None:
        if self.policy != "v0":
            raise UsageError(f"There is no AutoAugment policy {self.policy!r}.", "Give v0.")


STRONGEST = {"timm": 10, "tpu": 30}  # whose operations -> the largest magnitude


@dataclass(frozen=True, kw_only=True)
class RandAugment:
    """``operations`` drawn with replacement, each used with probability ``p`` at a magnitude N(magnitude, std).

    code: "timm", its 15 operations of the "increasing" set, of which a larger magnitude is always a stronger change, at
    10 at most; or "tpu", the 16 of EfficientNet's code, up to 30. fill: grey levels of the channels outside a moved
    image; interpolation: how that is read, "bilinear", "bicubic" or one of them by chance, "random", or "nearest".
    """

    operations: int = 2
    magnitude: float = 9.0
    std: float = 0.5
    p: float = 0.5
    fill: tuple[int, int, int] = (124, 116, 104)
    interpolation: str = "random"
    code: str = "timm"

    def __post_init__(self) -> None:
        if self.interpolation not in {"bilinear", "bicubic", "random", "nearest"}:
            raise UsageError(
                f"RandAugment's interpolation is {self.interpolation!r}.", "Give bilinear, bicubic, nearest or random."
            )
        if self.code not in STRONGEST:
            raise UsageError(f"RandAugment's code is {self.code!r}.", f"Give one of {', '.join(STRONGEST)}.")
        if self.magnitude > STRONGEST[self.code]:
            raise UsageError(
                f"RandAugment's magnitude is {self.magnitude!r}.",
                f"Give {STRONGEST[self.code]} at most for the operations of code {self.code}.",
            )


@dataclass(frozen=True, kw_only=True)
class RandomErasing:
    """With probability ``p`` a rectangle of ``area`` (share) and ``aspect`` (log-uniform) becomes noise.

    Drawn on the network's input: every number of the rectangle is N(0, 1); 10 tries to fit it in.
    """

    p: float = 0.25
    area: tuple[float, float] = (0.02, 1 / 3)
    aspect: tuple[float, float] = (0.3, 10 / 3)


Augmentation = (
    ShortSide
    | RandomCrop
    | RandomResizedCrop
    | SingleCrop
    | RandomFlip
    | RandomAffine
    | PCAColour
    | ColourJitter
    | TensorFlowColour
    | AutoAugment
    | RandAugment
    | RandomErasing
)


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """Mixup or CutMix of a batch with itself in reverse, one share for the whole batch, drawn from Beta(a, a).

    mixup, cutmix: a of each, 0 for never; p: of mixing at all; switch: of CutMix where both are on. Targets are mixed
    by the same share (of CutMix: that of the pixels that stayed).
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    p: float = 1.0
    switch: float = 0.5
