"""Cut a listing into chains that are read at once, each a range of ids with a cursor of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from connector.core.model import Record
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer

MAX_RANGES: Final = 12
"""Chains at once: at 600 ms an answer, so many fill a burst limit of 190 in ten seconds."""
MIN_RECORDS_PER_RANGE: Final = 2500
"""Records for which a further chain is begun: below, its half-empty pages would cost too much."""
RECORDS_PER_EXTRA_RANGE: Final = 1250
"""Records for each chain that there ever was: their half-empty pages then cost 8% at most."""
MIN_RECORDS_TO_SPLIT: Final = 500
"""Estimated records left in a chain for which it is cut in two when another has ended."""


class OutOfOrderError(BadAnswer):
    """A list begun at an id does not go on in the order of ids: only one chain is sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """The ids from `start` up to before `end`, read up to before `at`; no `end` is the list's.

    `after` is HubSpot's own cursor, None at the chain's beginning; `first` its first record's id.
    """

    start: int
    end: int | None
    at: int
    after: str | None = None
    first: int | None = None
    count: int = 0
    done: bool = False

    @classmethod
    def from_checkpoint(cls, value: Mapping[str, Any]) -> IdRange:
        """Return the chain of a checkpoint's value."""
        return cls(**value)

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return asdict(self)

    def cursor(self) -> str | None:
        """Return where the next page begins.

        HubSpot documents `after` as the id of the next record. In case it means "beyond this
        id" a chain begins one id early, and a record that is not its own is left out.
        """
        if self.after is None and self.start:
            return str(self.start - 1)
        return self.after

    def density(self) -> float | None:
        """Return how many ids there are for each record, None before the first records."""
        return None if self.first is None else (self.at - self.first) / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePage:
    """A page of a chain: its own records, and the ids that they cover (None: to the end)."""

    id_range: IdRange
    records: tuple[Record, ...]
    after_id: int
    up_to_id: int | None


ALL_IDS: Final = IdRange(start=0, end=None, at=0)


def initial_ranges(total: int, last_id: int) -> list[IdRange]:
    """Cut all ids into even ranges, one for each `LEAST` records, `MOST` at most."""
    count = max(1, min(MAX_RANGES, total // MIN_RECORDS_PER_RANGE, last_id))
    cuts = [last_id * part // count for part in range(count)]
    return [
        IdRange(start=start, end=end, at=start)
        for start, end in zip(cuts, [*cuts[1:], None], strict=True)
    ]


def advance_range(id_range: IdRange, page: Page) -> RangePage:
    """Take a page into its chain; raise OutOfOrderError where the ids prove nothing."""
    own = [record for record in page.records if _contains(id_range, int(record.ref.id))]
    ids = [int(record.ref.id) for record in page.records]
    if id_range.start or id_range.end is not None:
        _check_order(id_range, ids)
    at = max([id_range.at, *(record_id + 1 for record_id in ids)])
    is_past_end = id_range.end is not None and at >= id_range.end
    done = page.after is None or is_past_end
    first = int(own[0].ref.id) if own and id_range.first is None else id_range.first
    advanced = replace(
        id_range, at=at, after=page.after, first=first, count=id_range.count + len(own), done=done
    )
    end = None if id_range.end is None else id_range.end - 1
    return RangePage(
        id_range=advanced,
        records=tuple(own),
        after_id=id_range.at - 1,
        up_to_id=end if done else at - 1,
    )


def split_largest(
    id_ranges: Mapping[int, IdRange], *, remaining: int, last_id: int
) -> tuple[int, IdRange, IdRange] | None:
    """Cut the open chain with the most records left in two; None where none is worth it.

    Return its number, what it keeps, and the new chain. Only the estimate rests on densities:
    what is read is right wherever the cut lies.
    """
    sizes = {
        number: _estimate_remaining(id_range, remaining, last_id)
        for number, id_range in id_ranges.items()
    }
    number = max(sizes, key=lambda key: sizes[key], default=None)
    if number is None or sizes[number] < MIN_RECORDS_TO_SPLIT:
        return None
    largest = id_ranges[number]
    # A full page of it may be under way.
    cut = largest.at + int((largest.density() or 1) * sizes[number] / 2)
    return number, replace(largest, end=cut), IdRange(start=cut, end=largest.end, at=cut)


def _estimate_remaining(id_range: IdRange, remaining: int, last_id: int) -> float:
    """Estimate how many records a chain still holds; 0 where nothing is known of it."""
    density = id_range.density()
    if density is None:
        return 0
    span = (last_id + 1 if id_range.end is None else id_range.end) - id_range.at
    return min(span / density, remaining)


def _contains(id_range: IdRange, record_id: int) -> bool:
    return record_id >= id_range.start and (id_range.end is None or record_id < id_range.end)


def _check_order(id_range: IdRange, ids: Sequence[int]) -> None:
    lowest = id_range.at if id_range.after is not None else id_range.start - 1
    if list(ids) != sorted(ids) or (ids and ids[0] < lowest):
        raise OutOfOrderError("HubSpot listed records in no order of their ids")
