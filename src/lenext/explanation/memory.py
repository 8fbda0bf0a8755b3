"""What the maps of one forward pass take: the bytes that each layer adds, and the most that is alive at once."""

from __future__ import annotations

import weakref
from collections import Counter

from torch import Tensor


class Memory:
    """Bytes of the tensors that are alive. Views and results in place share the memory of what they came from."""

    def __init__(self) -> None:
        self.peak = 0
        self._now = 0
        self._bytes: dict[int, int] = {}
        self._holders: Counter[int] = Counter()  # tensors on the same memory
        self._known: set[int] = set()
        self._counted: set[int] = set()

    def note(self, tensor: Tensor) -> None:
        """A tensor that an operator made or handed on."""
        if id(tensor) in self._known:
            return
        place = placed(tensor)
        if not self._holders[place]:
            self._bytes[place] = tensor.untyped_storage().nbytes()
            self._now += self._bytes[place]
            self.peak = max(self.peak, self._now)
        self._holders[place] += 1
        self._known.add(id(tensor))
        weakref.finalize(tensor, self._forget, id(tensor), place).atexit = False

    def added(self, output: Tensor) -> int:
        """The bytes of a layer's output; 0 where they were counted as the output of a layer before it."""
        place = placed(output)
        if place in self._counted:
            return 0
        self._counted.add(place)
        return output.numel() * output.element_size()

    def _forget(self, tensor: int, place: int) -> None:
        self._known.discard(tensor)
        self._holders[place] -= 1
        if not self._holders[place]:
            self._now -= self._bytes.pop(place)
            self._counted.discard(place)


def placed(tensor: Tensor) -> int:
    """Which memory it is, as long as it is alive."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - data_ptr is 0 for all on the meta device
