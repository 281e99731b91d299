"""Proposing: what is due is decided, and the plan lies complete before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from connector.core.default_portal import STAGES
from connector.core.model import (
    STAGE,
    STATUS,
    Correction,
    DealStage,
    Direction,
    Outcome,
    Ref,
)
from connector.core.moves import key
from connector.desk import Desk
from connector.pull import pull
from state import mirror, plans, strikes
from tests.usecases.office import DAY, LOST, OPEN, SQL, WON, Office, portal

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


def next_due(office: Office, ref: Ref) -> bool:
    return ref in office.due(ref.object_type)


def strike(office: Office, desk: Desk, correction: Correction) -> None:
    with office.store.begin() as session:
        strikes.strike(
            session,
            desk.portal_id,
            correction,
            outcome=Outcome.IGNORED,
            note="HubSpot still shows the old value",
            at=desk.door.now(),
        )


def test_due_records_are_decided_companies_first_and_the_plan_is_complete(office: Office) -> None:
    person, company = office.contact("lead"), office.company("lead")
    office.deal(WON, person, company)
    fine = office.contact("lead")
    pull(office.desk())

    plan = office.propose()

    assert office.changes(plan) == [
        (str(company), "lead", "customer", "won"),
        (str(person), "lead", "customer", "won"),
    ]
    assert plan.digest
    assert plan.summary == {
        "records_looked_at": {"companies": 1, "contacts": 2},
        "records_to_correct": {"companies": 1, "contacts": 1},
        "corrections": 2,
        "by_direction": {"forward": 2, "backward": 0, "set": 0, "clear": 0},
        "by_rule": {"won": {"forward": 2}},
        "contacts_of_companies": {},
        "left_alone": {"keep": 1},
        "records_backward": {},
        "side_effects": {"contacts_behind_their_company": {}, "stage_dates_changed": {}},
    }
    assert not next_due(office, fine)


def test_nothing_is_sent_while_a_plan_is_made(office: Office) -> None:
    office.deal(WON, office.contact("lead"))
    pull(office.desk())
    office.propose()
    assert office.door.sent == []


def test_a_record_with_corrections_stays_due_until_nothing_is_left_to_correct(
    office: Office,
) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    pull(office.desk())
    first = office.propose()
    again = office.propose()
    assert office.changes(first) == office.changes(again) != []
    assert next_due(office, person)


def test_a_record_is_due_again_when_its_quiet_time_ends(office: Office) -> None:
    person = office.contact("lead", num_conversion_events="1")
    deal = office.deal(OPEN, person)
    office.door.advance(DAY)
    office.edit(deal, dealstage=LOST, closedate=office.door.now().isoformat())
    pull(office.desk())
    office.propose()
    assert not next_due(office, person)
    office.door.advance(89 * DAY)
    assert not next_due(office, person)
    office.door.advance(DAY + 1)
    assert next_due(office, person)


def test_a_condition_with_today_makes_its_records_due_at_midnight(office: Office) -> None:
    company = office.company("customer", contract_end="2026-03-12")
    desk = office.desk(READS_TODAY)
    pull(desk)
    assert office.changes(office.propose(desk)) == []
    assert not next_due(office, company)
    office.door.advance(11.9 * 3600)
    assert not next_due(office, company)
    office.door.advance(0.2 * 3600)
    assert next_due(office, company)
    plan = office.propose(office.desk(READS_TODAY))
    assert office.changes(plan) == [(str(company), "customer", "other", "contract-over")]


def test_a_changed_policy_wakes_every_record(office: Office) -> None:
    people = [office.contact("lead") for _ in range(3)]
    pull(office.desk())
    office.propose()
    assert office.due() == ()
    later = office.desk("extends: standard\nsettings: {converted: {score: 16}}")
    plan = office.propose(later)
    assert plan.summary["records_looked_at"] == {"contacts": len(people)}
    assert office.propose(later).summary["records_looked_at"] == {}


def changed_stages() -> dict[str, str]:
    names = list(STAGES.items())
    return dict([names[1], names[0], *names[2:]])


def test_a_changed_stage_list_wakes_every_record(open_office: Callable[..., Office]) -> None:
    office = open_office()
    office.contact("lead")
    office.company("lead")
    pull(office.desk())
    office.propose()
    office.door.what = portal(stages=changed_stages())
    plan = office.propose()
    assert plan.summary["records_looked_at"] == {"companies": 1, "contacts": 1}


def test_a_changed_pipeline_wakes_every_record(office: Office) -> None:
    person = office.contact("lead")
    deal = office.deal(OPEN, person)
    pull(office.desk())
    with office.store.begin() as session:
        mirror.set_due(session, "1", {person: None})
    office.propose()
    old = office.door.what
    (sales,) = old.pipelines
    turned = [
        DealStage(id=one.id, label=one.label, is_closed=True, probability=1.0)
        if one.id == OPEN
        else one
        for one in sales.stages
    ]
    office.door.what = replace(old, pipelines=(replace(sales, stages=tuple(turned)),))
    plan = office.propose()
    assert office.changes(plan) == [(str(person), "lead", "customer", "won")]
    assert str(deal) in office.corrections(plan)[0].evidence[0]


def test_backward_moves_come_together_so_that_a_batch_needs_one_clear(office: Office) -> None:
    for number in range(6):
        person = office.contact("customer" if number % 2 else "lead")
        deal = office.deal(WON, person)
        office.door.advance(1)
        office.edit(deal, dealstage=OPEN)
    pull(office.desk())
    plan = office.propose()
    stages = [one.direction for one in office.corrections(plan) if one.property_name == STAGE]
    assert stages == [Direction.BACKWARD] * 3 + [Direction.FORWARD] * 3


def test_more_records_than_a_chunk_are_all_decided(office: Office) -> None:
    for _ in range(1003):
        office.contact("")
    pull(office.desk())
    plan = office.propose()
    assert plan.summary["records_to_correct"] == {"contacts": 1003}
    assert office.propose().digest == plan.digest


def test_a_quarantined_stage_stays_and_the_lead_status_follows_the_one_that_stays(
    office: Office,
) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    pull(office.desk())
    desk = office.desk()
    first = office.corrections(office.propose(desk))
    assert [(one.property_name, one.after) for one in first] == [
        (STAGE, "opportunity"),
        (STATUS, "OPEN_DEAL"),
    ]
    strike(office, desk, first[0])
    assert office.changes(office.propose(desk)) == office.changes(office.propose(desk))
    strike(office, desk, first[0])

    plan = office.propose(desk)

    assert office.changes(plan) == [(str(person), "", "NEW", "status-new")]
    assert plan.summary["left_alone"] == {"quarantined": 1}


def test_what_failed_in_this_run_is_left_for_the_next(office: Office) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    pull(office.desk())
    desk = office.desk()
    stage = office.corrections(office.propose(desk))[0]
    desk.struck.add(key(stage))
    assert [one[2] for one in office.changes(office.propose(desk))] == ["NEW"]
    assert [one[2] for one in office.changes(office.propose())] == [
        "opportunity",
        "OPEN_DEAL",
    ]


def test_a_status_that_failed_for_the_stage_that_stays_is_not_tried_again_either(
    office: Office,
) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    pull(office.desk())
    desk = office.desk()
    tried = []
    for _ in range(2):
        for one in office.corrections(office.propose(desk)):
            tried.append(one.after)
            desk.struck.add(key(one))

    plan = office.propose(desk)

    assert tried == ["opportunity", "OPEN_DEAL", "NEW"]
    assert office.changes(plan) == []
    assert plan.summary["left_alone"]["quarantined"] == 2
    assert next_due(office, person)  # the next run tries once more


def test_new_evidence_lifts_the_quarantine(office: Office) -> None:
    person = office.contact("lead")
    office.deal(OPEN, person)
    pull(office.desk())
    desk = office.desk()
    for _ in range(2):
        for one in office.corrections(office.propose(desk)):
            strike(office, desk, one)
    assert office.changes(office.propose(desk)) == []

    office.door.advance(3600)
    office.deal(WON, person)
    pull(desk)

    assert office.changes(office.propose(desk)) == [(str(person), "lead", "customer", "won")]


def test_a_policy_that_does_not_settle_leaves_the_record_alone_and_says_so(
    office: Office,
) -> None:
    to_and_fro = """\
extends: standard
rules:
  - {name: up, for: contacts, when: stage == "lead", stage: customer, direction: any, reason: "-"}
  - {name: to, for: contacts, when: stage == "customer", stage: lead, direction: any, reason: "-"}
"""
    office.contact("lead")
    desk = office.desk(to_and_fro)
    pull(desk)
    plan = office.propose(desk)
    assert office.changes(plan) == []
    assert plan.summary["left_alone"] == {"does not settle": 1}


def test_only_the_newest_plans_are_kept(office: Office) -> None:
    office.contact("")
    pull(office.desk())
    made = []
    for _ in range(12):
        office.door.advance(1)
        made.append(office.propose())
    with office.store.reading() as session:
        kept = [one for one in made if plans.get(session, "1", one.plan_id)]
    assert kept == made[2:]


def test_progress_is_told_with_how_many_are_due(office: Office) -> None:
    office.contact("lead")
    office.deal(OPEN, office.company("lead"))
    pull(office.desk())
    told: list[tuple[str, int, int | None]] = []
    office.propose(office.desk(tell=lambda what, done, total: told.append((what, done, total))))
    assert told == [("decide", 1, 2), ("decide", 2, 2)]


def test_a_record_archived_since_it_was_due_is_passed_over(office: Office) -> None:
    person = office.contact("")
    pull(office.desk())
    with office.store.begin() as session:
        mirror.archive(session, "1", [person], at=office.door.now() + timedelta(seconds=1))
    plan = office.propose()
    assert plan.summary["records_looked_at"] == {}
