"""Why a record is what it should be: every rule in order, with what it found."""

from __future__ import annotations

from connector.core.default_portal import STATUSES
from connector.core.explanation import Step, Told, Verdict, explain
from connector.core.rules import decide
from tests.core.givens import bound, contact, known, lost, opened, portal, reopened

POLICY = bound("extends: standard")


def test_each_rule_is_told_until_one_wins_and_the_rest_is_not_reached() -> None:
    told = explain(POLICY, known(POLICY, contact("customer"), reopened()))
    verdicts = {step.rule: step.verdict for step in told.stage_steps}
    assert verdicts == {
        "excluded": Verdict.FAILED,
        "won": Verdict.FAILED,
        "reopened": Verdict.WON,
        **dict.fromkeys(
            ("open-deal", "lost", "quiet", "handover", "qualified", "converted", "blank"),
            Verdict.LATER,
        ),
    }
    assert told.decision.rule == "reopened"


def test_the_winning_rule_is_told_with_its_comparisons_and_where_it_leads() -> None:
    told = explain(POLICY, known(POLICY, contact("customer"), reopened()))
    assert told.stage_steps[2] == Step(
        rule="reopened",
        verdict=Verdict.WON,
        condition=(
            'stage == "customer" and deals.won == 0 and deals.were_won > 0 and deals.open > 0'
        ),
        comparisons=(
            Told(text='stage == "customer"', found="Customer", held=True),
            Told(text="deals.won == 0", found="0", held=True),
            Told(text="deals.were_won > 0", found="1", held=True),
            Told(text="deals.open > 0", found="1", held=True),
        ),
        leads_to="Opportunity",
        note="no deal is won any more, and deals/9 is open since 2026-04-02",
    )


def test_the_lead_status_rows_are_told_for_the_stage_that_results() -> None:
    told = explain(POLICY, known(POLICY, contact("lead"), opened()))
    row = next(step for step in told.status_steps if step.verdict is Verdict.WON)
    assert (row.rule, row.leads_to) == ("status-open-deal", "Open Deal")
    assert row.comparisons[0] == Told(text='stage == "opportunity"', found="Opportunity", held=True)
    after_loss = explain(POLICY, known(POLICY, contact("opportunity"), lost())).status_steps[0]
    assert (after_loss.rule, after_loss.verdict) == ("status-after-loss", Verdict.WON)
    assert after_loss.comparisons[1].text == '"lost" in rules'


def test_a_row_that_clears_and_a_rule_that_keeps_say_so() -> None:
    told = explain(POLICY, known(POLICY, contact("evangelist", "NEW")))
    assert told.status_steps[-1].leads_to == "clear"
    assert next(step for step in told.stage_steps if step.rule == "quiet").leads_to == "keep"


def test_a_pinned_stage_is_explained_as_it_stays() -> None:
    facts = known(POLICY, contact("customer"), reopened())
    told = explain(POLICY, facts, pinned=frozenset({"lifecyclestage"}))
    assert told.decision == decide(POLICY, facts, pinned=frozenset({"lifecyclestage"}))


def test_a_record_that_is_left_alone_says_why_and_reaches_no_rule() -> None:
    told = explain(POLICY, known(POLICY, contact("gone")))
    assert told.stage_steps[0] == Step(
        rule="unknown-stage",
        verdict=Verdict.WON,
        leads_to="keep",
        note="the policy does not name the stage gone",
    )
    assert {step.verdict for step in told.stage_steps[1:]} == {Verdict.LATER}
    assert {step.verdict for step in told.status_steps} == {Verdict.LATER}


def test_a_record_outside_of_the_scope_shows_the_scopes_comparisons() -> None:
    to = bound("extends: standard\nsettings: {scope: contact.score > 3}")
    step = explain(to, known(to, contact("lead"))).stage_steps[0]
    assert (step.rule, step.condition) == ("out-of-scope", "contact.score > 3")
    assert step.comparisons == (Told(text="contact.score > 3", found="blank", held=False),)


def test_what_sleeps_is_told_last() -> None:
    few = {value: label for value, label in STATUSES.items() if value != "NEW"}
    to = bound("extends: standard", portal(statuses=few))
    told = explain(to, known(to, contact("lead")))
    assert told.stage_steps[-1] == Step(
        rule="status-new",
        verdict=Verdict.SLEEPS,
        note="the portal has no lead status 'NEW'",
    )
