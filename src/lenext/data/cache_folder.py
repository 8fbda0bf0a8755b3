"""Where lenext keeps what it can make again."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LIMIT = 4.0  # ours: GiB of each kind of thing that is kept
UNFINISHED = ".part"  # how the name of what is being written ends
HOUR = 3600.0  # seconds
DAY = 24 * HOUR  # after its last use that a thing stays: another process may have it open
NOWHERE = Path(os.devnull) / "lenext"  # below what is no folder nothing can be written

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ROOM, LEAVE = "make room there", "see that you may write there"  # what helps, beside another folder

_REFUSED: list[str] = []  # what to say of the first thing that this process could not keep


def cache_folder() -> Path:
    """$LENEXT_CACHE, or lenext in $XDG_CACHE_HOME or ~/.cache; for a user without a home one that keeps nothing."""
    named = os.environ.get("LENEXT_CACHE")
    beside = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(named or os.path.join(beside, "lenext")).expanduser()
    except RuntimeError:
        return NOWHERE


@contextmanager
def if_possible() -> Iterator[None]:
    """What the system refuses is not kept and disturbs nobody, but ``refusal`` says why."""
    try:
        yield
    except OSError as error:
        not_kept(error.strerror or error, ROOM if error.errno in FULL else LEAVE)


def not_kept(why: object, remedy: str, place: Path | None = None) -> None:
    """Remember for ``refusal`` that something could not be kept; place: where, if not in the whole folder."""
    if not _REFUSED:  # a full disk refuses every picture of a million
        _REFUSED.append(
            f"Nothing can be kept in {place or cache_folder()} ({why}), so the next start will be as slow: "
            f"{remedy}, or name another folder in $LENEXT_CACHE."
        )


def refusal() -> str:
    """Why things could not be kept, and what to do, in one line; "" where all were, or after it was asked for."""
    return _REFUSED.pop() if _REFUSED else ""


def keep(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file whole or not at all, beside its place and renamed; where it cannot be written nothing is kept."""
    import tempfile  # costs what a prediction's start should not

    with if_possible():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=UNFINISHED)
        try:
            with open(descriptor, "wb") as file:
                file.writelines(parts)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def used(path: Path) -> None:
    """Mark what is kept as used now, to the hour."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > HOUR:
            os.utime(path)


def thin(folders: Iterable[Path], spared: Container[str] = ()) -> None:
    """Of the files and folders in ``folders`` take away what was used longest ago, until the rest is within the limit
    (GiB in $LENEXT_CACHE_GIB), and what a killed process left unfinished; never what was used within a day, nor the
    names ``spared``. What cannot be, stays.
    """
    import shutil  # costs what a prediction's start should not

    found = sorted(known(folders))
    total, most, old = sum(size for _, size, _ in found), limit(), time.time() - DAY
    for last, size, name in found:
        if last > old:
            break
        unfinished = name.endswith(UNFINISHED)
        if not (unfinished or total > most) or os.path.basename(name) in spared:
            continue
        with suppress(OSError):
            shutil.rmtree(name) if os.path.isdir(name) else os.unlink(name)
            total -= size


def known(folders: Iterable[Path]) -> Iterator[tuple[float, int, str]]:
    """When each file or folder in ``folders`` was used last, its bytes, and where it is."""
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:  # it may not be there
            for entry in entries:
                with suppress(OSError):  # another process took it away, or it is another user's
                    parts = os.scandir(entry) if entry.is_dir() else [entry]
                    yield entry.stat().st_mtime, sum(part.stat().st_size for part in parts), entry.path


def limit() -> float:
    """Bytes."""
    with suppress(ValueError):
        return float(os.environ.get("LENEXT_CACHE_GIB") or LIMIT) * 2**30
    return LIMIT * 2**30
