"""Read everything again, a little with each poll and all of it within a day.

Some changes leave no trace where a poll looks: a link that moves no modification date, a record
that went into the recycling bin, a calculated property. So the portal is listed once a day in
slices, and whatever a page should show and does not is asked for by its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from connector.core.binding import needed_properties
from connector.core.model import ObjectType, Record, Ref
from connector.desk import Desk
from connector.gone import settle_gone
from connector.hubspot.door import Page
from connector.hubspot.faults import BadAnswer
from connector.storing import complete, store
from state import checkpoints, mirror, mirror_parts

DAY: Final = timedelta(days=1)
ALWAYS: Final = 100
"""Pages that one poll may read whatever the portal's size, so that rare polls keep up as well."""
_PAGE: Final = 100
_TOGETHER: Final = 10  # a thousand records: as many as one association read takes
_IN_THE_BIN: Final = timedelta(days=90)
_NAME: Final = "rolling"
# Deals first: their links tell those of contacts and companies, too.
_ORDER: Final = (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the round stands: the type, the last id that was read, and up to when it is paid.

    `after` is where HubSpot goes on; None at the beginning of a type.
    """

    kind: ObjectType
    last_id: str
    after: str | None
    at: datetime
    rounds: int = 0

    @classmethod
    def told(cls, value: Any, now: datetime) -> Place:
        """Return the place of a checkpoint's value; a first round begins now."""
        if value is None:
            return cls(kind=_ORDER[0], last_id="0", after=None, at=now)
        return cls(
            kind=ObjectType(value["kind"]),
            last_id=value["last_id"],
            after=value["after"],
            at=datetime.fromisoformat(value["at"]),
            rounds=value["rounds"],
        )

    def written(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return {
            "kind": str(self.kind),
            "last_id": self.last_id,
            "after": self.after,
            "at": self.at.isoformat(),
            "rounds": self.rounds,
        }


def roll(desk: Desk) -> int:
    """Read as many pages again as are due by now; return how many that were."""
    place, pace = _place(desk)
    now = desk.door.now()
    most = max(ALWAYS, int(timedelta(hours=1) / pace))
    due = min(int((now - place.at) / pace), most)
    if due == most:
        place = replace(place, at=now - pace * due)  # a long pause is not made up for
    pages = 0
    while pages < due:
        place, read = _step(desk, place, pace, due - pages)
        pages += read
    return pages


def start_round(desk: Desk) -> None:
    """Begin a new round now, as when everything has just been listed."""
    with desk.store.begin() as session:
        place = Place.told(None, desk.door.now())
        checkpoints.put(session, desk.portal_id, _NAME, place.written())


def roll_round(desk: Desk) -> int:
    """Read everything again from the beginning to the end; return how many pages that were."""
    place = Place.told(None, desk.door.now())
    pages = 0
    while not place.rounds:
        place, read = _step(desk, place, timedelta(), _TOGETHER)
        pages += read
    return pages


def _place(desk: Desk) -> tuple[Place, timedelta]:
    """Return where the round stands, and how long a page may take for a round a day."""
    with desk.store.reading() as session:
        place = Place.told(checkpoints.get(session, desk.portal_id, _NAME), desk.door.now())
        counts = mirror.count(session, desk.portal_id)
    return place, DAY / sum(count // _PAGE + 1 for count in counts.values())


def _step(desk: Desk, place: Place, pace: timedelta, most: int) -> tuple[Place, int]:
    """Read some pages of one type, let the mirror follow, and keep the place."""
    properties = needed_properties(desk.policy, desk.portal)[place.kind]
    records: list[Record] = []
    following, pages = place, 0
    while pages < min(most, _TOGETHER) and (following.after or not pages):
        page = desk.door.page(place.kind, properties, after=following.after)
        following = _following(following, page, pace)
        records.extend(page.records)
        pages += 1
    with desk.store.reading() as session:
        up_to = following.last_id if following.after else None
        known = mirror_parts.within(
            session, desk.portal_id, place.kind, after_id=place.last_id, up_to_id=up_to
        )
        news = mirror.changed(session, desk.portal_id, records)
    # Of deals the links of all: a link may move without a trace.
    store(desk, complete(desk, place.kind, records if place.kind is ObjectType.DEALS else news))
    settle_gone(desk, missed(known, records, desk.door.now()))
    with desk.store.begin() as session:
        checkpoints.put(session, desk.portal_id, _NAME, following.written())
    return following, pages


def missed(known: dict[Ref, datetime | None], shown: Sequence[Record], now: datetime) -> list[Ref]:
    """Return the mirrored records that a page does not show, though it covers their ids.

    Of archived ones those are asked for that may still be deleted for good, or come back.
    """
    there = {one.ref for one in shown}
    return [
        ref
        for ref, archived_at in known.items()
        if ref not in there and (archived_at is None or now - archived_at < _IN_THE_BIN)
    ]


def _following(place: Place, page: Page, pace: timedelta) -> Place:
    """Return the place after a page: within the type, at the next type, or at the next round."""
    ids = [int(place.last_id), *(int(one.ref.id) for one in page.records)]
    if ids != sorted(ids):
        raise BadAnswer("HubSpot listed records in no order of their ids: try later")
    if page.after is not None:
        return replace(place, last_id=str(ids[-1]), after=page.after, at=place.at + pace)
    number = _ORDER.index(place.kind) + 1
    rounds, kind = place.rounds + number // len(_ORDER), _ORDER[number % len(_ORDER)]
    return Place(kind=kind, last_id="0", after=None, at=place.at + pace, rounds=rounds)
