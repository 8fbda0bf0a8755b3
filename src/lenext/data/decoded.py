"""Image files decoded once: kept in memory, or as files of pixels named by the content that they were decoded from."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.data.cache_folder import ROOM, cache_folder, if_possible, keep, not_kept, thin, used
from lenext.data.checksum import checksum
from lenext.data.decode import Cut, decode, read_file
from lenext.data.enough import reduction
from lenext.data.images import FileImages, cut_out
from lenext.data.item import Content
from lenext.errors import UsageError

AUTO, MEMORY, DISK, OFF = MODES = ("auto", "ram", "disk", "off")
SHARE = {AUTO: 0.25, MEMORY: 0.5}  # ours: of the memory that is free now
SPARE = 2**31  # bytes of a disk that are left free
VERSION = 2  # of what a file of pixels means: another decoder needs another number
HEADER = np.dtype([("magic", "S8"), ("shape", "<i4", (3,)), ("version", "<i4"), ("sum", "<u8")])
MAGIC = b"lenextPX"


@dataclass(eq=False)
class Memory:
    """Pixels (uint8 C H W, which nobody may change) by the position of an image, as long as ``room`` bytes last."""

    room: int
    kept: dict[int, Tensor] = field(default_factory=dict)

    def get(self, index: int) -> Tensor | None:
        return self.kept.get(index)

    def put(self, index: int, pixels: Tensor) -> None:
        if pixels.nbytes <= self.room:
            self.room -= pixels.nbytes
            self.kept[index] = pixels


@dataclass(frozen=True, eq=False)
class Files:
    """Pixels in files under ``folder``, one a content and way of reading; ``names`` are those of the images."""

    folder: Path
    names: tuple[str, ...]

    def get(self, index: int) -> Tensor | None:
        """None for a file that is not there, or not as it was written."""
        try:
            with self._path(index).open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError):
            return None
        if len(data) < HEADER.itemsize:
            return None
        head = np.frombuffer(data, HEADER, 1)[0]
        height, width, channels = (int(side) for side in head["shape"])
        whole = min(height, width, channels) > 0 and len(data) == HEADER.itemsize + height * width * channels
        if head["magic"] != MAGIC or head["version"] != VERSION or not whole:
            return None
        pixels = np.frombuffer(data, np.uint8, offset=HEADER.itemsize)
        if head["sum"] != checksum(pixels):
            return None
        used(self._path(index))
        return torch.from_numpy(pixels.reshape(height, width, channels)).permute(2, 0, 1)

    def put(self, index: int, pixels: Tensor) -> None:
        """Written so that no other process sees half of it; a full disk keeps nothing."""
        path = self._path(index)
        rows = pixels.permute(1, 2, 0).contiguous()
        with if_possible():
            path.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(path.parent).free < SPARE + rows.nbytes:
                not_kept(os.strerror(errno.ENOSPC), ROOM)
                return
            head = MAGIC, tuple(rows.shape), VERSION, checksum(rows.flatten().numpy())
            keep(path, np.array(head, HEADER).tobytes(), rows.numpy().data)

    def _path(self, index: int) -> Path:
        name = self.names[index]
        return self.folder / name[:2] / name


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """Image files read at ``least`` pixels of the shorter side (``enough``; 0: whole), and kept where there is room."""

    images: FileImages
    least: int
    channels: int
    background: int = 255
    store: Memory | Files | None = None

    def __len__(self) -> int:
        return len(self.images)

    def name(self, index: int) -> str:
        return self.images.name(index)

    def read(self, index: int, channels: int, background: int, part: Cut | None = None) -> Tensor:
        """uint8 C H W, upright, or only that part of it, not to be written to; raises ``ImageError`` only."""
        known = (channels, background) == (self.channels, self.background)
        store = self.store if known else None
        found = store.get(index) if store else None
        if found is not None:
            return cut_out(found, part)
        name = self.images.place(index)
        data = read_file(name)
        shown = partial(decode, data, name, channels=channels, background=background, least=self.least)
        own = checksum(np.frombuffer(data, np.uint8))
        if part is not None and self._whole[index] == own:
            return shown(part=part)
        found = shown()
        self._whole[index] = own
        if store:
            store.put(index, found)
        return cut_out(found, part)

    @cached_property
    def _whole(self) -> NDArray[np.uint64]:
        """The sum of each file that was decoded whole in this process: where it is still that, a part is enough."""
        return np.zeros(len(self), np.uint64)


def decoded(images: FileImages, contents: tuple[Content, ...], channels: int, least: int, cache: str) -> DecodedImages:
    """Files as ``cache`` says: in memory ("ram"), on disk, not at all ("off"); "auto": in memory where all fit well.

    contents: what is known of each file.
    """
    check_cache(cache)
    if cache == DISK:
        names = tuple(f"{content.sha256}-{channels}-{least}" for content in contents)
        folder = cache_folder() / "decoded"
        thin((folder / f"{first:02x}" for first in range(256)), spared=set(names))
        return DecodedImages(images, least, channels, store=Files(folder, names))
    if cache == OFF:
        return DecodedImages(images, least, channels)
    room = int(SHARE[cache] * free_memory())
    if cache == AUTO and size(contents, channels, least) > room:
        return DecodedImages(images, least, channels)
    return DecodedImages(images, least, channels, store=Memory(room))


def check_cache(cache: str) -> None:
    if cache not in MODES:
        raise UsageError(f"There is no cache {cache!r}.", f"Give one of {', '.join(MODES)}.")


def size(contents: tuple[Content, ...], channels: int, least: int) -> int:
    """Bytes of all pixels, as they are read."""
    total = 0
    for content in contents:
        factor = reduction(content.height, content.width, least) if content.format == "JPEG" else 1
        total += -(-content.height // factor) * -(-content.width // factor) * channels
    return total


def free_memory() -> int:
    """Bytes that a process can take without others being pushed out; a guess of 1 GiB where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    return 2**30
