"""Read the whole portal again once a day, in slices, a few pages with each poll.

Polls search by the modification date, and some changes do not move it: a changed link, a record
that was archived, a calculated property. A record that is absent from the page that should show
it is read by its id.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from connector.context import RunContext
from connector.core.binding.bind import needed_properties, types_to_read
from connector.core.model import ObjectType, Record, Ref
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer
from connector.plan.quarantine_unreadable import note_unreadable
from connector.pull.ingest import LINK_OWNERS, ingest, read_batch
from connector.pull.missing_records import resolve_missing
from state import checkpoints, mirror, mirror_queries
from state.unreadable_records import FailedReading

DAY: Final = timedelta(days=1)
MIN_PAGES: Final = 100
"""Pages that one poll may read whatever the portal's size, so that rare polls keep up as well."""
_PAGE_SIZE: Final = 100
_PAGES_PER_STEP: Final = 10  # a thousand records: as many as one association read takes
_RECYCLING_BIN_TIME: Final = timedelta(days=90)
_CHECKPOINT: Final = "rolling"
_FIRST: Final = ObjectType.DEALS  # their associations are those of contacts and companies as well


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanPosition:
    """How far the round has come: the type, and the last id that was read of it.

    `cursor` is where HubSpot's list goes on, None at the beginning of a type. The pages
    that were due until `scheduled_until` are read. `rounds` counts the finished rounds.
    """

    kind: ObjectType
    last_id: str
    cursor: str | None
    scheduled_until: datetime
    rounds: int = 0

    @classmethod
    def from_checkpoint(cls, value: Any, now: datetime) -> RescanPosition:
        """Return the position of a checkpoint's value; without one the first round begins now."""
        if value is None:
            return cls(kind=_FIRST, last_id="0", cursor=None, scheduled_until=now)
        return cls(
            kind=ObjectType(value["kind"]),
            last_id=value["last_id"],
            cursor=value["after"],
            scheduled_until=datetime.fromisoformat(value["at"]),
            rounds=value["rounds"],
        )

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return {
            "kind": str(self.kind),
            "last_id": self.last_id,
            "after": self.cursor,
            "at": self.scheduled_until.isoformat(),
            "rounds": self.rounds,
        }


def rescan_due_pages(context: RunContext) -> int:
    """Read as many pages again as are due by now; return how many that were.

    The pages of all types are spread evenly over a day, so each poll reads a few of them. What
    was due in a long pause of the daemon is not made up for at once.
    """
    position, page_interval = _load_position(context)
    now = context.api.now()
    max_pages = max(MIN_PAGES, int(timedelta(hours=1) / page_interval))
    due_pages = min(int((now - position.scheduled_until) / page_interval), max_pages)
    if due_pages == max_pages:
        position = replace(position, scheduled_until=now - page_interval * due_pages)
    pages = 0
    while pages < due_pages:
        position, read_pages = rescan_pages(context, position, page_interval, due_pages - pages)
        pages += read_pages
    return pages


def start_rescan(context: RunContext) -> None:
    """Begin a new round now, since everything has just been listed."""
    with context.begin() as session:
        position = RescanPosition.from_checkpoint(None, context.api.now())
        checkpoints.put(session, _CHECKPOINT, position.to_checkpoint())


def _load_position(context: RunContext) -> tuple[RescanPosition, timedelta]:
    """Return the position, and the time between two pages that makes one round a day."""
    with context.reading() as session:
        position = RescanPosition.from_checkpoint(
            checkpoints.get(session, _CHECKPOINT), context.api.now()
        )
        counts = mirror.count(session)
    # Leads that the policy no longer reads: the round goes on from its beginning.
    if position.kind not in types_to_read(context.policy):
        position = replace(position, kind=_FIRST, last_id="0", cursor=None)
    return position, DAY / sum(count // _PAGE_SIZE + 1 for count in counts.values())


def rescan_pages(
    context: RunContext, position: RescanPosition, page_interval: timedelta, max_pages: int
) -> tuple[RescanPosition, int]:
    """Read some pages of one type, update the mirror, and store the position.

    Return the new position and the number of pages. The position is stored last: a process
    that dies reads the pages again, which changes nothing.
    """
    properties = needed_properties(context.policy, context.portal)[position.kind]
    records: list[Record] = []
    unreadable: dict[Ref, str] = {}
    next_position, pages = position, 0
    while pages < min(max_pages, _PAGES_PER_STEP) and (next_position.cursor or not pages):
        page = context.api.list_page(position.kind, properties, after=next_position.cursor)
        next_position = _next_position(
            next_position, page, page_interval, types_to_read(context.policy)
        )
        records.extend(page.records)
        unreadable |= page.unreadable
        pages += 1
    note_unreadable(context, unreadable, FailedReading.PAGE)
    now = context.api.now()
    with context.reading() as session:
        up_to_id = next_position.last_id if next_position.cursor else None
        mirrored = mirror_queries.read_id_range(
            session, position.kind, after_id=position.last_id, up_to_id=up_to_id
        )
        changed = mirror.select_changed(session, records)
    # All deals and leads, since an association may change without a trace on either record.
    to_ingest = records if position.kind in LINK_OWNERS else changed
    ingest(context, read_batch(context, position.kind, to_ingest))
    resolve_missing(
        context, missing_refs(mirrored, {record.ref for record in records} | unreadable.keys(), now)
    )
    with context.begin() as session:
        checkpoints.put(session, _CHECKPOINT, next_position.to_checkpoint())
    return next_position, pages


def missing_refs(
    mirrored: dict[Ref, datetime | None], shown_refs: Set[Ref], now: datetime
) -> list[Ref]:
    """Return the mirrored records that a page does not show, although it covers their ids.

    An archived record is read as long as it may be deleted for good or restored: HubSpot
    keeps it in the recycling bin for 90 days (Knowledge Base, "Restore deleted records").
    """
    return [
        ref
        for ref, archived_at in mirrored.items()
        if ref not in shown_refs
        and (archived_at is None or now - archived_at < _RECYCLING_BIN_TIME)
    ]


def _next_position(
    position: RescanPosition,
    page: Page,
    page_interval: timedelta,
    kinds: Sequence[ObjectType],
) -> RescanPosition:
    """Return the position after a page: within the type, at the next type, or in the next round."""
    ids = [int(position.last_id), *(int(record.ref.id) for record in page.records)]
    if ids != sorted(ids):
        raise BadAnswer("HubSpot listed records in no order of their ids: try later")
    if page.after is not None and page.after == position.cursor:
        raise BadAnswer("HubSpot repeats the same page of a list: try later")
    if page.after is not None:
        return replace(
            position,
            last_id=str(max([*ids, *(int(ref.id) for ref in page.unreadable)])),
            cursor=page.after,
            scheduled_until=position.scheduled_until + page_interval,
        )
    next_index = kinds.index(position.kind) + 1
    rounds, kind = position.rounds + next_index // len(kinds), kinds[next_index % len(kinds)]
    return RescanPosition(
        kind=kind,
        last_id="0",
        cursor=None,
        scheduled_until=position.scheduled_until + page_interval,
        rounds=rounds,
    )
