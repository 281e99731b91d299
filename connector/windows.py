"""Say which windows of time a poll has to read, so that late rows are found as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

DELAY: Final = timedelta(hours=1)
"""After so long the search index shows everything; a quarter of an hour was seen in practice."""
PERIOD: Final = timedelta(hours=1)
"""How often the second pass is made: one search for each type and hour when nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a type was read: once until `until`, and late enough to be complete until `late`."""

    until: datetime
    late: datetime

    @classmethod
    def told(cls, value: Mapping[str, Any]) -> Mark:
        """Return the mark of a checkpoint's value."""
        return cls(
            until=datetime.fromisoformat(value["until"]),
            late=datetime.fromisoformat(value["late"]),
        )

    def written(self, properties: Sequence[str]) -> dict[str, Any]:
        """Return the checkpoint's value, with the properties that were asked for."""
        return {
            "until": self.until.isoformat(),
            "late": self.late.isoformat(),
            "properties": list(properties),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window to read, bounds included, and the mark that holds once it is stored."""

    since: datetime
    until: datetime
    mark: Mark


def windows(mark: Mark, now: datetime, *, overlap: timedelta) -> list[Window]:
    """Return what a poll has to read: what is new, and once an hour what may have been late.

    Whatever was first read less than `DELAY` after it happened is read once more, seen
    changes or not: a late row leaves no trace before it appears. A first reading that comes
    later than that is its own second pass.
    """
    since, ripe = mark.until - overlap, now - DELAY
    if since <= ripe:
        following = Mark(until=now, late=max(mark.late, ripe))
        return [Window(since=min(since, mark.late), until=now, mark=following)]
    news = Window(since=since, until=now, mark=Mark(until=now, late=mark.late))
    if ripe - mark.late < PERIOD:
        return [news]
    late = Window(since=mark.late, until=ripe, mark=Mark(until=mark.until, late=ripe))
    news = Window(since=since, until=now, mark=Mark(until=now, late=ripe))
    return [late, news]
