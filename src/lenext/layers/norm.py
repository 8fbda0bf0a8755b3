"""Layer normalisation over the channels of a map, as ConvNeXt has it where a map shrinks (arXiv 2201.03545, 2.6)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class LayerNorm2d(nn.LayerNorm):
    """Each position of a map is normalised over its channels alone; the result lies in memory with channels last."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__(channels, eps)

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C H W
        last = x.permute(0, 2, 3, 1)
        return F.layer_norm(last, self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)
