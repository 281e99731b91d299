"""Undo restores our writes that still stand, holds them, and names those that it must leave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.core.corrections.holds import HoldScope
from connector.core.model import STAGE, Outcome, Ref
from connector.operations.holds import remove_holds
from connector.operations.sync import SyncResult, sync
from connector.operations.undo import Selection, UndoResult, plan_undo, undo
from connector.push.pause import pause
from state import audit
from tests.fakes.connected_portal import DAY, OPEN, SQL, WON, ConnectedPortal


def run(portal: ConnectedPortal, **options: object) -> SyncResult:
    portal.api.advance(3600)
    return sync(portal.context(**options))


def undo_as_command(portal: ConnectedPortal, **selection: object) -> UndoResult:
    """Undo a selection as the command does."""
    portal.api.advance(3600)
    context = replace(portal.context(), permitted=True)
    return undo(context, plan_undo(context, Selection(**selection)))  # type: ignore[arg-type]  # a test names its own


def create_reopened_customer(portal: ConnectedPortal) -> Ref:
    contact = portal.contact("customer")
    deal = portal.deal(WON, contact)
    portal.api.advance(60)
    portal.edit(deal, dealstage=OPEN)
    return contact


def test_stage_and_status_go_back_together_and_stay_there(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    result = run(portal)
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "OPEN_DEAL")
    undo_result = undo_as_command(portal, run=result.run)
    assert (portal.stage(contact), portal.status(contact)) == ("customer", "")
    assert undo_result.outcomes == {Outcome.APPLIED: 2}
    assert undo_result.not_undone == ()
    assert run(portal).outcomes == {}
    assert (portal.stage(contact), portal.status(contact)) == ("customer", "")


def test_the_way_back_of_a_forward_move_clears_first(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    result = run(portal)
    portal.api.sent_updates.clear()
    undo_as_command(portal, run=result.run)
    assert portal.api.sent_updates == [{contact: {STAGE: ""}}, {contact: {STAGE: "lead"}}]


def test_a_blank_is_restored_where_a_blank_was(portal: ConnectedPortal) -> None:
    contact = portal.contact()
    result = run(portal)
    assert portal.stage(contact) == "lead"
    undo_as_command(portal, run=result.run)
    assert portal.stage(contact) == ""
    assert run(portal).outcomes == {}


def test_what_was_changed_since_is_left_and_named(portal: ConnectedPortal) -> None:
    contact, other_contact = create_reopened_customer(portal), create_reopened_customer(portal)
    result = run(portal)
    portal.api.advance(60)
    portal.edit_as_person(contact, lifecyclestage="evangelist")
    undo_result = undo_as_command(portal, run=result.run)
    assert portal.stage(contact) == "evangelist"
    assert portal.stage(other_contact) == "customer"
    ((left_correction),) = [
        entry for entry in undo_result.not_undone if entry.property_name == STAGE
    ]
    assert left_correction.record == contact
    assert left_correction.reason == "changed since by a person (71830): it is evangelist"


def test_archived_records_are_named(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    result = run(portal)
    portal.api.archive(contact)
    undo_result = undo_as_command(portal, run=result.run)
    assert {entry.reason for entry in undo_result.not_undone} == {"archived or deleted since"}


def test_a_look_at_an_undo_writes_nothing(portal: ConnectedPortal) -> None:
    create_reopened_customer(portal)
    result = run(portal)
    sent = len(portal.api.sent_updates)
    prepared = plan_undo(portal.context(), Selection(run=result.run))
    assert (prepared.corrections, prepared.backward) == (2, 0)
    assert len(portal.api.sent_updates) == sent


def test_an_undo_can_be_undone_and_then_holds_no_more(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    result = run(portal)
    first_undo = undo_as_command(portal, run=result.run)
    undo_as_command(portal, run=first_undo.run)
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "OPEN_DEAL")
    assert run(portal).outcomes == {}
    portal.edit(contact, lifecyclestage="customer")
    assert run(portal).outcomes.total() >= 1


def test_neither_a_pause_nor_limits_stop_an_undo(portal: ConnectedPortal) -> None:
    contacts = [portal.contact() for _ in range(120)]
    result = run(portal, permitted=True)
    pause(portal.store, "1", at=portal.api.now(), reason="")
    undo_as_command(portal, run=result.run)
    assert {portal.stage(contact) for contact in contacts} == {""}


def test_a_record_a_rule_and_a_time_narrow_the_undo(portal: ConnectedPortal) -> None:
    first, second = create_reopened_customer(portal), portal.contact()
    run(portal)
    portal.api.advance(60)
    before = portal.api.now()
    third = portal.contact()
    run(portal)
    undo_as_command(portal, record=first)
    assert (portal.stage(first), portal.stage(second)) == ("customer", "lead")
    undo_as_command(portal, rule="blank", since=before)
    assert (portal.stage(second), portal.stage(third)) == ("lead", "")
    undo_as_command(portal, rule="blank")
    assert portal.stage(second) == ""


def test_several_writes_of_a_record_go_back_to_the_first(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "NEW")
    deal = portal.deal(OPEN, contact)
    run(portal)
    portal.api.advance(DAY)
    portal.edit(deal, dealstage=WON)
    run(portal)
    assert portal.stage(contact) == "customer"
    undo_as_command(portal, record=contact)
    assert (portal.stage(contact), portal.status(contact)) == (SQL, "NEW")


def test_what_is_held_after_an_undo_is_decided_again_once_the_hold_is_removed(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact()
    result = run(portal)
    undo_as_command(portal, run=result.run)
    assert remove_holds(portal.context(), HoldScope.RECORD, str(contact), None) == 1
    assert run(portal).outcomes == {Outcome.APPLIED: 1}


def test_an_undo_that_is_ignored_is_named_and_holds_nothing(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    result = run(portal)
    portal.api.ignores_write = lambda _ref, _name, _value: True
    undo_result = undo_as_command(portal, run=result.run)
    assert undo_result.outcomes == {Outcome.IGNORED: 2}
    assert {entry.reason.split(":")[0] for entry in undo_result.not_undone} == {"ignored"}
    portal.api.ignores_write = lambda _ref, _name, _value: False
    assert portal.stage(contact) == "opportunity"


def test_an_undo_is_audited_as_such(portal: ConnectedPortal) -> None:
    create_reopened_customer(portal)
    result = run(portal)
    undo_result = undo_as_command(portal, run=result.run)
    with portal.store.reading("1") as session:
        lines = list(audit.read(session, run=undo_result.run))
    assert [(line.rule, line.before, line.after) for line in lines] == [
        ("undo", "opportunity", "customer"),
        ("undo", "OPEN_DEAL", ""),
    ]


def test_killed_in_the_middle_of_an_undo_what_went_back_stays_back(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    result = run(portal)
    sent = portal.api.requests["update"]

    class KilledError(Exception):
        pass

    def raise_killed() -> None:
        raise KilledError

    portal.api.after("update", sent + 1, raise_killed)
    with pytest.raises(KilledError):
        undo_as_command(portal, run=result.run)
    run(portal)
    assert portal.stage(contact) == "customer"
    assert portal.open_moves() == ()


def test_an_undo_that_is_asked_for_twice_stays_undone(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    run(portal)
    for _ in range(2):
        undo_as_command(portal, record=contact)
    portal.api.advance(DAY)
    portal.make_due([contact])
    assert run(portal).outcomes == {}
    assert portal.stage(contact) == "customer"
