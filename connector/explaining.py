"""Explain one record: what it is, what it should be, by which rule, on what evidence."""

from __future__ import annotations

from connector.core.explanation import Explanation, explain
from connector.core.model import ObjectType, Record, Ref
from connector.desk import Desk
from connector.errors import UserError
from connector.gather import gather
from connector.pull import require_mirror
from state import mirror


def explain_record(desk: Desk, ref: Ref) -> tuple[Record, Explanation]:
    """Return a mirrored record with its explanation; raise UserError where there is none."""
    if ref.object_type is ObjectType.DEALS:
        raise UserError("A deal has no lifecycle stage: explain one of its contacts or companies.")
    require_mirror(desk)
    with desk.store.reading() as session:
        record = mirror.get(session, desk.portal_id, [ref]).get(ref)
    if record is None:
        raise UserError(
            f"{ref} is not in the mirror: run `connector pull` first, and check the id."
        )
    if record.archived:
        raise UserError(f"{ref} is archived in HubSpot: archived records are left alone.")
    return record, explain(desk.policy, gather(desk, [ref])[0])
