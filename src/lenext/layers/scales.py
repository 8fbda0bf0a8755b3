"""A picture at several scales and mirrored: how VGG takes the features that other tasks learn from (Appendix B)."""

from collections.abc import Iterator

from torch import Tensor
from torch.nn import functional as F

from lenext.errors import UsageError

MOST, LARGEST = 16, 2.0  # ours: scales, and of them the largest: what a pass may cost


def at_scales(x: Tensor, scales: tuple[float, ...]) -> Iterator[Tensor]:  # N C H W -> N C h w
    """The pictures at each share of their size, and after each its mirror image."""
    for share in scales:
        view = scaled(x, [max(1, round(side * share)) for side in x.shape[2:]])
        yield view
        yield view.flip(3)


def scaled(x: Tensor, size: list[int]) -> Tensor:  # N C H W -> N C *size
    """Bilinear, of pictures that are halved before where more than that is left out.

    Bicubic with antialiasing is no better for the features, and OpenVINO computes it otherwise.
    """
    while 2 * size[0] < x.shape[2] and 2 * size[1] < x.shape[3]:
        x = F.avg_pool2d(x, 2)
    return x if list(x.shape[2:]) == size else F.interpolate(x, size=size, mode="bilinear")


def check_scales(scales: object) -> tuple[float, ...]:
    """Scales as a network takes them. Raises UsageError for what are none."""
    found = tuple(scales) if isinstance(scales, list | tuple) else (scales,)
    if len(found) > MOST or not all(isinstance(share, int | float) and 0 < share <= LARGEST for share in found):
        raise UsageError(
            f"These are no scales: {scales!r}.",
            f"Give at most {MOST} shares of the picture's size, above 0 and up to {LARGEST:g}: [1.0, 0.5].",
        )
    return tuple(float(share) for share in found)
