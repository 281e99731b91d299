"""Recovery finishes, records or withdraws whatever a stopped process left open."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.core.corrections.moves import Phase
from connector.core.model import STAGE, STATUS, Correction, Ref
from connector.push.recover_open_moves import recover
from connector.push.stuck_moves import list_open_moves
from state import outbox
from tests.fakes.connected_portal import OPEN, SQL, START, ConnectedPortal
from tests.fakes.moves import backward_correction, forward_correction, move_of, status_correction

EVIDENCE = ("deals/9 was won 2026-03-01, open since 2026-04-02",)
SENT_PHASES = [Phase.CLEARING, Phase.CLEARED, Phase.SETTING, Phase.SET]


def backward(ref: Ref) -> tuple[Correction, ...]:
    return (
        backward_correction(ref, evidence=EVIDENCE),
        status_correction(ref, evidence=EVIDENCE),
    )


def forward(ref: Ref) -> tuple[Correction, ...]:
    return (forward_correction(ref, evidence=EVIDENCE),)


def leave_move_open(
    portal: ConnectedPortal, corrections: Sequence[Correction], phase: Phase
) -> Ref:
    """Leave a move open as a process does that was killed in this phase."""
    move = move_of(*corrections, at=START, phase=phase)
    with portal.store.begin("1") as session:
        outbox.promise(session, [move])
    return move.record


def create_mirrored_contact(portal: ConnectedPortal, stage: str, status: str = "") -> Ref:
    """Create a contact that is mirrored, and due no more."""
    ref = portal.contact(stage, status)
    portal.read_all()
    return ref


def test_nothing_open_costs_nothing(portal: ConnectedPortal) -> None:
    assert recover(portal.context()) == 0
    assert portal.take_requests() == {}


@pytest.mark.parametrize("phase", SENT_PHASES)
def test_a_blank_that_we_made_is_filled_and_audited_for_the_run_that_began_it(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.clear_as_connector(contact)
    leave_move_open(portal, backward(contact), phase)
    assert recover(portal.context()) == 1
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "OPEN_DEAL")
    assert portal.outcomes() == [
        (str(contact), "opportunity", "applied"),
        (str(contact), "OPEN_DEAL", "applied"),
    ]
    assert {line.run for line in portal.audit_lines()} == {"killed"}
    assert portal.open_moves() == ()
    assert portal.due() == (contact,)


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.SET])
def test_a_write_that_arrived_is_written_down_and_not_sent_again(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.clear_as_connector(contact)
    portal.edit(contact, **{STAGE: "opportunity", STATUS: "OPEN_DEAL"})
    leave_move_open(portal, backward(contact), phase)
    recover(portal.context())
    assert portal.api.sent_updates == []
    assert [outcome for _, _, outcome in portal.outcomes()] == ["applied", "applied"]
    assert portal.mirrored(contact)[STAGE] == "opportunity"  # type: ignore[index]  # it is there
    assert portal.open_moves() == ()


@pytest.mark.parametrize("phase", list(Phase))
def test_a_write_that_never_arrived_is_withdrawn_and_decided_anew(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    leave_move_open(portal, backward(contact), phase)
    recover(portal.context())
    assert portal.api.sent_updates == []
    assert portal.outcomes() == []
    assert portal.stage(contact) == "customer"
    assert portal.open_moves() == ()
    assert portal.due() == (contact,)


@pytest.mark.parametrize("value", ["", "customer", "evangelist"])
def test_a_mere_promise_is_withdrawn_whatever_stands_there(
    portal: ConnectedPortal, value: str
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.edit(contact, **{STAGE: value})
    leave_move_open(portal, backward(contact), Phase.PROMISED)
    recover(portal.context())
    assert portal.stage(contact) == value
    assert portal.outcomes() == []
    assert portal.due() == (contact,)


@pytest.mark.parametrize("phase", [Phase.CLEARING, Phase.CLEARED])
def test_what_somebody_set_before_we_could_is_left_and_the_correction_is_stale(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.edit(contact, **{STAGE: "evangelist"})
    leave_move_open(portal, backward(contact), phase)
    recover(portal.context())
    assert portal.stage(contact) == "evangelist"
    assert portal.outcomes() == [(str(contact), "opportunity", "stale")]
    assert portal.open_moves() == ()


@pytest.mark.parametrize("phase", SENT_PHASES)
def test_a_gap_that_an_automation_filled_is_won_back(portal: ConnectedPortal, phase: Phase) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.clear_as_connector(contact)
    portal.edit_as_workflow(contact, **{STAGE: "evangelist"})
    leave_move_open(portal, backward(contact), phase)
    recover(portal.context())
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "OPEN_DEAL")
    assert portal.open_moves() == ()


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.SET])
def test_what_somebody_set_after_us_is_left_and_the_correction_is_reverted(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "lead")
    portal.edit(contact, **{STAGE: SQL})
    leave_move_open(portal, forward(contact), phase)
    recover(portal.context())
    assert portal.stage(contact) == SQL
    assert portal.outcomes() == [(str(contact), "customer", "reverted")]


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.SET])
def test_a_blank_that_somebody_else_made_is_not_ours_to_fill(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "lead")
    portal.edit(contact, **{STAGE: ""})
    leave_move_open(portal, forward(contact), phase)
    recover(portal.context())
    assert portal.stage(contact) == ""
    assert portal.api.sent_updates == []
    assert portal.outcomes() == [(str(contact), "customer", "reverted")]


@pytest.mark.parametrize("phase", SENT_PHASES)
def test_a_record_gone_meanwhile_ends_stale_and_out_of_the_mirror(
    portal: ConnectedPortal, phase: Phase
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.api.archive(contact)
    leave_move_open(portal, backward(contact), phase)
    recover(portal.context())
    assert [outcome for _, _, outcome in portal.outcomes()] == ["stale", "stale"]
    assert portal.mirrored(contact) is None
    assert portal.open_moves() == ()


def test_a_record_merged_meanwhile_is_out_of_the_mirror_and_its_blank_filled(
    portal: ConnectedPortal,
) -> None:
    contact, survivor = portal.contact("customer"), portal.contact("lead")
    portal.read_all()
    portal.api.merge(survivor, contact)
    leave_move_open(portal, backward(contact), Phase.SETTING)
    recover(portal.context())
    assert portal.stage(survivor) == "lead"
    assert portal.mirrored(contact) is None
    assert portal.open_moves() == ()


def test_moves_of_both_types_and_of_more_than_a_batch_are_all_finished(
    portal: ConnectedPortal,
) -> None:
    companies = [portal.company("customer") for _ in range(2)]
    contacts = [portal.contact("customer") for _ in range(103)]
    portal.read_all()
    for record in (*companies, *contacts):
        portal.clear_as_connector(record)
        leave_move_open(portal, backward(record)[:1], Phase.CLEARED)
    assert recover(portal.context()) == 105
    assert {portal.stage(record) for record in (*companies, *contacts)} == {"opportunity"}
    assert [len(batch) for batch in portal.api.sent_updates] == [2, 100, 3]
    assert portal.open_moves() == ()


def test_a_batch_of_every_kind_is_sorted_out(portal: ConnectedPortal) -> None:
    blank_contact, written_contact, unwritten_contact, edited_contact = (
        create_mirrored_contact(portal, "customer") for _ in range(4)
    )
    portal.clear_as_connector(blank_contact)
    for record, stage in (
        (written_contact, "opportunity"),
        (edited_contact, "evangelist"),
    ):
        portal.edit(record, **{STAGE: stage})
    for record in (blank_contact, written_contact, unwritten_contact, edited_contact):
        leave_move_open(portal, backward(record)[:1], Phase.SET)
    recover(portal.context())
    assert [
        portal.stage(record)
        for record in (blank_contact, written_contact, unwritten_contact, edited_contact)
    ] == [
        "opportunity",
        "opportunity",
        "customer",
        "evangelist",
    ]
    assert set(portal.outcomes()) == {
        (str(blank_contact), "opportunity", "applied"),
        (str(written_contact), "opportunity", "applied"),
        (str(edited_contact), "opportunity", "reverted"),
    }
    assert portal.open_moves() == ()


def test_a_blank_that_still_cannot_be_filled_gets_the_old_stage_back(
    portal: ConnectedPortal,
) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.clear_as_connector(contact)
    leave_move_open(portal, backward(contact), Phase.CLEARED)
    portal.api.forbidden_values.add((contact, STAGE, "opportunity"))
    recover(portal.context())
    assert portal.stage(contact) == "customer"
    assert (str(contact), "opportunity", "restored") in portal.outcomes()


def test_while_not_even_the_old_stage_is_taken_the_move_stays_open(portal: ConnectedPortal) -> None:
    contact = create_mirrored_contact(portal, "customer")
    portal.deal(OPEN, contact)
    portal.clear_as_connector(contact)
    leave_move_open(portal, backward(contact), Phase.CLEARED)
    portal.api.forbidden_values |= {(contact, STAGE, "opportunity"), (contact, STAGE, "customer")}
    for tries in (1, 2):
        assert recover(portal.context()) == 1
        (open_move,) = list_open_moves(portal.context())
        assert open_move.move.record == contact
        assert open_move.stuck is not None
        assert open_move.stuck.tries == tries
    portal.api.forbidden_values.clear()
    recover(portal.context())
    assert portal.stage(contact) == "opportunity"
    assert list_open_moves(portal.context()) == ()
