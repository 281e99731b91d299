"""What a person set is held, shown, and put back where a write of ours covered it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.holds import Hold, Scope
from connector.core.model import STAGE, STATUS, Outcome, Ref
from connector.core.moves import Phase
from connector.errors import TemporaryError, UserError
from connector.explaining import explain_record
from connector.holding import add, listed, remove
from connector.pull import pull
from connector.recover import recover
from connector.sync import sync
from state import plans
from state.plans import PlanHead
from tests.usecases.office import DAY, LOST, OPEN, SQL, START, WON, Office


def asides(office: Office, plan: PlanHead) -> list[tuple[str, str, str]]:
    """Return record, property and reason of what a plan leaves aside."""
    with office.store.reading() as session:
        rows = plans.asides(session, "1", plan.plan_id)
    return [
        (str(one.correction.record), one.correction.property_name, one.reason) for _, one in rows
    ]


def edited(office: Office, **values: str) -> Ref:
    """Create a customer by a won deal, whom a person sets to something else a day later."""
    person = office.contact("customer")
    office.deal(WON, person)
    office.door.advance(DAY)
    office.person_sets(person, **values)
    office.door.advance(60)
    return person


def run(office: Office, policy: str = "extends: standard") -> dict[str, int]:
    office.door.advance(3600)
    return {str(one): n for one, n in sync(office.desk(policy)).outcomes.items()}


def test_what_a_person_set_is_not_overwritten(office: Office) -> None:
    person = edited(office, lifecyclestage="lead")
    assert run(office) == {}
    assert office.stage(person) == "lead"
    assert office.door.sent == []


def test_a_held_correction_is_shown_with_its_reason_and_its_end(office: Office) -> None:
    person = edited(office, lifecyclestage="lead")
    pull(office.desk())
    plan = office.propose()
    assert office.corrections(plan) == []
    assert plan.summary["left_alone"] == {"held": 1}
    assert asides(office, plan) == [
        (str(person), STAGE, "a person (71830) set lead on 2026-03-13 12:00")
    ]
    with office.store.reading() as session:
        ((_, held),) = plans.asides(session, "1", plan.plan_id)
    assert held.until == START + timedelta(days=31)


def test_a_hold_ends_after_hold_days_and_the_record_is_due_by_then(office: Office) -> None:
    person = edited(office, lifecyclestage="lead")
    run(office)
    office.door.advance(29 * DAY)
    assert run(office) == {}
    office.door.advance(DAY)
    assert run(office) == {"applied": 1}
    assert office.stage(person) == "customer"


def test_evidence_newer_than_the_edit_ends_the_hold(office: Office) -> None:
    person = edited(office, lifecyclestage="lead")
    run(office)
    office.deal(WON, person, closedate=office.door.now().isoformat())
    assert run(office) == {"applied": 1}


def test_a_clearing_by_hand_is_held_too(office: Office) -> None:
    person = edited(office, lifecyclestage="")
    assert run(office) == {}
    assert office.stage(person) == ""


@pytest.mark.parametrize("by", ["MOBILE_IOS", "CRM_UI_BULK_ACTION", "EXTENSION"])
def test_every_hand_of_a_person_is_one(office: Office, by: str) -> None:
    person = edited(office, lifecyclestage="customer")
    office.edit(person, by=by, lifecyclestage="lead")
    assert run(office) == {}


@pytest.mark.parametrize("by", ["AUTOMATION_PLATFORM", "INTEGRATION", "CALCULATED", "IMPORT", ""])
def test_what_no_person_set_is_corrected(office: Office, by: str) -> None:
    person = edited(office, lifecyclestage="customer")
    office.edit(person, by=by, lifecyclestage="lead")
    assert run(office) == {"applied": 1}


def test_an_import_is_held_where_the_policy_says_so(office: Office) -> None:
    person = edited(office, lifecyclestage="customer")
    office.edit(person, by="IMPORT", lifecyclestage="lead")
    policy = "extends: standard\nsettings:\n  hold: {imports: yes}\n"
    assert run(office, policy) == {}


def test_stage_and_status_are_held_apart_and_the_status_follows_the_stage_that_results(
    office: Office,
) -> None:
    person = office.contact(SQL, "NEW")
    office.deal(OPEN, person)
    office.door.advance(DAY)
    office.person_sets(person, lifecyclestage="lead")
    assert run(office) == {"applied": 1}
    assert (office.stage(person), office.status(person)) == ("lead", "")


def test_a_held_status_does_not_keep_the_stage(office: Office) -> None:
    person = office.contact(SQL)
    deal = office.deal(OPEN, person)
    office.door.advance(DAY)
    office.person_sets(person, hs_lead_status="CONNECTED")
    assert run(office) == {"applied": 1}
    assert (office.stage(person), office.status(person)) == ("opportunity", "CONNECTED")
    assert deal


def test_explain_names_the_hold(office: Office) -> None:
    person = edited(office, lifecyclestage="lead")
    pull(office.desk())
    (held,) = explain_record(office.desk(), person).aside
    assert held.reason == "a person (71830) set lead on 2026-03-13 12:00"


# Between the last reading and the write


def test_an_edit_between_recheck_and_write_is_put_back_and_audited_as_restored(
    office: Office,
) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    office.door.before("update", 1, lambda: office.person_sets(person, lifecyclestage="subscriber"))
    office.door.advance(60)
    assert run(office) == {"restored": 1}
    assert office.stage(person) == "subscriber"
    assert office.open_moves() == ()
    assert run(office) == {}
    assert office.stage(person) == "subscriber"


def test_an_edit_in_the_gap_between_clear_and_set_is_put_back(office: Office) -> None:
    person = office.contact("customer")
    deal = office.deal(WON, person)
    office.door.advance(DAY)
    office.edit(deal, dealstage=LOST)
    office.door.after("update", 1, lambda: office.person_sets(person, lifecyclestage="lead"))
    done = run(office)
    assert done["restored"] == 1
    assert office.stage(person) == "lead"
    assert run(office) == {}


def test_a_status_that_a_person_set_just_before_the_write_is_put_back(office: Office) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    office.door.before("update", 1, lambda: office.person_sets(person, hs_lead_status="CONNECTED"))
    done = run(office)
    assert (done["restored"], office.status(person)) == (1, "CONNECTED")
    assert office.stage(person) == "opportunity"
    run(office)
    assert office.status(person) == "CONNECTED"


def test_a_workflow_s_edit_just_before_the_write_is_not_a_person_s(office: Office) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    office.door.before("update", 1, lambda: office.edit(person, lifecyclestage="subscriber"))
    assert run(office) == {"applied": 1}
    assert office.stage(person) == "customer"


@pytest.mark.parametrize("request_", [2, 3])
def test_killed_while_giving_back_the_next_start_gives_back(office: Office, request_: int) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    office.door.before("update", 1, lambda: office.person_sets(person, lifecyclestage="subscriber"))

    class KilledError(Exception):
        pass

    def die() -> None:
        raise KilledError

    office.door.after("update", request_, die)
    with pytest.raises(KilledError):
        run(office)
    ((move),) = office.open_moves()
    assert move.phase is Phase.RESTORING
    recover(office.desk())
    assert office.stage(person) == "subscriber"
    assert office.outcomes()[-1][2] == "restored"
    assert run(office) == {}


def test_one_reading_serves_plan_and_write(office: Office) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    pull(office.desk())
    office.door.asked.clear()
    sync(office.desk(fresh=timedelta(seconds=10)))
    reads = [refs for what, refs, _ in office.door.asked if what == "history"]
    assert reads == [(person,), (person,)]  # one before the write, one that verifies it


# Holds by hand


def held(office: Office, scope: Scope, of: str, name: str = "") -> Hold:
    now = office.door.now()
    found = Hold(scope=scope, of=of, property_name=name, reason="pilot", by="operator", since=now)
    add(office.desk(), found)
    return found


@pytest.mark.parametrize(
    ("scope", "of"),
    [
        (Scope.RECORD, "contacts/98"),
        (Scope.COMPANY, "companies/7"),
        (Scope.DOMAIN, "fjord.example"),
        (Scope.OWNER, "42"),
        (Scope.VALUE, "hubspot_owner_id=42"),
    ],
)
def test_a_hold_by_hand_holds_whatever_it_names_even_against_newer_evidence(
    office: Office, scope: Scope, of: str
) -> None:
    person = office.contact(
        "lead",
        email="anna@mail.fjord.example",
        hubspot_owner_id="42",
        associatedcompanyid="7",
    )
    office.deal(WON, person)
    pull(office.desk())
    held(office, scope, of)
    office.deal(WON, person)
    assert run(office) == {}
    assert remove(office.desk(), scope, of, None) == 1
    assert run(office) == {"applied": 1}


def test_a_hold_of_one_property_leaves_the_other(office: Office) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    pull(office.desk())
    held(office, Scope.RECORD, str(person), STATUS)
    assert run(office) == {"applied": 1}
    assert (office.stage(person), office.status(person)) == ("opportunity", "")
    assert [one.of for one in listed(office.desk())] == [str(person)]


def test_a_hold_on_a_value_that_the_mirror_does_not_have_is_refused(office: Office) -> None:
    with pytest.raises(UserError, match="favourite_colour"):
        held(office, Scope.VALUE, "favourite_colour=red")


def test_a_company_may_be_held_with_its_contacts(office: Office) -> None:
    firm = office.company("lead", domain="fjord.example")
    person = office.contact("lead", associatedcompanyid=firm.id)
    office.deal(WON, firm, person)
    pull(office.desk())
    held(office, Scope.COMPANY, str(firm))
    assert run(office) == {}


def test_a_temporary_failure_while_giving_back_leaves_the_move_open(office: Office) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    office.door.before("update", 1, lambda: office.person_sets(person, lifecyclestage="subscriber"))
    office.door.before("update", 2, lambda: office.door.fail("update", TemporaryError("later")))
    with pytest.raises(TemporaryError):
        run(office)
    assert run(office) == {}
    assert office.stage(person) == "subscriber"
    assert Outcome.RESTORED in [one.outcome for one in office.lines()]
