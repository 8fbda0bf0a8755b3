"""Frozen values to JSON and back, strictly; and ``--set optimizer.lr=0.01`` on them."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
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
    if plain is float and isinstance(document, int) and not isinstance(document, bool):
        return float(document)
    if plain is Mapping:
        plain = dict
    if not isinstance(document, plain) or (plain is int and isinstance(document, bool)):
        raise UsageError(f"{where or 'The value'} is {document!r}.", f"Give {_describe(kind)}.")
    return document


def assign(value: Any, setting: str) -> Any:
    """``value`` with one field changed by ``path.to.field=text``; a part is replaced by ``part=Kind(field=1)``."""
    path, equals, text = setting.partition("=")
    if not equals:
        raise UsageError(f"--set {setting!r} has no value.", "Write it as --set optimizer.lr=0.01.")
    return _assign(value, path.split("."), text, path)


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


def _assign(value: Any, path: list[str], text: str, where: str) -> Any:
    name, rest = path[0], path[1:]
    if isinstance(value, tuple):
        if not name.isdigit() or int(name) >= len(value):
            raise UsageError(f"{where}: there is no item {name!r}.", f"Items are numbered 0 to {len(value) - 1}.")
        changed = list(value)
        changed[int(name)] = _assign(value[int(name)], rest, text, where)
        return tuple(changed)
    known = {f.name for f in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else set()
    if name not in known:
        hint = did_you_mean(name, known) or f"There are: {', '.join(sorted(known)) or 'none'}."
        raise UsageError(f"{where}: there is no field {name!r}.", hint)
    part = getattr(value, name)
    if rest:
        fresh = _assign(part, rest, text, where)
    else:
        fresh = decode(typing.get_type_hints(type(value))[name], _parse(text), where)
    return dataclasses.replace(value, **{name: fresh})


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"none": None, "true": True, "false": False}.get(text.lower(), text)


def _decode_union(kinds: tuple[Any, ...], document: Any, where: str) -> Any:
    parts: dict[str, Any] = {str(kind.__name__): kind for kind in kinds if dataclasses.is_dataclass(kind)}  # type: ignore[union-attr]
    if document is None and type(None) in kinds:
        return None
    if isinstance(document, str) and document in parts:  # a part by its bare name, every field at its default
        return _decode_fields(parts[document], {"kind": document}, where)
    if parts and isinstance(document, dict):
        name = document.get("kind")
        if name not in parts:
            hint = did_you_mean(str(name), parts) or f"There are: {', '.join(parts)}."
            raise UsageError(f"{where}: there is no kind {name!r}.", hint)
        return _decode_fields(parts[str(name)], document, where)
    for kind in kinds:
        if not dataclasses.is_dataclass(kind) and kind is not type(None):
            return decode(kind, document, where)
    raise UsageError(f"{where} is {document!r}.", f"Give one of {', '.join(parts)}.")


def _decode_tuple(kinds: tuple[Any, ...], document: Any, where: str) -> Any:
    repeated = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(document, list) or (not repeated and len(document) != len(kinds)):
        raise UsageError(f"{where} is {document!r}.", "Give a JSON list of the right length.")
    inner = [kinds[0]] * len(document) if repeated else list(kinds)
    return tuple(decode(kind, item, f"{where}.{i}") for i, (kind, item) in enumerate(zip(inner, document, strict=True)))


def _decode_fields(kind: Any, document: Any, where: str) -> Any:
    if not isinstance(document, dict) or document.get("kind", kind.__name__) != kind.__name__:
        raise UsageError(f"{where or 'The value'} is not a {kind.__name__}.", "Give a JSON object with its fields.")
    hints = typing.get_type_hints(kind)
    given = {name: item for name, item in document.items() if name != "kind"}
    for name in given:
        if name not in hints:
            place = f"{where}: " if where else ""
            raise UsageError(f"{place}{kind.__name__} has no field {name!r}.", did_you_mean(name, hints))
    prefix = f"{where}." if where else ""
    try:
        return kind(**{name: decode(hints[name], item, prefix + name) for name, item in given.items()})
    except TypeError as error:
        raise UsageError(f"{where or kind.__name__}: {error}.", "Give every field without a default.") from None


def _describe(kind: Any) -> str:
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(kind, f"a {kind}")
