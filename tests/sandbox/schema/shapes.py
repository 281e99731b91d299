"""Describe the shape of JSON values and name where two shapes differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

FORMATS: Final = {
    "timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "digits": re.compile(r"-?\d+"),
    "decimal": re.compile(r"-?\d+\.\d+"),
    "boolean": re.compile(r"true|false"),
    "address": re.compile(r"https?://\S+"),
    "page": re.compile(r"\s*<html.*", re.DOTALL),
}
TEXT: Final = "string"


@dataclass(frozen=True, slots=True)
class Shape:
    """What some values of one place look like, all taken together."""

    types: frozenset[str] = frozenset()
    keys: dict[str, Shape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Shape | None = None


def shape(values: Sequence[object]) -> Shape:
    """Return the shape that all of these values share."""
    objects = [value for value in values if isinstance(value, dict)]
    arrays = [value for value in values if isinstance(value, list)]
    names = {name for json_object in objects for name in json_object}
    return Shape(
        types=frozenset(map(json_type, values)),
        keys={
            name: shape([json_object[name] for json_object in objects if name in json_object])
            for name in sorted(names)
        },
        required=frozenset(
            name for name in names if all(name in json_object for json_object in objects)
        ),
        items=shape([item for array in arrays for item in array]) if arrays else None,
    )


def json_type(value: object) -> str:
    """Name the JSON type of a value; a string's format follows a colon."""
    if isinstance(value, str):
        formats = (name for name, pattern in FORMATS.items() if pattern.fullmatch(value))
        return next((f"{TEXT}:{name}" for name in formats), TEXT)
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", dict: "object"}
    return names.get(type(value), "array")


def differences(recorded: Shape, sandbox: Shape, path: str = "$") -> Iterator[str]:
    """Yield what ours has and the recorded one has not, and the other way round."""
    for type_name in sorted(sandbox.types - recorded.types):
        if not (TEXT in recorded.types and type_name.startswith(TEXT)):
            recorded_types = " or ".join(sorted(recorded.types)) or "nothing"
            yield f"{path}: {type_name} where {recorded_types} was"
    if sandbox.types & recorded.types >= {"object"}:
        yield from _keys(recorded, sandbox, path)
    if recorded.items and sandbox.items and recorded.items.types and sandbox.items.types:
        yield from differences(recorded.items, sandbox.items, f"{path}[]")


def _keys(recorded: Shape, sandbox: Shape, path: str) -> Iterator[str]:
    yield from (f"{path}.{name}: missing" for name in sorted(recorded.required - sandbox.required))
    for name, sandbox_shape in sandbox.keys.items():
        if name in recorded.keys:
            yield from differences(recorded.keys[name], sandbox_shape, f"{path}.{name}")
        else:
            yield f"{path}.{name}: added"
