"""How a network is shown an image: preprocessing and test protocols, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

# What a network is asked: which one class an image is of, or which labels it has, any number of them; and the function
# that makes its logits probabilities, which every engine and export has to apply.
MULTICLASS, MULTILABEL = "multiclass", "multilabel"
SOFTMAX, SIGMOID = "softmax", "sigmoid"
ACTIVATIONS = {MULTICLASS: SOFTMAX, MULTILABEL: SIGMOID}

INTERPOLATIONS = ("bilinear", "bicubic")  # both with antialiasing, as Pillow computes them


@dataclass(frozen=True, kw_only=True)
class SingleCrop:
    """One view: shorter side scaled to ``resize`` pixels, then the central ``crop`` x ``crop`` square.

    Where the crop is larger than the scaled image, ``fill`` surrounds it (MNIST's 28 pixels in LeNet's 32). With
    ``squash`` the whole image becomes ``resize`` x ``resize`` without regard to its aspect (ConvNeXt at 384); with
    ``crop_first`` the same central square is cut from the original image and then scaled (EfficientNet); with
    ``letterbox`` the whole image, its aspect kept, is scaled to fit into ``resize`` x ``resize``, surrounded by
    ``fill``. With a ``width`` the view is no square but ``crop`` pixels high and ``width`` wide, and images are scaled
    for the rectangle of the same aspect that is ``resize`` high: to cover it, to fit into it or to fill it.
    """

    resize: int
    crop: int
    fill: int = 0
    interpolation: str = "bilinear"
    squash: bool = False
    crop_first: bool = False
    width: int | None = None
    letterbox: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the view."""
        return self.crop, self.width or self.crop

    @property
    def scaled(self) -> tuple[int, int]:
        """Height and width of the rectangle that the scaled image covers, fills or fits into."""
        height, width = self.shape
        return self.resize, max(1, round(self.resize * width / height))

    @property
    def views(self) -> int:
        return 1


@dataclass(frozen=True, kw_only=True)
class TenCrop:
    """Four corners, centre and their mirrors, of the image scaled to a shorter side of ``resize`` pixels.

    With ``square`` they are cut from its central ``resize`` x ``resize`` square (AlexNet), else from the whole of it.
    With ``logits`` the class scores of the ten are averaged, not their probabilities (fb.resnet.torch).
    """

    resize: int
    crop: int
    square: bool = False
    interpolation: str = "bilinear"
    logits: bool = False

    @property
    def views(self) -> int:
        return 10


@dataclass(frozen=True, kw_only=True)
class SquareCrops:
    """GoogLeNet's 144: at each of ``scales`` three squares along the image, of each six views, and all mirrored.

    The squares lie at both ends and in the middle of the longer side; the views of a square are its four corners, its
    centre and the whole of it scaled to ``crop`` pixels. ``places`` keeps only so many squares: 1 is the middle one.
    """

    scales: tuple[int, ...]
    crop: int
    places: int = 3
    interpolation: str = "bilinear"

    @property
    def views(self) -> int:
        return len(self.scales) * self.places * 6 * 2


@dataclass(frozen=True, kw_only=True)
class MultiCrop:
    """VGG's multi-crop: at each of ``scales`` a regular ``grid`` x ``grid`` of crops over the image, and mirrored."""

    scales: tuple[int, ...]
    crop: int
    grid: int = 5
    interpolation: str = "bilinear"

    @property
    def views(self) -> int:
        return len(self.scales) * self.grid**2 * 2


@dataclass(frozen=True, kw_only=True)
class Dense:
    """The network as a convolution over the whole image, scaled to a shorter side of each of ``scales`` in turn.

    Class scores (logits) are averaged over the positions, then turned into probabilities; those are averaged over the
    scales and, with ``mirror``, over the image and its mirror image.
    """

    scales: tuple[int, ...]
    mirror: bool = True
    interpolation: str = "bilinear"

    @property
    def views(self) -> int:
        return len(self.scales) * (2 if self.mirror else 1)


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean of the probabilities that several protocols give (VGG's multi-crop and dense)."""

    parts: tuple[SingleCrop | TenCrop | SquareCrops | MultiCrop | Dense, ...]

    @property
    def views(self) -> int:
        return sum(part.views for part in self.parts)


Protocol = SingleCrop | TenCrop | SquareCrops | MultiCrop | Dense | Mean


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """From a file to the network's input: everything that must be the same in training, test and service.

    channels: 1 (grey, luminance), 3 (RGB), 4 (RGB and opacity), or as many as a TIFF has; view: the geometry of the
    usual single view;
    mean, std: per channel, in units of 0..1, so that input = (pixel / 255 - mean) / std;
    pixel_mean: a mean image is subtracted first, of the view's size or larger (kept beside the weights);
    background: grey level that shows through transparent pixels.
    """

    channels: int
    view: SingleCrop
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_mean: bool = False
    background: int = 255
