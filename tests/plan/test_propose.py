"""Proposing decides every due record, and stores the complete plan before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from connector.context import RunContext
from connector.core.corrections.moves import correction_key
from connector.core.lint.default_portal import STAGES
from connector.core.model import (
    STAGE,
    STATUS,
    Correction,
    DealStage,
    Direction,
    Outcome,
    Ref,
)
from connector.pull.poll import pull
from state import due_times, mirror, plans, quarantine
from tests.fakes.connected_portal import DAY, LOST, OPEN, SQL, WON, ConnectedPortal, example_portal

READS_TODAY = """\
extends: standard
rules:
  - name: contract-over
    for: companies
    when: company.contract_end < today
    stage: other
    direction: forward
    reason: the contract is over
"""


def is_due(portal: ConnectedPortal, ref: Ref) -> bool:
    return ref in portal.due(ref.object_type)


def note_failure(portal: ConnectedPortal, context: RunContext, correction: Correction) -> None:
    with portal.store.begin(context.portal_id) as session:
        quarantine.note_failure(
            session,
            correction,
            outcome=Outcome.IGNORED,
            note="HubSpot still shows the old value",
            at=context.api.now(),
        )


def test_due_records_are_decided_companies_first_and_the_plan_is_complete(
    portal: ConnectedPortal,
) -> None:
    contact, company = portal.contact("lead"), portal.company("lead")
    portal.deal(WON, contact, company)
    correct_contact = portal.contact("lead")
    pull(portal.context())

    plan = portal.propose()

    assert portal.changes(plan) == [
        (str(company), "lead", "customer", "won"),
        (str(contact), "lead", "customer", "won"),
    ]
    assert plan.digest
    assert plan.summary.document() == {
        "records_looked_at": {"companies": 1, "contacts": 2},
        "records_to_correct": {"companies": 1, "contacts": 1},
        "corrections": 2,
        "by_direction": {"forward": 2, "backward": 0, "set": 0, "clear": 0},
        "by_rule": {"won": {"forward": 2}},
        "contacts_of_companies": {},
        "left_alone": {"keep": 1},
        "records_backward": {},
        "side_effects": {
            "contacts_behind_their_company": {},
            "stage_dates_changed": {},
            "waiting_companies": {},
        },
        "unwanted": (),
    }
    assert not is_due(portal, correct_contact)


def test_nothing_is_sent_while_a_plan_is_made(portal: ConnectedPortal) -> None:
    portal.deal(WON, portal.contact("lead"))
    pull(portal.context())
    portal.propose()
    assert portal.api.sent_updates == []


def test_a_record_with_corrections_stays_due_until_nothing_is_left_to_correct(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    pull(portal.context())
    first = portal.propose()
    second = portal.propose()
    assert portal.changes(first) == portal.changes(second) != []
    assert is_due(portal, contact)


def test_a_record_is_due_again_when_its_quiet_time_ends(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead", num_conversion_events="1")
    deal = portal.deal(OPEN, contact)
    portal.api.advance(DAY)
    portal.edit(deal, dealstage=LOST, closedate=portal.api.now().isoformat())
    pull(portal.context())
    portal.propose()
    assert not is_due(portal, contact)
    portal.api.advance(89 * DAY)
    assert not is_due(portal, contact)
    portal.api.advance(DAY + 1)
    assert is_due(portal, contact)


def test_a_condition_with_today_makes_its_records_due_at_midnight(portal: ConnectedPortal) -> None:
    company = portal.company("customer", contract_end="2026-03-12")
    context = portal.context(READS_TODAY)
    pull(context)
    assert portal.changes(portal.propose(context)) == []
    assert not is_due(portal, company)
    portal.api.advance(11.9 * 3600)
    assert not is_due(portal, company)
    portal.api.advance(0.2 * 3600)
    assert is_due(portal, company)
    plan = portal.propose(portal.context(READS_TODAY))
    assert portal.changes(plan) == [(str(company), "customer", "other", "contract-over")]


def test_a_changed_policy_makes_every_record_due(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead") for _ in range(3)]
    pull(portal.context())
    portal.propose()
    assert portal.due() == ()
    context = portal.context("extends: standard\nsettings: {converted: {score: 16}}")
    plan = portal.propose(context)
    assert plan.summary.records_looked_at == {"contacts": len(contacts)}
    assert portal.propose(context).summary.records_looked_at == {}


def changed_stages() -> dict[str, str]:
    names = list(STAGES.items())
    return dict([names[1], names[0], *names[2:]])


def test_a_changed_stage_list_makes_every_record_due(
    open_portal: Callable[..., ConnectedPortal],
) -> None:
    portal = open_portal()
    portal.contact("lead")
    portal.company("lead")
    pull(portal.context())
    portal.propose()
    portal.api.portal_info = example_portal(stages=changed_stages())
    plan = portal.propose()
    assert plan.summary.records_looked_at == {"companies": 1, "contacts": 1}


def test_a_changed_pipeline_makes_every_record_due(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(OPEN, contact)
    pull(portal.context())
    with portal.store.begin("1") as session:
        due_times.set_due(session, {contact: None})
    portal.propose()
    old = portal.api.portal_info
    (sales,) = old.pipelines
    stages = [
        DealStage(id=stage.id, label=stage.label, is_closed=True, probability=1.0)
        if stage.id == OPEN
        else stage
        for stage in sales.stages
    ]
    portal.api.portal_info = replace(old, pipelines=(replace(sales, stages=tuple(stages)),))
    plan = portal.propose()
    assert portal.changes(plan) == [(str(contact), "lead", "customer", "won")]
    assert str(deal) in portal.corrections(plan)[0].evidence[0]


def test_backward_moves_come_together_so_that_a_batch_needs_one_clear(
    portal: ConnectedPortal,
) -> None:
    for number in range(6):
        contact = portal.contact("customer" if number % 2 else "lead")
        deal = portal.deal(WON, contact)
        portal.api.advance(1)
        portal.edit(deal, dealstage=OPEN)
    pull(portal.context())
    plan = portal.propose()
    stages = [
        found_correction.direction
        for found_correction in portal.corrections(plan)
        if found_correction.property_name == STAGE
    ]
    assert stages == [Direction.BACKWARD] * 3 + [Direction.FORWARD] * 3


def test_more_records_than_a_chunk_are_all_decided(portal: ConnectedPortal) -> None:
    for _ in range(1003):
        portal.contact("")
    portal.api.advance(3600)
    pull(portal.context())
    plan = portal.propose()
    assert plan.summary.records_to_correct == {"contacts": 1003}
    assert portal.propose().digest == plan.digest


def test_a_quarantined_stage_stays_and_the_lead_status_follows_the_one_that_stays(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    pull(portal.context())
    context = portal.context()
    first = portal.corrections(portal.propose(context))
    assert [
        (found_correction.property_name, found_correction.after) for found_correction in first
    ] == [
        (STAGE, "opportunity"),
        (STATUS, "OPEN_DEAL"),
    ]
    note_failure(portal, context, first[0])
    assert portal.changes(portal.propose(context)) == portal.changes(portal.propose(context))
    note_failure(portal, context, first[0])

    plan = portal.propose(context)

    assert portal.changes(plan) == [(str(contact), "", "NEW", "status-new")]
    assert plan.summary.left_alone == {"quarantined": 1}


def test_what_failed_in_this_run_is_left_for_the_next(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    pull(portal.context())
    context = portal.context()
    stage_correction = portal.corrections(portal.propose(context))[0]
    context.state.failed_in_run.add(correction_key(stage_correction))
    assert portal.changes(portal.propose(context)) == []
    assert [change[2] for change in portal.changes(portal.propose())] == [
        "opportunity",
        "OPEN_DEAL",
    ]


def test_a_status_waits_while_the_stage_that_failed_is_tried_again(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    pull(portal.context())
    context = portal.context()
    values_tried = []
    for _ in range(2):
        for failed in portal.corrections(portal.propose(context)):
            values_tried.append(failed.after)
            context.state.failed_in_run.add(correction_key(failed))

    plan = portal.propose(context)

    assert values_tried == ["opportunity", "OPEN_DEAL"]
    assert portal.changes(plan) == []
    assert plan.summary.left_alone["quarantined"] == 1
    assert is_due(portal, contact)  # the next run tries once more


def test_new_evidence_lifts_the_quarantine(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(OPEN, contact)
    pull(portal.context())
    context = portal.context()
    for _ in range(2):
        for failed in portal.corrections(portal.propose(context)):
            note_failure(portal, context, failed)
    assert portal.changes(portal.propose(context)) == []

    portal.api.advance(3600)
    portal.deal(WON, contact)
    pull(context)

    assert portal.changes(portal.propose(context)) == [(str(contact), "lead", "customer", "won")]


def test_a_policy_that_does_not_settle_leaves_the_record_alone_and_says_so(
    portal: ConnectedPortal,
) -> None:
    looping_policy = """\
extends: standard
rules:
  - {name: up, for: contacts, when: stage == "lead", stage: customer, direction: any, reason: "-"}
  - {name: to, for: contacts, when: stage == "customer", stage: lead, direction: any, reason: "-"}
"""
    portal.contact("lead")
    context = portal.context(looping_policy)
    pull(context)
    plan = portal.propose(context)
    assert portal.changes(plan) == []
    assert plan.summary.left_alone == {"does not settle": 1}


def test_only_the_newest_plans_are_kept(portal: ConnectedPortal) -> None:
    portal.contact("")
    pull(portal.context())
    created_plans = []
    for _ in range(12):
        portal.api.advance(1)
        created_plans.append(portal.propose())
    with portal.store.reading("1") as session:
        stored_plans = [plan for plan in created_plans if plans.get(session, plan.plan_id)]
    assert stored_plans == created_plans[2:]


def test_progress_is_told_with_how_many_are_due(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    portal.deal(OPEN, portal.company("lead"))
    pull(portal.context())
    progress_calls: list[tuple[str, int, int | None]] = []
    portal.propose(
        portal.context(
            progress=lambda activity, done, total: progress_calls.append((activity, done, total))
        )
    )
    assert progress_calls == [("decide", 1, 2), ("decide", 2, 2)]


def test_a_record_archived_since_it_was_due_is_passed_over(portal: ConnectedPortal) -> None:
    contact = portal.contact("")
    pull(portal.context())
    with portal.store.begin("1") as session:
        mirror.archive(session, [contact], at=portal.api.now() + timedelta(seconds=1))
    plan = portal.propose()
    assert plan.summary.records_looked_at == {}
