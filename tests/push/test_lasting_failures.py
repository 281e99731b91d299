"""A record that HubSpot cannot write, or not finish, holds up no other one and is never lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta

import pytest

from connector.core.model import STAGE, STATUS, Outcome, Ref
from connector.errors import ConnectorError, UserError
from connector.hubspot.api import UpdateAnswer
from connector.hubspot.http.failures import (
    OutcomeUnknown,
    RequestRefused,
    ScopeMissing,
    TokenRefused,
    WrongAddress,
)
from connector.operations.sync import SyncResult, sync
from connector.operations.undo import Selection, plan_undo, undo
from connector.pull.poll import pull
from connector.push.disk_room import MIN_FREE_BYTES, DiskNearlyFull
from connector.push.push import push
from connector.push.recover_open_moves import recover
from connector.push.stuck_moves import LONGEST_INTERVAL, list_open_moves, note_stuck, release
from state import quarantine
from state.db.store import Store
from tests.fakes.connected_portal import DAY, OPEN, WON, ConnectedPortal, HookedHubSpot
from tests.fakes.portal import FakeHubSpot
from tests.push.pushed_records import create_won_lead

SERVER_ERROR = OutcomeUnknown("HubSpot failed at the batch update request (500)")
FORBIDDEN = ScopeMissing("User does not have permissions to edit this object (403)")
LASTING_FAILURES = pytest.mark.parametrize("error", [SERVER_ERROR, FORBIDDEN], ids=["500", "403"])


class KilledError(BaseException):
    """The process is dead."""


def create_reopened_customers(portal: ConnectedPortal, count: int) -> list[Ref]:
    """Create customers whose deal was won, and is open again."""
    contacts = [portal.contact("customer") for _ in range(count)]
    deals = [portal.deal(WON, contact) for contact in contacts]
    portal.api.advance(1)
    for deal in deals:
        portal.edit(deal, dealstage=OPEN)
    return contacts


def run(portal: ConnectedPortal) -> SyncResult:
    """Read everything, and put right what is wrong, whatever the limits say."""
    portal.api.advance(DAY)
    return sync(portal.context(permitted=True))


def fail_sets(portal: ConnectedPortal, error: ConnectorError, ref: Ref, *stages: str) -> None:
    """Let every request that sets one of these stages on a record fail, for ever."""
    portal.api.failing_values |= {(ref, STAGE, stage): error for stage in stages}


def refuse_every_set(portal: ConnectedPortal, contacts: list[Ref]) -> None:
    """Let a rule of the portal refuse every stage of these records, but not the clears."""
    portal.api.forbidden_values |= {
        (contact, STAGE, stage) for contact in contacts for stage in ("opportunity", "customer")
    }


def clear_counts(portal: ConnectedPortal) -> list[int]:
    """Return how many stages each request cleared, those that cleared none left out."""
    counts = [
        sum(values.get(STAGE) == "" for values in batch.values())
        for batch in portal.api.sent_updates
    ]
    return [count for count in counts if count]


# A set that fails for good


@LASTING_FAILURES
def test_where_one_set_always_fails_the_old_stage_goes_back_and_all_others_get_theirs(
    portal: ConnectedPortal, error: ConnectorError
) -> None:
    failing, *healthy = create_reopened_customers(portal, 3)
    fail_sets(portal, error, failing, "opportunity")
    result = run(portal)
    assert portal.stage(failing) == "customer"
    assert {portal.stage(contact) for contact in healthy} == {"opportunity"}
    assert (str(failing), "opportunity", "restored") in portal.outcomes()
    assert result.open_moves == ()


@LASTING_FAILURES
def test_a_correction_whose_set_always_fails_is_quarantined_with_hubspot_s_words(
    portal: ConnectedPortal, error: ConnectorError
) -> None:
    failing, _ = create_reopened_customers(portal, 2)
    fail_sets(portal, error, failing, "opportunity")
    run(portal)
    run(portal)
    with portal.store.reading("1") as session:
        (failed_correction,) = quarantine.read_quarantined(session)
    assert failed_correction.record == failing
    assert str(error) in failed_correction.note
    sent = len(portal.api.sent_updates)
    run(portal)
    assert len(portal.api.sent_updates) == sent


@LASTING_FAILURES
def test_a_record_that_takes_neither_stage_stays_open_and_everything_else_goes_on(
    portal: ConnectedPortal, error: ConnectorError
) -> None:
    failing, *healthy = create_reopened_customers(portal, 3)
    won_lead = create_won_lead(portal)
    fail_sets(portal, error, failing, "opportunity", "customer")
    result = run(portal)
    assert result.open_moves == (failing,)
    assert {portal.stage(contact) for contact in healthy} == {"opportunity"}
    assert portal.stage(won_lead) == "customer"

    later_lead = create_won_lead(portal)
    (later_customer,) = create_reopened_customers(portal, 1)
    assert run(portal).open_moves == (failing,)
    assert portal.stage(later_lead) == "customer"
    assert portal.stage(later_customer) == "opportunity"

    portal.api.failing_values.clear()
    assert run(portal).open_moves == ()
    assert portal.stage(failing) == "opportunity"


def test_in_a_batch_only_the_record_whose_set_fails_stays_blank(portal: ConnectedPortal) -> None:
    contacts = create_reopened_customers(portal, 40)
    failing = contacts[30]
    fail_sets(portal, SERVER_ERROR, failing, "opportunity", "customer")
    result = run(portal)
    assert [contact for contact in contacts if not portal.stage(contact)] == [failing]
    assert result.open_moves == (failing,)


def test_the_plan_leaves_a_record_with_an_open_move_alone_and_says_why(
    portal: ConnectedPortal,
) -> None:
    (failing,) = create_reopened_customers(portal, 1)
    fail_sets(portal, SERVER_ERROR, failing, "opportunity", "customer")
    run(portal)
    portal.make_due([failing])
    plan = portal.propose()
    assert portal.changes(plan) == []
    assert plan.summary.left_alone["quarantined"] >= 1


def test_undo_puts_back_the_stage_that_stood_there_where_its_set_always_fails(
    portal: ConnectedPortal,
) -> None:
    failing, healthy = create_won_lead(portal), create_won_lead(portal)
    first_run = run(portal)
    fail_sets(portal, SERVER_ERROR, failing, "lead")
    context = portal.context()
    result = undo(context, plan_undo(context, Selection(run=first_run.run)))
    assert (portal.stage(failing), portal.stage(healthy)) == ("customer", "lead")
    assert [left.record for left in result.not_undone] == [failing]
    assert portal.open_moves() == ()


# With care: one alone, then ten, then a hundred


def test_backward_moves_go_alone_until_one_has_held_then_ten_then_all(
    portal: ConnectedPortal,
) -> None:
    create_reopened_customers(portal, 40)
    run(portal)
    assert clear_counts(portal) == [1, 10, 29]


def test_a_rule_that_refuses_every_set_leaves_one_record_blank_and_not_eighty(
    portal: ConnectedPortal,
) -> None:
    contacts = create_reopened_customers(portal, 80)
    won_lead = create_won_lead(portal)
    refuse_every_set(portal, contacts)
    for _ in range(3):
        run(portal)
        assert [portal.stage(contact) for contact in contacts].count("") == 1
    assert portal.stage(won_lead) == "customer"
    portal.api.forbidden_values.clear()
    run(portal)
    assert {portal.stage(contact) for contact in contacts} == {"opportunity"}


def test_a_stale_record_does_not_stand_for_the_sets_of_those_behind_it(
    portal: ConnectedPortal,
) -> None:
    contacts = create_reopened_customers(portal, 230)
    portal.api.advance(DAY)
    context = portal.context(permitted=True)
    pull(context)
    plan = portal.propose(context)
    # Of the second hundred one takes no stage; then HubSpot begins to refuse them all.
    refuse_every_set(portal, [contacts[150], *contacts[200:]])
    portal.edit(contacts[200], hs_lead_status="CONNECTED")
    push(context, plan)
    assert portal.stage(contacts[150]) == ""
    assert [portal.stage(contact) for contact in contacts[200:]].count("") == 0


@pytest.mark.parametrize("dies", [False, True])
def test_a_person_s_edit_just_before_a_set_that_only_asks_is_put_back(
    portal: ConnectedPortal, *, dies: bool
) -> None:
    stuck, asked = create_reopened_customers(portal, 2)
    refuse_every_set(portal, [stuck])
    run(portal)
    portal.api.forbidden_values.clear()
    refuse_every_set(portal, [stuck])
    assert portal.stage(stuck) == ""
    portal.edit(asked, lifecyclestage="customer")
    portal.make_due([asked])
    sets_of_asked = 0

    def edit_before_it_is_set(answers: Callable[..., UpdateAnswer]) -> Callable[..., UpdateAnswer]:
        def update(api: FakeHubSpot, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
            nonlocal sets_of_asked
            if changes.get(asked, {}).get(STAGE) == "customer":
                sets_of_asked += 1
                if sets_of_asked == 1:
                    portal.edit_as_person(asked, lifecyclestage="salesqualifiedlead")
                    api.advance(1)
                    answer = answers(api, changes)
                    if dies:
                        raise KilledError
                    return answer
            return answers(api, changes)

        return update

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HookedHubSpot, "update", edit_before_it_is_set(HookedHubSpot.update))
        with pytest.raises(KilledError) if dies else nullcontext():
            sync(portal.context(permitted=True))
    assert sets_of_asked == 1
    if dies:
        recover(portal.context())
    assert portal.stage(asked) == "salesqualifiedlead"
    assert [move.record for move in portal.open_moves()] == [stuck]


def test_on_a_disk_that_fills_up_no_set_is_sent_that_only_asks(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, asked = create_reopened_customers(portal, 2)
    refuse_every_set(portal, [stuck])
    run(portal)
    assert portal.stage(stuck) == ""
    portal.edit(asked, lifecyclestage="customer")
    portal.make_due([asked])
    context = portal.context(permitted=True)
    pull(context)
    plan = portal.propose(context)
    portal.api.sent_updates.clear()
    free_bytes = iter([MIN_FREE_BYTES])  # enough when the push begins, and less from then on
    monkeypatch.setattr(Store, "free_bytes", lambda _: next(free_bytes, MIN_FREE_BYTES - 1))
    with pytest.raises(DiskNearlyFull):
        push(context, plan)
    assert portal.api.sent_updates == []
    assert [move.record for move in portal.open_moves()] == [stuck]


def test_a_record_that_is_not_served_after_its_clear_leaves_no_other_one_of_its_batch_blank(
    portal: ConnectedPortal,
) -> None:
    contacts = create_reopened_customers(portal, 4)
    unserved = contacts[2]
    original = HookedHubSpot.update

    def update(api: FakeHubSpot, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        answer = original(api, changes)  # type: ignore[arg-type]  # the same object
        if changes.get(unserved, {}).get(STAGE) == "":
            api.unreadable.add(unserved)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HookedHubSpot, "update", update)
        result = run(portal)
    assert [portal.stage(contact) for contact in contacts] == ["opportunity"] * 4
    assert result.open_moves == (unserved,)
    assert list_open_moves(portal.context())[0].stuck is not None

    portal.api.unreadable.clear()
    recover(portal.context())
    assert portal.open_moves() == ()
    assert (str(unserved), "opportunity", "applied") in portal.outcomes()


def test_three_records_that_take_no_stage_leave_no_other_one_of_their_batch_blank(
    portal: ConnectedPortal,
) -> None:
    contacts = create_reopened_customers(portal, 8)
    # The first goes alone and holds; of the batch that follows, these come first.
    for contact in contacts[1:4]:
        fail_sets(portal, SERVER_ERROR, contact, "opportunity", "customer")
    run(portal)
    assert [portal.stage(contact) for contact in contacts[4:]] == ["opportunity"] * 4
    assert [move.record for move in portal.open_moves()] == contacts[1:4]


def test_refused_clears_do_not_keep_anything_else_from_being_done(portal: ConnectedPortal) -> None:
    contacts = create_reopened_customers(portal, 60)
    refused = contacts[20:60]
    won_leads = [create_won_lead(portal) for _ in range(30)]
    portal.api.forbidden_values |= {(contact, STAGE, "") for contact in refused}
    run(portal)
    assert {portal.stage(contact) for contact in contacts[:20]} == {"opportunity"}
    assert {portal.stage(contact) for contact in refused} == {"customer"}
    assert {portal.stage(contact) for contact in won_leads} == {"customer"}


def test_where_every_clear_is_refused_a_run_tries_ten_and_lets_the_rest_wait(
    portal: ConnectedPortal,
) -> None:
    contacts = create_reopened_customers(portal, 40)
    won_lead = create_won_lead(portal)
    portal.api.forbidden_values |= {(contact, STAGE, "") for contact in contacts}
    result = run(portal)
    assert result.outcomes[Outcome.REFUSED] <= 20  # ten in each of the run's rounds that decide
    assert portal.stage(won_lead) == "customer"


# Retried by itself, listed, released


def test_the_time_between_two_tries_doubles_up_to_an_hour(portal: ConnectedPortal) -> None:
    (failing,) = create_reopened_customers(portal, 1)
    fail_sets(portal, SERVER_ERROR, failing, "opportunity", "customer")
    run(portal)
    context = portal.context()
    intervals = []
    for _ in range(8):
        (open_move,) = list_open_moves(context)
        assert open_move.stuck is not None
        intervals.append(open_move.stuck.next_try_at - portal.api.now())
        note_stuck(context, {failing: "again"})
    minutes = [interval // timedelta(minutes=1) for interval in intervals[1:]]
    assert minutes == [2, 4, 8, 16, 32, 60, 60]
    assert intervals[-1] == LONGEST_INTERVAL


def test_a_daemon_s_cycle_leaves_a_stuck_move_alone_until_its_next_try(
    portal: ConnectedPortal,
) -> None:
    (failing,) = create_reopened_customers(portal, 1)
    fail_sets(portal, SERVER_ERROR, failing, "opportunity", "customer")
    run(portal)
    portal.api.failing_values.clear()
    assert recover(portal.context(), only_due=True) == 0
    portal.api.advance(61)
    assert recover(portal.context(), only_due=True) == 1
    assert portal.stage(failing) == "opportunity"


def test_a_released_record_stays_as_it_is_and_is_decided_anew(portal: ConnectedPortal) -> None:
    (failing,) = create_reopened_customers(portal, 1)
    fail_sets(portal, SERVER_ERROR, failing, "opportunity", "customer")
    run(portal)
    release(portal.context(), failing)
    assert portal.open_moves() == ()
    assert (str(failing), "opportunity", "refused") in portal.outcomes()
    portal.api.failing_values.clear()
    run(portal)
    assert portal.stage(failing) == "opportunity"


def test_what_has_no_open_move_cannot_be_released(portal: ConnectedPortal) -> None:
    with pytest.raises(UserError, match="connector recover --list"):
        release(portal.context(), Ref.parse("contacts/1"))


# What passes by itself


@pytest.mark.parametrize(
    "error",
    [
        WrongAddress("an HTML page with 403"),
        WrongAddress("an HTML page with 404"),
        WrongAddress("a redirect to a maintenance page (302)"),
        TokenRefused("Authentication credentials not found (401)"),
        ScopeMissing("This oauth-token does not have proper permissions (403)"),
        RequestRefused("There was a problem with the request (400)"),
    ],
    ids=["403 HTML", "404 HTML", "302", "401", "403", "400"],
)
def test_a_refusal_that_passes_is_tried_again_while_the_record_is_blank(
    portal: ConnectedPortal, error: ConnectorError
) -> None:
    (contact,) = create_reopened_customers(portal, 1)
    portal.api.before("update", 2, lambda: portal.api.fail("update", error))
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert result.outcomes == {Outcome.APPLIED: 2}


def test_a_bare_400_at_the_set_is_repeated_before_it_is_believed(portal: ConnectedPortal) -> None:
    (contact,) = create_reopened_customers(portal, 1)
    portal.api.forbidden_values.add((contact, STATUS, "OPEN_DEAL"))
    portal.api.after("update", 3, portal.api.forbidden_values.clear)
    portal.api.before("update", 3, portal.api.forbidden_values.clear)
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert result.outcomes == {Outcome.APPLIED: 2}


# One record that HubSpot cannot write at all


@LASTING_FAILURES
def test_a_record_that_cannot_be_written_is_refused_and_the_others_are_written(
    portal: ConnectedPortal, error: ConnectorError
) -> None:
    failing, healthy = create_won_lead(portal), create_won_lead(portal)
    fail_sets(portal, error, failing, "customer")
    run(portal)
    assert portal.stage(healthy) == "customer"
    assert (str(failing), "customer", "refused") in portal.outcomes()
    assert portal.open_moves() == ()


def test_a_record_whose_clear_always_fails_keeps_its_stage_and_the_others_go_back(
    portal: ConnectedPortal,
) -> None:
    failing, *healthy = create_reopened_customers(portal, 5)
    fail_sets(portal, SERVER_ERROR, failing, "")
    run(portal)
    assert portal.stage(failing) == "customer"
    assert {portal.stage(contact) for contact in healthy} == {"opportunity"}
    assert portal.open_moves() == ()


def test_where_hubspot_takes_nothing_at_all_nothing_is_said_of_the_records(
    portal: ConnectedPortal,
) -> None:
    leads = [create_won_lead(portal) for _ in range(5)]
    for lead in leads:
        fail_sets(portal, SERVER_ERROR, lead, "customer")
    with pytest.raises(OutcomeUnknown):
        run(portal)
    assert portal.outcomes() == []
    portal.api.failing_values.clear()
    run(portal)
    assert {portal.stage(lead) for lead in leads} == {"customer"}


def test_a_token_that_may_not_write_is_said_and_nothing_is_cleared(
    portal: ConnectedPortal,
) -> None:
    contacts = create_reopened_customers(portal, 5)
    for contact in contacts:
        fail_sets(portal, FORBIDDEN, contact, "", "opportunity", "customer")
    with pytest.raises(ScopeMissing):
        run(portal)
    assert {portal.stage(contact) for contact in contacts} == {"customer"}
    assert portal.outcomes() == []
