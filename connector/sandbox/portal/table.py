"""All records of one object type, by id, in the order of ids, and by e-mail."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.record import Record
from connector.sandbox.portal.search_index import ModifiedIndex


class Table:
    """The records of one type: live and archived ones, and the ids that were merged away."""

    def __init__(self, object_type: ObjectType) -> None:
        self.object_type = object_type
        self.records: dict[int, Record] = {}
        self.ids: list[int] = []
        self.aliases: dict[int, int] = {}
        self.index = ModifiedIndex(self.records)
        self._highest = 0
        self._by_email: dict[str, int] | None = None

    def next_id(self) -> int:
        """Return an id that is greater than all ids so far, deleted ones included."""
        return (
            self._highest + self.object_type.id_step if self._highest else self.object_type.first_id
        )

    def add(self, record: Record) -> None:
        """Add a record; raise ValueError when its id is taken."""
        if record.id in self.records or record.id in self.aliases:
            raise ValueError(f"{self.object_type.name}/{record.id} exists already")
        self.records[record.id] = record
        self._highest = max(self._highest, record.id)
        if not self.ids or record.id > self.ids[-1]:
            self.ids.append(record.id)
        else:
            insort(self.ids, record.id)
        self.index_email(record)

    def remove(self, record_id: int) -> None:
        """Take a record out for good."""
        removed = self.records.pop(record_id)
        del self.ids[bisect_left(self.ids, record_id)]
        self.index.drop(record_id)
        if self._by_email is not None:
            self._by_email.pop(removed.values.get("email", "").lower(), None)

    def survivor_id(self, record_id: int) -> int:
        """Return the id that a merged id lives on as; any other id as it is."""
        while record_id in self.aliases:
            record_id = self.aliases[record_id]
        return record_id

    def find(
        self, record_id: str, *, follow_merges: bool = True, archived: bool = False
    ) -> Record | None:
        """Return a record by its id in text; a merged id finds its survivor."""
        if not (record_id.isascii() and record_id.isdigit()):
            return None
        number = int(record_id)
        record = self.records.get(self.survivor_id(number) if follow_merges else number)
        if record is None or (record.archived_at is not None) is not archived:
            return None
        return record

    def walk(self, start: int, *, archived: bool) -> Iterator[Record]:
        """Yield the live, or the archived, records from an id on, in the order of ids."""
        for position in range(bisect_left(self.ids, start), len(self.ids)):
            record = self.records[self.ids[position]]
            if (record.archived_at is not None) is archived:
                yield record

    def find_by_email(self, email: str) -> Record | None:
        """Return the live contact with an e-mail; case does not matter."""
        if self._by_email is None:
            self._by_email = {}
            for record in self.records.values():
                self.index_email(record)
        match = self.records.get(self._by_email.get(email.lower(), 0))
        return match if match is not None and match.archived_at is None else None

    def index_email(self, record: Record) -> None:
        """Remember the e-mail of a record that was added or changed."""
        email = record.values.get("email", "").lower()
        if self._by_email is not None and email:
            self._by_email.setdefault(email, record.id)
