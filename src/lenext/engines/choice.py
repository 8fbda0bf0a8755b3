"""Which engine is fastest: measured once for a network, a machine, a batch and a precision, and remembered."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lenext.data.cache_folder import cache_folder, keep
from lenext.engines.engine import COMPILED, Engine, Pixels, cores
from lenext.errors import UsageError, WeightFileError

ROUNDS = 5
LIMIT = 90.0  # ours: seconds after which no further engine is tried
SAMPLE = 0.2  # ours: seconds of a turn, at least
STEADY = 3.0  # ours: seconds of the quickest engine for which it must pay at least
COMPILING = 10.0  # ours: seconds that it takes at least; 12 to 120 were seen
WORK = 2000  # ours: images for which an engine's start must pay


@dataclass(frozen=True)
class Choice:
    """name: of the winner, behind a colon the images that go through together; rates: images a second of each engine;
    opening: seconds until its first answer.

    failed: why an engine was not measured.
    """

    name: str
    batch: int
    rates: Mapping[str, float]
    opening: Mapping[str, float]
    failed: Mapping[str, str]

    def line(self) -> str:
        """Why, for a person."""
        order = sorted(self.rates, key=lambda name: -self.rates[name])
        told = ", ".join(f"{name} {self.rates[name]:,.1f}" for name in order)
        slow = f" {order[0]} takes {self.opening[order[0]]:.0f} s to start." if order[0] != self.name else ""
        return f"Engine {self.name}: images/s in batches of {self.batch} here are {told}.{slow}"


def choose(
    key: Mapping[str, Any], candidates: Mapping[str, Callable[[], Engine]], batch: Pixels, limit: float = LIMIT
) -> tuple[Choice, Engine]:
    """The engine with which ``WORK`` images, or ``STEADY`` seconds of them, are done first, start included, opened.

    key: says which network, precision and batch this is; batch: uint8 N C H W. An engine that fails is passed over.
    Raises UsageError where all do, WeightFileError for a file that is damaged.
    """
    file = cache_folder() / "engines" / f"{mark(key, candidates)}.json"
    known = remembered(file)
    if known is not None and known.name in candidates:
        engine = opened(candidates[known.name])
        if not isinstance(engine, Exception):
            return known, engine
    engines, opening, failed, start = dict[str, Engine](), dict[str, float](), dict[str, str](), time.monotonic()
    remedies: list[str] = []
    rates: dict[str, float] = {}
    for name, candidate in candidates.items():
        if engines and time.monotonic() - start > limit:
            failed[name] = "no time was left"
            continue
        if name == COMPILED and engines:
            rates = measured(engines, batch, limit)
            if min(opening[one] + WORK / rates[one] for one in engines) < COMPILING:
                failed[name] = f"to compile takes longer than {WORK:,} images by another engine"
                continue
        begun = time.monotonic()
        engine = opened(candidate, batch)
        if isinstance(engine, Exception):
            failed[name] = str(engine).partition("\n")[0][:200] or repr(engine)
            remedies.append(getattr(engine, "remedy", ""))
            continue
        engines[name], opening[name] = engine, time.monotonic() - begun
    if not engines:
        why = " ".join(dict.fromkeys(failed.values()))
        raise UsageError(f"No engine can run the network: {why}", next(filter(None, remedies), "Leave --engine out."))
    if rates.keys() != engines.keys():
        rates = measured(engines, batch, limit)
    work = max(WORK, STEADY * max(rates.values()))
    best = min(engines, key=lambda name: opening[name] + work / rates[name])
    choice = Choice(best, len(batch), rates, opening, failed)
    keep(file, (json.dumps(asdict(choice), indent=1) + "\n").encode())
    return choice, engines[best]


def opened(candidate: Callable[[], Engine], batch: Pixels | None = None) -> Engine | Exception:
    """The engine, after its first answer where there is a batch; or why there is none.

    Raises WeightFileError: a file that is damaged is so for every engine.
    """
    try:
        engine = candidate()
        if batch is not None:
            engine.predict(batch)
    except WeightFileError:
        raise
    except Exception as error:  # noqa: BLE001  (engines raise what they like, ONNX Runtime no RuntimeError)
        return error
    return engine


def measured(engines: Mapping[str, Engine], batch: Pixels, limit: float) -> dict[str, float]:
    """Images a second of each: by the quickest of rounds in which all take turns, which others disturbed least."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    calls: dict[str, int] = {}
    start = time.monotonic()
    for turn in range(ROUNDS):
        if turn and time.monotonic() - start > limit:
            break
        for name, engine in engines.items():
            if calls.get(name, 1) > 1:
                engine.predict(batch)  # the threads of the engine before go to sleep meanwhile
            begun = time.perf_counter()
            for _ in range(calls.get(name, 1)):
                engine.predict(batch)
            seconds[name].append((time.perf_counter() - begun) / calls.get(name, 1))
            calls.setdefault(name, max(1, round(SAMPLE / max(seconds[name][0], 1e-6))))
    return {name: len(batch) / min(found) for name, found in seconds.items()}


def remembered(file: Path) -> Choice | None:
    """What was measured before; None where nothing was, or it cannot be read."""
    try:
        return Choice(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def mark(key: Mapping[str, Any], candidates: Mapping[str, Any]) -> str:
    """What must be the same for a measurement to hold."""
    whole = {**key, "engines": {name: version(name) for name in candidates}, "machine": machine()}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def version(engine: str) -> str:
    """Of the package that an engine is of."""
    from importlib import metadata  # 30 ms that only a choice should pay

    try:
        package = engine.partition(":")[0]
        return metadata.version(package if package in ("openvino", "onnxruntime") else "torch")
    except metadata.PackageNotFoundError:
        return ""


def machine() -> str:
    """The processor and how many of its cores may be used."""
    words = platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
        words = " ".join(told.get(name, "") for name in ("vendor_id", "cpu family", "model", "model name", "flags"))
    return f"{hashlib.sha256(words.encode()).hexdigest()[:16]}, {cores()} threads"
