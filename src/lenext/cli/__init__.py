"""The command ``lenext``: one small module a verb, loaded when it is used; errors become one sentence and a status."""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn, cast

import click

from lenext import __version__
from lenext.cli.failure import fail
from lenext.cli.output import Begun
from lenext.errors import Failed, Interrupted, LenextError, UsageError, did_you_mean

# The verbs in the order of a day's work, in words here so that `lenext --help` need not load their modules.
VERBS = {
    "check": "Say what is wrong with data before they train anything.",
    "train": "Train a network on a folder of images, a CSV or a built-in set.",
    "evaluate": "Measure a trained network, every figure with its interval.",
    "compare": "Say which of two trained networks is better, and whether that is chance.",
    "predict": "Name the class of images.",
    "explain": "Say why: heat maps on images, each put to the test.",
    "export": "Write a network for other programs, with proof that it answers alike.",
    "push": "Send a finished run to Hugging Face's Hub.",
    "pull": "Fetch a weight file from Hugging Face's Hub.",
    "models": "List the networks of the line.",
    "show": "Show a network layer by layer, with what its paper says of it.",
    "audit": "Say how a network deviates from its paper, point by point.",
    "recipe": "Print a recipe, each line with its address in the paper.",
    "bench": "Measure the speed of networks on this machine, beside other libraries.",
    "where": "Say where in the source a network, layer or recipe stands.",
}


class Verbs(click.Group):
    """Loads a verb's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        return cast("click.Command", importlib.import_module(f"lenext.cli.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS:
            hint = did_you_mean(args[0], VERBS) or "See `lenext --help` for the commands."
            raise UsageError(f"There is no command {args[0]!r}.", hint)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lenext")
def lenext() -> None:
    """LeNet to ConvNeXt, as published: train, measure and use convolutional image recognisers.

    Every command takes --json (one document on standard output) and --quiet. Exit status: 0 done, 1 failed, 2 wrong
    use, 3 bad data, 4 bad weight file, 130 interrupted.
    """


def process() -> NoReturn:
    """The process ``lenext``, which ends without taking itself apart: of torch that alone takes a fifth of a second."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: the next file opened would get its number, and what is printed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        if isinstance(stream := getattr(sys, name), TextIOWrapper) and mode == "w" and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")  # a name that a Latin-1 terminal or pipe cannot show
    try:
        main()
    except SystemExit as end:
        if sys.gettrace() or sys.getprofile():  # a debugger or profiler has something to say
            raise
        finish(cast("int", end.code))


def finish(status: int) -> NoReturn:
    """End at once, with what asked to be called at the end, and with all that was printed."""
    atexit._run_exitfuncs()  # noqa: SLF001  (as the interpreter and multiprocessing do at their ends)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = status or Failed.exit_status
    os._exit(status)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and leave with its status; without arguments it says what there is."""
    arguments = sys.argv[1:] if arguments is None else arguments
    listen(arguments)
    try:
        status = lenext.main(arguments or ["--help"], standalone_mode=False) or 0
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except (click.ClickException, click.Abort, LenextError, OSError, KeyboardInterrupt) as error:
        status = fail(_in_words(error, arguments), arguments)
    except Begun as begun:
        status = fail(_in_words(begun.__cause__, arguments), [])
    except SystemExit:  # what click makes of a closed pipe; the reader has seen enough: `lenext predict ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    leave(status)


def leave(status: int) -> NoReturn:
    """Raise SystemExit; a thread that still waits for a file which does not answer does not hold who was stopped."""
    if status > 128 and threading.active_count() > 1:
        finish(status)
    sys.exit(status)


def listen(arguments: list[str]) -> None:
    """Make SIGTERM an error like Ctrl-C; training answers both itself, between two steps."""

    def stop(number: int, _frame: object) -> None:
        raise _interrupted(number, arguments)

    with suppress(ValueError):  # outside the main thread no handler may be set
        signal.signal(signal.SIGTERM, stop)


def _in_words(error: BaseException | None, arguments: list[str]) -> LenextError:
    """What ended the command, as one of our own errors."""
    if isinstance(error, LenextError):
        return error
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        remedy = f"See `{context.command_path} --help`." if context else "See `lenext --help`."
        return UsageError(error.format_message(), remedy)
    if isinstance(error, OSError):
        remedy = "Check the path, its permissions and the free space."
        return Failed(f"{error.filename or 'The system'}: {error.strerror or error}.", remedy)
    return _interrupted(signal.SIGINT, arguments)


def _interrupted(number: int, arguments: list[str]) -> Interrupted:
    """The remedy is the verb's: only a run, and a file of answers, can be gone on with."""
    remedy = "Give the same command again."
    if arguments[:1] == ["train"]:
        remedy = "A run that was begun goes on with the same command and --resume."
    if arguments[:1] == ["predict"] and any(word.startswith("--out") for word in arguments):
        remedy = "The file goes on with the same command and --resume."
    return Interrupted("Stopped before the end.", remedy, number)
