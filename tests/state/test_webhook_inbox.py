"""Each event is stored once, until its record has been read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.core.model import ObjectType, Ref
from connector.core.webhook_event import Event
from state import tokens, webhook_inbox
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, in_portal

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=4)


def event(key: str, record: str = "contacts/1", *, links: bool = False) -> Event:
    return Event(key=key, record=Ref.parse(record), read_associations=links, at=NOW)


def test_what_was_put_waits_in_the_order_of_receiving(session: Transaction) -> None:
    webhook_inbox.put(session, [event("b", "deals/7", links=True)], at=NOW)
    webhook_inbox.put(session, [event("a")], at=LATER)
    assert webhook_inbox.read_waiting(session) == (
        event("b", "deals/7", links=True),
        event("a"),
    )
    assert webhook_inbox.read_waiting(session, limit=1) == (event("b", "deals/7", links=True),)
    assert webhook_inbox.read_waiting(in_portal(session, OTHER_PORTAL)) == ()


def test_a_delivery_repeated_is_one_event_even_after_it_was_seen(session: Transaction) -> None:
    webhook_inbox.put(session, [event("a")], at=NOW)
    webhook_inbox.put(session, [event("a")], at=LATER)
    assert webhook_inbox.count_waiting(session) == webhook_inbox.Backlog(count=1, since=NOW)
    webhook_inbox.mark_seen(session, webhook_inbox.read_waiting(session), at=NOW)
    webhook_inbox.put(session, [event("a")], at=LATER)
    assert webhook_inbox.count_waiting(session) == webhook_inbox.Backlog(count=0, since=None)


def test_seeing_nothing_is_nothing(session: Transaction) -> None:
    webhook_inbox.put(session, [event("a")], at=NOW)
    webhook_inbox.mark_seen(session, [], at=NOW)
    assert webhook_inbox.count_waiting(session).count == 1


def test_only_what_was_seen_is_forgotten(session: Transaction) -> None:
    webhook_inbox.put(session, [event("seen")], at=NOW)
    webhook_inbox.mark_seen(session, [event("seen")], at=NOW)
    webhook_inbox.put(session, [event("unseen")], at=NOW)
    webhook_inbox.prune(session, before=LATER)
    assert [entry.key for entry in webhook_inbox.read_waiting(session)] == ["unseen"]
    webhook_inbox.put(session, [event("seen")], at=LATER)
    assert webhook_inbox.count_waiting(session).count == 2


def test_a_token_is_replaced_and_kept_by_portal_and_name(session: Transaction) -> None:
    tokens.put(in_portal(session, "0"), "oauth", "sealed-1", at=NOW)
    tokens.put(in_portal(session, "0"), "oauth", "sealed-2", at=LATER)
    assert tokens.get(in_portal(session, "0"), "oauth") == "sealed-2"
    assert tokens.get(session, "oauth") is None


def test_arrivals_are_counted_by_type_and_kind_with_the_last_time(session: Transaction) -> None:
    webhook_inbox.put(session, [event("old")], at=NOW - timedelta(seconds=1))
    webhook_inbox.put(session, [event("a"), event("b", "deals/7", links=True)], at=NOW)
    webhook_inbox.put(session, [event("c")], at=LATER)
    webhook_inbox.mark_seen(session, [event("a")], at=NOW)
    assert webhook_inbox.arrivals(session, since=NOW) == {
        (ObjectType.CONTACTS, False): webhook_inbox.Arrivals(count=2, last_at=LATER),
        (ObjectType.DEALS, True): webhook_inbox.Arrivals(count=1, last_at=NOW),
    }
    assert webhook_inbox.arrivals(in_portal(session, OTHER_PORTAL), since=NOW) == {}
