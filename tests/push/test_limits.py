"""What limits, a canary, a pause and the watch over failures stop."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, Outcome, Ref
from connector.operations.sync import SyncResult, sync
from connector.push.enforce_limits import OverLimit, RunStopped
from connector.push.pause import Paused, pause, pause_reason, resume
from tests.fakes.connected_portal import DAY, OPEN, WON, ConnectedPortal

SMALL_LIMITS = """
extends: standard
settings:
  limits: {always: 10, day_share: 0.2, day_backward_share: 0.1}
"""


def create_won_leads(portal: ConnectedPortal, count: int) -> list[Ref]:
    """Create leads that have won deals."""
    contacts = [portal.contact("lead") for _ in range(count)]
    for contact in contacts:
        portal.deal(WON, contact)
    return contacts


def create_correct_contacts(portal: ConnectedPortal, count: int) -> None:
    """Create contacts that are as they should be."""
    for _ in range(count):
        portal.contact("lead")


def run(portal: ConnectedPortal, policy: str = SMALL_LIMITS, **options: object) -> SyncResult:
    portal.api.advance(3600)
    return sync(portal.context(policy, **options))


def test_so_many_always_pass(portal: ConnectedPortal) -> None:
    create_won_leads(portal, 10)
    assert run(portal).outcomes.total() == 10


def test_over_a_limit_nothing_is_sent_and_every_record_stays_due(portal: ConnectedPortal) -> None:
    contacts = create_won_leads(portal, 11)
    with pytest.raises(OverLimit) as error:
        run(portal)
    assert portal.api.sent_updates == []
    assert portal.due() == tuple(contacts)
    assert "11 of 11 contacts, where 10 may be corrected within 24 hours" in str(error.value)
    assert "connector plan --out plan.json" in str(error.value)


def test_beyond_the_share_of_the_mirror_counts(portal: ConnectedPortal) -> None:
    create_won_leads(portal, 20)
    create_correct_contacts(portal, 80)
    assert run(portal).outcomes.total() == 20


def test_limits_count_all_plans_of_a_day_together(portal: ConnectedPortal) -> None:
    create_won_leads(portal, 6)
    run(portal)
    create_won_leads(portal, 5)
    with pytest.raises(OverLimit, match=r"\(6 were already\)"):
        run(portal)
    portal.api.advance(DAY)
    assert run(portal).outcomes.total() == 5


def test_backward_moves_have_a_limit_of_their_own(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("customer") for _ in range(12)]
    deals = [portal.deal(WON, contact) for contact in contacts]
    create_correct_contacts(portal, 100)
    portal.api.advance(60)
    for deal in deals:
        portal.edit(deal, dealstage=OPEN)
    with pytest.raises(OverLimit, match="may be moved backward"):
        run(portal)
    assert portal.api.sent_updates == []


def test_an_hour_may_have_a_narrower_limit_than_a_day(portal: ConnectedPortal) -> None:
    policy = SMALL_LIMITS.replace("}", ", hour_share: 0.1}")
    contacts = create_won_leads(portal, 11)
    create_correct_contacts(portal, 89)
    with pytest.raises(OverLimit, match="where 10 may be corrected within an hour"):
        run(portal, policy)
    assert portal.api.sent_updates == []
    for contact in contacts[:6]:
        portal.edit_as_person(contact, lifecyclestage="subscriber")  # held: five are left
    assert run(portal, policy).outcomes.total() == 5
    create_won_leads(portal, 6)
    with pytest.raises(OverLimit, match=r"within an hour \(5 were already\)"):
        sync(portal.context(policy))
    portal.api.advance(1)
    assert run(portal, policy).outcomes.total() == 6


def test_backward_moves_have_a_limit_for_the_hour_too(portal: ConnectedPortal) -> None:
    policy = SMALL_LIMITS.replace("}", ", hour_backward_share: 0.05}").replace("0.1,", "0.5,")
    contacts = [portal.contact("customer") for _ in range(11)]
    deals = [portal.deal(WON, contact) for contact in contacts]
    create_correct_contacts(portal, 100)
    portal.api.advance(60)
    for deal in deals:
        portal.edit(deal, dealstage=OPEN)
    with pytest.raises(OverLimit, match="may be moved backward within an hour"):
        run(portal, policy)


def test_the_contacts_of_one_company_have_a_limit_over_all_plans(portal: ConnectedPortal) -> None:
    policy = "extends: standard\nsettings: {limits: {company: 3}}"
    company = portal.company("lead")
    contacts = [portal.contact("lead", associatedcompanyid=company.id) for _ in range(5)]
    for contact in contacts[:2]:
        portal.deal(WON, contact)
    assert run(portal, policy).outcomes.total() == 2
    deals = [portal.deal(WON, contact) for contact in contacts[2:]]
    portal.deal(WON, portal.contact("lead"))
    with pytest.raises(OverLimit) as error:
        run(portal, policy)
    assert f"3 contacts of {company}, where 3 may be corrected within 24 hours (2 were" in str(
        error.value
    )
    assert [portal.stage(contact) for contact in contacts[2:]] == ["lead"] * len(deals)
    portal.api.advance(DAY)
    assert run(portal, policy).outcomes.total() == 4


def test_a_permitted_run_passes_and_does_not_count(portal: ConnectedPortal) -> None:
    create_won_leads(portal, 11)
    run(portal, permitted=True)
    create_won_leads(portal, 10)
    assert run(portal).outcomes.total() == 10


def test_what_is_held_does_not_count(portal: ConnectedPortal) -> None:
    contacts = create_won_leads(portal, 15)
    portal.api.advance(60)
    for contact in contacts[:5]:
        portal.edit_as_person(contact, lifecyclestage="subscriber")
    assert run(portal).outcomes.total() == 10


def test_a_large_plan_whose_first_few_are_ignored_stops_there_and_names_the_undo(
    portal: ConnectedPortal,
) -> None:
    create_won_leads(portal, 260)
    portal.api.ignores_write = lambda _ref, _name, _value: True
    with pytest.raises(RunStopped, match="connector undo run-") as error:
        run(portal, permitted=True)
    assert len({ref for batch in portal.api.sent_updates for ref in batch}) == 25
    assert "25 ignored" in str(error.value)


def test_a_large_plan_goes_on_after_its_canary(portal: ConnectedPortal) -> None:
    create_won_leads(portal, 260)
    assert run(portal, permitted=True).outcomes.total() == 260
    assert [len(batch) for batch in portal.api.sent_updates] == [25, 100, 100, 35]


def test_rising_refusals_stop_the_run(portal: ConnectedPortal) -> None:
    contacts = create_won_leads(portal, 250)
    portal.api.forbidden_values = {(contact, STAGE, "customer") for contact in contacts[100:200]}
    with pytest.raises(RunStopped, match="100 refused"):
        run(portal, permitted=True)
    assert [portal.stage(contact) for contact in contacts[200:]] == ["lead"] * 50


def add_three_refused_leads(portal: ConnectedPortal) -> None:
    contacts = create_won_leads(portal, 3)
    portal.api.forbidden_values |= {(contact, STAGE, "customer") for contact in contacts}
    portal.api.advance(60)


def test_refusals_in_many_small_runs_stop_the_one_that_is_refused_again(
    portal: ConnectedPortal,
) -> None:
    for expected_refusals in (3, 6, 6):
        add_three_refused_leads(portal)
        assert sync(portal.context()).outcomes == {Outcome.REFUSED: expected_refusals}
    add_three_refused_leads(portal)
    with pytest.raises(RunStopped, match="6 refused"):  # twelve of twelve within the hour
        sync(portal.context())


def test_a_small_run_without_a_refusal_is_not_stopped_by_those_before_it(
    portal: ConnectedPortal,
) -> None:
    for _ in range(3):
        add_three_refused_leads(portal)
        sync(portal.context())
    add_three_refused_leads(portal)
    with pytest.raises(RunStopped):
        sync(portal.context())
    portal.api.forbidden_values.clear()
    contacts = create_won_leads(portal, 1)
    portal.api.advance(60)
    sync(portal.context())
    assert portal.stage(contacts[0]) == "customer"


def test_while_paused_nothing_is_written(portal: ConnectedPortal) -> None:
    contacts = create_won_leads(portal, 1)
    pause(portal.store, "1", at=portal.api.now(), reason="import on Friday")
    with pytest.raises(Paused, match="import on Friday"):
        run(portal)
    assert portal.api.sent_updates == []
    assert resume(portal.store, "1")
    assert run(portal).outcomes.total() == 1
    assert portal.stage(contacts[0]) == "customer"


@pytest.mark.sqlite
def test_a_file_pauses_as_well_and_between_two_batches(portal: ConnectedPortal) -> None:
    create_won_leads(portal, 150)
    portal.api.after("update", 1, portal.store.pause_file("1").touch)
    with pytest.raises(Paused, match="by the file"):
        run(portal, permitted=True)
    assert len(portal.api.sent_updates) == 1
    assert pause_reason(portal.store, "1")
    resume(portal.store, "1")
    assert pause_reason(portal.store, "1") is None
    assert not resume(portal.store, "1")


def test_a_correction_that_a_workflow_reverts_twice_is_quarantined_with_its_name(
    portal: ConnectedPortal,
) -> None:
    (contact,) = create_won_leads(portal, 1)
    outcomes = []
    for _ in range(4):
        outcomes.append(run(portal).outcomes.total())
        portal.api.advance(600)
        portal.edit(contact, lifecyclestage="")
        portal.edit(contact, lifecyclestage="lead")
    assert outcomes == [1, 1, 0, 0]
    result = run(portal)
    assert result.plan.summary.left_alone == {"quarantined": 1}
    with portal.store.reading("1") as session:
        from state import plans, quarantine

        ((_, held_back),) = plans.read_held_back(session, result.plan.plan_id)
        (failed_correction,) = quarantine.read_quarantined(session)
    assert "a workflow (71830) set it back to lead" in held_back.reason
    assert failed_correction.note in held_back.reason


def test_looking_at_a_plan_again_and_again_counts_a_revert_once(portal: ConnectedPortal) -> None:
    (contact,) = create_won_leads(portal, 1)
    run(portal)
    portal.api.advance(600)
    portal.edit(contact, lifecyclestage="lead")
    portal.api.advance(600)
    portal.read_all()
    portal.api.advance(600)
    with portal.store.begin("1") as session:
        from state import due_times

        due_times.mark_due(session, [contact], at=portal.api.now())
    for _ in range(3):
        assert portal.changes(portal.propose()) == [(str(contact), "lead", "customer", "won")]
