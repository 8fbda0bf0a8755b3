"""Where lenext keeps what it can make again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def cache_folder() -> Path:
    """$LENEXT_CACHE, or lenext in $XDG_CACHE_HOME or ~/.cache."""
    named = os.environ.get("LENEXT_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "lenext"


def keep(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file whole or not at all, beside its place and renamed; where it cannot be written nothing is kept."""
    import tempfile  # costs what a prediction's start should not

    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with open(descriptor, "wb") as file:
                file.writelines(parts)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
