"""Read all records of a type, page by page, and go on where a stopped process was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connector.core.model import ObjectType, Record
from connector.desk import Desk
from connector.storing import Batch, complete, store
from state import checkpoints, mirror

# 1,000 records: the most ids that one association read takes, and ten times fewer commits.
_PAGES = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_whole(desk: Desk, kind: ObjectType, properties: Sequence[str]) -> int:
    """List every record of a type into the mirror, archived ones last; return how many live.

    From then on changes are read since the *beginning* of the listing. Only deals need
    their associations: whatever a deal is linked with is known from the deal's side.
    """
    name = f"list.{kind}"
    at = _resume(desk, name, properties)
    total = _total(desk, kind)
    while not at["listed"]:
        records, after = _pages(desk, kind, properties, at["after"])
        if kind is ObjectType.DEALS:
            batch = complete(desk, kind, records)
        else:
            batch = Batch(records=records)
        count = at["count"] + len(records)
        at = {**at, "after": after, "count": count, "listed": after is None}
        store(desk, batch, checkpoint=(name, at))
        desk.tell(f"pull {kind}", count, total)
    _archive(desk, kind)
    _finish(desk, kind, at)
    return int(at["count"])


def _resume(desk: Desk, name: str, properties: Sequence[str]) -> dict[str, Any]:
    """Return where the listing stands: at its beginning, or where it was interrupted."""
    with desk.store.begin() as session:
        found = checkpoints.get(session, desk.portal_id, name)
    if found and found["properties"] == list(properties):
        return dict(found)
    return {
        "after": None,
        "count": 0,
        "listed": False,
        "started": desk.door.now().isoformat(),
        "properties": list(properties),
    }


def _total(desk: Desk, kind: ObjectType) -> int | None:
    """Ask a search how many there are, for the progress bar."""
    return desk.door.changed(kind, (), since=_EPOCH, until=desk.door.now()).total


def _pages(
    desk: Desk, kind: ObjectType, properties: Sequence[str], after: str | None
) -> tuple[list[Record], str | None]:
    """Read the pages that are stored together; the second value says where to go on."""
    records: list[Record] = []
    for _ in range(_PAGES):
        page = desk.door.page(kind, properties, after=after)
        records.extend(page.records)
        after = page.after
        if after is None:
            break
    return records, after


def _archive(desk: Desk, kind: ObjectType) -> None:
    """Take archived records out of the decisions."""
    after: str | None = None
    while True:
        page = desk.door.page(kind, (), after=after, archived=True)
        with desk.store.begin() as session:
            refs = [record.ref for record in page.records]
            mirror.archive(session, desk.portal_id, refs, at=desk.door.now())
        after = page.after
        if after is None:
            return


def _finish(desk: Desk, kind: ObjectType, at: dict[str, Any]) -> None:
    """Let the changes be read from the listing's beginning on."""
    mark = {"until": at["started"], "properties": at["properties"]}
    with desk.store.begin() as session:
        checkpoints.put(session, desk.portal_id, f"changes.{kind}", mark)
        checkpoints.put(session, desk.portal_id, f"list.{kind}", None)
