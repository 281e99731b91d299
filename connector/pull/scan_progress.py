"""Keep how far a listing has come: its open chains, and what its records still lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """A listing as its checkpoint holds it.

    `started` is when it began, `total` and `last_id` how large the portal was then, `renews`
    whether the mirror held records of this type before. `chains` are the open ones by number,
    of `begun` in all; `ended` counts the records of the others. `unlinked` records are stored
    without their associations yet, and `missed` ones should have been shown and were not.
    """

    kind: ObjectType
    started: str
    properties: Sequence[str]
    total: int
    last_id: int
    renews: bool
    id_ranges: dict[int, IdRange] = field(default_factory=dict)
    begun: int = 0
    ended: int = 0
    unlinked: list[Ref] = field(default_factory=list)
    missed: list[Ref] = field(default_factory=list)

    @classmethod
    def from_checkpoint(cls, kind: ObjectType, value: Mapping[str, Any]) -> ScanProgress:
        """Return what a checkpoint's value tells."""
        return cls(
            kind=kind,
            **{
                **value,
                "chains": {
                    int(number): IdRange.from_checkpoint(id_range)
                    for number, id_range in value["chains"].items()
                },
                "unlinked": [Ref(kind, record_id) for record_id in value["unlinked"]],
                "missed": [Ref(kind, record_id) for record_id in value["missed"]],
            },
        )

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return {
            "started": self.started,
            "properties": list(self.properties),
            "total": self.total,
            "last_id": self.last_id,
            "renews": self.renews,
            "chains": {
                str(number): id_range.to_checkpoint() for number, id_range in self.id_ranges.items()
            },
            "begun": self.begun,
            "ended": self.ended,
            "unlinked": [ref.id for ref in self.unlinked],
            "missed": [ref.id for ref in self.missed],
        }

    @property
    def count(self) -> int:
        """Return how many records were listed so far."""
        return self.ended + sum(id_range.count for id_range in self.id_ranges.values())

    @property
    def is_parallel(self) -> bool:
        """Whether some chain rests on beginning at an id."""
        return self.begun > 1

    def start(self) -> None:
        """Begin with as many chains as the listing is worth."""
        self._start_ranges(initial_ranges(self.total, self.last_id))

    def restart_with_one_range(self) -> None:
        """Begin again with one chain, which rests on nothing."""
        self._start_ranges([ALL_IDS])

    def add_page(self, number: int, page: Page) -> RangePage:
        """Take a page into its chain; one that has ended is not kept."""
        range_page = advance_range(self.id_ranges[number], page)
        if range_page.id_range.done:
            del self.id_ranges[number]
            self.ended += range_page.id_range.count
        else:
            self.id_ranges[number] = range_page.id_range
        return range_page

    def split_largest_range(self) -> int | None:
        """Cut the longest chain in two, and return the new one's number; None: none is worth it."""
        if not self.is_parallel or self.begun * RECORDS_PER_EXTRA_RANGE >= self.total:
            return None
        remaining = max(0, self.total - self.count)
        cut = split_largest(self.id_ranges, remaining=remaining, last_id=self.last_id)
        if cut is None:
            return None
        number, shortened, added = cut
        self.id_ranges |= {number: shortened, self.begun: added}
        self.begun += 1
        return self.begun - 1

    def _start_ranges(self, id_ranges: Sequence[IdRange]) -> None:
        self.id_ranges = dict(enumerate(id_ranges))
        self.begun, self.ended = len(id_ranges), 0
        self.unlinked, self.missed = [], []
