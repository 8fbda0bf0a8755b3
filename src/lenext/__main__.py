"""``python -m lenext`` is the command ``lenext``."""

import os
from typing import NoReturn


def process() -> NoReturn:
    """The command; Ctrl-C while it is still being loaded, or a second one, ends it without a word."""
    try:
        from lenext import cli

        cli.process()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    process()
