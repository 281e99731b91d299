"""First use: a rule that nobody reviewed in a portal corrects few records there, and says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.context import RunContext
from connector.core.model import Outcome, Ref
from connector.operations.sync import SyncResult, sync
from connector.pull.poll import pull
from connector.push.enforce_limits import OverLimit
from connector.push.first_use import FirstUse, push_with_first_use, require_reviewed_rules
from connector.push.pause import Paused, pause, resume
from state import introduced_rules, outbox, plans
from tests.fakes.connected_portal import DAY, WON, ConnectedPortal
from tests.fakes.moves import move_of
from tests.state.examples import correction

NARROW = "extends: standard\nsettings: {limits: {first_use: 3}}"


def new_context(portal: ConnectedPortal, policy: str = NARROW, **options: object) -> RunContext:
    portal.api.advance(60)
    return portal.context(policy, new_rules=True, **options)


def won_leads(portal: ConnectedPortal, count: int) -> list[Ref]:
    contacts = [portal.contact("lead") for _ in range(count)]
    for contact in contacts:
        portal.deal(WON, contact)
    return contacts


def run(portal: ConnectedPortal, policy: str = NARROW, **options: object) -> SyncResult:
    return sync(new_context(portal, policy, **options))


def introduced(portal: ConnectedPortal) -> frozenset[str]:
    with portal.store.reading("1") as session:
        return introduced_rules.read(session)


def test_a_new_rule_corrects_a_few_records_unasked_and_is_still_new(
    portal: ConnectedPortal,
) -> None:
    won_leads(portal, 3)
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 3}
    assert result.rules_to_review == ()
    assert introduced(portal) == frozenset()


def test_a_new_rule_that_wants_more_waits_and_everything_else_goes_on(
    portal: ConnectedPortal,
) -> None:
    blank = [portal.contact("") for _ in range(4)]
    portal.api.advance(3600)
    won = won_leads(portal, 2)
    context = new_context(portal)
    result = sync(context)
    assert [portal.stage(contact) for contact in blank] == [""] * 4
    assert [portal.stage(contact) for contact in won] == ["customer"] * 2
    assert [(rule.name, rule.records) for rule in result.rules_to_review] == [("blank", 4)]
    assert portal.due() == tuple(blank)
    with pytest.raises(FirstUse) as error:
        require_reviewed_rules(context)
    assert "blank (4 records)" in str(error.value)
    assert "connector apply plan.json --rule blank" in str(error.value)


def test_a_record_waits_for_each_of_its_rules(portal: ConnectedPortal) -> None:
    contacts = won_leads(portal, 4)
    for contact in contacts:
        portal.edit(contact, hs_lead_status="NEW")
    run(portal)
    assert {(portal.stage(contact), portal.status(contact)) for contact in contacts} == {
        ("lead", "NEW")
    }


def test_the_plans_of_a_day_count_together(portal: ConnectedPortal) -> None:
    won_leads(portal, 2)
    run(portal)
    contacts = won_leads(portal, 2)
    (rule,) = run(portal).rules_to_review
    assert (rule.name, rule.records, rule.corrected) == ("won", 2, 2)
    portal.api.advance(DAY)
    assert run(portal).outcomes == {Outcome.APPLIED: 2}
    assert [portal.stage(contact) for contact in contacts] == ["customer"] * 2


def test_what_waits_does_not_count_for_the_limits_of_the_rest(portal: ConnectedPortal) -> None:
    policy = NARROW.replace("first_use: 3", "first_use: 3, always: 3, day_share: 0.01")
    for _ in range(30):
        portal.contact("")
    won_leads(portal, 3)
    assert run(portal, policy).outcomes == {Outcome.APPLIED: 3}


def test_what_goes_on_still_counts_for_the_limits(portal: ConnectedPortal) -> None:
    policy = NARROW.replace("first_use: 3", "first_use: 3, company: 1")
    company = portal.company("lead")
    for _ in range(4):
        portal.contact("", associatedcompanyid=company.id)
    for _ in range(2):
        portal.deal(WON, portal.contact("lead", associatedcompanyid=company.id))
    with pytest.raises(OverLimit, match=f"2 contacts of {company}"):
        run(portal, policy)


def test_without_limits_the_rules_of_the_plan_are_introduced(portal: ConnectedPortal) -> None:
    won_leads(portal, 4)
    assert run(portal, permitted=True).outcomes == {Outcome.APPLIED: 4}
    assert introduced(portal) == {"won"}
    won_leads(portal, 4)
    assert run(portal).outcomes == {Outcome.APPLIED: 4}


def test_a_paused_portal_introduces_nothing(portal: ConnectedPortal) -> None:
    won_leads(portal, 4)
    pause(portal.store, "1", at=portal.api.now(), reason="")
    with pytest.raises(Paused):
        run(portal, permitted=True)
    assert introduced(portal) == frozenset()
    resume(portal.store, "1")


def test_a_portal_reviews_for_itself_alone(
    open_portal: Callable[..., ConnectedPortal],
) -> None:
    first, second = open_portal(), open_portal()
    for portal in (first, second):
        won_leads(portal, 4)
    run(first, permitted=True)
    assert run(second).outcomes == {}


def test_a_run_does_not_decide_again_what_only_waits(portal: ConnectedPortal) -> None:
    won_leads(portal, 4)
    context = new_context(portal)
    sync(context)
    with portal.store.reading("1") as session:
        later_rounds = [plans.get(session, f"{context.run}.{number}") for number in range(2, 6)]
    assert later_rounds == [None] * 4


def test_what_was_sent_and_has_not_ended_counts(portal: ConnectedPortal) -> None:
    contacts = won_leads(portal, 4)
    context = new_context(portal)
    pull(context)
    head = portal.propose(context)
    sent_before = correction(contacts[0], rule="won", before="lead", after="customer")
    move = move_of(sent_before, at=portal.api.now(), run="run-0", plan="")
    with context.begin() as session:
        outbox.promise(session, [move])
    push_with_first_use(context, head)
    assert [(rule.name, rule.corrected) for rule in context.state.rules_to_review] == [("won", 1)]
