"""Gather contacts together with their companies, where the policy lets them follow each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from connector.core.circle import Circle, Pinned, asks_contacts, closed, is_small
from connector.core.facts import Facts
from connector.core.model import ObjectType, Ref
from connector.desk import Desk, chunks
from state import mirror

_CHUNK = 500
_PRIMARY_COMPANY = "associatedcompanyid"

Look = Callable[[Sequence[Ref]], list[Facts]]


def followed(desk: Desk, found: Sequence[Facts], look: Look, pinned: Pinned) -> list[Facts]:
    """Return these facts with what their company, or their contacts, say of them.

    `look` gives the facts of the others in their circles, as they are by themselves; whose stage
    is `pinned` is followed where it is.
    """
    companies = sorted({one.company for one in found if one.company})
    with desk.store.reading() as session:
        staff = mirror.of_company(session, desk.portal_id, companies)
    wanted = {ref for company in companies for ref in _needed(desk, company, staff[company])}
    known = {one.record: one for one in found}
    known |= {one.record: one for one in look(sorted(wanted - known.keys()))}
    done: dict[Ref, Facts] = {}
    for company in companies:
        circle = closed(desk.policy, _circle(desk, company, staff[company], known), pinned)
        done |= {one.record: one for one in circle.contacts}
        done |= {company: circle.company} if circle.company else {}
    return [done.get(one.record, one) for one in found]


def _needed(desk: Desk, company: Ref, contacts: Sequence[Ref]) -> Iterable[Ref]:
    """Return on whom the decisions in a circle rest: in a large one nobody follows anybody."""
    small = is_small(desk.policy, len(contacts)) and asks_contacts(desk.policy)
    return (company, *(contacts if small else ()))


def _circle(desk: Desk, company: Ref, contacts: Sequence[Ref], known: dict[Ref, Facts]) -> Circle:
    return Circle(
        company=known.get(company),
        contacts=tuple(known[one] for one in contacts if one in known),
        size=len(contacts),
    )


def widen(desk: Desk, now: datetime) -> None:
    """Make due whoever is in one circle with a record that is due.

    What a company should be may change what its contacts should be, and the other way round.
    """
    for kind in (ObjectType.CONTACTS, ObjectType.COMPANIES):
        after = "0"
        while refs := _due(desk, kind, now, after):
            after = refs[-1].id
            _mark_circles(desk, refs, now)


def _due(desk: Desk, kind: ObjectType, now: datetime, after: str) -> tuple[Ref, ...]:
    with desk.store.reading() as session:
        return mirror.due(session, desk.portal_id, kind, until=now, after_id=after, limit=_CHUNK)


def _mark_circles(desk: Desk, refs: Sequence[Ref], now: datetime) -> None:
    others = sorted(circles_of(desk, refs) - set(refs))
    with desk.store.begin() as session:
        for part in chunks(others, _CHUNK):
            mirror.mark_due(session, desk.portal_id, part, at=now)


def circles_of(desk: Desk, refs: Sequence[Ref]) -> set[Ref]:
    """Return everybody in the circles of these records; of a large company only itself."""
    companies = companies_of(desk, refs)
    with desk.store.reading() as session:
        staff = mirror.of_company(session, desk.portal_id, sorted(companies))
    small = [each for each in staff.values() if is_small(desk.policy, len(each))]
    return companies | {one for each in small for one in each}


def companies_of(desk: Desk, refs: Sequence[Ref]) -> set[Ref]:
    """Return the companies among these records, and the primary companies of the contacts."""
    with desk.store.reading() as session:
        records = mirror.get(session, desk.portal_id, refs).values()
    numbers = {one.properties.get(_PRIMARY_COMPANY) or "" for one in records}
    found = {Ref(ObjectType.COMPANIES, one) for one in numbers if one.isdecimal()}
    return found | {ref for ref in refs if ref.object_type is ObjectType.COMPANIES}
