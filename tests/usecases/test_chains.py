"""Chains: how many a listing is cut into, and what that may cost."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from connector.chains import EACH, MOST, Chain, begin, split, take
from connector.core.model import ObjectType, Record, Ref
from connector.hubspot.door import Page

PAGE = 100
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def contact(number: int) -> Record:
    ref = Ref(ObjectType.CONTACTS, str(number))
    return Record(ref=ref, properties={}, modified_at=NOON, created_at=NOON)


def listed(ids: range, chain: Chain) -> Page:
    """Answer a page as HubSpot does: a hundred ids from where the chain stands."""
    cursor = chain.cursor()
    place = 0 if cursor is None else max(0, -(-(int(cursor) - ids.start) // ids.step))
    shown = ids[place : place + PAGE]
    following = ids[place + PAGE : place + PAGE + 1]
    return Page(
        records=tuple(contact(one) for one in shown), after=str(following[0]) if following else None
    )


def read_all(ids: range) -> tuple[list[Chain], int]:
    """Read all chains in turn, and cut one in two whenever fewer than `MOST` are open."""
    total, last = len(ids), ids[-1]
    chains = begin(total, last)
    for pages in count():
        open_ones = [place for place, one in enumerate(chains) if not one.done]
        if not open_ones:
            return chains, pages
        place = open_ones[pages % len(open_ones)]
        chains[place] = take(chains[place], listed(ids, chains[place])).chain
        cut = split(chains, total=total, last_id=last) if len(open_ones) <= MOST else None
        if cut:
            chains[cut[0]] = cut[1]
            chains.append(cut[2])
    raise AssertionError


def test_cutting_costs_a_tenth_of_the_requests_at_most() -> None:
    ids = range(10**9, 10**9 + 37 * 12_000, 37)
    chains, pages = read_all(ids)
    assert sum(one.count for one in chains) == len(ids)
    assert 1 < len(chains) <= 1 + len(ids) / EACH
    assert len(ids) / PAGE <= pages <= 1.1 * len(ids) / PAGE
