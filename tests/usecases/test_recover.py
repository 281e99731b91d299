"""Recovering: whatever a stopped process left open is finished, written down, or withdrawn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.core.model import STAGE, STATUS, Correction, Direction, Ref
from connector.core.moves import Move, Phase
from connector.errors import TemporaryError
from connector.recover import recover
from state import outbox
from tests.usecases.office import OPEN, SQL, START, Office

EVIDENCE = ("deals/9 was won 2026-03-01, open since 2026-04-02",)
SENT = [Phase.CLEARING, Phase.CLEARED, Phase.SETTING, Phase.SET]


def correction(ref: Ref, name: str, before: str, after: str, way: Direction) -> Correction:
    return Correction(
        record=ref,
        property_name=name,
        before=before,
        after=after,
        direction=way,
        rule="reopened",
        reason="the deal is open again",
        evidence=EVIDENCE,
    )


def backward(ref: Ref) -> tuple[Correction, ...]:
    return (
        correction(ref, STAGE, "customer", "opportunity", Direction.BACKWARD),
        correction(ref, STATUS, "", "OPEN_DEAL", Direction.SET),
    )


def forward(ref: Ref) -> tuple[Correction, ...]:
    return (correction(ref, STAGE, "lead", "customer", Direction.FORWARD),)


def leave_open(office: Office, corrections: Sequence[Correction], phase: Phase) -> Ref:
    """Leave a move open as a process does that was killed in this phase."""
    ref = corrections[0].record
    move = Move(
        record=ref,
        corrections=tuple(corrections),
        run="killed",
        plan="killed.1",
        policy="standard",
        promised_at=START,
        phase=phase,
    )
    with office.store.begin() as session:
        outbox.promise(session, "1", [move])
    return ref


def a_contact(office: Office, stage: str, status: str = "") -> Ref:
    """Create a contact that is mirrored, and due no more."""
    ref = office.contact(stage, status)
    office.read_all()
    return ref


def test_nothing_open_costs_nothing(office: Office) -> None:
    assert recover(office.desk()) == 0
    assert office.requests() == {}


@pytest.mark.parametrize("phase", SENT)
def test_a_blank_that_we_made_is_filled_and_audited_for_the_run_that_began_it(
    office: Office, phase: Phase
) -> None:
    person = a_contact(office, "customer")
    office.edit(person, **{STAGE: ""})
    leave_open(office, backward(person), phase)
    assert recover(office.desk()) == 1
    assert (office.stage(person), office.status(person)) == ("opportunity", "OPEN_DEAL")
    assert office.outcomes() == [
        (str(person), "opportunity", "applied"),
        (str(person), "OPEN_DEAL", "applied"),
    ]
    assert {one.run for one in office.lines()} == {"killed"}
    assert office.open_moves() == ()
    assert office.due() == (person,)


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.SET])
def test_a_write_that_arrived_is_written_down_and_not_sent_again(
    office: Office, phase: Phase
) -> None:
    person = a_contact(office, "customer")
    office.edit(person, **{STAGE: ""})
    office.edit(person, **{STAGE: "opportunity", STATUS: "OPEN_DEAL"})
    leave_open(office, backward(person), phase)
    recover(office.desk())
    assert office.door.sent == []
    assert [outcome for _, _, outcome in office.outcomes()] == ["applied", "applied"]
    assert office.mirrored(person)[STAGE] == "opportunity"  # type: ignore[index]  # it is there
    assert office.open_moves() == ()


@pytest.mark.parametrize("phase", list(Phase))
def test_a_write_that_never_arrived_is_withdrawn_and_decided_anew(
    office: Office, phase: Phase
) -> None:
    person = a_contact(office, "customer")
    leave_open(office, backward(person), phase)
    recover(office.desk())
    assert office.door.sent == []
    assert office.outcomes() == []
    assert office.stage(person) == "customer"
    assert office.open_moves() == ()
    assert office.due() == (person,)


@pytest.mark.parametrize("value", ["", "customer", "evangelist"])
def test_a_mere_promise_is_withdrawn_whatever_stands_there(office: Office, value: str) -> None:
    person = a_contact(office, "customer")
    office.edit(person, **{STAGE: value})
    leave_open(office, backward(person), Phase.PROMISED)
    recover(office.desk())
    assert office.stage(person) == value
    assert office.outcomes() == []
    assert office.due() == (person,)


@pytest.mark.parametrize("phase", [Phase.CLEARING, Phase.CLEARED])
def test_what_somebody_set_before_we_could_is_left_and_the_correction_is_stale(
    office: Office, phase: Phase
) -> None:
    person = a_contact(office, "customer")
    office.edit(person, **{STAGE: "evangelist"})
    leave_open(office, backward(person), phase)
    recover(office.desk())
    assert office.stage(person) == "evangelist"
    assert office.outcomes() == [(str(person), "opportunity", "stale")]
    assert office.open_moves() == ()


@pytest.mark.parametrize("phase", SENT)
def test_a_gap_that_an_automation_filled_is_won_back(office: Office, phase: Phase) -> None:
    person = a_contact(office, "customer")
    office.edit(person, **{STAGE: ""})
    office.automate(person, **{STAGE: "evangelist"})
    leave_open(office, backward(person), phase)
    recover(office.desk())
    assert (office.stage(person), office.status(person)) == ("opportunity", "OPEN_DEAL")
    assert office.open_moves() == ()


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.SET])
def test_what_somebody_set_after_us_is_left_and_the_correction_is_reverted(
    office: Office, phase: Phase
) -> None:
    person = a_contact(office, "lead")
    office.edit(person, **{STAGE: SQL})
    leave_open(office, forward(person), phase)
    recover(office.desk())
    assert office.stage(person) == SQL
    assert office.outcomes() == [(str(person), "customer", "reverted")]


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.SET])
def test_a_blank_that_somebody_else_made_is_not_ours_to_fill(office: Office, phase: Phase) -> None:
    person = a_contact(office, "lead")
    office.edit(person, **{STAGE: ""})
    leave_open(office, forward(person), phase)
    recover(office.desk())
    assert office.stage(person) == ""
    assert office.door.sent == []
    assert office.outcomes() == [(str(person), "customer", "reverted")]


@pytest.mark.parametrize("phase", SENT)
def test_a_record_gone_meanwhile_ends_stale_and_out_of_the_mirror(
    office: Office, phase: Phase
) -> None:
    person = a_contact(office, "customer")
    office.door.archive(person)
    leave_open(office, backward(person), phase)
    recover(office.desk())
    assert [outcome for _, _, outcome in office.outcomes()] == ["stale", "stale"]
    assert office.mirrored(person) is None
    assert office.open_moves() == ()


def test_a_record_merged_meanwhile_is_out_of_the_mirror_and_its_blank_filled(
    office: Office,
) -> None:
    person, survivor = office.contact("customer"), office.contact("lead")
    office.read_all()
    office.door.merge(survivor, person)
    leave_open(office, backward(person), Phase.SETTING)
    recover(office.desk())
    assert office.stage(survivor) == "lead"
    assert office.mirrored(person) is None
    assert office.open_moves() == ()


def test_moves_of_both_types_and_of_more_than_a_batch_are_all_finished(office: Office) -> None:
    companies = [office.company("customer") for _ in range(2)]
    people = [office.contact("customer") for _ in range(103)]
    office.read_all()
    for one in (*companies, *people):
        office.edit(one, **{STAGE: ""})
        leave_open(office, backward(one)[:1], Phase.CLEARED)
    assert recover(office.desk()) == 105
    assert {office.stage(one) for one in (*companies, *people)} == {"opportunity"}
    assert [len(each) for each in office.door.sent] == [2, 100, 3]
    assert office.open_moves() == ()


def test_a_batch_of_every_kind_is_sorted_out(office: Office) -> None:
    blank, done, never, other = (a_contact(office, "customer") for _ in range(4))
    for one, stage in ((blank, ""), (done, "opportunity"), (other, "evangelist")):
        office.edit(one, **{STAGE: stage})
    for one in (blank, done, never, other):
        leave_open(office, backward(one)[:1], Phase.SET)
    recover(office.desk())
    assert [office.stage(one) for one in (blank, done, never, other)] == [
        "opportunity",
        "opportunity",
        "customer",
        "evangelist",
    ]
    assert set(office.outcomes()) == {
        (str(blank), "opportunity", "applied"),
        (str(done), "opportunity", "applied"),
        (str(other), "opportunity", "reverted"),
    }
    assert office.open_moves() == ()


def test_a_blank_that_still_cannot_be_filled_gets_the_old_stage_back(office: Office) -> None:
    person = a_contact(office, "customer")
    office.edit(person, **{STAGE: ""})
    leave_open(office, backward(person), Phase.CLEARED)
    office.door.forbidden.add((person, STAGE, "opportunity"))
    recover(office.desk())
    assert office.stage(person) == "customer"
    assert (str(person), "opportunity", "restored") in office.outcomes()


def test_while_not_even_the_old_stage_is_taken_the_move_stays_open(office: Office) -> None:
    person = a_contact(office, "customer")
    office.deal(OPEN, person)
    office.edit(person, **{STAGE: ""})
    leave_open(office, backward(person), Phase.CLEARED)
    office.door.forbidden |= {(person, STAGE, "opportunity"), (person, STAGE, "customer")}
    for _ in range(2):
        with pytest.raises(TemporaryError):
            recover(office.desk())
        assert [move.record for move in office.open_moves()] == [person]
    office.door.forbidden.clear()
    recover(office.desk())
    assert office.stage(person) == "opportunity"
    assert office.open_moves() == ()
