"""Recent writes are counted over a rolling window, and holds and applied corrections are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.corrections.moves import Move, correction_key
from connector.core.model import STAGE, Direction, ObjectType, Ref
from state import applied_corrections, holds, mirror, mirror_queries, recent_writes
from state.db.store import Store
from state.recent_writes import WriteCounts
from tests.fakes.moves import forward_correction, move_of
from tests.state.examples import NOON, OTHER_PORTAL, PORTAL, at, company, contact, record

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES


def hold(
    of: str, origin: HoldOrigin = HoldOrigin.OPERATOR, name: str = "", until: int | None = 60
) -> Hold:
    return Hold(
        scope=HoldScope.RECORD,
        target=of,
        property_name=name,
        reason="pilot",
        by="operator",
        since=NOON,
        until=None if until is None else at(until),
        origin=origin,
    )


def move(ref: Ref, direction: Direction = Direction.FORWARD) -> Move:
    return move_of(forward_correction(ref, direction=direction), at=NOON)


def test_holds_are_listed_until_they_run_out(store: Store) -> None:
    temporary_hold, permanent_hold = hold("contacts/1"), hold("contacts/2", until=None)
    with store.begin(PORTAL) as session:
        holds.add(session, [temporary_hold, permanent_hold])
        assert holds.read_active(session, now=NOON) == (temporary_hold, permanent_hold)
        assert holds.read_active(session, now=at(60)) == (permanent_hold,)
    with store.reading(OTHER_PORTAL) as session:
        assert holds.read_active(session, now=NOON) == ()


def test_an_undo_s_hold_stands_beside_the_operator_s(store: Store) -> None:
    operator_hold, undo_hold = hold("contacts/1"), hold("contacts/1", HoldOrigin.UNDONE)
    with store.begin(PORTAL) as session:
        holds.add(session, [operator_hold])
        holds.add(session, [undo_hold, operator_hold])
        assert holds.read_active(session, now=NOON) == (operator_hold, undo_hold)


@pytest.mark.parametrize(
    ("filters", "remaining"),
    [
        ({}, 0),
        ({"property_name": STAGE}, 1),
        ({"origin": HoldOrigin.UNDONE}, 1),
        ({"property_name": STAGE, "origin": HoldOrigin.UNDONE}, 2),
    ],
)
def test_holds_are_removed_by_scope_property_and_origin(
    store: Store, filters: dict[str, object], remaining: int
) -> None:
    with store.begin(PORTAL) as session:
        two_holds = [hold("contacts/1", name=STAGE), hold("contacts/1", HoldOrigin.UNDONE)]
        holds.add(session, two_holds)
        count = holds.remove(session, HoldScope.RECORD, "contacts/1", **filters)
        assert len(holds.read_active(session, now=NOON)) == remaining
        assert count == 2 - remaining


def test_what_was_sent_is_counted_over_a_window_each_record_once(store: Store) -> None:
    with store.begin(PORTAL) as session:
        recent_writes.add(session, [move(contact(1), Direction.BACKWARD)], at=NOON)
        recent_writes.add(session, [move(contact(1)), move(company(1))], at=at(30))
        sent = recent_writes.count_since(session, NOON)
        assert sent[CONTACTS] == WriteCounts(records=1, backward=1)
        assert sent[COMPANIES] == WriteCounts(records=1)
        sent_later = recent_writes.count_since(session, at(10))
        assert sent_later[CONTACTS] == WriteCounts(records=1, backward=0)
        assert recent_writes.count_since(session, at(31))[CONTACTS] == WriteCounts()
    with store.reading(OTHER_PORTAL) as session:
        assert recent_writes.count_since(session, NOON)[CONTACTS] == WriteCounts()


def test_the_contacts_of_a_company_that_were_sent_are_counted(store: Store) -> None:
    contacts = [record(contact(number), associatedcompanyid="45") for number in (1, 2, 3)]
    with store.begin(PORTAL) as session:
        mirror.put(session, [*contacts, record(contact(4))], due_at=NOON)
        recent_writes.add(session, [move(contact(1)), move(contact(4))], at=NOON)
        recent_writes.add(session, [move(contact(2)), move(company(45))], at=at(30))
        companies = [company(45), company(46)]
        assert recent_writes.count_by_company(session, companies, NOON) == {company(45): 2}
        assert recent_writes.count_by_company(session, companies, at(10)) == {company(45): 1}
        assert recent_writes.count_by_company(session, [], NOON) == {}
        companies_by_contact = mirror_queries.read_companies(
            session, [contact(1), contact(4), contact(9)]
        )
        assert companies_by_contact == {contact(1): company(45)}


def test_what_was_not_sent_after_all_is_forgotten_and_what_is_long_past_too(store: Store) -> None:
    with store.begin(PORTAL) as session:
        recent_writes.add(session, [move(contact(1)), move(contact(2))], at=NOON)
        recent_writes.remove_last(session, [contact(1)])
        assert recent_writes.count_since(session, NOON)[CONTACTS] == WriteCounts(records=1)
        recent_writes.add(session, [move(contact(3))], at=NOON + timedelta(days=3))
        assert recent_writes.count_since(session, NOON)[CONTACTS] == WriteCounts(records=1)


def test_a_write_that_did_not_come_about_does_not_hide_the_one_before_it(store: Store) -> None:
    with store.begin(PORTAL) as session:
        recent_writes.add(session, [move(contact(1), Direction.BACKWARD)], at=NOON)
        recent_writes.add(session, [move(contact(1))], at=at(30))
        recent_writes.remove_last(session, [contact(1)])
        assert recent_writes.count_since(session, at(10))[CONTACTS] == WriteCounts()
        assert recent_writes.count_since(session, NOON)[CONTACTS] == WriteCounts(
            records=1, backward=1
        )
        recent_writes.add(session, [move(contact(1), Direction.BACKWARD)], at=at(40))
        assert recent_writes.count_since(session, at(35))[CONTACTS] == WriteCounts(
            records=1, backward=1
        )
        recent_writes.remove_last(session, [contact(1)])
        recent_writes.remove_last(session, [contact(1)])
        assert recent_writes.count_since(session, NOON)[CONTACTS] == WriteCounts()


def test_a_correction_that_held_once_is_known_until_it_is_forgotten(store: Store) -> None:
    first, second = forward_correction(contact(1)), forward_correction(contact(2))
    with store.begin(PORTAL) as session:
        applied_corrections.add(session, [first], at=NOON)
        assert applied_corrections.reverted_times(session, [first, second]) == {
            correction_key(first): NOON
        }
        applied_corrections.forget(session, [first, second])
        assert applied_corrections.reverted_times(session, [first]) == {}


def test_of_single_records_only_the_holds_of_those_that_are_asked_for_are_read(
    store: Store,
) -> None:
    of_records = [hold(f"contacts/{number}") for number in (1, 2, 3)]
    of_company = replace(hold("companies/1"), scope=HoldScope.COMPANY)
    asked_for = [contact(1), contact(3), contact(9)]
    with store.begin(PORTAL) as session:
        holds.add(session, [*of_records, of_company])
        active = holds.read_active_on(session, asked_for, now=NOON)
        assert active == (of_company, of_records[0], of_records[2])
        assert holds.read_active_on(session, [], now=NOON) == (of_company,)
        assert holds.read_active_on(session, asked_for, now=at(60)) == ()
