"""Hugging Face's Hub: weight files fetched from a repository, and a run's files sent to one.

Of a repository only ``model.safetensors`` is read, and timm's ``config.json`` beside it for the network's name: nothing
that could run. The library ``huggingface_hub`` (extra ``hub``) is imported when it is needed, and finds the token where
it always does (``HF_TOKEN``, or what ``hf auth login`` stored).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lenext import __version__
from lenext.errors import Failed, LenextError, UsageError, WeightFileError
from lenext.weights.catalogue import Entry, table
from lenext.weights.store import HUB, Listener, forbidden, hub_cache

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PREFIX = "hf:"  # of a MODEL or of weights that lie on the Hub
WEIGHTS, CONFIG = "model.safetensors", "config.json"
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
REPOSITORY = re.compile(rf"({NAME}/{NAME})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")
CONNECTION = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")  # packages, over the years
LOG_IN = "Log in (`hf auth login`), or set HF_TOKEN"


@dataclass(frozen=True)
class Repository:
    """A repository of models; revision: a branch, tag or commit, None for the newest."""

    name: str
    revision: str | None = None

    @classmethod
    def read(cls, word: str) -> Repository:
        """What USER/NAME or USER/NAME@REVISION means, with ``hf:`` before it or not. Raises ``UsageError``."""
        found = REPOSITORY.fullmatch(word.removeprefix(PREFIX))
        if found is None or ".." in word or "--" in word:
            raise UsageError(f"{word!r} names no repository.", "Write it as USER/NAME or USER/NAME@REVISION.")
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return self.name if self.revision is None else f"{self.name}@{self.revision}"


def is_on_hub(word: str) -> bool:
    return word.startswith(PREFIX)


def entry_of(repository: Repository) -> Entry | None:
    """The catalogue's entry of a repository's newest weights."""
    start = f"{HUB}{repository.name}/resolve/"
    found = (entry for entry in table() if entry.address.startswith(start))
    return next(found, None) if repository.revision is None else None


def weights_of(repository: Repository, listener: Listener) -> Path:
    """The repository's ``model.safetensors`` in Hugging Face's cache, fetched where it is not there yet.

    timm's ``config.json`` comes beside it, where there is one. Raises ``Failed``, ``UsageError`` and
    ``WeightFileError``.
    """
    listener.message(f"Asks the Hub for {WEIGHTS} of {repository}.")
    path = fetched(repository, WEIGHTS)
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] != b"{":  # the header's beginning; a pickle with this name would be found out later, and is not opened
        raise WeightFileError(f"{WEIGHTS} of {repository} is no safetensors file.", "Use another repository.")
    with suppress(LenextError):  # ours have none
        fetched(repository, CONFIG)
    return path


def fetched(repository: Repository, file: str) -> Path:
    """One file of a repository, in the cache."""
    offline = forbidden()
    with translated(repository, file, offline):
        path = api().hf_hub_download(
            repository.name, file, revision=repository.revision, cache_dir=hub_cache(), local_files_only=bool(offline)
        )
    return Path(path)


def send(repository: Repository, files: Mapping[str, Path | bytes], *, private: bool, message: str) -> str:
    """Put the files into a repository in one commit; returns the commit. One that is not there is made.

    private: who may see a repository that is made; one that is there stays as it is.
    """
    hub, library = api(), installed()
    if forbidden():
        raise Failed(f"{forbidden()} forbids to reach the Hub.", "Unset it to send files.")
    operations = [
        library.CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()
    ]
    with translated(repository, ", ".join(files), ""):
        if hub.token is None and library.get_token() is None:
            raise library.errors.LocalTokenNotFoundError
        hub.create_repo(repository.name, private=private, exist_ok=True)
        done = hub.create_commit(
            repository.name, operations, commit_message=message, revision=repository.revision or "main"
        )
    return str(done.oid)


def api() -> HfApi:
    """The library's client, of the endpoint that ``HF_ENDPOINT`` names."""
    client: HfApi = installed().HfApi(
        endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="lenext", library_version=__version__
    )
    return client


def installed() -> Any:
    """The library. Raises ``UsageError`` where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError:
        raise UsageError(
            "Repositories of Hugging Face need the library huggingface_hub, which is not installed.",
            'Install it: pip install "lenext[hub]".',
        ) from None
    library = cast("Any", huggingface_hub)
    library.utils.disable_progress_bars()  # what is fetched is said in a line of ours, and not with --quiet
    library.utils.logging.set_verbosity_error()  # each attempt that fails is logged with a traceback
    return library


@contextmanager
def translated(repository: Repository, file: str, offline: str) -> Iterator[None]:
    """The library's errors as ours: what is wrong in one sentence, and what to do."""
    try:
        yield
    except LenextError:
        raise
    except Exception as error:
        reasons = [one for one in (error, error.__cause__) if isinstance(one, Exception)]  # uploads wrap theirs
        found = next((ours for one in reasons if (ours := refusal(one, repository, file, offline))), None)
        if found is None:
            raise
        raise found from None


def refusal(error: Exception, repository: Repository, file: str, offline: str) -> LenextError | None:
    """Our error for one of the library's, the narrower kinds first; None for what is none of theirs."""
    known = installed().errors
    there = f"{HUB}{repository.name}"
    kinds: tuple[tuple[type[Exception], LenextError], ...] = (
        (
            known.GatedRepoError,
            Failed(f"{repository} is gated: its owner asks for consent.", f"Ask for access at {there}. {LOG_IN}."),
        ),
        (
            known.DisabledRepoError,
            Failed(f"{repository} was disabled by the Hub.", "Use another repository, or a weight file."),
        ),
        (
            known.RepositoryNotFoundError,
            UsageError(
                f"There is no repository {repository.name} on the Hub, or it is private.",
                f"Check the name at {there}. {LOG_IN}, if it is yours.",
            ),
        ),
        (
            known.RevisionNotFoundError,
            UsageError(f"{repository.name} has no revision {repository.revision!r}.", "Name a branch, tag or commit."),
        ),
        (known.LocalEntryNotFoundError, absent(repository, file, offline)),
        (
            known.EntryNotFoundError,
            UsageError(
                f"{repository} has no {file}, and nothing else of it is read.",
                "Name a repository that `lenext push` made, or one of timm's.",
            ),
        ),
        (known.LocalTokenNotFoundError, Failed("The Hub does not know who you are.", f"{LOG_IN}.")),
        (known.HFValidationError, UsageError(f"{repository} names no repository.", "Write it as USER/NAME.")),
    )
    found = next((ours for kind, ours in kinds if isinstance(error, kind)), None)
    return found or answered(error, repository)


def absent(repository: Repository, file: str, offline: str) -> LenextError:
    """A file that is not in the cache and cannot be fetched."""
    if offline:
        return Failed(
            f"{file} of {repository} is not on this machine, and {offline} forbids to download it.",
            f"Unset {offline}, or fetch it elsewhere and name the file.",
        )
    return Failed(
        f"{file} of {repository} is not on this machine, and the Hub cannot be reached.",
        "Check the connection, and try again.",
    )


def answered(error: Exception, repository: Repository) -> LenextError | None:
    """Our error for what the server answered otherwise, and for no answer."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == 401:
        return Failed("The Hub does not accept the token.", f"{LOG_IN} to a token that is valid.")
    if status == 403:
        return Failed(
            f"The token has no right to do this with {repository}.",
            "Use a token with the right to write, and a name of your own or of your organisation.",
        )
    if status is not None:
        return Failed(
            f"The Hub answers {status} for {repository}.", "Try again later; see https://status.huggingface.co."
        )
    package = type(error).__module__.partition(".")[0]
    if package in CONNECTION or isinstance(error, ConnectionError | TimeoutError):
        return Failed(f"The Hub cannot be reached: {error}.", "Check the connection, and try again.")
    return None


def nearby(network: str, word: str, listener: Listener) -> str:
    """Weights of ``network`` that lie on the Hub as the catalogue calls them, where it knows them, else as their file.

    Other words stay as they are. Raises ``UsageError`` where the catalogue knows them as another network's.
    """
    if not is_on_hub(word):
        return word
    repository = Repository.read(word)
    entry = entry_of(repository)
    if entry is None:
        return str(weights_of(repository, listener))
    if entry.network != network:
        raise UsageError(
            f"{word} holds the weights of {entry.network}, not of {network}.", f"Name the network {entry.network}."
        )
    return entry.name


def reading_told(network: str, path: Path) -> str | None:
    """The reading of ``network`` that timm's ``config.json`` beside a file belongs to; None where nothing tells.

    Raises ``UsageError`` where the file is of another network.
    """
    from lenext.weights.adapters import known

    try:
        told = json.loads(path.with_name(CONFIG).read_text(encoding="utf-8"))["architecture"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    of = {theirs: (ours, reading) for ours, reading, theirs in known("timm")}
    if not isinstance(told, str) or told not in of:
        return None
    ours, reading = of[told]
    if ours != network:
        raise UsageError(f"{path} holds the weights of {ours}, not of {network}.", f"Name the network {ours}.")
    return reading
