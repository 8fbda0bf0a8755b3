"""Where lenext keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$LENEXT_CACHE, or lenext in $XDG_CACHE_HOME or ~/.cache."""
    named = os.environ.get("LENEXT_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "lenext"
