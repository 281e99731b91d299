"""Read YAML into nodes with their places; the reader of a setting decides a word's type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from connector.core.problem import Place, PolicyError, Problem, policy_error

_MAX_LENGTH: Final = 200_000
_MAX_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word or text; `raw` is its spelling in the file, with quotes."""

    text: str
    place: Place
    raw: str = ""
    quoted: bool = False

    def place_at(self, offset: int) -> Place:
        """Return the place in the file of a character of the text.

        Folding and quoting change blanks, quotes and backslashes only, so walking over the
        other characters of both texts finds the place.
        """
        line, column = self.place.line, self.place.column
        position = 0
        for character in self.text[:offset].replace(" ", "").replace("\n", ""):
            position = max(self.raw.find(character, position), 0) + 1
        while position < len(self.raw) and self._is_skipped(position, offset):
            position += 1
        before = self.raw[:position]
        newlines = before.count("\n")
        return Place(
            self.place.source,
            line + newlines,
            len(before) - before.rfind("\n") if newlines else column + position,
        )

    def _is_skipped(self, position: int, offset: int) -> bool:
        """Return whether the file has something here that the text does not have."""
        character = self.text[offset : offset + 1]
        return bool(character.strip()) and self.raw[position] != character


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping; keys are texts and occur once."""

    entries: Mapping[str, tuple[Scalar, Node]]
    place: Place

    def get(self, key: str) -> Node | None:
        """Return the node under a key, `None` where there is none."""
        entry = self.entries.get(key)
        return entry[1] if entry else None


Node: TypeAlias = Scalar | Items | Section


def read_yaml(text: str, *, source: str) -> Node:
    """Return the one document in a YAML text; raise PolicyError where it is not sound."""
    start = Place(source, 1, 1)
    if len(text) > _MAX_LENGTH:
        raise policy_error(
            start, f"a policy is at most {_MAX_LENGTH:,} characters long, this is {len(text):,}"
        )
    try:
        text.encode()
        return _NodeReader(text, source).document()
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(error, start) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise policy_error(start, f"this is not YAML: {error}".splitlines()[0]) from None


def _yaml_error(error: yaml.MarkedYAMLError, start: Place) -> PolicyError:
    """Return PyYAML's error as a PolicyError."""
    yaml_mark = error.problem_mark or error.context_mark
    place = Place(start.source, yaml_mark.line + 1, yaml_mark.column + 1) if yaml_mark else start
    problem = error.problem or error.context or "this is not YAML"
    if "'\\t'" in problem:
        problem = "a tab stands here: indent with spaces"
    elif "end of stream" in problem:
        problem = "the file ends inside a quoted text"
    elif "mapping values are not allowed" in problem:
        problem = "a colon is not expected here: indent like the line above, or quote the text"
    return PolicyError((Problem(place, problem),))


def _event_place(event: Any, source: str) -> Place:
    """Return where an event begins; PyYAML's stubs think that it might not know."""
    return Place(source, event.start_mark.line + 1, event.start_mark.column + 1)


class _NodeReader:
    """Builds nodes from PyYAML's events, and so limits depth and refuses aliases."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)

    def document(self) -> Node:
        """Return the only document; raise PolicyError where there is none or a second one."""
        next(self._events)
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            raise policy_error(Place(self._source, 1, 1), "the file is empty")
        node = self._node(next(self._events), 0)
        next(self._events)
        next_event = next(self._events)
        if isinstance(next_event, yaml.DocumentStartEvent):
            raise policy_error(
                self._place(next_event), "a second document begins here: one file, one policy"
            )
        return node

    def _place(self, event: yaml.Event) -> Place:
        return _event_place(event, self._source)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise policy_error(
                place, "anchors and aliases (& and *) are not used here: write it out"
            )
        if depth > _MAX_DEPTH:
            raise policy_error(place, f"this is nested more than {_MAX_DEPTH} levels deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(tuple(self._items(depth)), place)
        if isinstance(event, yaml.MappingStartEvent):
            return Section(self._entries(depth), place)
        return self._scalar(event)

    def _scalar(self, event: Any) -> Scalar:
        """Return a text; `event` is a scalar event, which PyYAML's stubs do not describe."""
        place = self._place(event)
        if event.tag not in {None, "!"}:
            raise policy_error(place, f"tags such as {event.tag!r} are not used here")
        event.value.encode()
        raw = self._text[event.start_mark.index : event.end_mark.index]
        if event.style in {"|", ">"}:
            header = len(raw.partition("\n")[0])
            raw = " " * header + raw[header:]
        return Scalar(event.value, place, raw, quoted=bool(event.style))

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> dict[str, tuple[Scalar, Node]]:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise policy_error(key.place, "a key must be a single word")
            if key.text in entries:
                line = entries[key.text][0].place.line
                raise policy_error(key.place, f"{key.text!r} stands twice, first on line {line}")
            entries[key.text] = (key, self._node(next(self._events), depth + 1))
        return entries
