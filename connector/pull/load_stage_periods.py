"""Load the stage periods of records, from the ledger and from HubSpot's histories."""

from __future__ import annotations

from collections.abc import Sequence

from connector.context import RunContext
from connector.core.history.stage_periods import Period, build_periods
from connector.core.model import STAGE_PROPERTIES, Ref
from state import ledger, mirror


def stage_periods(context: RunContext, refs: Sequence[Ref]) -> dict[Ref, tuple[Period, ...]]:
    """Return the stage periods of records of one type; each history is read once per change.

    What the ledger holds stays there, even where HubSpot has since dropped it from the history.
    """
    if not refs:
        return {}
    name = STAGE_PROPERTIES[refs[0].object_type]
    with context.reading() as session:
        records = mirror.get(session, refs)
        read_times = ledger.history_read_until(session, refs)
    unread = [
        ref
        for ref, record in records.items()
        if ref not in read_times or read_times[ref] < record.modified_at
    ]
    at = context.api.now()
    result = context.api.read_available(unread, (name,), history=(name,))
    with context.begin() as session:
        histories = {ref: record.history.get(name, ()) for ref, record in result.records.items()}
        ledger.store_histories(session, name, histories)
        ledger.mark_read(session, [ref for ref in unread if ref not in result.unreadable], at=at)
        versions_by_ref = ledger.read_versions(session, refs, name)
    return {ref: build_periods(versions) for ref, versions in versions_by_ref.items()}
