"""A convolution by a table of connections, as the C3 of LeNet-5 (Table I of its paper)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.layers import one_sample
from lenext.layers.chain import WeightedSum


class TableConv(WeightedSum):
    """A convolution in which each output map sees only the input maps of its row in ``table``.

    ``weight`` holds one kernel per connection and nothing else: absent connections have no parameter.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        pairs = [(row, column) for row, columns in enumerate(table) for column in columns]
        self.shape = (len(table), 1 + max(column for _, column in pairs), kernel, kernel)
        self.register_buffer("rows", torch.tensor([row for row, _ in pairs]), persistent=False)
        self.register_buffer("columns", torch.tensor([column for _, column in pairs]), persistent=False)
        self.inputs = torch.tensor([float(len(columns) * kernel * kernel) for columns in table])  # of each map's units
        self.density = len(pairs) / (self.shape[0] * self.shape[1])  # multiply-adds that are really there
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel, kernel))
        self.bias = nn.Parameter(torch.empty(len(table)))

    def forward(self, x: Tensor) -> Tensor:  # N 6 14 14 -> N 16 10 10
        weight, bias, _ = self.convolution()
        return F.conv2d(x, weight, bias)

    def convolution(self) -> tuple[Tensor, Tensor, int]:
        dense = self.weight.new_zeros(self.shape).index_put((self.rows, self.columns), self.weight)
        return dense, self.bias, 1

    def fans(self) -> list[tuple[Tensor, Tensor]]:
        return [(self.weight, self.inputs[self.rows.to(self.inputs.device)]), (self.bias, self.inputs)]

    def one_sample(self, shape: one_sample.Shape) -> one_sample.Layer:
        pairs = self.rows * self.shape[1] + self.columns
        return one_sample.Convolution(self.weight, self.bias, shape, pairs.numpy())
