"""Set and end holds, and make due what they are about."""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector.core.binding import needed_properties
from connector.core.holds import Hold, Scope
from connector.core.model import ObjectType, Ref
from connector.desk import Desk
from connector.errors import UserError
from state import holds, mirror


def add(desk: Desk, hold: Hold) -> None:
    """Store a hold; raise UserError where it can never hold anything."""
    if hold.scope is Scope.VALUE:
        _check_value(desk, hold.of)
    with desk.store.begin() as session:
        holds.add(session, desk.portal_id, [hold])
        _wake(desk, session, hold.scope, hold.of)


def remove(desk: Desk, scope: Scope, of: str, property_name: str | None) -> int:
    """End holds, of one property only where named; return how many."""
    with desk.store.begin() as session:
        count = holds.remove(session, desk.portal_id, scope, of, property_name=property_name)
        if count:
            _wake(desk, session, scope, of)
    return count


def listed(desk: Desk) -> tuple[Hold, ...]:
    """Return the holds that have not run out."""
    with desk.store.reading() as session:
        return holds.listed(session, desk.portal_id, now=desk.door.now())


def _wake(desk: Desk, session: Session, scope: Scope, of: str) -> None:
    """Make due what a hold is about: one record, or all where that is not known."""
    now = desk.door.now()
    if scope is Scope.RECORD:
        mirror.mark_due(session, desk.portal_id, [Ref.parse(of)], at=now)
    elif scope is Scope.COMPANY:
        company = Ref.parse(of)
        staff = mirror.of_company(session, desk.portal_id, [company])[company]
        mirror.mark_due(session, desk.portal_id, [company, *staff], at=now)
    else:
        mirror.mark_all_due(session, desk.portal_id, at=now)


def _check_value(desk: Desk, of: str) -> None:
    name, equals, _ = of.partition("=")
    known = needed_properties(desk.policy, desk.portal)
    kinds = (ObjectType.CONTACTS, ObjectType.COMPANIES)
    names = sorted({one for kind in kinds for one in known[kind]})
    if not equals or name not in names:
        raise UserError(
            f"--where {of}: write NAME=VALUE with a property that the mirror holds "
            f"({', '.join(names)})."
        )
