"""Add and remove holds, and make the records due that they concern."""

from __future__ import annotations

from connector.context import RunContext
from connector.core.binding.bind import needed_properties
from connector.core.corrections.holds import Hold, HoldScope
from connector.core.model import (
    DECIDED_TYPES,
    STAGE,
    Ref,
)
from connector.errors import UserError
from state import due_times, holds, mirror
from state.db.transaction import Transaction


def add_hold(context: RunContext, hold: Hold) -> None:
    """Store a hold; UserError where its condition names a property that is not mirrored."""
    if hold.scope is HoldScope.VALUE:
        _check_value(context, hold.target)
    with context.begin() as session:
        holds.add(session, [hold])
        _mark_due(context, session, hold.scope, hold.target)


def require_in_hubspot(context: RunContext, ref: Ref) -> None:
    """Raise UserError where neither the mirror nor HubSpot has the record."""
    with context.reading() as session:
        if ref in mirror.get(session, [ref]):
            return
    if ref not in context.api.read([ref], [STAGE]):
        raise UserError(
            f"HubSpot has no {ref}: check the id, or add `--anyway` to hold it from the moment "
            "that it exists."
        )


def remove_holds(
    context: RunContext, scope: HoldScope, target: str, property_name: str | None
) -> int:
    """Remove holds, of a single property where named; return how many."""
    with context.begin() as session:
        count = holds.remove(session, scope, target, property_name=property_name)
        if count:
            _mark_due(context, session, scope, target)
    return count


def active_holds(context: RunContext) -> tuple[Hold, ...]:
    """Return the holds that have not expired."""
    with context.reading() as session:
        return holds.read_active(session, now=context.api.now())


def _mark_due(context: RunContext, session: Transaction, scope: HoldScope, target: str) -> None:
    """Make due the records of a hold: a record, a company with its contacts, else all."""
    now = context.api.now()
    if scope is HoldScope.RECORD:
        due_times.mark_due(session, [Ref.parse(target)], at=now)
    elif scope is HoldScope.COMPANY:
        company = Ref.parse(target)
        contacts = mirror.contacts_of_companies(session, [company])[company]
        due_times.mark_due(session, [company, *contacts], at=now)
    else:
        due_times.mark_all_due(session, at=now)


def _check_value(context: RunContext, text: str) -> None:
    name, equals, _ = text.partition("=")
    properties_by_type = needed_properties(context.policy, context.portal)
    names = sorted(
        {property_name for kind in DECIDED_TYPES for property_name in properties_by_type[kind]}
    )
    if not equals or name not in names:
        raise UserError(
            f"--where {text}: write NAME=VALUE with a property that the mirror holds "
            f"({', '.join(names)})."
        )
