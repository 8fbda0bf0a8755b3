"""Damaged pictures without end: the n-th is a function of n, half of them damaged where their format is sensitive."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from confined import confined
from hostile_pictures import pictures

from lenext.data.decode import decode, describe
from lenext.errors import ImageError

SECONDS, MEGABYTES = 2.0, 200.0  # that one input may cost; of the 300 promised, libraries' files may take the rest
LARGEST = 60_000  # bytes of a seed
NUMBERS = (0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 4096, 32_767, 65_535, 65_536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
PNG = b"\x89PNG\r\n\x1a\n"


@cache
def seeds() -> tuple[bytes, ...]:
    """Files of every format and kind, the sound ones, which have more to lose, three times."""
    some = [case for case in pictures() if 16 <= len(case.data) <= LARGEST]
    return tuple(case.data for case in some for _ in range(1 if case.pixels is None else 3))


def damaged(number: int) -> bytes:
    """The input of that number."""
    rng = np.random.default_rng([1998, number])
    data = bytearray(seeds()[int(rng.integers(len(seeds())))])
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        if len(data) < 16:
            break
        data = knowing(data, rng) if rng.integers(2) else blind(data, rng)
    return bytes(data)


def blind(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Bytes changed, cut out, doubled, zeroed, cut off, or taken from another file."""
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
    kind = rng.integers(7)
    if kind == 0:
        data[at] = rng.integers(256)
    elif kind == 1:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        del data[at : at + length]
    elif kind == 3:
        data[at:at] = data[at : at + length] * int(rng.choice([1, 1, 100]))
    elif kind == 4:
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif kind == 5:
        del data[at:]
    else:
        data[at:] = seeds()[int(rng.integers(len(seeds())))][at:]
    return data


def knowing(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A number in the header replaced by one that programs stumble over, and checksums made right again."""
    head = min(len(data), int(rng.choice([64, 300, len(data)])))
    if bytes(data[:2]) in {b"II", b"MM"} and len(data) > 12:  # directories of TIFF lie anywhere
        start = int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")
        at = start + 2 + 12 * int(rng.integers(12)) + int(rng.choice([0, 2, 4, 8]))
        at = at if at + 4 < len(data) else int(rng.integers(4, len(data) - 4))
    elif data[:2] == b"\xff\xd8":
        markers = [at for at in range(len(data) - 9) if data[at] == 255 and data[at + 1] > 0xBF] or [2]
        at = markers[int(rng.integers(len(markers)))] + int(rng.choice([1, 2, 4, 5, 7]))
    else:
        at = int(rng.integers(4, max(5, head - 4)))
    size, order = int(rng.choice([1, 2, 4])), str(rng.choice(["<", ">"]))
    value = NUMBERS[int(rng.integers(len(NUMBERS)))] % 256**size
    data[at : at + size] = struct.pack(order + {1: "B", 2: "H", 4: "I"}[size], value)
    return summed(data) if data[:8] == PNG else data


def summed(data: bytearray) -> bytearray:
    """A PNG whose chunks have the checksums of what they hold."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return data


# ---------------------------------------------------------------- what comes of them


@dataclass
class Tally:
    """inputs: counted; reasons: how many were read or refused for what; failures: what must not be."""

    inputs: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float = 0.0


def outcome(number: int) -> tuple[str, float]:
    """ "read", the reason of the refusal or another error, and the processor's seconds."""
    data = damaged(number)
    start = time.process_time()
    try:
        describe(data, "x")
        word = "read" if decode(data, "x").dim() == 3 else "failed: no picture"
    except ImageError as error:
        word = error.reason
    except BaseException as error:  # noqa: BLE001  (that is the question)
        word = f"failed: {type(error).__name__} {error}"
    return word, time.process_time() - start


def tally(numbers: Sequence[int], total: Tally) -> None:
    """Add the outcomes of some inputs, decoded in a process of their own; each alone where together they fail."""
    found = confined(lambda: [outcome(number) for number in numbers])
    if (found.signal or found.error or found.megabytes > MEGABYTES) and len(numbers) > 1:
        for number in numbers:
            tally([number], total)
        return
    total.inputs += len(numbers)
    total.megabytes = max(total.megabytes, found.megabytes)
    if found.signal or found.error or found.megabytes > MEGABYTES:
        total.failures.append(f"{numbers[0]}: signal {found.signal}, error {found.error}, {found.megabytes:.0f} MB")
        return
    for number, (word, seconds) in zip(numbers, found.answer, strict=True):
        total.seconds = max(total.seconds, seconds)
        total.reasons[word.partition(":")[0]] = total.reasons.get(word.partition(":")[0], 0) + 1
        if word.startswith("failed") or seconds > SECONDS:
            total.failures.append(f"{number}: {word}, {seconds:.2f} s")


def pieces(start: int, stop: int, length: int) -> Iterator[range]:
    return (range(at, min(stop, at + length)) for at in range(start, stop, length))
