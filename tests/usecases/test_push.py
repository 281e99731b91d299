"""Pushing: whatever happens between our requests, the end is right, known and written down."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, STATUS, Correction, ObjectType, Outcome, Ref
from connector.desk import Desk
from connector.errors import TemporaryError
from connector.hubspot.door import Refusal, UpdateAnswer
from connector.hubspot.faults import OutcomeUnknown, Unavailable
from connector.hubspot.in_memory import MemoryDoor
from connector.pull import pull
from connector.push import push
from connector.sync import Synced, sync
from state import strikes
from tests.usecases.office import (
    COMPANIES,
    CONTACTS,
    DAY,
    LOST,
    OPEN,
    SQL,
    WON,
    Office,
)

UNKNOWN = OutcomeUnknown("HubSpot may or may not have written: read back first")


def reopened(office: Office, kind: ObjectType = CONTACTS) -> Ref:
    """Create a customer whose deal was won, and is open again."""
    ref = office.company("customer") if kind is COMPANIES else office.contact("customer")
    deal = office.deal(WON, ref)
    office.door.advance(1)
    office.edit(deal, dealstage=OPEN)
    return ref


def won(office: Office) -> Ref:
    """Create a lead whose deal is won."""
    ref = office.contact("lead")
    office.deal(WON, ref)
    return ref


def run(office: Office, desk: Desk | None = None) -> Synced:
    """Read everything, and put right what is wrong."""
    office.door.advance(DAY)
    return sync(desk or office.desk())


def keys_of_quarantine(office: Office) -> list[tuple[str, str]]:
    with office.store.reading() as session:
        return [(str(one.record), one.note) for one in strikes.listed(session, "1")]


def stages_sent(office: Office, ref: Ref) -> list[str]:
    """Return which stages were sent for a record, in their order."""
    return [each[ref][STAGE] for each in office.door.sent if STAGE in each.get(ref, {})]


def put_off(office: Office, ref: Ref, **properties: str) -> None:
    """Let somebody change a record just before it is looked at again."""
    office.door.before("read", 2, lambda: office.edit(ref, **properties))


def test_a_forward_move_is_one_write_and_is_read_back(office: Office) -> None:
    person = won(office)
    done = run(office)
    assert office.door.sent == [{person: {STAGE: "customer"}}]
    assert office.stage(person) == "customer"
    assert done.outcomes == {Outcome.APPLIED: 1}
    assert office.waited == []
    assert office.open_moves() == ()


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_backward_move_clears_then_sets(office: Office, kind: ObjectType) -> None:
    ref = reopened(office, kind)
    run(office)
    status = {STATUS: "OPEN_DEAL"} if kind is CONTACTS else {}
    assert office.door.sent == [{ref: {STAGE: ""}}, {ref: {STAGE: "opportunity"} | status}]
    assert office.stage(ref) == "opportunity"


def test_the_lead_status_travels_with_the_set_and_never_with_the_clear(office: Office) -> None:
    person = reopened(office)
    run(office)
    clear, set_ = office.door.sent
    assert STATUS not in clear[person]
    assert set_[person][STATUS] == "OPEN_DEAL"
    assert [one.after for one in office.lines()] == ["opportunity", "OPEN_DEAL"]


def test_a_batch_mixes_what_goes_forward_with_what_goes_back(office: Office) -> None:
    back, forward = reopened(office), won(office)
    run(office)
    assert [set(each) for each in office.door.sent] == [{back}, {back, forward}]


def test_more_than_a_hundred_records_go_in_several_batches(office: Office) -> None:
    people = [office.contact() for _ in range(205)]
    done = run(office, office.desk(permitted=True))
    assert [len(each) for each in office.door.sent] == [100, 100, 5]
    assert {office.stage(one) for one in people} == {"lead"}
    assert done.outcomes == {Outcome.APPLIED: 205}


def test_the_old_value_the_rule_the_run_and_the_answer_stand_in_the_audit(office: Office) -> None:
    person = won(office)
    desk = office.desk()
    run(office, desk)
    (line,) = office.lines()
    assert (line.record, line.property_name, line.before, line.after) == (
        person,
        STAGE,
        "lead",
        "customer",
    )
    assert (line.rule, line.run, line.policy) == ("won", desk.run, "test")
    assert (line.outcome, line.correlation_id) == (Outcome.APPLIED, "answer-1")


def test_a_second_run_finds_nothing_to_do(office: Office) -> None:
    reopened(office), won(office), office.contact()
    run(office)
    sent = len(office.door.sent)
    done = run(office)
    assert done.plan.summary["corrections"] == 0
    assert len(office.door.sent) == sent


# What changed between the plan and the write


def test_a_record_that_changed_since_is_stale_and_decided_anew(office: Office) -> None:
    person = won(office)
    put_off(office, person, **{STAGE: "evangelist"})
    done = run(office)
    assert office.door.sent == []
    assert office.stage(person) == "evangelist"
    assert done.outcomes == {Outcome.STALE: 1}
    assert keys_of_quarantine(office) == []


def test_a_stale_record_is_put_right_in_the_same_run_where_it_is_still_wrong(
    office: Office,
) -> None:
    person = won(office)
    put_off(office, person, **{STAGE: SQL})
    done = run(office)
    assert office.stage(person) == "customer"
    assert done.outcomes == {Outcome.STALE: 1, Outcome.APPLIED: 1}


def test_a_record_archived_since_is_stale_and_out_of_the_mirror(office: Office) -> None:
    person = won(office)
    office.door.before("read", 2, lambda: office.door.archive(person))
    done = run(office)
    assert done.outcomes == {Outcome.STALE: 1}
    assert office.mirrored(person) is None
    assert run(office).plan.summary["corrections"] == 0


def test_a_record_merged_since_is_stale_and_only_the_survivor_goes_on(office: Office) -> None:
    person, survivor = won(office), office.contact("lead")
    office.door.before("read", 2, lambda: office.door.merge(survivor, person))
    done = run(office)
    assert done.outcomes == {Outcome.STALE: 1}
    assert office.door.sent == []
    assert office.mirrored(person) is None
    assert office.mirrored(survivor) is not None


def test_a_record_merged_while_it_is_written_is_out_of_the_mirror_too(office: Office) -> None:
    person, survivor = won(office), office.contact("lead")
    office.door.after("update", 1, lambda: office.door.merge(survivor, person))
    run(office)
    assert office.mirrored(person) is None
    assert office.open_moves() == ()


def test_a_record_archived_between_clear_and_set_ends_stale(office: Office) -> None:
    person = reopened(office)
    office.door.after("update", 1, lambda: office.door.archive(person))
    done = run(office)
    assert done.outcomes == {Outcome.STALE: 2}
    assert office.mirrored(person) is None
    assert office.open_moves() == ()


def test_a_record_archived_before_its_clear_ends_stale_without_a_strike(office: Office) -> None:
    person = reopened(office)
    office.door.before("update", 1, lambda: office.door.archive(person))
    done = run(office)
    assert done.outcomes == {Outcome.STALE: 2}
    assert office.mirrored(person) is None


# What HubSpot refuses


def refuse(office: Office, *bad: tuple[Ref, str, str]) -> None:
    """Let HubSpot refuse every batch that holds one of these values."""
    office.door.forbidden.update(bad)


def test_a_refused_batch_is_halved_until_the_bad_record_is_alone(office: Office) -> None:
    people = [office.contact() for _ in range(8)]
    refuse(office, (people[5], STAGE, "lead"))
    done = run(office)
    assert done.outcomes == {Outcome.APPLIED: 7, Outcome.REFUSED: 1}
    assert office.stage(people[5]) == ""
    assert all(office.stage(one) == "lead" for one in people if one != people[5])
    # 8 · 4 well · 4 · 2 · 1 · 1 refused: halving finds it in seven requests.
    assert [len(each) for each in office.door.sent] == [8, 4, 4, 2, 1, 1, 2]


def test_in_the_bad_record_only_the_bad_property_is_refused(office: Office) -> None:
    person = office.contact(SQL, "CONNECTED")
    office.deal(OPEN, person)
    refuse(office, (person, STATUS, "OPEN_DEAL"))
    done = run(office)
    assert office.stage(person) == "opportunity"
    assert office.status(person) == "CONNECTED"
    assert done.outcomes == {Outcome.APPLIED: 1, Outcome.REFUSED: 1}


def test_a_refused_correction_is_tried_once_more_and_then_quarantined(office: Office) -> None:
    person = won(office)
    refuse(office, (person, STAGE, "customer"))
    for wanted in (1, 1, 0, 0):
        before = len(office.door.sent)
        run(office)
        assert len(office.door.sent) - before == wanted
    ((record, note),) = keys_of_quarantine(office)
    assert record == str(person)
    assert "INVALID_OPTION" in note


def test_when_the_stage_is_refused_the_lead_status_is_decided_by_the_one_that_stays(
    office: Office,
) -> None:
    person = office.contact("customer", "CONNECTED")
    deal = office.deal(WON, person)
    office.door.advance(1)
    office.edit(deal, dealstage=LOST)
    refuse(office, (person, STAGE, ""))
    run(office)
    assert office.stage(person) == "customer"
    assert office.status(person) == ""


def test_a_refused_clear_leaves_the_stage_and_is_known_as_refused(office: Office) -> None:
    person, other = reopened(office), reopened(office)
    refuse(office, (person, STAGE, ""))
    done = run(office)
    assert office.stage(person) == "customer"
    assert office.stage(other) == "opportunity"
    assert done.outcomes[Outcome.REFUSED] == 1
    assert (str(person), "opportunity", "refused") in office.outcomes()


def test_where_the_new_stage_is_refused_after_the_clear_the_old_one_is_put_back(
    office: Office,
) -> None:
    person = reopened(office)
    refuse(office, (person, STAGE, "opportunity"))
    done = run(office)
    assert office.stage(person) == "customer"
    assert (str(person), "opportunity", "restored") in office.outcomes()
    assert done.outcomes[Outcome.RESTORED] == 1
    assert office.open_moves() == ()


def test_a_move_stays_open_where_even_the_old_stage_is_refused_and_the_next_start_ends_it(
    office: Office,
) -> None:
    person, other = reopened(office), won(office)
    refuse(office, (person, STAGE, "opportunity"), (person, STAGE, "customer"))
    with pytest.raises(TemporaryError, match=str(person)):
        run(office)
    assert [move.record for move in office.open_moves()] == [person]
    assert office.stage(other) == "customer"

    office.door.forbidden.clear()
    done = run(office)

    assert done.recovered == 1
    assert office.stage(person) == "opportunity"
    assert office.open_moves() == ()


def test_a_refusal_is_not_believed_where_the_stage_is_gone_all_the_same(office: Office) -> None:
    person = reopened(office)
    answers: list[UpdateAnswer] = []

    def lying(answer: UpdateAnswer) -> UpdateAnswer:
        answers.append(answer)
        if len(answers) > 1:
            return answer
        return UpdateAnswer(refused=dict.fromkeys(answer.updated, Refusal(message="no")))

    office.door.retold = lying
    run(office)
    assert office.stage(person) == "opportunity"


# What nobody knows after sending


@pytest.mark.parametrize("after", [False, True], ids=["before it was written", "after"])
@pytest.mark.parametrize("request_number", [1, 2], ids=["clear", "set"])
def test_a_write_whose_outcome_is_unknown_is_read_back_before_it_is_sent_again(
    office: Office, request_number: int, after: bool
) -> None:
    person = reopened(office)
    office.door.before(
        "update", request_number, lambda: office.door.fail("update", UNKNOWN, after=after)
    )
    done = run(office)
    assert office.stage(person) == "opportunity"
    assert len(office.door.sent) == 2 + (not after)
    assert done.outcomes == {Outcome.APPLIED: 2}
    assert office.waited == [1.0]


def test_a_portal_that_stays_away_leaves_the_move_open_for_the_next_start(office: Office) -> None:
    person = reopened(office)
    for _ in range(6):
        office.door.fail("update", UNKNOWN)
    with pytest.raises(OutcomeUnknown):
        run(office)
    assert office.waited == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert [move.record for move in office.open_moves()] == [person]
    assert office.outcomes() == []

    run(office)

    assert office.stage(person) == "opportunity"


def test_a_portal_that_comes_back_at_the_last_try_is_written(office: Office) -> None:
    person = won(office)
    for _ in range(5):
        office.door.fail("update", UNKNOWN)
    done = run(office)
    assert done.outcomes == {Outcome.APPLIED: 1}
    assert office.stage(person) == "customer"


def test_a_read_that_fails_after_the_write_leaves_the_move_open(office: Office) -> None:
    person = won(office)
    office.door.before(
        "read", 3, lambda: office.door.fail("read", Unavailable("HubSpot failed: try later"))
    )
    with pytest.raises(Unavailable):
        run(office)
    assert [move.record for move in office.open_moves()] == [person]
    assert run(office).recovered == 1
    assert office.outcomes() == [(str(person), "customer", "applied")]


def test_an_answer_that_does_not_name_a_record_is_not_believed_for_it(office: Office) -> None:
    one, other = won(office), won(office)
    office.door.unnamed = [frozenset({one})]
    done = run(office)
    assert office.door.sent == [
        {one: {STAGE: "customer"}, other: {STAGE: "customer"}},
        {one: {STAGE: "customer"}},
    ]
    assert done.outcomes == {Outcome.APPLIED: 2}


def test_a_record_that_is_never_named_ends_refused(office: Office) -> None:
    person = won(office)
    office.door.unnamed = [frozenset({person})] * 6
    done = run(office)
    assert office.stage(person) == "lead"
    assert done.outcomes == {Outcome.REFUSED: 1}
    assert len(office.door.sent) == 6


def test_a_record_gone_while_its_outcome_is_unknown_ends_stale(office: Office) -> None:
    person = won(office)
    office.door.fail("update", UNKNOWN)
    office.door.before("update", 1, lambda: office.door.archive(person))
    done = run(office)
    assert done.outcomes == {Outcome.STALE: 1}
    assert office.mirrored(person) is None


def test_an_unknown_outcome_inside_a_halved_batch_is_read_back_too(office: Office) -> None:
    people = [office.contact() for _ in range(2)]
    person = office.contact(SQL, "CONNECTED")
    office.deal(OPEN, person)
    refuse(office, (people[0], STAGE, "lead"), (person, STATUS, "OPEN_DEAL"))
    for number in (4, 6):
        office.door.before("update", number, lambda: office.door.fail("update", UNKNOWN))
    run(office)
    assert office.stage(people[1]) == "lead"
    assert office.stage(person) == "opportunity"
    assert office.status(person) == "CONNECTED"


# What is answered with 200, and not stored


def test_an_ignored_write_is_known_only_after_both_rechecks(office: Office) -> None:
    person = won(office)
    office.door.deaf = lambda ref, _name, _value: ref == person
    done = run(office)
    assert done.outcomes == {Outcome.IGNORED: 1}
    assert office.waited == [2.0, 30.0]
    assert len(office.door.sent) == 1


def test_a_late_reading_is_not_taken_for_an_ignored_write(office: Office) -> None:
    person = won(office)
    office.door.deaf = lambda _ref, _name, _value: True
    # The write shows only at the second reading after it.
    office.door.before("read", 4, lambda: office.edit(person, **{STAGE: "customer"}))
    done = run(office)
    assert done.outcomes == {Outcome.APPLIED: 1}
    assert office.waited == [2.0]


def test_when_the_stage_was_ignored_the_lead_status_is_decided_again(office: Office) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    office.door.deaf = lambda _ref, name, _value: name == STAGE
    run(office)
    assert office.stage(person) == SQL
    assert office.outcomes() == [
        (str(person), "opportunity", "ignored"),
        (str(person), "OPEN_DEAL", "applied"),
    ]


def test_an_ignored_set_after_the_clear_is_sent_again_and_then_the_old_stage_put_back(
    office: Office,
) -> None:
    person = reopened(office)
    office.door.deaf = lambda _ref, _name, value: value == "opportunity"
    done = run(office)
    assert office.stage(person) == "customer"
    assert done.outcomes[Outcome.RESTORED] == 1
    assert office.open_moves() == ()


def test_a_blank_after_the_set_is_filled_at_once(office: Office) -> None:
    person = reopened(office)
    ignored: list[str] = []

    def once(_ref: Ref, _name: str, value: str) -> bool:
        if value == "opportunity" and not ignored:
            ignored.append(value)
            return True
        return False

    office.door.deaf = once
    done = run(office)
    assert office.stage(person) == "opportunity"
    assert done.outcomes == {Outcome.APPLIED: 2}
    assert office.waited == []


def test_an_ignored_correction_is_not_sent_for_ever(office: Office) -> None:
    person = won(office)
    office.door.deaf = lambda ref, _name, _value: ref == person
    for _ in range(4):
        run(office)
    assert len(office.door.sent) == 2
    assert [each[0] for each in keys_of_quarantine(office)] == [str(person)]


# Other writers


def test_what_another_writer_set_right_after_is_reverted_and_not_fought(office: Office) -> None:
    person = won(office)
    for number in (1, 2, 3):
        office.door.after("update", number, lambda: office.edit(person, **{STAGE: SQL}))
    done = run(office)
    assert done.outcomes[Outcome.REVERTED] == 1
    assert (str(person), "customer", "reverted") in office.outcomes()


def test_an_automation_that_fills_the_gap_once_is_overcome_by_the_next_round(
    office: Office,
) -> None:
    person = reopened(office)
    office.door.after("update", 1, lambda: office.edit(person, **{STAGE: "customer"}))
    run(office)
    run(office)
    assert office.stage(person) == "opportunity"
    assert [outcome for _, after, outcome in office.outcomes() if after == "opportunity"] == [
        "ignored",
        "applied",
    ]


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_gap_that_an_automation_fills_with_a_third_stage_is_won_back_once(
    office: Office, kind: ObjectType
) -> None:
    ref = reopened(office, kind)
    office.door.after("update", 1, lambda: office.automate(ref, **{STAGE: "evangelist"}))
    done = run(office)
    assert office.stage(ref) == "opportunity"
    assert set(done.outcomes) == {Outcome.APPLIED}
    assert stages_sent(office, ref) == ["", "opportunity"] * 2


def test_an_automation_that_fills_every_gap_is_not_fought_for_ever(office: Office) -> None:
    person = reopened(office)

    def fill() -> None:
        office.automate(person, **{STAGE: "evangelist"})

    for number in (1, 3, 5, 7):
        office.door.after("update", number, fill)
    done = run(office)
    assert done.outcomes[Outcome.REVERTED] == 1
    assert office.stage(person) == "evangelist"
    assert stages_sent(office, person) == ["", "opportunity"] * 2
    assert office.open_moves() == ()


def test_a_person_who_fills_the_gap_is_not_fought(office: Office) -> None:
    person = reopened(office)
    office.door.after("update", 1, lambda: office.person_sets(person, **{STAGE: "evangelist"}))
    done = run(office)
    assert office.stage(person) == "evangelist"
    assert done.outcomes[Outcome.REVERTED] == 1
    assert stages_sent(office, person) == ["", "opportunity"]


def test_a_company_is_written_before_its_contacts(office: Office) -> None:
    company, person = office.company("lead"), office.contact("lead")
    office.deal(WON, company, person)
    run(office)
    assert [set(each) for each in office.door.sent] == [{company}, {person}]


def test_progress_is_told_with_its_total(office: Office) -> None:
    won(office), won(office)
    pull(office.desk())
    told: list[tuple[str, int, int | None]] = []
    desk = office.desk(tell=lambda what, done, total: told.append((what, done, total)))
    push(desk, office.propose(desk))
    assert told[-1] == ("apply", 2, 2)


def test_everything_is_promised_before_anything_is_sent(office: Office) -> None:
    person = won(office)
    promised: list[tuple[Correction, ...]] = []
    office.door.before(
        "update", 1, lambda: promised.extend(one.corrections for one in office.open_moves())
    )
    run(office)
    ((correction,),) = promised
    assert (correction.record, correction.before, correction.after) == (person, "lead", "customer")


def test_the_door_of_the_tests_is_the_one_that_passes_the_contract(office: Office) -> None:
    assert isinstance(office.door, MemoryDoor)
