"""Chains: how many a listing is cut into, and what that may cost."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.chains import EACH, MOST, Chain
from connector.core.model import ObjectType, Record, Ref
from connector.hubspot.door import Page
from connector.listed import Listed

PAGE = 100
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def contact(number: int) -> Record:
    ref = Ref(ObjectType.CONTACTS, str(number))
    return Record(ref=ref, properties={}, modified_at=NOON, created_at=NOON)


def page(ids: range, chain: Chain) -> Page:
    """Answer a page as HubSpot does: a hundred ids from where the chain stands."""
    cursor = chain.cursor()
    place = 0 if cursor is None else max(0, -(-(int(cursor) - ids.start) // ids.step))
    shown = ids[place : place + PAGE]
    following = ids[place + PAGE : place + PAGE + 1]
    return Page(
        records=tuple(contact(one) for one in shown), after=str(following[0]) if following else None
    )


def test_cutting_costs_a_tenth_of_the_requests_at_most() -> None:
    ids = range(10**9, 10**9 + 37 * 12_000, 37)
    listed = Listed(
        kind=ObjectType.CONTACTS,
        started="",
        properties=(),
        total=len(ids),
        last_id=ids[-1],
        renews=False,
    )
    listed.begin()
    pages = 0
    while listed.chains:
        number = sorted(listed.chains)[pages % len(listed.chains)]
        listed.take(number, page(ids, listed.chains[number]))
        pages += 1
        if len(listed.chains) < MOST:
            listed.split()
    assert listed.count == len(ids)
    assert 1 < listed.begun <= 1 + len(ids) / EACH
    assert len(ids) / PAGE <= pages <= 1.1 * len(ids) / PAGE
