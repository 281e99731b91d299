"""Pushing: whatever happens between our requests, the end is right, known and written down."""

from __future__ import annotations

import pytest

from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.model import STAGE, STATUS, Correction, ObjectType, Outcome
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.push.push import push
from connector.push.review_only import put_review_only
from state import holds
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    WON,
    ConnectedPortal,
)
from tests.fakes.portal import FakeHubSpot
from tests.push.pushed_records import create_reopened_customer, create_won_lead, run


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
