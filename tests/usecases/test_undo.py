"""Undo puts back what still stands as we left it, holds it there, and names what it must leave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.core.holds import Scope
from connector.core.model import STAGE, Outcome, Ref
from connector.holding import remove
from connector.pausing import pause
from connector.sync import Synced, sync
from connector.undo import Selection, Undone, prepare, undo
from state import audit
from tests.usecases.office import DAY, OPEN, SQL, WON, Office


def run(office: Office, **more: object) -> Synced:
    office.door.advance(3600)
    return sync(office.desk(**more))


def undone(office: Office, **chosen: object) -> Undone:
    """Undo a selection as the command does."""
    office.door.advance(3600)
    desk = replace(office.desk(), permitted=True)
    return undo(desk, prepare(desk, Selection(**chosen)))  # type: ignore[arg-type]  # a test names its own


def reopened(office: Office) -> Ref:
    person = office.contact("customer")
    deal = office.deal(WON, person)
    office.door.advance(60)
    office.edit(deal, dealstage=OPEN)
    return person


def test_stage_and_status_go_back_together_and_stay_there(office: Office) -> None:
    person = reopened(office)
    done = run(office)
    assert (office.stage(person), office.status(person)) == ("opportunity", "OPEN_DEAL")
    back = undone(office, run=done.run)
    assert (office.stage(person), office.status(person)) == ("customer", "")
    assert back.outcomes == {Outcome.APPLIED: 2}
    assert back.left == ()
    assert run(office).outcomes == {}
    assert (office.stage(person), office.status(person)) == ("customer", "")


def test_the_way_back_of_a_forward_move_clears_first(office: Office) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    done = run(office)
    office.door.sent.clear()
    undone(office, run=done.run)
    assert office.door.sent == [{person: {STAGE: ""}}, {person: {STAGE: "lead"}}]


def test_a_blank_is_restored_where_a_blank_was(office: Office) -> None:
    person = office.contact()
    done = run(office)
    assert office.stage(person) == "lead"
    undone(office, run=done.run)
    assert office.stage(person) == ""
    assert run(office).outcomes == {}


def test_what_was_changed_since_is_left_and_named(office: Office) -> None:
    person, other = reopened(office), reopened(office)
    done = run(office)
    office.door.advance(60)
    office.person_sets(person, lifecyclestage="evangelist")
    back = undone(office, run=done.run)
    assert office.stage(person) == "evangelist"
    assert office.stage(other) == "customer"
    ((left),) = [one for one in back.left if one.property_name == STAGE]
    assert left.record == person
    assert left.why == "changed since by a person (71830): it is evangelist"


def test_archived_records_are_named(office: Office) -> None:
    person = reopened(office)
    done = run(office)
    office.door.archive(person)
    back = undone(office, run=done.run)
    assert {one.why for one in back.left} == {"archived or deleted since"}


def test_a_look_at_an_undo_writes_nothing(office: Office) -> None:
    reopened(office)
    done = run(office)
    sent = len(office.door.sent)
    prepared = prepare(office.desk(), Selection(run=done.run))
    assert (prepared.corrections, prepared.backward) == (2, 0)
    assert len(office.door.sent) == sent


def test_an_undo_can_be_undone_and_then_holds_no_more(office: Office) -> None:
    person = reopened(office)
    done = run(office)
    first = undone(office, run=done.run)
    undone(office, run=first.run)
    assert (office.stage(person), office.status(person)) == ("opportunity", "OPEN_DEAL")
    assert run(office).outcomes == {}
    office.edit(person, lifecyclestage="customer")
    assert run(office).outcomes.total() >= 1


def test_neither_a_pause_nor_limits_stop_an_undo(office: Office) -> None:
    people = [office.contact() for _ in range(120)]
    done = run(office, permitted=True)
    pause(office.store, "1", at=office.door.now(), reason="")
    undone(office, run=done.run)
    assert {office.stage(one) for one in people} == {""}


def test_a_record_a_rule_and_a_time_narrow_the_undo(office: Office) -> None:
    one, other = reopened(office), office.contact()
    run(office)
    office.door.advance(60)
    before = office.door.now()
    third = office.contact()
    run(office)
    undone(office, record=one)
    assert (office.stage(one), office.stage(other)) == ("customer", "lead")
    undone(office, rule="blank", since=before)
    assert (office.stage(other), office.stage(third)) == ("lead", "")
    undone(office, rule="blank")
    assert office.stage(other) == ""


def test_several_writes_of_a_record_go_back_to_the_first(office: Office) -> None:
    person = office.contact(SQL, "NEW")
    deal = office.deal(OPEN, person)
    run(office)
    office.door.advance(DAY)
    office.edit(deal, dealstage=WON)
    run(office)
    assert office.stage(person) == "customer"
    undone(office, record=person)
    assert (office.stage(person), office.status(person)) == (SQL, "NEW")


def test_what_is_held_after_an_undo_is_decided_again_once_the_hold_is_removed(
    office: Office,
) -> None:
    person = office.contact()
    done = run(office)
    undone(office, run=done.run)
    assert remove(office.desk(), Scope.RECORD, str(person), None) == 1
    assert run(office).outcomes == {Outcome.APPLIED: 1}


def test_an_undo_that_is_ignored_is_named_and_holds_nothing(office: Office) -> None:
    person = reopened(office)
    done = run(office)
    office.door.deaf = lambda _ref, _name, _value: True
    back = undone(office, run=done.run)
    assert back.outcomes == {Outcome.IGNORED: 2}
    assert {one.why.split(":")[0] for one in back.left} == {"ignored"}
    office.door.deaf = lambda _ref, _name, _value: False
    assert office.stage(person) == "opportunity"


def test_an_undo_is_audited_as_such(office: Office) -> None:
    reopened(office)
    done = run(office)
    back = undone(office, run=done.run)
    with office.store.reading() as session:
        lines = list(audit.read(session, "1", run=back.run))
    assert [(one.rule, one.before, one.after) for one in lines] == [
        ("undo", "opportunity", "customer"),
        ("undo", "OPEN_DEAL", ""),
    ]


def test_killed_in_the_middle_of_an_undo_what_went_back_stays_back(
    office: Office,
) -> None:
    person = reopened(office)
    done = run(office)
    sent = office.door.requests["update"]

    class KilledError(Exception):
        pass

    def die() -> None:
        raise KilledError

    office.door.after("update", sent + 1, die)
    with pytest.raises(KilledError):
        undone(office, run=done.run)
    run(office)
    assert office.stage(person) == "customer"
    assert office.open_moves() == ()
