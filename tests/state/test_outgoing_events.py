"""Events wait in the order of each record; one that is refused holds up no other record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.core.model import Ref
from state import cascade, outgoing_events
from state.db.transaction import Transaction
from state.outgoing_events import EventCounts, OutgoingEvent, WaitingEvent
from tests.state.examples import NOON, at, contact

ANNA, BEA = contact(1), contact(2)


def add(session: Transaction, *refs: Ref) -> None:
    events = [
        OutgoingEvent(event_id=f"evt_{number}", record=ref, document="{}")
        for number, ref in enumerate(refs)
    ]
    outgoing_events.add(session, events, at=NOON)


def due(session: Transaction, minutes: int = 0) -> list[WaitingEvent]:
    return outgoing_events.read_due(session, now=at(minutes), limit=100)


def due_places(session: Transaction, minutes: int = 0) -> list[tuple[str, int]]:
    return [(str(waiting.event.record), waiting.place) for waiting in due(session, minutes)]


def refuse(session: Transaction, *, set_aside: bool = False) -> None:
    outgoing_events.note_refusal(
        session, due(session)[0], now=NOON, next_try=at(10), set_aside=set_aside
    )


def test_only_the_first_event_of_each_record_is_due(session: Transaction) -> None:
    add(session, ANNA, ANNA, BEA)
    assert due_places(session) == [("contacts/1", 1), ("contacts/2", 3)]
    outgoing_events.remove(session, due(session)[0])
    assert due_places(session) == [("contacts/1", 2), ("contacts/2", 3)]


def test_a_refused_event_holds_up_its_own_record_until_it_is_tried_again(
    session: Transaction,
) -> None:
    add(session, ANNA, ANNA, BEA)
    refuse(session)
    assert due_places(session) == [("contacts/2", 3)]
    # What was never refused comes first.
    assert due_places(session, 10) == [("contacts/2", 3), ("contacts/1", 1)]
    refused = due(session, 10)[1]
    assert (refused.tries, refused.refused_at, refused.is_set_aside) == (1, NOON, False)


def test_an_event_set_aside_lets_its_record_go_on_and_is_tried_again(session: Transaction) -> None:
    add(session, ANNA, ANNA)
    assert outgoing_events.count(session) == EventCounts(waiting=2, since=NOON)
    refuse(session, set_aside=True)
    assert due_places(session) == [("contacts/1", 2)]
    assert due_places(session, 10) == [("contacts/1", 2), ("contacts/1", 1)]
    assert outgoing_events.count(session) == EventCounts(waiting=1, since=NOON, set_aside=1)
    outgoing_events.remove(session, due(session)[0])
    assert outgoing_events.count(session) == EventCounts(set_aside=1)


def test_events_of_an_erased_record_go_and_old_ones_set_aside_are_pruned(
    session: Transaction,
) -> None:
    add(session, ANNA, BEA)
    refuse(session, set_aside=True)
    outgoing_events.prune_set_aside(session, before=NOON)
    assert outgoing_events.count(session).set_aside == 1
    outgoing_events.prune_set_aside(session, before=NOON + timedelta(minutes=1))
    assert outgoing_events.count(session) == EventCounts(waiting=1, since=NOON)
    cascade.erase(session, [BEA], at=NOON)
    add(session)
    assert outgoing_events.count(session) == EventCounts()


def test_an_event_that_was_taken_long_ago_takes_no_later_one_with_it(session: Transaction) -> None:
    add(session, ANNA)
    taken = due(session)[0]
    outgoing_events.remove(session, taken)
    outgoing_events.add(
        session, [OutgoingEvent(event_id="evt_later", record=BEA, document="{}")], at=NOON
    )
    assert due_places(session) == [("contacts/2", 2)]
    outgoing_events.remove(session, taken)
    outgoing_events.remove(session, replace(taken, place=2))
    assert due_places(session) == [("contacts/2", 2)]
