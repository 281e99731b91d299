"""The search index by last-modified: behind the records by the lag that `touch` is given."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Final

from connector.sandbox.portal.record import Record

_SHIFT: Final = 44  # ids stay below 17 trillion
_MASK: Final = (1 << _SHIFT) - 1
_REBUILD_ABOVE: Final = 500  # beyond so many changed records one sort is cheaper


def id_of(key: int) -> int:
    """Return the record id in an index key."""
    return key & _MASK


def modified_of(key: int) -> int:
    """Return the last-modified time in an index key."""
    return key >> _SHIFT


class ModifiedIndex:
    """Keys of (last-modified, id) in order, brought up to date when they are read."""

    def __init__(self, records: Mapping[int, Record]) -> None:
        self._records = records
        self._visible_keys: dict[int, int] = {}
        self._keys: list[int] = []
        self._changed: dict[int, int | None] = {}
        self._delayed: list[tuple[int, int]] = []

    def touch(self, record_id: int, visible_at: int | None = None) -> None:
        """Note a changed record; the index shows it from `visible_at` on, or at once."""
        if visible_at is None:
            self._changed[record_id] = self._key(record_id)
        else:
            heappush(self._delayed, (visible_at, record_id))

    def drop(self, record_id: int) -> None:
        """Forget a record."""
        self._changed[record_id] = None

    def visible_modified(self, record_id: int) -> int:
        """Return the last-modified time under which the index shows a record."""
        return modified_of(self._visible_keys[record_id])

    def keys(self, now: int) -> list[int]:
        """Return all keys as the index shows them now."""
        while self._delayed and self._delayed[0][0] <= now:
            record_id = heappop(self._delayed)[1]
            self._changed[record_id] = self._key(record_id)
        if len(self._changed) > _REBUILD_ABOVE:
            self._rebuild()
        else:
            for record_id, key in self._changed.items():
                self._replace(record_id, key)
        self._changed.clear()
        return self._keys

    def window(self, low: int, high: int, now: int, *, extra: int = 0) -> list[int]:
        """Return the keys from `low` to `high` milliseconds, both included.

        `extra` adds so many neighbours on each side.
        """
        keys = self.keys(now)
        start = bisect_left(keys, low << _SHIFT)
        end = bisect_right(keys, (high << _SHIFT) | _MASK)
        return keys[max(0, start - extra) : end + extra]

    def _key(self, record_id: int) -> int | None:
        record = self._records.get(record_id)
        if record is None or record.archived_at is not None:
            return None
        return (record.modified << _SHIFT) | record_id

    def _replace(self, record_id: int, new_key: int | None) -> None:
        old_key = self._visible_keys.pop(record_id, None)
        if old_key is not None:
            del self._keys[bisect_left(self._keys, old_key)]
        if new_key is not None:
            self._visible_keys[record_id] = new_key
            insort(self._keys, new_key)

    def _rebuild(self) -> None:
        for record_id, key in self._changed.items():
            self._visible_keys.pop(record_id, None)
            if key is not None:
                self._visible_keys[record_id] = key
        self._keys = sorted(self._visible_keys.values())
