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

    kinds: frozenset[str] = frozenset()
    keys: dict[str, Shape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Shape | None = None


def shape(values: Sequence[object]) -> Shape:
    """Return the shape that all of these values share."""
    objects = [one for one in values if isinstance(one, dict)]
    arrays = [one for one in values if isinstance(one, list)]
    names = {name for one in objects for name in one}
    return Shape(
        kinds=frozenset(map(kind, values)),
        keys={name: shape([one[name] for one in objects if name in one]) for name in sorted(names)},
        required=frozenset(name for name in names if all(name in one for one in objects)),
        items=shape([item for one in arrays for item in one]) if arrays else None,
    )


def kind(value: object) -> str:
    """Name the JSON type of a value; a string's format follows a colon."""
    if isinstance(value, str):
        found = (name for name, form in FORMATS.items() if form.fullmatch(value))
        return next((f"{TEXT}:{name}" for name in found), TEXT)
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", dict: "object"}
    return names.get(type(value), "array")


def differences(recorded: Shape, ours: Shape, place: str = "$") -> Iterator[str]:
    """Yield what ours has and the recorded one has not, and the other way round."""
    for one in sorted(ours.kinds - recorded.kinds):
        if not (TEXT in recorded.kinds and one.startswith(TEXT)):
            yield f"{place}: {one} where {' or '.join(sorted(recorded.kinds)) or 'nothing'} was"
    if ours.kinds & recorded.kinds >= {"object"}:
        yield from _keys(recorded, ours, place)
    if recorded.items and ours.items and recorded.items.kinds and ours.items.kinds:
        yield from differences(recorded.items, ours.items, f"{place}[]")


def _keys(recorded: Shape, ours: Shape, place: str) -> Iterator[str]:
    yield from (f"{place}.{name}: missing" for name in sorted(recorded.required - ours.required))
    for name, one in ours.keys.items():
        if name in recorded.keys:
            yield from differences(recorded.keys[name], one, f"{place}.{name}")
        else:
            yield f"{place}.{name}: added"
