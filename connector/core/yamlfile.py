"""Reads YAML into nodes that remember their place; the schema, not YAML, says what a word is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from connector.core.mark import Mark, PolicyError, Problem, wrong

_LONGEST: Final = 200_000
_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word or text; `raw` is how it stands in the file, quotes and all."""

    text: str
    mark: Mark
    raw: str = ""
    quoted: bool = False

    def at(self, offset: int) -> Mark:
        """Return the place in the file of a character of the text.

        Folding and quoting change blanks, quotes and backslashes only, so walking over the
        other characters of both texts finds the place.
        """
        line, column = self.mark.line, self.mark.column
        place = 0
        for wanted in self.text[:offset].replace(" ", "").replace("\n", ""):
            place = max(self.raw.find(wanted, place), 0) + 1
        while place < len(self.raw) and self._is_skipped(place, offset):
            place += 1
        before = self.raw[:place]
        rows = before.count("\n")
        return Mark(
            self.mark.source,
            line + rows,
            len(before) - before.rfind("\n") if rows else column + place,
        )

    def _is_skipped(self, place: int, offset: int) -> bool:
        """Whether the file has something here that the text does not have."""
        wanted = self.text[offset : offset + 1]
        return bool(wanted.strip()) and self.raw[place] != wanted


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping; keys are texts and occur once."""

    entries: Mapping[str, tuple[Scalar, Node]]
    mark: Mark

    def get(self, key: str) -> Node | None:
        """Return the node under a key, `None` where there is none."""
        found = self.entries.get(key)
        return found[1] if found else None


Node: TypeAlias = Scalar | Items | Section


def read(text: str, *, source: str) -> Node:
    """Return the one document in a YAML text; raise PolicyError where it is not sound."""
    start = Mark(source, 1, 1)
    if len(text) > _LONGEST:
        raise wrong(
            start, f"a policy is at most {_LONGEST:,} characters long, this is {len(text):,}"
        )
    try:
        text.encode()
        return _Reader(text, source).document()
    except yaml.MarkedYAMLError as error:
        raise _unsound(error, start) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise wrong(start, f"this is not YAML: {error}".splitlines()[0]) from None


def _unsound(error: yaml.MarkedYAMLError, start: Mark) -> PolicyError:
    """Return PyYAML's complaint as ours."""
    mark = error.problem_mark or error.context_mark
    place = Mark(start.source, mark.line + 1, mark.column + 1) if mark else start
    problem = error.problem or error.context or "this is not YAML"
    if "'\\t'" in problem:
        problem = "a tab stands here: indent with spaces"
    elif "end of stream" in problem:
        problem = "the file ends inside a quoted text"
    elif "mapping values are not allowed" in problem:
        problem = "a colon is not expected here: indent like the line above, or quote the text"
    return PolicyError((Problem(place, problem),))


def _mark(event: Any, source: str) -> Mark:
    """Return where an event begins; PyYAML's stubs think that it might not know."""
    return Mark(source, event.start_mark.line + 1, event.start_mark.column + 1)


class _Reader:
    """Builds nodes from PyYAML's events, so that depth and aliases stay in our hands."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)

    def document(self) -> Node:
        """Return the only document; raise PolicyError where there is none or a second one."""
        next(self._events)
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            raise wrong(Mark(self._source, 1, 1), "the file is empty")
        node = self._node(next(self._events), 0)
        next(self._events)
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            raise wrong(self._mark(after), "a second document begins here: one file, one policy")
        return node

    def _mark(self, event: yaml.Event) -> Mark:
        return _mark(event, self._source)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        mark = self._mark(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise wrong(mark, "anchors and aliases (& and *) are not used here: write it out")
        if depth > _DEEPEST:
            raise wrong(mark, f"this is nested more than {_DEEPEST} levels deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(tuple(self._items(depth)), mark)
        if isinstance(event, yaml.MappingStartEvent):
            return Section(self._entries(depth), mark)
        return self._scalar(event)

    def _scalar(self, event: Any) -> Scalar:
        """Return a text; `event` is a scalar event, which PyYAML's stubs do not describe."""
        mark = self._mark(event)
        if event.tag not in {None, "!"}:
            raise wrong(mark, f"tags such as {event.tag!r} are not used here")
        event.value.encode()
        raw = self._text[event.start_mark.index : event.end_mark.index]
        if event.style in {"|", ">"}:
            header = len(raw.partition("\n")[0])
            raw = " " * header + raw[header:]
        return Scalar(event.value, mark, raw, quoted=bool(event.style))

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> dict[str, tuple[Scalar, Node]]:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise wrong(key.mark, "a key must be a single word")
            if key.text in entries:
                line = entries[key.text][0].mark.line
                raise wrong(key.mark, f"{key.text!r} stands twice, first on line {line}")
            entries[key.text] = (key, self._node(next(self._events), depth + 1))
        return entries
