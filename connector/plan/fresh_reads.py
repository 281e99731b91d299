"""Read records afresh, with the histories of stage and lead status: who set them, and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from connector.context import Reading, RunContext
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref
from state import ledger

# A company's lead status is left alone.
TRACKED_PROPERTIES: Final[Mapping[ObjectType, tuple[str, ...]]] = {
    ObjectType.COMPANIES: (STAGE,),
    ObjectType.CONTACTS: (STAGE, STATUS),
}
_MAX_READINGS: Final = 2000


def read_records(context: RunContext, refs: Collection[Ref]) -> dict[Ref, Record]:
    """Read stages and, of contacts, lead statuses with their histories, by asked ref.

    What is missing is asked for once more: now and then HubSpot answers 200 with fewer rows,
    and a record that is there must not be taken for a deleted one. What the histories tell
    is kept in the ledger: reports name the other writers by it.
    """
    records = _read_once(context, refs)
    records |= _read_once(context, [ref for ref in refs if ref not in records])
    _remember_readings(context, records)
    return records


def _read_once(context: RunContext, refs: Collection[Ref]) -> dict[Ref, Record]:
    records: dict[Ref, Record] = {}
    for kind, names in TRACKED_PROPERTIES.items():
        of_kind = [ref for ref in refs if ref.object_type is kind]
        if of_kind:
            records |= context.api.read(
                of_kind, (*names, *mark_properties(context, kind)), history=names
            )
    return records


def mark_properties(context: RunContext, kind: ObjectType) -> tuple[str, ...]:
    """Return the properties that mark former customers, by this policy or by an open move."""
    if kind is not ObjectType.CONTACTS:
        return ()
    return tuple(sorted({context.policy.mark_property, *context.state.open_move_properties} - {""}))


def read_fresh(context: RunContext, refs: Collection[Ref]) -> dict[Ref, Record]:
    """Return readings from a moment ago where there are any, and read the others."""
    oldest = context.api.now() - context.max_read_age
    recent = {
        ref: reading.record
        for ref in refs
        if (reading := context.state.readings.get(ref)) is not None and reading.at >= oldest
    }
    missing = [ref for ref in refs if ref not in recent]
    return {**recent, **(read_records(context, missing) if missing else {})}


def drop_readings(context: RunContext, refs: Collection[Ref]) -> None:
    """Forget readings: what is about to be written is not as it was read."""
    for ref in refs:
        context.state.readings.pop(ref, None)


def _remember_readings(context: RunContext, records: Mapping[Ref, Record]) -> None:
    if not records:
        return
    at = context.api.now()
    for ref, record in records.items():
        context.state.readings.pop(ref, None)
        if record.ref == ref:
            context.state.readings[ref] = Reading(record, at)
    for ref in list(context.state.readings)[:-_MAX_READINGS]:
        del context.state.readings[ref]
    with context.begin() as session:
        for name in (STAGE, STATUS):
            histories = {
                record.ref: record.history[name]
                for record in records.values()
                if record.history.get(name)
            }
            ledger.store_histories(session, name, histories)
