"""The border of a map: TensorFlow's "SAME", the symmetric one, and Keras' at the far edges.

SAME gives ceil(size / stride) outputs and puts an odd pixel of padding at the bottom and the right: a layer of stride
two sees other pixels than with symmetric padding on even maps, the same ones on odd maps.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lenext.layers.choice import one_of

PADDINGS = ("same", "symmetric", "far")


def same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels before and after one axis of ``size``."""
    windows = (size + stride - 1) // stride  # rounded up without a negative number, which ONNX divides otherwise
    total = max((windows - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def margins(x: Tensor, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """SAME's left, right, top, bottom for a map N C H W."""
    height, width = x.shape[2:]
    return (*same(width, kernel, stride), *same(height, kernel, stride))


class SameConv2d(nn.Conv2d):
    """A square convolution with SAME padding, whatever the size of the map."""

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N features ceil(H/stride) ceil(W/stride)
        padded = F.pad(x, margins(x, self.kernel_size[0], self.stride[0]))
        return F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class FarConv2d(nn.Conv2d):
    """A square convolution with (kernel - 1) / 2 pixels at the bottom and the right only, as Keras' MobileNet."""

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N features H/stride W/stride
        pixels = self.kernel_size[0] // 2
        padded = F.pad(x, (0, pixels, 0, pixels))
        return F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class SameMaxPool2d(nn.Module):
    """A square max pool with SAME padding; the border never wins."""

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C ceil(H/stride) ceil(W/stride)
        padded = F.pad(x, margins(x, self.kernel_size, self.stride), value=float("-inf"))
        return F.max_pool2d(padded, self.kernel_size, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1, padding: str = "same"
) -> nn.Conv2d:
    """A convolution of odd ``kernel`` without bias; ``padding`` matters where the stride is over one.

    Raises ``UsageError`` for a padding that is none of ``PADDINGS``.
    """
    one_of("padding", padding, PADDINGS)
    if stride > 1 and kernel > 1 and padding != "symmetric":
        kind = SameConv2d if padding == "same" else FarConv2d
        return kind(inputs, outputs, kernel, stride, groups=groups, bias=False)
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def max_pool(kernel: int, stride: int, *, padding: str = "same") -> nn.Module:
    """A max pool with SAME or symmetric padding."""
    one_of("padding", padding, PADDINGS[:2])
    return SameMaxPool2d(kernel, stride) if padding == "same" else nn.MaxPool2d(kernel, stride, kernel // 2)
