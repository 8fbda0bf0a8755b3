"""How the command says an error."""

from __future__ import annotations

import os

import click

from lenext.errors import LenextError, UsageError


def fail(error: LenextError, arguments: list[str]) -> int:
    """Say what is wrong and what to do, as text or as the one JSON document; returns the exit status.

    Of several processes only one says it.
    """
    if speaks(error) and not ("--json" in arguments and say_document(error)):
        word = "error: " if os.environ.get("NO_COLOR") else click.style("error: ", fg="red", bold=True)
        from lenext.evaluation.text import visible

        click.echo(word + visible(str(error)), err=True)
        if error.remedy:
            click.echo(f"       {visible(error.remedy)}", err=True)
    return error.exit_status


def say_document(error: LenextError) -> bool:
    """The error as a document on standard output; False where that takes nothing."""
    from lenext.cli.output import json_text

    document = {"kind": error.kind, "message": str(error), "remedy": error.remedy}
    try:
        click.echo(json_text({"error": document}))
    except OSError:
        return False
    return True


def speaks(error: LenextError) -> bool:
    """Whether this process is the one that says an error: the first of its team, or the one that a lost one leaves."""
    from lenext.parallel.place import place

    try:
        return place().first or getattr(error, "aloud", False)
    except UsageError:
        return True
