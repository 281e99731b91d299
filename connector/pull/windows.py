"""Say which windows of time a poll has to read, so that late rows are found as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

SEARCH_DELAY: Final = timedelta(hours=1)
"""After so long the search index shows everything; a quarter of an hour was seen in practice."""
SECOND_PASS_INTERVAL: Final = timedelta(hours=1)
"""How often the second pass is made: one search for each type and hour when nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPosition:
    """How far a type was read: once until `until`, and late enough to be complete until `late`."""

    until: datetime
    complete_until: datetime

    @classmethod
    def from_checkpoint(cls, value: Mapping[str, Any]) -> ReadPosition:
        """Return the mark of a checkpoint's value."""
        return cls(
            until=datetime.fromisoformat(value["until"]),
            complete_until=datetime.fromisoformat(value["late"]),
        )

    def to_checkpoint(self, properties: Sequence[str]) -> dict[str, Any]:
        """Return the checkpoint's value, with the properties that were asked for."""
        return {
            "until": self.until.isoformat(),
            "late": self.complete_until.isoformat(),
            "properties": list(properties),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window to read, bounds included, and the mark that holds once it is stored."""

    since: datetime
    until: datetime
    position: ReadPosition


def windows_to_read(position: ReadPosition, now: datetime, *, overlap: timedelta) -> list[Window]:
    """Return what a poll has to read: what is new, and once an hour what may have been late.

    Whatever was first read less than `DELAY` after it happened is read once more, seen
    changes or not: a late row leaves no trace before it appears. A first reading that comes
    later than that is its own second pass.
    """
    since, indexed_until = position.until - overlap, now - SEARCH_DELAY
    if since <= indexed_until:
        next_position = ReadPosition(
            until=now, complete_until=max(position.complete_until, indexed_until)
        )
        return [
            Window(since=min(since, position.complete_until), until=now, position=next_position)
        ]
    new_window = Window(
        since=since,
        until=now,
        position=ReadPosition(until=now, complete_until=position.complete_until),
    )
    if indexed_until - position.complete_until < SECOND_PASS_INTERVAL:
        return [new_window]
    late_window = Window(
        since=position.complete_until,
        until=indexed_until,
        position=ReadPosition(until=position.until, complete_until=indexed_until),
    )
    new_window = Window(
        since=since, until=now, position=ReadPosition(until=now, complete_until=indexed_until)
    )
    return [late_window, new_window]
