"""Look up the stage periods of records: from the ledger, and from HubSpot's history once."""

from __future__ import annotations

from collections.abc import Sequence

from connector.core.model import STAGE, ObjectType, Ref
from connector.core.periods import Period, periods
from connector.desk import Desk
from state import ledger, mirror

_NAMES = {
    ObjectType.CONTACTS: STAGE,
    ObjectType.COMPANIES: STAGE,
    ObjectType.DEALS: "dealstage",
}


def stage_periods(desk: Desk, refs: Sequence[Ref]) -> dict[Ref, tuple[Period, ...]]:
    """Return the stage periods of records of one type; each history is read once per change.

    What the ledger knows stays, even where HubSpot has since dropped it.
    """
    if not refs:
        return {}
    name = _NAMES[refs[0].object_type]
    with desk.store.reading() as session:
        records = mirror.get(session, desk.portal_id, refs)
        known = ledger.read_since(session, desk.portal_id, refs)
    unread = [
        ref for ref, one in records.items() if ref not in known or known[ref] < one.modified_at
    ]
    at = desk.door.now()
    read = desk.door.read(unread, (name,), history=(name,)) if unread else {}
    with desk.store.begin() as session:
        histories = {ref: one.history.get(name, ()) for ref, one in read.items()}
        ledger.observe_all(session, desk.portal_id, name, histories)
        ledger.mark_read(session, desk.portal_id, unread, at=at)
        told = ledger.versions(session, desk.portal_id, refs, name)
    return {ref: periods(versions) for ref, versions in told.items()}
