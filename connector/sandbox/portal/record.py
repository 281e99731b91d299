"""One record: its values and their versions, in little memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from connector.sandbox.portal.object_types import ObjectType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Source(NamedTuple):
    """The writer of a value, in HubSpot's words."""

    type: str
    id: str = ""
    label: str = ""
    user_id: int | None = None


class Version(NamedTuple):
    """One entry of a property's history; `at` in milliseconds, "" is a clear."""

    at: int
    value: str
    source: Source


class Record:
    """One record; times in milliseconds since 1970.

    `values` holds what was written, without blanks. `versions` holds the histories of the
    properties that were written after the creation, oldest version first; every other
    value has one version, made at the creation by `source`.
    """

    __slots__ = (
        "archived_at",
        "created",
        "id",
        "merged",
        "modified",
        "object_type",
        "source",
        "values",
        "versions",
    )  # fmt: skip

    def __init__(self, object_type: ObjectType, record_id: int, at: int, source: Source) -> None:
        self.object_type = object_type
        self.id = record_id
        self.created = at
        self.modified = at
        self.archived_at: int | None = None
        self.source = source
        self.values: dict[str, str] = {}
        self.versions: dict[str, list[Version]] | None = None
        self.merged: tuple[tuple[int, int], ...] = ()

    def history(self, name: str) -> list[Version]:
        """Return the versions of a written property, oldest first."""
        versions = (self.versions or {}).get(name)
        if versions is not None:
            return versions
        value = self.values.get(name)
        return [] if value is None else [Version(self.created, value, self.source)]

    def put(self, name: str, value: str, at: int, source: Source) -> int:
        """Store a value ("" clears) with its version; return its time.

        A later version is strictly later, so that a history has one order.
        """
        history = self.history(name)
        if history:
            at = max(at, history[-1].at + 1)
        if self.versions is None:
            self.versions = {}
        self.versions[name] = [*history, Version(at, value, source)]
        self.modified = max(self.modified, at)
        if value:
            self.values[name] = value
        else:
            self.values.pop(name, None)
        return at

    def copy(self) -> Record:
        """Return the record as it is now, untouched by later writes."""
        duplicate = Record(self.object_type, self.id, self.created, self.source)
        duplicate.modified, duplicate.archived_at, duplicate.merged = (
            self.modified,
            self.archived_at,
            self.merged,
        )
        duplicate.values = dict(self.values)
        duplicate.versions = None if self.versions is None else dict(self.versions)
        return duplicate


def iso(ms: int) -> str:
    """Write a time as HubSpot does: without a fraction on a full second.

    >>> iso(1773300826615), iso(0)
    ('2026-03-12T07:33:46.615Z', '1970-01-01T00:00:00Z')
    """
    seconds, fraction = divmod(ms, 1000)
    text = _iso_to_the_second(seconds)
    return f"{text}.{fraction:03d}Z" if fraction else f"{text}Z"


@lru_cache(maxsize=1 << 14)
def _iso_to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def millis(instant: datetime) -> int:
    """Return an instant as milliseconds since 1970."""
    return round(instant.timestamp() * 1000)


def parse_time(value: Any) -> int:
    """Read epoch milliseconds, a date, or an ISO instant; raise ValueError for anything else.

    >>> parse_time("2026-12-31"), parse_time("1773300826615")
    (1798675200000, 1773300826615)
    """
    text = str(value)
    if text.lstrip("-").isdigit():
        return int(text)
    instant = datetime.fromisoformat(text)
    return millis(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
