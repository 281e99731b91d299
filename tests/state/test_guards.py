"""What keeps holds, the rolling window of what was sent, and what held once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.holds import Hold, Origin, Scope
from connector.core.model import STAGE, Correction, Direction, ObjectType, Ref
from connector.core.moves import Move, key
from state import holds, mirror, mirror_parts, sendings, writings
from state.sendings import Sent
from state.store import Store
from tests.state.nouns import NOON, OTHER_PORTAL, PORTAL, at, company, contact, record

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES


def hold(of: str, origin: Origin = Origin.OPERATOR, name: str = "", until: int | None = 60) -> Hold:
    return Hold(
        scope=Scope.RECORD,
        of=of,
        property_name=name,
        reason="pilot",
        by="operator",
        since=NOON,
        until=None if until is None else at(until),
        origin=origin,
    )


def correction(ref: Ref, way: Direction = Direction.FORWARD) -> Correction:
    return Correction(
        record=ref,
        property_name=STAGE,
        before="lead",
        after="customer",
        direction=way,
        rule="won",
        reason="won",
    )


def move(ref: Ref, way: Direction = Direction.FORWARD) -> Move:
    return Move(
        record=ref,
        corrections=(correction(ref, way),),
        run="r",
        plan="p",
        policy="standard",
        promised_at=NOON,
    )


def test_holds_are_listed_until_they_run_out(store: Store) -> None:
    ends, never = hold("contacts/1"), hold("contacts/2", until=None)
    with store.begin() as session:
        holds.add(session, PORTAL, [ends, never])
        assert holds.listed(session, PORTAL, now=NOON) == (ends, never)
        assert holds.listed(session, PORTAL, now=at(60)) == (never,)
        assert holds.listed(session, OTHER_PORTAL, now=NOON) == ()


def test_an_undo_s_hold_stands_beside_the_operator_s(store: Store) -> None:
    mine, undone = hold("contacts/1"), hold("contacts/1", Origin.UNDONE)
    with store.begin() as session:
        holds.add(session, PORTAL, [mine])
        holds.add(session, PORTAL, [undone, mine])
        assert holds.listed(session, PORTAL, now=NOON) == (mine, undone)


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, 0),
        ({"property_name": STAGE}, 1),
        ({"origin": Origin.UNDONE}, 1),
        ({"property_name": STAGE, "origin": Origin.UNDONE}, 2),
    ],
)
def test_holds_are_removed_by_scope_property_and_origin(
    store: Store, chosen: dict[str, object], left: int
) -> None:
    with store.begin() as session:
        both = [hold("contacts/1", name=STAGE), hold("contacts/1", Origin.UNDONE)]
        holds.add(session, PORTAL, both)
        count = holds.remove(session, PORTAL, Scope.RECORD, "contacts/1", **chosen)
        assert len(holds.listed(session, PORTAL, now=NOON)) == left
        assert count == 2 - left


def test_what_was_sent_is_counted_over_a_window_each_record_once(store: Store) -> None:
    with store.begin() as session:
        sendings.note(session, PORTAL, [move(contact(1), Direction.BACKWARD)], at=NOON)
        sendings.note(session, PORTAL, [move(contact(1)), move(company(1))], at=at(30))
        found = sendings.since(session, PORTAL, NOON)
        assert found[CONTACTS] == Sent(records=1, backward=1)
        assert found[COMPANIES] == Sent(records=1)
        later = sendings.since(session, PORTAL, at(10))
        assert later[CONTACTS] == Sent(records=1, backward=0)
        assert sendings.since(session, PORTAL, at(31))[CONTACTS] == Sent()
        assert sendings.since(session, OTHER_PORTAL, NOON)[CONTACTS] == Sent()


def test_the_contacts_of_a_company_that_were_sent_are_counted(store: Store) -> None:
    staff = [record(contact(number), associatedcompanyid="45") for number in (1, 2, 3)]
    with store.begin() as session:
        mirror.put(session, PORTAL, [*staff, record(contact(4))], due_at=NOON)
        sendings.note(session, PORTAL, [move(contact(1)), move(contact(4))], at=NOON)
        sendings.note(session, PORTAL, [move(contact(2)), move(company(45))], at=at(30))
        firms = [company(45), company(46)]
        assert sendings.of_companies(session, PORTAL, firms, NOON) == {company(45): 2}
        assert sendings.of_companies(session, PORTAL, firms, at(10)) == {company(45): 1}
        assert sendings.of_companies(session, PORTAL, [], NOON) == {}
        found = mirror_parts.company_of(session, PORTAL, [contact(1), contact(4), contact(9)])
        assert found == {contact(1): company(45)}


def test_what_was_not_sent_after_all_is_forgotten_and_what_is_long_past_too(store: Store) -> None:
    with store.begin() as session:
        sendings.note(session, PORTAL, [move(contact(1)), move(contact(2))], at=NOON)
        sendings.forget(session, PORTAL, [contact(1)])
        assert sendings.since(session, PORTAL, NOON)[CONTACTS] == Sent(records=1)
        sendings.note(session, PORTAL, [move(contact(3))], at=NOON + timedelta(days=3))
        assert sendings.since(session, PORTAL, NOON)[CONTACTS] == Sent(records=1)


def test_a_sending_that_did_not_come_about_does_not_hide_the_one_before_it(store: Store) -> None:
    with store.begin() as session:
        sendings.note(session, PORTAL, [move(contact(1), Direction.BACKWARD)], at=NOON)
        sendings.note(session, PORTAL, [move(contact(1))], at=at(30))
        sendings.forget(session, PORTAL, [contact(1)])
        assert sendings.since(session, PORTAL, at(10))[CONTACTS] == Sent()
        assert sendings.since(session, PORTAL, NOON)[CONTACTS] == Sent(records=1, backward=1)
        sendings.note(session, PORTAL, [move(contact(1), Direction.BACKWARD)], at=at(40))
        assert sendings.since(session, PORTAL, at(35))[CONTACTS] == Sent(records=1, backward=1)
        sendings.forget(session, PORTAL, [contact(1)])
        sendings.forget(session, PORTAL, [contact(1)])
        assert sendings.since(session, PORTAL, NOON)[CONTACTS] == Sent()


def test_a_correction_that_held_once_is_known_until_it_is_forgotten(store: Store) -> None:
    one, other = correction(contact(1)), correction(contact(2))
    with store.begin() as session:
        writings.note(session, PORTAL, [one], at=NOON)
        assert writings.undone(session, PORTAL, [one, other]) == {key(one): NOON}
        writings.forget(session, PORTAL, [one, other])
        assert writings.undone(session, PORTAL, [one]) == {}
