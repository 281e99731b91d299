"""Remember how far each type was read, and say which windows of time a poll has to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from connector.core.model import (
    ALWAYS_READ_TYPES,
    ObjectType,
)
from state import checkpoints
from state.db.transaction import Transaction

SEARCH_DELAY: Final = timedelta(hours=1)
"""After this time the search index shows everything; a quarter of an hour was seen in practice."""
SECOND_PASS_INTERVAL: Final = timedelta(hours=1)
"""How often the second pass is made: one search for each type and hour when nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPosition:
    """How far one type was read.

    Everything modified before `until` was read once, everything modified before
    `complete_until` was read late enough for the search index to be complete. `properties`
    are those that the mirror has asked for: another policy may need a new reading.
    """

    until: datetime
    complete_until: datetime
    properties: tuple[str, ...] = ()

    @classmethod
    def from_checkpoint(cls, value: Any) -> ReadPosition | None:
        """Return the position of a checkpoint's value, None where the type was never read."""
        if not value:
            return None
        return cls(
            until=datetime.fromisoformat(value["until"]),
            complete_until=datetime.fromisoformat(value["late"]),
            properties=tuple(value["properties"]),
        )

    def missing(self, properties: Iterable[str]) -> tuple[str, ...]:
        """Return those of some properties that the mirror never asked for, in order."""
        return tuple(sorted(set(properties) - set(self.properties)))

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return {
            "until": self.until.isoformat(),
            "late": self.complete_until.isoformat(),
            "properties": list(self.properties),
        }


def load_position(session: Transaction, kind: ObjectType) -> ReadPosition | None:
    """Return how far a type was read, None where it was never read whole."""
    return ReadPosition.from_checkpoint(checkpoints.get(session, position_checkpoint(kind)))


def load_positions(
    session: Transaction, kinds: Iterable[ObjectType]
) -> Mapping[ObjectType, ReadPosition | None]:
    """Return how far each type was read, None where it was never read whole."""
    names = {kind: position_checkpoint(kind) for kind in kinds}
    stored = checkpoints.get_all(session, names.values())
    return {kind: ReadPosition.from_checkpoint(stored.get(name)) for kind, name in names.items()}


def polled_until(session: Transaction) -> datetime | None:
    """Return up to when every type was polled, None before the first complete poll."""
    positions = load_positions(session, ALWAYS_READ_TYPES).values()
    moments = [position.until for position in positions if position]
    return min(moments) if len(moments) == len(ALWAYS_READ_TYPES) else None


def position_checkpoint(kind: ObjectType) -> str:
    """Return the name of the checkpoint that holds how far a type was read."""
    return f"changes.{kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window to read, bounds included, and the position that holds once it is stored."""

    since: datetime
    until: datetime
    position: ReadPosition


def windows_to_read(position: ReadPosition, now: datetime, *, overlap: timedelta) -> list[Window]:
    """Return what a poll has to read: what is new, and once an hour what may have come late.

    Whatever was first read less than `SEARCH_DELAY` after it happened is read once more,
    whether changes were seen or not: a row that the index shows late leaves no trace before
    it appears. A first reading that comes later than that needs no second one.
    """
    since, indexed_until = position.until - overlap, now - SEARCH_DELAY
    properties = position.properties
    if since <= indexed_until:
        next_position = ReadPosition(
            until=now,
            complete_until=max(position.complete_until, indexed_until),
            properties=properties,
        )
        return [
            Window(since=min(since, position.complete_until), until=now, position=next_position)
        ]
    if indexed_until - position.complete_until < SECOND_PASS_INTERVAL:
        next_position = ReadPosition(
            until=now, complete_until=position.complete_until, properties=properties
        )
        return [Window(since=since, until=now, position=next_position)]
    # What is new goes first: a second reading that fails must not hold it up.
    after_new_window = ReadPosition(
        until=now, complete_until=position.complete_until, properties=properties
    )
    return [
        Window(since=since, until=now, position=after_new_window),
        Window(
            since=position.complete_until,
            until=indexed_until,
            position=ReadPosition(until=now, complete_until=indexed_until, properties=properties),
        ),
    ]
