"""Read records afresh from HubSpot, with the histories of stage and lead status."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from connector.context import Reading, RunContext
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref
from connector.hubspot.api import ReadResult
from connector.hubspot.http.failures import RecordsUnreadable
from connector.plan.quarantine_unreadable import note_unreadable
from connector.plan.storing import try_to_store
from state import ledger
from state.db.transaction import Transaction
from state.unreadable_records import FailedReading

# A company's lead status is left alone.
TRACKED_PROPERTIES: Final[Mapping[ObjectType, tuple[str, ...]]] = {
    ObjectType.COMPANIES: (STAGE,),
    ObjectType.CONTACTS: (STAGE, STATUS),
}
_STAGE_DATE: Final = "hs_v2_date_entered_current_stage"
_MAX_READINGS: Final = 2000


def read_records(context: RunContext, refs: Collection[Ref]) -> dict[Ref, Record]:
    """Read stages and, of contacts, lead statuses with their histories, by asked ref.

    What is missing is asked for once more: now and then HubSpot answers 200 with fewer rows,
    and a record that is there must not be taken for a deleted one. What the histories tell
    is kept in the ledger: reports name the other writers by it. Raise RecordsUnreadable where
    HubSpot does not serve a record: it must not be taken for a deleted one.
    """
    result = read_available_records(context, refs)
    if result.unreadable:
        raise RecordsUnreadable(result.unreadable)
    return result.records


def read_available_records(context: RunContext, refs: Collection[Ref]) -> ReadResult:
    """Read as `read_records` does, and name the records that HubSpot does not serve."""
    first = _read_once(context, refs)
    second = _read_once(
        context, [ref for ref in refs if ref not in first.records | first.unreadable]
    )
    records = first.records | second.records
    _remember_readings(context, records)
    return ReadResult(records=records, unreadable=first.unreadable | second.unreadable)


def _read_once(context: RunContext, refs: Collection[Ref]) -> ReadResult:
    result = ReadResult()
    for kind, names in TRACKED_PROPERTIES.items():
        of_kind = [ref for ref in refs if ref.object_type is kind]
        if of_kind:
            answer = context.api.read_available(
                of_kind,
                (*names, *mark_properties(context, kind), *_moving_properties(context, kind)),
                history=names,
            )
            result.records.update(answer.records)
            result.unreadable.update(answer.unreadable)
    return result


def _moving_properties(context: RunContext, kind: ObjectType) -> tuple[str, ...]:
    """Return the mirrored properties that HubSpot changes together with the stage.

    Without them in the reading after a write, the mirror kept the date of the old stage until a
    poll or a proof of the mirror found it different.
    """
    is_defined = _STAGE_DATE in context.portal.definitions.get(kind, {})
    return (_STAGE_DATE,) if is_defined else ()


def mark_properties(context: RunContext, kind: ObjectType) -> tuple[str, ...]:
    """Return the properties that mark former customers, by this policy or by an open move."""
    of_policy = {context.policy.mark_properties.get(kind, "")} - {""}
    defined = context.portal.definitions.get(kind, {}).keys()
    return tuple(sorted(of_policy | (context.state.open_move_properties & defined)))


def read_fresh(context: RunContext, refs: Collection[Ref]) -> ReadResult:
    """Return readings from a moment ago where there are any, and read the others.

    What cannot be read is set aside, so that it does not hold up the others.
    """
    oldest = context.api.now() - context.max_read_age
    recent = {
        ref: reading.record
        for ref in refs
        if (reading := context.state.readings.get(ref)) is not None and reading.at >= oldest
    }
    missing = [ref for ref in refs if ref not in recent]
    result = read_available_records(context, missing) if missing else ReadResult()
    note_unreadable(context, result.unreadable, FailedReading.HISTORY)
    return ReadResult(records=recent | result.records, unreadable=result.unreadable)


def drop_readings(context: RunContext, refs: Collection[Ref]) -> None:
    """Forget the readings of records that are about to be written."""
    for ref in refs:
        context.state.readings.pop(ref, None)


def _remember_readings(context: RunContext, records: Mapping[Ref, Record]) -> None:
    """Keep readings for the recheck of the next seconds, and store the histories that they hold."""
    if not records:
        return
    at = context.api.now()
    # The newest stand last; a merged record was read under another id, and is none of ours now.
    for ref, record in records.items():
        context.state.readings.pop(ref, None)
        if record.ref == ref:
            context.state.readings[ref] = Reading(record, at)
    # A long run keeps no more of them than a moment needs.
    for ref in list(context.state.readings)[:-_MAX_READINGS]:
        del context.state.readings[ref]

    def store_histories(session: Transaction) -> None:
        for name in (STAGE, STATUS):
            histories = {
                record.ref: record.history[name]
                for record in records.values()
                if record.history.get(name)
            }
            ledger.store_histories(session, name, histories)

    # A record may be blank now: a failure to store its history must not stop its set.
    try_to_store(context, store_histories)
