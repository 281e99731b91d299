"""A value that a person set is held, shown, and put back where our write replaced it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.corrections.holds import Hold, HoldScope
from connector.core.corrections.moves import Phase
from connector.core.model import STAGE, STATUS, Outcome, Ref
from connector.errors import TemporaryError, UserError
from connector.operations.explain import explain_record
from connector.operations.holds import active_holds, add_hold, remove_holds
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.push.recover_open_moves import recover
from state import plans
from state.plans import PlanHead
from tests.fakes.connected_portal import DAY, LOST, OPEN, SQL, START, WON, ConnectedPortal


def held_back(portal: ConnectedPortal, plan: PlanHead) -> list[tuple[str, str, str]]:
    """Return record, property and reason of what a plan leaves aside."""
    with portal.store.reading("1") as session:
        rows = plans.read_held_back(session, plan.plan_id)
    return [
        (str(entry.correction.record), entry.correction.property_name, entry.reason)
        for _, entry in rows
    ]


def create_edited_customer(portal: ConnectedPortal, **values: str) -> Ref:
    """Create a customer by a won deal, whom a person sets to something else a day later."""
    contact = portal.contact("customer")
    portal.deal(WON, contact)
    portal.api.advance(DAY)
    portal.edit_as_person(contact, **values)
    portal.api.advance(60)
    return contact


def run(portal: ConnectedPortal, policy: str = "extends: standard") -> dict[str, int]:
    portal.api.advance(3600)
    return {str(outcome): count for outcome, count in sync(portal.context(policy)).outcomes.items()}


def test_what_a_person_set_is_not_overwritten(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="lead")
    assert run(portal) == {}
    assert portal.stage(contact) == "lead"
    assert portal.api.sent_updates == []


def test_a_held_correction_is_shown_with_its_reason_and_its_end(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="lead")
    pull(portal.context())
    plan = portal.propose()
    assert portal.corrections(plan) == []
    assert plan.summary.left_alone == {"held": 1}
    assert held_back(portal, plan) == [
        (str(contact), STAGE, "a person (71830) set lead on 2026-03-13 12:00 UTC")
    ]
    with portal.store.reading("1") as session:
        ((_, held_correction),) = plans.read_held_back(session, plan.plan_id)
    assert held_correction.until == START + timedelta(days=31)


def test_a_hold_ends_after_hold_days_and_the_record_is_due_by_then(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="lead")
    run(portal)
    portal.api.advance(29 * DAY)
    assert run(portal) == {}
    portal.api.advance(DAY)
    assert run(portal) == {"applied": 1}
    assert portal.stage(contact) == "customer"


def test_evidence_newer_than_the_edit_ends_the_hold(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="lead")
    run(portal)
    portal.deal(WON, contact, closedate=portal.api.now().isoformat())
    assert run(portal) == {"applied": 1}


def test_a_clearing_by_hand_is_held_too(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="")
    assert run(portal) == {}
    assert portal.stage(contact) == ""


@pytest.mark.parametrize("by", ["MOBILE_IOS", "CRM_UI_BULK_ACTION", "EXTENSION"])
def test_every_source_of_a_persons_edit_is_held(portal: ConnectedPortal, by: str) -> None:
    contact = create_edited_customer(portal, lifecyclestage="customer")
    portal.edit(contact, source_type=by, lifecyclestage="lead")
    assert run(portal) == {}


@pytest.mark.parametrize("by", ["AUTOMATION_PLATFORM", "INTEGRATION", "CALCULATED", "IMPORT", ""])
def test_what_no_person_set_is_corrected(portal: ConnectedPortal, by: str) -> None:
    contact = create_edited_customer(portal, lifecyclestage="customer")
    portal.edit(contact, source_type=by, lifecyclestage="lead")
    assert run(portal) == {"applied": 1}


def test_an_import_is_held_where_the_policy_says_so(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="customer")
    portal.edit(contact, source_type="IMPORT", lifecyclestage="lead")
    policy = "extends: standard\nsettings:\n  hold: {imports: yes}\n"
    assert run(portal, policy) == {}


def test_stage_and_status_are_held_apart_and_the_status_follows_the_stage_that_results(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL, "NEW")
    portal.deal(OPEN, contact)
    portal.api.advance(DAY)
    portal.edit_as_person(contact, lifecyclestage="lead")
    assert run(portal) == {"applied": 1}
    assert (portal.stage(contact), portal.status(contact)) == ("lead", "")


def test_a_held_status_does_not_keep_the_stage(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL)
    deal = portal.deal(OPEN, contact)
    portal.api.advance(DAY)
    portal.edit_as_person(contact, hs_lead_status="CONNECTED")
    assert run(portal) == {"applied": 1}
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "CONNECTED")
    assert deal


def test_explain_names_the_hold(portal: ConnectedPortal) -> None:
    contact = create_edited_customer(portal, lifecyclestage="lead")
    pull(portal.context())
    (held_correction,) = explain_record(portal.context(), contact).held_back
    assert held_correction.reason == "a person (71830) set lead on 2026-03-13 12:00 UTC"


# Between the last reading and the write


def test_an_edit_between_recheck_and_write_is_put_back_and_audited_as_restored(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.before(
        "update", 1, lambda: portal.edit_as_person(contact, lifecyclestage="subscriber")
    )
    portal.api.advance(60)
    assert run(portal) == {"restored": 1}
    assert portal.stage(contact) == "subscriber"
    assert portal.open_moves() == ()
    assert run(portal) == {}
    assert portal.stage(contact) == "subscriber"


def test_an_edit_in_the_gap_between_clear_and_set_is_put_back(portal: ConnectedPortal) -> None:
    contact = portal.contact("customer")
    deal = portal.deal(WON, contact)
    portal.api.advance(DAY)
    portal.edit(deal, dealstage=LOST)
    portal.api.after("update", 1, lambda: portal.edit_as_person(contact, lifecyclestage="lead"))
    result = run(portal)
    assert result["restored"] == 1
    assert portal.stage(contact) == "lead"
    assert run(portal) == {}


def test_a_status_that_a_person_set_just_before_the_write_is_put_back(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    portal.api.before(
        "update", 1, lambda: portal.edit_as_person(contact, hs_lead_status="CONNECTED")
    )
    result = run(portal)
    assert (result["restored"], portal.status(contact)) == (1, "CONNECTED")
    assert portal.stage(contact) == "opportunity"
    run(portal)
    assert portal.status(contact) == "CONNECTED"


def test_a_workflow_s_edit_just_before_the_write_is_not_a_person_s(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.before("update", 1, lambda: portal.edit(contact, lifecyclestage="subscriber"))
    assert run(portal) == {"applied": 1}
    assert portal.stage(contact) == "customer"


@pytest.mark.parametrize("request_", [2, 3])
def test_killed_while_restoring_edits_the_next_start_restores_them(
    portal: ConnectedPortal, request_: int
) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.before(
        "update", 1, lambda: portal.edit_as_person(contact, lifecyclestage="subscriber")
    )

    class KilledError(Exception):
        pass

    def raise_killed() -> None:
        raise KilledError

    portal.api.after("update", request_, raise_killed)
    with pytest.raises(KilledError):
        run(portal)
    ((move),) = portal.open_moves()
    assert move.phase is Phase.RESTORING
    recover(portal.context())
    assert portal.stage(contact) == "subscriber"
    assert portal.outcomes()[-1][2] == "restored"
    assert run(portal) == {}


def test_one_reading_serves_plan_and_write(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    pull(portal.context())
    portal.api.read_calls.clear()
    sync(portal.context(max_read_age=timedelta(seconds=10)))
    history_reads = [refs for method, refs, _ in portal.api.read_calls if method == "history"]
    assert history_reads == [(contact,), (contact,)]  # one before the write, one that verifies it


# Holds by hand


def hold_by_hand(portal: ConnectedPortal, scope: HoldScope, target: str, name: str = "") -> Hold:
    now = portal.api.now()
    hold = Hold(
        scope=scope, target=target, property_name=name, reason="pilot", by="operator", since=now
    )
    add_hold(portal.context(), hold)
    return hold


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        (HoldScope.RECORD, "contacts/98"),
        (HoldScope.COMPANY, "companies/7"),
        (HoldScope.DOMAIN, "fjord.example"),
        (HoldScope.OWNER, "42"),
        (HoldScope.VALUE, "hubspot_owner_id=42"),
    ],
)
def test_a_hold_by_hand_holds_whatever_it_names_even_against_newer_evidence(
    portal: ConnectedPortal, scope: HoldScope, target: str
) -> None:
    contact = portal.contact(
        "lead",
        email="anna@mail.fjord.example",
        hubspot_owner_id="42",
        associatedcompanyid="7",
    )
    portal.deal(WON, contact)
    pull(portal.context())
    hold_by_hand(portal, scope, target)
    portal.deal(WON, contact)
    assert run(portal) == {}
    assert remove_holds(portal.context(), scope, target, None) == 1
    assert run(portal) == {"applied": 1}


def test_a_hold_of_one_property_leaves_the_other(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    pull(portal.context())
    hold_by_hand(portal, HoldScope.RECORD, str(contact), STATUS)
    assert run(portal) == {"applied": 1}
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "")
    assert [hold.target for hold in active_holds(portal.context())] == [str(contact)]


def test_a_hold_on_a_value_that_the_mirror_does_not_have_is_refused(
    portal: ConnectedPortal,
) -> None:
    with pytest.raises(UserError, match="favourite_colour"):
        hold_by_hand(portal, HoldScope.VALUE, "favourite_colour=red")


def test_a_company_may_be_held_with_its_contacts(portal: ConnectedPortal) -> None:
    company = portal.company("lead", domain="fjord.example")
    contact = portal.contact("lead", associatedcompanyid=company.id)
    portal.deal(WON, company, contact)
    pull(portal.context())
    hold_by_hand(portal, HoldScope.COMPANY, str(company))
    assert run(portal) == {}


def test_a_temporary_failure_while_restoring_edits_leaves_the_move_open(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.before(
        "update", 1, lambda: portal.edit_as_person(contact, lifecyclestage="subscriber")
    )
    portal.api.before("update", 2, lambda: portal.api.fail("update", TemporaryError("later")))
    with pytest.raises(TemporaryError):
        run(portal)
    assert run(portal) == {}
    assert portal.stage(contact) == "subscriber"
    assert Outcome.RESTORED in [line.outcome for line in portal.audit_lines()]


def create_undated_win(portal: ConnectedPortal, closedate: str) -> tuple[Ref, Ref]:
    """Create a lead with a deal that was won before a person's edit, and that says another date."""
    contact = portal.contact("customer")
    deal = portal.deal(OPEN, contact)
    portal.api.advance(DAY)
    portal.edit(deal, dealstage=WON, closedate=closedate)
    portal.api.advance(DAY)
    portal.edit_as_person(contact, lifecyclestage="lead")
    return contact, deal


@pytest.mark.parametrize("days", [-0.5, -300], ids=["typed since", "planned for the future"])
def test_a_close_date_does_not_outdate_what_a_person_set(
    portal: ConnectedPortal, days: float
) -> None:
    closedate = portal.api.now() + timedelta(days=2 - days)
    contact, _ = create_undated_win(portal, closedate.isoformat())
    portal.api.advance(3 * DAY)
    assert run(portal) == {}
    assert portal.stage(contact) == "lead"


def test_a_verdict_of_a_person_outlives_the_hold(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "NEW", **demo_form(portal))
    portal.api.advance(DAY)
    portal.edit_as_person(contact, lifecyclestage="lead", hs_lead_status="UNQUALIFIED")
    for day in (1, 29, 32, 400):
        portal.api.advance(day * DAY)
        portal.make_due([contact])
        assert run(portal) == {}
    assert (portal.stage(contact), portal.status(contact)) == ("lead", "UNQUALIFIED")

    portal.edit(contact, source_type="FORM", **demo_form(portal))
    assert run(portal) == {"applied": 1}
    assert (portal.stage(contact), portal.status(contact)) == (SQL, "UNQUALIFIED")


def test_a_verdict_of_a_workflow_is_none(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead", "UNQUALIFIED", **demo_form(portal))
    portal.edit_as_workflow(contact, hs_lead_status="BAD_TIMING")
    assert run(portal) == {"applied": 1}
    assert portal.stage(contact) == SQL


def test_a_deal_frees_a_contact_from_a_verdict(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.edit_as_person(contact, hs_lead_status="UNQUALIFIED")
    portal.api.advance(DAY)
    portal.deal(OPEN, contact)
    assert run(portal) == {"applied": 2}
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "OPEN_DEAL")


def test_a_lead_status_that_a_person_set_long_ago_is_kept_outside_of_sales(
    portal: ConnectedPortal,
) -> None:
    by_hand, by_workflow = portal.contact("lead"), portal.contact("lead")
    portal.edit_as_person(by_hand, hs_lead_status="IN_PROGRESS")
    portal.edit_as_workflow(by_workflow, hs_lead_status="IN_PROGRESS")
    portal.api.advance(400 * DAY)
    assert run(portal) == {"applied": 1}
    assert (portal.status(by_hand), portal.status(by_workflow)) == ("IN_PROGRESS", "")
    policy = "extends: standard\nsettings: {lead_status: {outside: clear}}"
    portal.make_due([by_hand])
    assert run(portal, policy) == {"applied": 1}
    assert portal.status(by_hand) == ""


def test_the_status_history_is_read_only_where_it_matters(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead"), portal.contact(SQL, "CONNECTED")]
    contacts.append(portal.contact("lead", "UNQUALIFIED"))
    asked_about = portal.contact("lead", "CONNECTED")
    portal.read_all()
    portal.make_due([*contacts, asked_about])
    portal.api.read_calls.clear()
    portal.propose()
    histories = {refs for method, refs, _ in portal.api.read_calls if method == "history"}
    assert {ref for refs in histories for ref in refs} == {asked_about}


def test_a_stage_that_a_workflow_cleared_is_left_to_it_for_a_while(portal: ConnectedPortal) -> None:
    contact = portal.contact("customer")
    portal.deal(WON, contact)
    portal.api.advance(DAY)
    portal.edit_as_workflow(contact, lifecyclestage="")
    pull(portal.context())
    plan = portal.propose()
    assert portal.corrections(plan) == []
    ((record, name, reason),) = held_back(portal, plan)
    assert (record, name) == (str(contact), STAGE)
    assert "a workflow (flow:7) cleared it" in reason
    portal.api.advance(15 * 60)
    assert {str(key): value for key, value in sync(portal.context()).outcomes.items()} == {
        "applied": 1
    }


def test_a_stage_that_a_workflow_cleared_and_set_is_never_filled_in_between(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead", **demo_form(portal))
    portal.edit_as_workflow(contact, lifecyclestage="")
    portal.api.advance(60)
    assert sync(portal.context()).outcomes == {}
    portal.edit_as_workflow(contact, lifecyclestage="subscriber")
    assert portal.stage(contact) == "subscriber"


def test_a_new_contact_waits_only_for_the_rule_blank(portal: ConnectedPortal) -> None:
    asks_for_demo = portal.contact("", **demo_form(portal))
    silent = portal.contact("")
    portal.api.advance(60)
    sync(portal.context())
    assert (portal.stage(asks_for_demo), portal.stage(silent)) == (SQL, "")
    portal.api.advance(15 * 60)
    sync(portal.context())
    assert portal.stage(silent) == "lead"


def demo_form(portal: ConnectedPortal) -> dict[str, str]:
    return {
        "recent_conversion_event_name": "Book a demo",
        "recent_conversion_date": portal.api.now().isoformat(),
        "num_conversion_events": "1",
    }
