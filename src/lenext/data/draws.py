"""Randomness as a pure function of (seed, epoch, position): nothing to store, nothing that workers could disturb.

Philox is a counter: any word of its sequence can be had without the words before it. Every use has its own stream and
every position of an epoch its place in it, so one image or a whole batch, one worker or many draw the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ORDER = 0  # streams below: the order of an epoch, the noise inside the network, then one a step of augmentation
NOISE = 1
AUGMENTATION = 2
MIXING = 1_000_000  # above every step
BALANCE = 2_000_000  # and one a class above that

_WORDS_PER_BLOCK = 4  # Philox4x64 gives four words a count


def uniforms(key: tuple[int, int], epoch: int, start: int, count: int, width: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (count, width), for positions ``start`` onwards; ``key`` is (seed, stream)."""
    if width == 0:
        return np.empty((count, 0))
    blocks = -(-width // _WORDS_PER_BLOCK)
    words = _words(key, (start * blocks, epoch), count * blocks * _WORDS_PER_BLOCK)
    doubles = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return doubles.reshape(count, blocks * _WORDS_PER_BLOCK)[:, :width]


def permutation(seed: int, epoch: int, length: int, stream: int = ORDER) -> NDArray[np.int64]:
    """The order of an epoch: the positions of sorted random words (numpy promises the words, not its own shuffle)."""
    return np.argsort(_words((seed, stream), (0, epoch), length), kind="stable")


def noise_seed(seed: int, step: int, shard: int = 0) -> int:
    """The seed of torch's generator for one step of one shard: dropout and everything else inside the network."""
    return int(_words((seed, NOISE), (step, shard), 1)[0] >> np.uint64(1))


def _words(key: tuple[int, int], counter: tuple[int, int], length: int) -> NDArray[np.uint64]:
    low, high = counter
    generator = np.random.Philox(
        key=np.array(key, dtype=np.uint64), counter=np.array([low, 0, high, 0], dtype=np.uint64)
    )
    words: NDArray[np.uint64] = generator.random_raw(length)
    return words
