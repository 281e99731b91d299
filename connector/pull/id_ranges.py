"""Cut a full scan into id ranges that are read side by side, each with a cursor of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from connector.core.model import Record, Ref
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer

MAX_RANGES: Final = 12
"""Ranges read at once: at 600 ms an answer, 12 fill a burst limit of 190 in ten seconds."""
MIN_RECORDS_PER_RANGE: Final = 2500
"""Records for which a further range is opened: below, its half-empty pages cost too much."""
RECORDS_PER_EXTRA_RANGE: Final = 1250
"""Records for each range that was ever opened: their half-empty pages then cost 8% at most."""
MIN_RECORDS_TO_SPLIT: Final = 500
"""Estimated records left in a range for which it is cut in two when another is finished."""


class OutOfOrderError(BadAnswer):
    """A list begun at an id does not go on in the order of ids: only a single range is sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """The ids from `start` to before `end` (None: to the end of the list).

    It is read to before `next_id`. `cursor` is where HubSpot says that the list goes on, None
    before the first page; `first_id` is the id of the first record, `count` counts the records.
    """

    start: int
    end: int | None
    next_id: int
    cursor: str | None = None
    first_id: int | None = None
    count: int = 0
    done: bool = False

    @classmethod
    def from_checkpoint(cls, value: Mapping[str, Any]) -> IdRange:
        """Return the range of a checkpoint's value."""
        return cls(**value)

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return asdict(self)

    def next_cursor(self) -> str | None:
        """Return the cursor of the next page.

        HubSpot's guide to paging calls `after` the id of the next record. In case it means
        "beyond this id" a range begins one id early, and a record of another range is left out.
        """
        if self.cursor is None and self.start:
            return str(self.start - 1)
        return self.cursor

    def density(self) -> float | None:
        """Return how many ids there are for each record, None before the first records."""
        return None if self.first_id is None else (self.next_id - self.first_id) / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePage:
    """A page of a range: its own records, and the ids that they cover (None: to the end)."""

    id_range: IdRange
    records: tuple[Record, ...]
    unreadable: Mapping[Ref, str]
    after_id: int
    up_to_id: int | None


ALL_IDS: Final = IdRange(start=0, end=None, next_id=0)


def initial_ranges(total: int, last_id: int) -> list[IdRange]:
    """Cut all ids into even ranges: one for each 2,500 records, twelve at most."""
    count = max(1, min(MAX_RANGES, total // MIN_RECORDS_PER_RANGE, last_id))
    cuts = [last_id * part // count for part in range(count)]
    return [
        IdRange(start=start, end=end, next_id=start)
        for start, end in zip(cuts, [*cuts[1:], None], strict=True)
    ]


def advance_range(id_range: IdRange, page: Page) -> RangePage:
    """Return a range advanced by a page, with the records of the page that are the range's own.

    Raise OutOfOrderError where the ids do not come in order: then ids between them may have been
    skipped. Raise BadAnswer where HubSpot returns the cursor that was sent.
    """
    # The same cursor again would be read without end.
    if page.after is not None and page.after == id_range.cursor:
        raise BadAnswer("HubSpot repeats the same page of a list: try later")
    # A page may reach beyond the end of the range, or begin one id early.
    own = [record for record in page.records if _contains(id_range, int(record.ref.id))]
    unreadable = {
        ref: reason for ref, reason in page.unreadable.items() if _contains(id_range, int(ref.id))
    }
    # A single range of all ids relies on no order.
    ids = [int(record.ref.id) for record in page.records]
    if id_range.start or id_range.end is not None:
        _check_order(id_range, ids)
    # The range ends with the list, or where the ids pass its end.
    next_id = max([id_range.next_id, *(int(ref.id) + 1 for ref in page.refs)])
    is_past_end = id_range.end is not None and next_id >= id_range.end
    done = page.after is None or is_past_end
    first_id = int(own[0].ref.id) if own and id_range.first_id is None else id_range.first_id
    advanced = replace(
        id_range,
        next_id=next_id,
        cursor=page.after,
        first_id=first_id,
        count=id_range.count + len(own) + len(unreadable),
        done=done,
    )
    end = None if id_range.end is None else id_range.end - 1
    return RangePage(
        id_range=advanced,
        records=tuple(own),
        unreadable=unreadable,
        after_id=id_range.next_id - 1,
        up_to_id=end if done else next_id - 1,
    )


def split_largest(
    id_ranges: Mapping[int, IdRange], *, remaining: int, last_id: int
) -> tuple[int, IdRange, IdRange] | None:
    """Cut the open range with the most records left in two; return None where none is worth it.

    Return its number, what it keeps, and the new range. Only the estimate depends on densities:
    the reading is complete wherever the cut lies.
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
    cut = largest.next_id + int((largest.density() or 1) * sizes[number] / 2)
    return number, replace(largest, end=cut), IdRange(start=cut, end=largest.end, next_id=cut)


def _estimate_remaining(id_range: IdRange, remaining: int, last_id: int) -> float:
    """Estimate how many records a range still holds; 0 before its first record is known."""
    density = id_range.density()
    if density is None:
        return 0
    span = (last_id + 1 if id_range.end is None else id_range.end) - id_range.next_id
    return min(span / density, remaining)


def _contains(id_range: IdRange, record_id: int) -> bool:
    return record_id >= id_range.start and (id_range.end is None or record_id < id_range.end)


def _check_order(id_range: IdRange, ids: Sequence[int]) -> None:
    lowest = id_range.next_id if id_range.cursor is not None else id_range.start - 1
    if list(ids) != sorted(ids) or (ids and ids[0] < lowest):
        raise OutOfOrderError("HubSpot listed records in no order of their ids")
