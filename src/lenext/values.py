"""Frozen values to JSON and back, strictly; and ``--set optimizer.lr=0.01`` on them."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import types
import typing
from collections import Counter
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from lenext.errors import UsageError, did_you_mean


def encode(value: Any) -> Any:
    """A dataclass (nested, with tuples and numbers) as JSON types; ``kind`` names the class."""
    if dataclasses.is_dataclass(value):
        parts = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **parts}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(kind: Any, document: Any, where: str = "") -> Any:
    """The value of type ``kind`` that ``document`` (from ``encode``) describes.

    Raises UsageError, with the place and near names, for unknown or missing fields and values of another type.
    """
    origin = typing.get_origin(kind)
    if origin in {types.UnionType, typing.Union}:
        return _decode_union(typing.get_args(kind), document, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), document, where)
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, document, where)
    if kind is Any:
        return document
    plain = origin or kind
    if plain is float:
        return _decode_number(document, where)
    if plain is Mapping:
        plain = dict
    if not isinstance(document, plain) or (plain is int and isinstance(document, bool)):
        raise UsageError(f"{where or 'The value'} is {document!r}.", f"Give {_describe(kind)}.")
    return document


def once(text: str) -> Any:
    """JSON in which no object names a key twice. Raises ``ValueError``."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = max(Counter(name for name, _ in pairs).items(), key=itemgetter(1))[0]
            raise ValueError(f"{twice!r} is there twice")
        return found

    return json.loads(text, object_pairs_hook=unique)


def assign(value: Any, *settings: str) -> Any:
    """``value`` with one field after another changed by ``path.to.field=text``, the text as JSON or a bare word.

    Items of a tuple go by number (``augment.0.size=32``). A part is replaced by the name of its kind, every field at
    its default (``schedule=Constant``), or by an object (``optimizer={"kind": "AdamW", "lr": 0.001}``). Whether the
    fields of a part go together is asked after the last setting.
    Raises UsageError for a place that is not there and for a value that does not fit it.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting!r} has no value.", "Write it as --set optimizer.lr=0.01.")
        value = _assign(type(value), value, path.split("."), _parse(text), path)
    return decode(type(value), encode(value)) if settings else value


def fields(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(path, text) of every field of a value, parts opened, in order: what a recipe is, for a person."""
    rows = []
    for field in dataclasses.fields(value):
        part, path = getattr(value, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(part):
            rows.append((path, type(part).__name__))
            rows.extend(fields(part, f"{path}."))
        elif isinstance(part, tuple) and part and dataclasses.is_dataclass(part[0]):
            rows.extend((f"{path}.{number}", show(item)) for number, item in enumerate(part))
        else:
            rows.append((path, show(part)))
    return rows


def show(value: Any) -> str:
    """A value as a short Python expression."""
    if not dataclasses.is_dataclass(value):
        return repr(value)
    inside = ", ".join(f"{f.name}={show(getattr(value, f.name))}" for f in dataclasses.fields(value))
    return f"{type(value).__name__}({inside})"


def _assign(kind: Any, value: Any, path: list[str], document: Any, where: str) -> Any:
    if not path:
        return decode(kind, document, where)
    name, rest = path[0], path[1:]
    if isinstance(value, tuple):
        number = int(name) if name.isdecimal() else -1
        if not 0 <= number < len(value):
            there = f"Items are numbered 0 to {len(value) - 1}." if value else "It is empty; give the whole list."
            raise UsageError(f"{where}: there is no item {name!r}.", there)
        inner = _item_kinds(typing.get_args(kind), len(value))[number]
        return (*value[:number], _assign(inner, value[number], rest, document, where), *value[number + 1 :])
    known = typing.get_type_hints(type(value)) if dataclasses.is_dataclass(value) else {}
    if name not in known:
        hint = did_you_mean(name, known) or f"There are: {', '.join(known) or 'none'}."
        raise UsageError(f"{where}: there is no field {name!r}.", hint)
    changed = copy.copy(value)  # not ``replace``, which would ask at once whether the fields go together
    object.__setattr__(changed, name, _assign(known[name], getattr(value, name), rest, document, where))
    return changed


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"none": None, "true": True, "false": False}.get(text.lower(), text)


def _decode_union(kinds: tuple[Any, ...], document: Any, where: str) -> Any:
    parts: dict[str, Any] = {str(kind.__name__): kind for kind in kinds if dataclasses.is_dataclass(kind)}  # type: ignore[union-attr]
    if document is None and type(None) in kinds:
        return None
    if isinstance(document, str) and document in parts:  # a part by its bare name, every field at its default
        return _decode_fields(parts[document], {"kind": document}, where)
    if parts and isinstance(document, dict):
        name = document.get("kind")
        if not isinstance(name, str) or name not in parts:
            hint = did_you_mean(str(name), parts) or f"There are: {', '.join(parts)}."
            raise UsageError(f"{where}: there is no kind {name!r}.", hint)
        return _decode_fields(parts[name], document, where)
    for kind in kinds:
        if not dataclasses.is_dataclass(kind) and kind is not type(None):
            return decode(kind, document, where)
    hint = did_you_mean(str(document), parts) or f"Give one of {', '.join(parts)}."
    raise UsageError(f"{where} is {document!r}.", hint)


def _decode_tuple(kinds: tuple[Any, ...], document: Any, where: str) -> Any:
    if not isinstance(document, list) or len(_item_kinds(kinds, len(document))) != len(document):
        length = "" if kinds[-1] is Ellipsis else f" of {len(kinds)} items"
        raise UsageError(f"{where} is {document!r}.", f"Give a JSON list{length}.")
    inner = _item_kinds(kinds, len(document))
    return tuple(decode(kind, item, f"{where}.{i}") for i, (kind, item) in enumerate(zip(inner, document, strict=True)))


def _item_kinds(kinds: tuple[Any, ...], length: int) -> tuple[Any, ...]:
    """What each item of a tuple is: ``tuple[X, ...]`` has any number of one kind."""
    return (kinds[0],) * length if kinds[-1] is Ellipsis else kinds


def _decode_fields(kind: Any, document: Any, where: str) -> Any:
    if not isinstance(document, dict) or document.get("kind", kind.__name__) != kind.__name__:
        raise UsageError(
            f"{where or 'The value'} is not of kind {kind.__name__}.", "Give a JSON object with its fields."
        )
    hints = typing.get_type_hints(kind)
    given = {name: item for name, item in document.items() if name != "kind"}
    for name in given:
        if name not in hints:
            place = f"{where}: " if where else ""
            hint = did_you_mean(name, hints) or f"There are: {', '.join(hints) or 'none'}."
            raise UsageError(f"{place}{kind.__name__} has no field {name!r}.", hint)
    needed = [f.name for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING]
    missing = ", ".join(name for name in needed if name not in given)
    if missing:
        place = where or "The value"
        raise UsageError(f"{place}: {kind.__name__} needs {missing}.", "Give every field that has no default.")
    prefix = f"{where}." if where else ""
    return kind(**{name: decode(hints[name], item, prefix + name) for name, item in given.items()})


def _decode_number(document: Any, where: str) -> float:
    try:
        number = math.nan if isinstance(document, bool | str) else float(document)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{where or 'The value'} is {document!r}.", "Give a number.")
    return number


def _describe(kind: Any) -> str:
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(kind, f"a {kind}")
