"""Read records afresh, with the histories of stage and lead status: who set them, and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref
from connector.desk import Desk, Reading
from state import ledger

# A company's lead status is left alone.
NAMES: Final[Mapping[ObjectType, tuple[str, ...]]] = {
    ObjectType.COMPANIES: (STAGE,),
    ObjectType.CONTACTS: (STAGE, STATUS),
}
_KEPT: Final = 2000


def read(desk: Desk, refs: Collection[Ref]) -> dict[Ref, Record]:
    """Read stages and, of contacts, lead statuses with their histories, by asked ref.

    What is missing is asked for once more: now and then HubSpot answers 200 with fewer rows,
    and a record that is there must not be taken for a deleted one. What the histories tell
    is kept in the ledger: reports name the other writers by it.
    """
    found = _read(desk, refs)
    found |= _read(desk, [ref for ref in refs if ref not in found])
    _remember(desk, found)
    return found


def _read(desk: Desk, refs: Collection[Ref]) -> dict[Ref, Record]:
    found: dict[Ref, Record] = {}
    for kind, names in NAMES.items():
        of_kind = [ref for ref in refs if ref.object_type is kind]
        if of_kind:
            found |= desk.door.read(of_kind, (*names, *marks_of(desk, kind)), history=names)
    return found


def marks_of(desk: Desk, kind: ObjectType) -> tuple[str, ...]:
    """Return the properties that mark former customers, by this policy or by an open move."""
    if kind is not ObjectType.CONTACTS:
        return ()
    return tuple(sorted({desk.policy.mark_property, *desk.marks} - {""}))


def read_fresh(desk: Desk, refs: Collection[Ref]) -> dict[Ref, Record]:
    """Return readings from a moment ago where there are any, and read the others."""
    oldest = desk.door.now() - desk.fresh
    known = {
        ref: one.record
        for ref in refs
        if (one := desk.readings.get(ref)) is not None and one.at >= oldest
    }
    missing = [ref for ref in refs if ref not in known]
    return {**known, **(read(desk, missing) if missing else {})}


def drop(desk: Desk, refs: Collection[Ref]) -> None:
    """Forget readings: what is about to be written is not as it was read."""
    for ref in refs:
        desk.readings.pop(ref, None)


def _remember(desk: Desk, found: Mapping[Ref, Record]) -> None:
    if not found:
        return
    at = desk.door.now()
    for ref, record in found.items():
        desk.readings.pop(ref, None)
        if record.ref == ref:
            desk.readings[ref] = Reading(record, at)
    for ref in list(desk.readings)[:-_KEPT]:
        del desk.readings[ref]
    with desk.store.begin() as session:
        for name in (STAGE, STATUS):
            told = {one.ref: one.history[name] for one in found.values() if one.history.get(name)}
            ledger.observe_all(session, desk.portal_id, name, told)
