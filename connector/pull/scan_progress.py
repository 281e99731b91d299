"""Keep how far a full scan has come: its open id ranges, and what its records still lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.core.model import ObjectType, Ref
from connector.hubspot.api import Page
from connector.pull.id_ranges import (
    ALL_IDS,
    RECORDS_PER_EXTRA_RANGE,
    IdRange,
    RangePage,
    advance_range,
    initial_ranges,
    split_largest,
)


@dataclass(slots=True, kw_only=True)
class ScanProgress:
    """A full scan of one type, as its checkpoint holds it.

    `started` is when it began (ISO 8601, the portal's clock); `total` and `last_id` are how
    many records there were then, and the greatest id. `is_repeat` says whether the mirror held
    records of this type before, so that those which no page shows must be looked for.
    `id_ranges` holds the open id ranges by number; `range_count` counts all that were ever
    opened, and `finished_count` the records of those that are finished. The records of
    `unlinked` are stored without their associations so far; those of `missing` lie within the
    ids of a page that did not show them.
    """

    kind: ObjectType
    started: str
    properties: tuple[str, ...]
    total: int
    last_id: int
    is_repeat: bool
    id_ranges: dict[int, IdRange] = field(default_factory=dict)
    range_count: int = 0
    finished_count: int = 0
    unlinked: list[Ref] = field(default_factory=list)
    missing: list[Ref] = field(default_factory=list)

    @classmethod
    def from_checkpoint(cls, kind: ObjectType, value: Any) -> ScanProgress | None:
        """Return the progress of a checkpoint's value, None where no scan is under way.

        A value that an older version wrote in another form counts as none: the scan begins again.
        """
        try:
            return cls(
                kind=kind,
                started=value["started"],
                properties=tuple(value["properties"]),
                total=value["total"],
                last_id=value["last_id"],
                is_repeat=value["is_repeat"],
                id_ranges={
                    int(number): IdRange.from_checkpoint(id_range)
                    for number, id_range in value["id_ranges"].items()
                },
                range_count=value["range_count"],
                finished_count=value["finished_count"],
                unlinked=[Ref(kind, record_id) for record_id in value["unlinked"]],
                missing=[Ref(kind, record_id) for record_id in value["missing"]],
            )
        except (KeyError, TypeError):
            return None

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return {
            "started": self.started,
            "properties": list(self.properties),
            "total": self.total,
            "last_id": self.last_id,
            "is_repeat": self.is_repeat,
            "id_ranges": {
                str(number): id_range.to_checkpoint() for number, id_range in self.id_ranges.items()
            },
            "range_count": self.range_count,
            "finished_count": self.finished_count,
            "unlinked": [ref.id for ref in self.unlinked],
            "missing": [ref.id for ref in self.missing],
        }

    @property
    def count(self) -> int:
        """Return how many records were listed so far."""
        return self.finished_count + sum(id_range.count for id_range in self.id_ranges.values())

    @property
    def is_parallel(self) -> bool:
        """Return whether some range relies on HubSpot's taking an id as the place to begin at."""
        return self.range_count > 1

    def start(self) -> None:
        """Open as many ranges as the number of records is worth."""
        self._open_ranges(initial_ranges(self.total, self.last_id))

    def restart_with_one_range(self) -> None:
        """Begin again with a single range of all ids, which relies on no order."""
        self._open_ranges([ALL_IDS])

    def add_page(self, number: int, page: Page) -> RangePage:
        """Advance a range by a page; a range that is finished is dropped."""
        range_page = advance_range(self.id_ranges[number], page)
        if range_page.id_range.done:
            del self.id_ranges[number]
            self.finished_count += range_page.id_range.count
        else:
            self.id_ranges[number] = range_page.id_range
        return range_page

    def split_largest_range(self) -> int | None:
        """Cut the largest range in two and return the new one's number, None if not worth it."""
        if not self.is_parallel or self.range_count * RECORDS_PER_EXTRA_RANGE >= self.total:
            return None
        remaining = max(0, self.total - self.count)
        cut = split_largest(self.id_ranges, remaining=remaining, last_id=self.last_id)
        if cut is None:
            return None
        number, shortened, added = cut
        self.id_ranges |= {number: shortened, self.range_count: added}
        self.range_count += 1
        return self.range_count - 1

    def _open_ranges(self, id_ranges: Sequence[IdRange]) -> None:
        self.id_ranges = dict(enumerate(id_ranges))
        self.range_count, self.finished_count = len(id_ranges), 0
        self.unlinked, self.missing = [], []
