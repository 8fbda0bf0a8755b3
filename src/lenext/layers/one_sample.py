"""Layers for one image at a time, forward and backward written out in numpy, on the arrays of a torch network.

A step of LeNet on one image is too little work for torch: nine tenths of it are bookkeeping. These layers give the same
outputs and gradients (a test holds them to autograd), in buffers that are made once.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.floating]
Places = NDArray[np.int64]
Shape = tuple[int, ...]


class Layer(Protocol):
    """``backward`` follows ``forward``: it takes dE/dy, writes the gradients and returns dE/dx.

    shape: of the output; gradients: for each parameter the array that ``backward`` fills. Arrays that are returned are
    used again at the next image; the input of ``forward`` must stay as it is until ``backward``.
    """

    shape: Shape
    gradients: list[tuple[Tensor, Array]]

    def forward(self, x: Array) -> Array: ...

    def backward(self, slope: Array) -> Array: ...


def values(parameter: Tensor) -> Array:
    """The parameter's own memory as an array."""
    array: Array = parameter.detach().numpy()
    return array


class Linear:
    """y = W x + b for any shape of x."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = values(weight).reshape(len(weight), -1), values(bias)
        self._of_weight, self._of_bias = np.empty_like(self._weight), np.empty_like(self._bias)
        self.gradients = [(weight, self._of_weight.reshape(weight.shape)), (bias, self._of_bias)]
        self.shape: Shape = (len(weight),)

    def forward(self, x: Array) -> Array:
        self._x = x
        y: Array = self._weight @ x.ravel()
        y += self._bias
        return y

    def backward(self, slope: Array) -> Array:
        slope = slope.ravel()
        np.multiply(slope[:, None], self._x.ravel(), out=self._of_weight)
        self._of_bias[:] = slope
        before: Array = slope @ self._weight
        return before.reshape(self._x.shape)


class Convolution:
    """Stride 1, no padding: every k x k window of x becomes a column of a matrix, which the kernels multiply.

    pairs: where ``weight`` holds one kernel for each connection of maps only, the number of each connection's place
    among all (output maps x input maps). first: nobody needs dE/dx, which ``backward`` then does not compute.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, shape: Shape, pairs: Places | None = None, *, first: bool = False
    ) -> None:
        inputs, height, width = shape
        k, maps = weight.shape[-1], len(bias)
        rows, columns = height - k + 1, width - k + 1
        self.shape: Shape = (maps, rows, columns)
        self._kernels, self._bias, self._pairs, self._first = values(weight), values(bias), pairs, first
        kind = self._kernels.dtype
        self._dense = np.zeros((maps * inputs, k * k), kind) if pairs is not None else self._kernels
        self._matrix = self._dense.reshape(maps, inputs * k * k)
        self._slopes = np.empty_like(self._matrix)  # dE/dW of all places, those without a connection too
        of_weight = self._slopes.reshape(weight.shape) if pairs is None else np.empty_like(self._kernels)
        self._of_weight, self._of_bias = of_weight, np.empty_like(self._bias)
        self.gradients = [(weight, of_weight), (bias, self._of_bias)]
        self._windows = np.empty((inputs, k, k, rows, columns), kind)
        self._y = np.empty((maps, rows * columns), kind)
        # Back to the input: the contribution of each place of the kernel is laid out on a map of its own, moved by that
        # place; what lies outside stays zero, and the sum of the maps is dE/dx.
        self._moved = np.zeros((inputs, k * k, height * width), kind)
        item, whole = self._moved.itemsize, height * width
        strides = (k * k * whole, k * whole + width, whole + 1, width, 1)
        self._places = as_strided(self._moved, self._windows.shape, [item * stride for stride in strides])
        self._before = np.empty((inputs, whole), kind)
        self._input: Shape = shape

    def forward(self, x: Array) -> Array:
        if self._pairs is not None:
            self._dense[self._pairs] = self._kernels.reshape(len(self._pairs), -1)
        channel, row, column = x.strides
        np.copyto(self._windows, as_strided(x, self._windows.shape, (channel, row, column, row, column)))
        np.matmul(self._matrix, self._windows.reshape(self._matrix.shape[1], -1), out=self._y)
        self._y += self._bias[:, None]
        return self._y.reshape(self.shape)

    def backward(self, slope: Array) -> Array:
        flat = slope.reshape(len(self._bias), -1)
        windows = self._windows.reshape(self._matrix.shape[1], -1)
        np.matmul(flat, windows.T, out=self._slopes)
        flat.sum(1, out=self._of_bias)
        if self._pairs is not None:
            np.take(
                self._slopes.reshape(self._dense.shape), self._pairs, 0, self._of_weight.reshape(len(self._pairs), -1)
            )
        if not self._first:
            np.copyto(self._places, (self._matrix.T @ flat).reshape(self._places.shape))
            self._moved.sum(1, out=self._before)
        return self._before.reshape(self._input)


class Subsampling:
    """The sum of each 2x2 square times the map's coefficient, plus its bias."""

    def __init__(self, weight: Tensor, bias: Tensor, shape: Shape) -> None:
        maps, height, width = shape
        self._weight, self._bias = values(weight)[:, None, None], values(bias)[:, None, None]
        self._of_weight, self._of_bias = np.empty(maps, self._weight.dtype), np.empty(maps, self._weight.dtype)
        self.gradients = [(weight, self._of_weight), (bias, self._of_bias)]
        self.shape: Shape = (maps, height // 2, width // 2)
        self._before = np.zeros(shape, self._weight.dtype)

    def forward(self, x: Array) -> Array:
        _, rows, columns = self.shape
        x = x[:, : 2 * rows, : 2 * columns]
        pairs = x[:, ::2] + x[:, 1::2]
        self._sums = pairs[:, :, ::2] + pairs[:, :, 1::2]
        y: Array = self._sums * self._weight
        y += self._bias
        return y

    def backward(self, slope: Array) -> Array:
        np.einsum("mrc,mrc->m", slope, self._sums, out=self._of_weight)
        slope.sum((1, 2), out=self._of_bias)
        share = slope * self._weight
        _, rows, columns = self.shape
        for row in (0, 1):
            for column in (0, 1):
                self._before[:, row : 2 * rows : 2, column : 2 * columns : 2] = share
        return self._before


class Tanh:
    """y = height tanh(steepness x)."""

    gradients: list[tuple[Tensor, Array]] = []  # noqa: RUF012 - it has none, and none is added

    def __init__(self, height: float, steepness: float, shape: Shape) -> None:
        self.shape = shape
        self._height, self._steepness = height, steepness

    def forward(self, x: Array) -> Array:
        y: Array = x * self._steepness
        np.tanh(y, out=y)
        y *= self._height
        self._y = y
        return y

    def backward(self, slope: Array) -> Array:
        before: Array = self._y * self._y
        before *= -self._steepness / self._height
        before += self._steepness * self._height
        before *= slope
        return before


class Distances:
    """Minus the squared distance of x to each row of ``codes``, which are fixed."""

    gradients: list[tuple[Tensor, Array]] = []  # noqa: RUF012 - it has none, and none is added

    def __init__(self, codes: Array) -> None:
        self._codes = codes
        self.shape: Shape = (len(codes),)

    def forward(self, x: Array) -> Array:
        self._away = x - self._codes
        y: Array = -np.einsum("ij,ij->i", self._away, self._away)
        return y

    def backward(self, slope: Array) -> Array:
        before: Array = slope @ self._away
        before *= -2
        return before
