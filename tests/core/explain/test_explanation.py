"""Explanations list every rule in order, with the values that it compared."""

from __future__ import annotations

from connector.core.decide.decision import decide
from connector.core.explain.explanation import ComparisonResult, ExplainedRule, RuleResult, explain
from connector.core.lint.default_portal import STATUSES
from tests.core.builders import (
    bind_policy,
    contact,
    facts_about,
    lost_deal,
    open_deal,
    portal,
    reopened_deal,
)

POLICY = bind_policy("extends: standard")


def test_each_rule_is_explained_until_one_wins_and_the_rest_is_not_reached() -> None:
    explanation = explain(POLICY, facts_about(POLICY, contact("customer"), reopened_deal()))
    step_results = {step.rule: step.result for step in explanation.stage_rules}
    assert step_results == {
        "excluded": RuleResult.FAILED,
        "won": RuleResult.FAILED,
        "reopened": RuleResult.WON,
        **dict.fromkeys(
            (
                "open-deal",
                "lost",
                "quiet",
                "verdict",
                "handover",
                "qualified",
                "converted",
                "subscribed",
                "blank",
            ),
            RuleResult.NOT_REACHED,
        ),
    }
    assert explanation.decision.rule == "reopened"


def test_the_winning_rule_is_told_with_its_comparisons_and_where_it_leads() -> None:
    explanation = explain(POLICY, facts_about(POLICY, contact("customer"), reopened_deal()))
    assert explanation.stage_rules[2] == ExplainedRule(
        rule="reopened",
        result=RuleResult.WON,
        condition=(
            'stage == "customer" and deals.won == 0 and deals.were_won > 0 and deals.open > 0'
        ),
        comparisons=(
            ComparisonResult(text='stage == "customer"', value="Customer", holds=True),
            ComparisonResult(text="deals.won == 0", value="0", holds=True),
            ComparisonResult(text="deals.were_won > 0", value="1", holds=True),
            ComparisonResult(text="deals.open > 0", value="1", holds=True),
        ),
        target="Opportunity",
        note="no deal is won any more, and deals/9 is open since 2026-04-02",
    )


def test_the_lead_status_rows_are_told_for_the_stage_that_results() -> None:
    explanation = explain(POLICY, facts_about(POLICY, contact("lead"), open_deal()))
    winning_row = next(step for step in explanation.status_rules if step.result is RuleResult.WON)
    assert (winning_row.rule, winning_row.target) == ("status-open-deal", "Open Deal")
    assert winning_row.comparisons[0] == ComparisonResult(
        text='stage == "opportunity"', value="Opportunity", holds=True
    )
    first_row = explain(
        POLICY, facts_about(POLICY, contact("opportunity"), lost_deal())
    ).status_rules[0]
    assert (first_row.rule, first_row.result) == ("status-after-loss", RuleResult.WON)
    assert first_row.comparisons[1].text == '"lost" in rules'


def test_a_row_that_clears_and_a_rule_that_keeps_say_so() -> None:
    explanation = explain(POLICY, facts_about(POLICY, contact("evangelist", "NEW")))
    assert explanation.status_rules[-1].target == "clear"
    assert next(step for step in explanation.stage_rules if step.rule == "quiet").target == "keep"


def test_a_pinned_stage_is_explained_as_it_stays() -> None:
    facts = facts_about(POLICY, contact("customer"), reopened_deal())
    explanation = explain(POLICY, facts, pinned=frozenset({"lifecyclestage"}))
    assert explanation.decision == decide(POLICY, facts, pinned=frozenset({"lifecyclestage"}))


def test_a_record_that_is_left_alone_says_why_and_reaches_no_rule() -> None:
    explanation = explain(POLICY, facts_about(POLICY, contact("gone")))
    assert explanation.stage_rules[0] == ExplainedRule(
        rule="unknown-stage",
        result=RuleResult.WON,
        target="keep",
        note="the policy does not name the stage gone",
    )
    assert {step.result for step in explanation.stage_rules[1:]} == {RuleResult.NOT_REACHED}
    assert {step.result for step in explanation.status_rules} == {RuleResult.NOT_REACHED}


def test_a_record_outside_of_the_scope_shows_the_scopes_comparisons() -> None:
    policy = bind_policy("extends: standard\nsettings: {scope: contact.score > 3}")
    step = explain(policy, facts_about(policy, contact("lead"))).stage_rules[0]
    assert (step.rule, step.condition) == ("out-of-scope", "contact.score > 3")
    assert step.comparisons == (
        ComparisonResult(text="contact.score > 3", value="blank", holds=False),
    )


def test_what_sleeps_is_told_last() -> None:
    statuses = {value: label for value, label in STATUSES.items() if value != "NEW"}
    policy = bind_policy("extends: standard", portal(statuses=statuses))
    explanation = explain(policy, facts_about(policy, contact("lead")))
    assert explanation.stage_rules[-1] == ExplainedRule(
        rule="status-new",
        result=RuleResult.SLEEPING,
        note="the portal has no lead status 'NEW'",
    )
