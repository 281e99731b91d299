"""Find contacts that are ready for sales, and whom nobody has followed up; from the mirror."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from connector.core.binding import BoundPolicy
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref
from connector.hubspot.codec.parsing import moment
from state import mirror
from state.store import Store

ENTERED: Final = "hs_v2_date_entered_current_stage"
UNTOUCHED: Final = frozenset({"", "NEW"})
"""Lead statuses that no seller has set: none, and the one that the policy itself sets."""


def sales_stages(policy: BoundPolicy) -> frozenset[str]:
    """Return the stages in which sales take over: those that carry a lead status."""
    words = set(policy.policy.texts("lead_status.applies_to"))
    labels = policy.sides[ObjectType.CONTACTS].labels
    return frozenset(value for value, label in labels.items() if words & {value, label})


def overlooked(
    store: Store, policy: BoundPolicy, *, before: datetime
) -> Iterator[tuple[Ref, datetime]]:
    """Yield who has been in such a stage since before then, untouched, and since when."""
    stages, after = sales_stages(policy), "0"
    while True:
        with store.reading() as session:
            refs = mirror.listed(session, policy.portal_id, ObjectType.CONTACTS, after_id=after)
            found = mirror.get(session, policy.portal_id, refs)
        if not refs:
            return
        for ref in refs:
            since = _waiting(found[ref], stages)
            if since is not None and since < before:
                yield ref, since
        after = refs[-1].id


def _waiting(record: Record, stages: frozenset[str]) -> datetime | None:
    """Return since when a contact waits; None where it does not, or nobody knows since when."""
    entered = record.value(ENTERED)
    if record.value(STAGE) not in stages or record.value(STATUS) not in UNTOUCHED or not entered:
        return None
    return moment(entered)
