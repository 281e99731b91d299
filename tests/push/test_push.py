"""Pushing: whatever happens between our requests, the end is right, known and written down."""

from __future__ import annotations

import pytest

from connector.context import RunContext
from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.model import STAGE, STATUS, Correction, ObjectType, Outcome, Ref
from connector.hubspot.api import Refusal, UpdateAnswer
from connector.hubspot.http.failures import OutcomeUnknown, Unavailable
from connector.operations.sync import SyncResult, sync
from connector.pull.poll import pull
from connector.push.push import push
from connector.push.review_only import put_review_only
from state import holds, quarantine
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DAY,
    LOST,
    OPEN,
    SQL,
    WON,
    ConnectedPortal,
)
from tests.fakes.portal import FakeHubSpot

OUTCOME_UNKNOWN = OutcomeUnknown("HubSpot may or may not have written: read back first")


def create_reopened_customer(portal: ConnectedPortal, kind: ObjectType = CONTACTS) -> Ref:
    """Create a customer whose deal was won, and is open again."""
    ref = portal.company("customer") if kind is COMPANIES else portal.contact("customer")
    deal = portal.deal(WON, ref)
    portal.api.advance(1)
    portal.edit(deal, dealstage=OPEN)
    return ref


def create_won_lead(portal: ConnectedPortal) -> Ref:
    """Create a lead whose deal is won."""
    ref = portal.contact("lead")
    portal.deal(WON, ref)
    return ref


def run(portal: ConnectedPortal, context: RunContext | None = None) -> SyncResult:
    """Read everything, and put right what is wrong."""
    portal.api.advance(DAY)
    return sync(context or portal.context())


def quarantine_notes(portal: ConnectedPortal) -> list[tuple[str, str]]:
    with portal.store.reading("1") as session:
        return [(str(entry.record), entry.note) for entry in quarantine.read_quarantined(session)]


def sent_stages(portal: ConnectedPortal, ref: Ref) -> list[str]:
    """Return which stages were sent for a record, in their order."""
    return [batch[ref][STAGE] for batch in portal.api.sent_updates if STAGE in batch.get(ref, {})]


def edit_before_recheck(portal: ConnectedPortal, ref: Ref, **properties: str) -> None:
    """Let somebody change a record just before it is looked at again."""
    portal.api.before("read", 2, lambda: portal.edit(ref, **properties))


def test_a_forward_move_is_one_write_and_is_read_back(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    result = run(portal)
    assert portal.api.sent_updates == [{contact: {STAGE: "customer"}}]
    assert portal.stage(contact) == "customer"
    assert result.outcomes == {Outcome.APPLIED: 1}
    assert portal.waits == []
    assert portal.open_moves() == ()


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_backward_move_clears_then_sets(portal: ConnectedPortal, kind: ObjectType) -> None:
    ref = create_reopened_customer(portal, kind)
    run(portal)
    status = {STATUS: "OPEN_DEAL"} if kind is CONTACTS else {}
    assert portal.api.sent_updates == [{ref: {STAGE: ""}}, {ref: {STAGE: "opportunity"} | status}]
    assert portal.stage(ref) == "opportunity"


def test_the_lead_status_travels_with_the_set_and_never_with_the_clear(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    run(portal)
    clear, set_ = portal.api.sent_updates
    assert STATUS not in clear[contact]
    assert set_[contact][STATUS] == "OPEN_DEAL"
    assert [line.after for line in portal.audit_lines()] == ["opportunity", "OPEN_DEAL"]


def test_a_batch_mixes_what_goes_forward_with_what_goes_back(portal: ConnectedPortal) -> None:
    backward_contact, forward_contact = create_reopened_customer(portal), create_won_lead(portal)
    run(portal)
    assert [set(batch) for batch in portal.api.sent_updates] == [
        {backward_contact},
        {backward_contact, forward_contact},
    ]


def test_more_than_a_hundred_records_go_in_several_batches(portal: ConnectedPortal) -> None:
    contacts = [portal.contact() for _ in range(205)]
    result = run(portal, portal.context(permitted=True))
    assert [len(batch) for batch in portal.api.sent_updates] == [100, 100, 5]
    assert {portal.stage(contact) for contact in contacts} == {"lead"}
    assert result.outcomes == {Outcome.APPLIED: 205}


def test_the_old_value_the_rule_the_run_and_the_answer_stand_in_the_audit(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    context = portal.context()
    run(portal, context)
    (line,) = portal.audit_lines()
    assert (line.record, line.property_name, line.before, line.after) == (
        contact,
        STAGE,
        "lead",
        "customer",
    )
    assert (line.rule, line.run, line.policy) == ("won", context.run, "test")
    assert (line.outcome, line.correlation_id) == (Outcome.APPLIED, "answer-1")


def test_a_second_run_finds_nothing_to_do(portal: ConnectedPortal) -> None:
    create_reopened_customer(portal), create_won_lead(portal), portal.contact()
    run(portal)
    sent = len(portal.api.sent_updates)
    result = run(portal)
    assert result.plan.summary.corrections == 0
    assert len(portal.api.sent_updates) == sent


# What changed between the plan and the write


def test_a_record_that_changed_since_is_stale_and_decided_anew(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    edit_before_recheck(portal, contact, **{STAGE: "evangelist"})
    result = run(portal)
    assert portal.api.sent_updates == []
    assert portal.stage(contact) == "evangelist"
    assert result.outcomes == {Outcome.STALE: 1}
    assert quarantine_notes(portal) == []


def test_a_stale_record_is_put_right_in_the_same_run_where_it_is_still_wrong(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    edit_before_recheck(portal, contact, **{STAGE: SQL})
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert result.outcomes == {Outcome.STALE: 1, Outcome.APPLIED: 1}


def test_a_record_archived_since_is_stale_and_out_of_the_mirror(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.before("read", 2, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 1}
    assert portal.mirrored(contact) is None
    assert run(portal).plan.summary.corrections == 0


def test_a_record_merged_since_is_stale_and_only_the_survivor_goes_on(
    portal: ConnectedPortal,
) -> None:
    contact, survivor = create_won_lead(portal), portal.contact("lead")
    portal.api.before("read", 2, lambda: portal.api.merge(survivor, contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 1}
    assert portal.api.sent_updates == []
    assert portal.mirrored(contact) is None
    assert portal.mirrored(survivor) is not None


def test_a_record_merged_while_it_is_written_is_out_of_the_mirror_too(
    portal: ConnectedPortal,
) -> None:
    contact, survivor = create_won_lead(portal), portal.contact("lead")
    portal.api.after("update", 1, lambda: portal.api.merge(survivor, contact))
    run(portal)
    assert portal.mirrored(contact) is None
    assert portal.open_moves() == ()


def test_a_record_archived_between_clear_and_set_ends_stale(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    portal.api.after("update", 1, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 2}
    assert portal.mirrored(contact) is None
    assert portal.open_moves() == ()


def test_a_record_archived_before_its_clear_ends_stale_without_a_failed_correction(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.before("update", 1, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 2}
    assert portal.mirrored(contact) is None


# What HubSpot refuses


def refuse_values(portal: ConnectedPortal, *values: tuple[Ref, str, str]) -> None:
    """Let HubSpot refuse every batch that holds one of these values."""
    portal.api.forbidden_values.update(values)


def test_a_refused_batch_is_halved_until_the_bad_record_is_alone(portal: ConnectedPortal) -> None:
    contacts = [portal.contact() for _ in range(8)]
    refuse_values(portal, (contacts[5], STAGE, "lead"))
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 7, Outcome.REFUSED: 1}
    assert portal.stage(contacts[5]) == ""
    assert all(portal.stage(contact) == "lead" for contact in contacts if contact != contacts[5])
    # 8 · 4 well · 4 · 2 · 1 · 1 refused: halving finds it in seven requests.
    assert [len(batch) for batch in portal.api.sent_updates] == [8, 4, 4, 2, 1, 1, 2]


def test_in_the_bad_record_only_the_bad_property_is_refused(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "CONNECTED")
    portal.deal(OPEN, contact)
    refuse_values(portal, (contact, STATUS, "OPEN_DEAL"))
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert portal.status(contact) == "CONNECTED"
    assert result.outcomes == {Outcome.APPLIED: 1, Outcome.REFUSED: 1}


def test_a_refused_correction_is_tried_once_more_and_then_quarantined(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    refuse_values(portal, (contact, STAGE, "customer"))
    for wanted in (1, 1, 0, 0):
        before = len(portal.api.sent_updates)
        run(portal)
        assert len(portal.api.sent_updates) - before == wanted
    ((record, note),) = quarantine_notes(portal)
    assert record == str(contact)
    assert "INVALID_OPTION" in note


def test_a_stage_refused_once_leaves_the_lead_status_and_refused_twice_decides_it_by_what_stays(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("customer", "CONNECTED")
    deal = portal.deal(WON, contact)
    portal.api.advance(1)
    portal.edit(deal, dealstage=LOST)
    refuse_values(portal, (contact, STAGE, ""))
    run(portal)
    assert (portal.stage(contact), portal.status(contact)) == ("customer", "CONNECTED")
    run(portal)
    assert (portal.stage(contact), portal.status(contact)) == ("customer", "")


def test_a_refused_clear_leaves_the_stage_and_is_known_as_refused(portal: ConnectedPortal) -> None:
    contact, other_contact = create_reopened_customer(portal), create_reopened_customer(portal)
    refuse_values(portal, (contact, STAGE, ""))
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert portal.stage(other_contact) == "opportunity"
    assert result.outcomes[Outcome.REFUSED] == 1
    assert (str(contact), "opportunity", "refused") in portal.outcomes()


def test_where_the_new_stage_is_refused_after_the_clear_the_old_one_is_put_back(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    refuse_values(portal, (contact, STAGE, "opportunity"))
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert (str(contact), "opportunity", "restored") in portal.outcomes()
    assert result.outcomes[Outcome.RESTORED] == 1
    assert portal.open_moves() == ()


def test_a_move_stays_open_where_even_the_old_stage_is_refused_and_the_next_start_ends_it(
    portal: ConnectedPortal,
) -> None:
    contact, other_contact = create_reopened_customer(portal), create_won_lead(portal)
    refuse_values(portal, (contact, STAGE, "opportunity"), (contact, STAGE, "customer"))
    result = run(portal)
    assert result.open_moves == (contact,)
    assert [move.record for move in portal.open_moves()] == [contact]
    assert portal.stage(other_contact) == "customer"

    portal.api.forbidden_values.clear()
    result = run(portal)

    assert result.recovered == 1
    assert portal.stage(contact) == "opportunity"
    assert portal.open_moves() == ()


def test_a_refusal_is_not_believed_where_the_stage_is_gone_all_the_same(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    answers: list[UpdateAnswer] = []

    def refuse_first(answer: UpdateAnswer) -> UpdateAnswer:
        answers.append(answer)
        if len(answers) > 1:
            return answer
        return UpdateAnswer(refused=dict.fromkeys(answer.updated, Refusal(message="no")))

    portal.api.change_answer = refuse_first
    run(portal)
    assert portal.stage(contact) == "opportunity"


# What nobody knows after sending


@pytest.mark.parametrize("after", [False, True], ids=["before it was written", "after"])
@pytest.mark.parametrize("request_number", [1, 2], ids=["clear", "set"])
def test_a_write_whose_outcome_is_unknown_is_read_back_before_it_is_sent_again(
    portal: ConnectedPortal, request_number: int, after: bool
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.before(
        "update", request_number, lambda: portal.api.fail("update", OUTCOME_UNKNOWN, after=after)
    )
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert len(portal.api.sent_updates) == 2 + (not after)
    assert result.outcomes == {Outcome.APPLIED: 2}
    assert portal.waits == [1.0]


def test_a_portal_that_stays_away_leaves_the_move_open_for_the_next_start(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    for _ in range(6):
        portal.api.fail("update", OUTCOME_UNKNOWN)
    with pytest.raises(OutcomeUnknown):
        run(portal)
    assert portal.waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert [move.record for move in portal.open_moves()] == [contact]
    assert portal.outcomes() == []

    run(portal)

    assert portal.stage(contact) == "opportunity"


def test_a_portal_that_comes_back_at_the_last_try_is_written(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    for _ in range(5):
        portal.api.fail("update", OUTCOME_UNKNOWN)
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 1}
    assert portal.stage(contact) == "customer"


def test_a_read_that_fails_after_the_write_leaves_the_move_open(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.before(
        "read", 4, lambda: portal.api.fail("read", Unavailable("HubSpot failed: try later"))
    )
    with pytest.raises(Unavailable):
        run(portal)
    assert [move.record for move in portal.open_moves()] == [contact]
    assert run(portal).recovered == 1
    assert portal.outcomes() == [(str(contact), "customer", "applied")]


def test_an_answer_that_does_not_name_a_record_is_not_believed_for_it(
    portal: ConnectedPortal,
) -> None:
    first, second = create_won_lead(portal), create_won_lead(portal)
    portal.api.unanswered_per_update = [frozenset({first})]
    result = run(portal)
    assert portal.api.sent_updates == [
        {first: {STAGE: "customer"}, second: {STAGE: "customer"}},
        {first: {STAGE: "customer"}},
    ]
    assert result.outcomes == {Outcome.APPLIED: 2}


def test_a_record_that_is_never_named_ends_refused(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.unanswered_per_update = [frozenset({contact})] * 6
    result = run(portal)
    assert portal.stage(contact) == "lead"
    assert result.outcomes == {Outcome.REFUSED: 1}
    assert len(portal.api.sent_updates) == 6


def test_a_record_gone_while_its_outcome_is_unknown_ends_stale(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.fail("update", OUTCOME_UNKNOWN)
    portal.api.before("update", 1, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 1}
    assert portal.mirrored(contact) is None


def test_an_unknown_outcome_inside_a_halved_batch_is_read_back_too(portal: ConnectedPortal) -> None:
    contacts = [portal.contact() for _ in range(2)]
    contact = portal.contact(SQL, "CONNECTED")
    portal.deal(OPEN, contact)
    refuse_values(portal, (contacts[0], STAGE, "lead"), (contact, STATUS, "OPEN_DEAL"))
    for number in (4, 6):
        portal.api.before("update", number, lambda: portal.api.fail("update", OUTCOME_UNKNOWN))
    run(portal)
    assert portal.stage(contacts[1]) == "lead"
    assert portal.stage(contact) == "opportunity"
    assert portal.status(contact) == "CONNECTED"


# What is answered with 200, and not stored


def test_an_ignored_write_is_known_only_after_both_rechecks(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.ignores_write = lambda ref, _name, _value: ref == contact
    result = run(portal)
    assert result.outcomes == {Outcome.IGNORED: 1}
    assert portal.waits == [2.0, 30.0]
    assert len(portal.api.sent_updates) == 1


def test_a_late_reading_is_not_taken_for_an_ignored_write(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.ignores_write = lambda _ref, _name, _value: True
    # The write shows only at the second reading after it.
    portal.api.before("read", 5, lambda: portal.edit(contact, **{STAGE: "customer"}))
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 1}
    assert portal.waits == [2.0]


def test_when_the_stage_was_ignored_the_lead_status_is_decided_again(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    portal.api.ignores_write = lambda _ref, name, _value: name == STAGE
    run(portal)
    assert portal.stage(contact) == SQL
    assert portal.outcomes() == [
        (str(contact), "opportunity", "ignored"),
        (str(contact), "OPEN_DEAL", "applied"),
    ]


def test_an_ignored_set_after_the_clear_is_sent_again_and_then_the_old_stage_put_back(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.ignores_write = lambda _ref, _name, value: value == "opportunity"
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert result.outcomes[Outcome.RESTORED] == 1
    assert portal.open_moves() == ()


def test_a_blank_after_the_set_is_filled_at_once(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    ignored: list[str] = []

    def ignore_first(_ref: Ref, _name: str, value: str) -> bool:
        if value == "opportunity" and not ignored:
            ignored.append(value)
            return True
        return False

    portal.api.ignores_write = ignore_first
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert result.outcomes == {Outcome.APPLIED: 2}
    assert portal.waits == []


def test_an_ignored_correction_is_not_sent_for_ever(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.ignores_write = lambda ref, _name, _value: ref == contact
    for _ in range(4):
        run(portal)
    assert len(portal.api.sent_updates) == 2
    assert [note[0] for note in quarantine_notes(portal)] == [str(contact)]


# Other writers


def test_what_another_writer_set_right_after_is_reverted_and_not_fought(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    for number in (1, 2, 3):
        portal.api.after("update", number, lambda: portal.edit(contact, **{STAGE: SQL}))
    result = run(portal)
    assert result.outcomes[Outcome.REVERTED] == 1
    assert (str(contact), "customer", "reverted") in portal.outcomes()


def test_an_automation_that_fills_the_gap_once_is_overcome_by_the_next_round(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.after("update", 1, lambda: portal.edit(contact, **{STAGE: "customer"}))
    run(portal)
    run(portal)
    assert portal.stage(contact) == "opportunity"
    assert [outcome for _, after, outcome in portal.outcomes() if after == "opportunity"] == [
        "ignored",
        "applied",
    ]


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_gap_that_an_automation_fills_with_a_third_stage_is_won_back_once(
    portal: ConnectedPortal, kind: ObjectType
) -> None:
    ref = create_reopened_customer(portal, kind)
    portal.api.after("update", 1, lambda: portal.edit_as_workflow(ref, **{STAGE: "evangelist"}))
    result = run(portal)
    assert portal.stage(ref) == "opportunity"
    assert set(result.outcomes) == {Outcome.APPLIED}
    assert sent_stages(portal, ref) == ["", "opportunity"] * 2


def test_an_automation_that_fills_every_gap_is_not_fought_for_ever(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)

    def fill() -> None:
        portal.edit_as_workflow(contact, **{STAGE: "evangelist"})

    for number in (1, 3, 5, 7):
        portal.api.after("update", number, fill)
    result = run(portal)
    assert result.outcomes[Outcome.REVERTED] == 1
    assert portal.stage(contact) == "evangelist"
    assert sent_stages(portal, contact) == ["", "opportunity"] * 2
    assert portal.open_moves() == ()


def test_a_person_who_fills_the_gap_is_not_fought(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    portal.api.after("update", 1, lambda: portal.edit_as_person(contact, **{STAGE: "evangelist"}))
    result = run(portal)
    assert portal.stage(contact) == "evangelist"
    assert result.outcomes[Outcome.REVERTED] == 1
    assert sent_stages(portal, contact) == ["", "opportunity"]


def test_a_company_is_written_before_its_contacts(portal: ConnectedPortal) -> None:
    company, contact = portal.company("lead"), portal.contact("lead")
    portal.deal(WON, company, contact)
    run(portal)
    assert [set(batch) for batch in portal.api.sent_updates] == [{company}, {contact}]


def test_progress_is_told_with_its_total(portal: ConnectedPortal) -> None:
    create_won_lead(portal), create_won_lead(portal)
    pull(portal.context())
    progress_calls: list[tuple[str, int, int | None]] = []
    context = portal.context(
        progress=lambda activity, done, total: progress_calls.append((activity, done, total))
    )
    push(context, portal.propose(context))
    assert progress_calls[-1] == ("apply", 2, 2)


def test_everything_is_promised_before_anything_is_sent(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    promised_corrections: list[tuple[Correction, ...]] = []
    portal.api.before(
        "update",
        1,
        lambda: promised_corrections.extend(move.corrections for move in portal.open_moves()),
    )
    run(portal)
    ((correction,),) = promised_corrections
    assert (correction.record, correction.before, correction.after) == (contact, "lead", "customer")


def test_the_fake_of_the_tests_is_the_one_that_passes_the_contract(portal: ConnectedPortal) -> None:
    assert isinstance(portal.api, FakeHubSpot)


def test_a_run_of_the_daemon_ends_after_the_batch_when_it_is_told_to_only_review(
    portal: ConnectedPortal,
) -> None:
    refs = [create_won_lead(portal), create_reopened_customer(portal, COMPANIES)]

    def review_only(label: str, done: int, total: int | None) -> None:
        if label == "apply":
            with portal.store.begin("1") as session:
                put_review_only(session, review_only=True, user="eva", at=portal.api.now())

    sync(portal.context(follows_review_only=True, progress=review_only))
    written = [ref for update in portal.api.sent_updates for ref in update]
    assert len(set(written) & set(refs)) == 1
    # What an operator types, or approves, is written all the same.
    sync(portal.context())
    assert set(refs) <= {ref for update in portal.api.sent_updates for ref in update}


@pytest.mark.parametrize(
    ("origin", "property_name", "is_stopped"),
    [
        (HoldOrigin.OPERATOR, "", True),
        (HoldOrigin.REJECTED, STAGE, True),
        (HoldOrigin.OPERATOR, "other", False),
    ],
)
def test_what_is_held_while_the_run_goes_on_is_not_written(
    portal: ConnectedPortal, origin: HoldOrigin, property_name: str, is_stopped: bool
) -> None:
    contact = create_won_lead(portal)
    pull(portal.context())
    context = portal.context()
    plan = portal.propose(context)
    hold = Hold(
        scope=HoldScope.RECORD,
        target=str(contact),
        property_name=property_name,
        reason="pilot",
        by="eva",
        since=portal.api.now(),
        origin=origin,
    )
    with portal.store.begin("1") as session:
        holds.add(session, [hold])
    outcomes = push(context, plan)
    assert (Outcome.STALE in outcomes, portal.stage(contact) == "lead") == (is_stopped, is_stopped)
