"""Conditions: operators, missing values, labels, times, deals."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector.core.conditions.operands import option_value
from connector.core.explain.explanation import ComparisonResult, explain
from connector.core.model import ObjectType, Record, Version
from connector.core.problem import PolicyError
from tests.core.builders import (
    NOW,
    bind_policy,
    company,
    contact,
    deal_record,
    facts_about,
    lost_deal,
    open_deal,
    policy_with_rule,
    portal,
    utc_day,
    won_deal,
)

Deals = tuple[tuple[Record, tuple[Version, ...]], ...]
ANNAS_PROPERTIES = {
    "email": "anna@mail.Fjord.example",
    "score": "42",
    "country": "Norway",
    "tier": "1",
    "interests": "a;b",
    "vip": "true",
    "agreed": "false",
    "birthday": "2026-06-01",
    "seen_at": "2026-05-31T22:30:00Z",
    "recent_conversion_event_name": "Book en demo: skjema",
    "recent_conversion_date": "2026-05-01T10:00:00Z",
    "num_conversion_events": "2",
}
LISTS = "lists:\n  own_domains: [Fjord.example]\n"


def condition_holds(
    condition: str, *deals: tuple[Record, tuple[Version, ...]], **changes: str
) -> bool:
    """Return whether a condition holds for Anna, who belongs to a company of Norway."""
    policy = bind_policy(policy_with_rule(condition, extra=LISTS))
    record = contact("lead", "NEW", **{**ANNAS_PROPERTIES, **changes})
    facts = facts_about(policy, record, *deals, company=company("customer", country="Norway"))
    return explain(policy, facts).stage_rules[0].result == "won"


@pytest.mark.parametrize(
    "condition",
    [
        "always",
        "not never",
        "contact.score == 42",
        "contact.score != 41",
        "contact.score > 41.5 and contact.score < 43",
        "contact.score >= 42 and contact.score <= 42",
        "40 < contact.score <= 42",
        "41 < contact.score",
        "contact.score > -1",
        "contact.country == 'Norway'",
        'contact.country != "Sweden"',
        "contact.country in ['Sweden', 'Norway']",
        "contact.country not in ('Sweden', 'Denmark')",
        "contact.country matches 'nor*'",
        "contact.country matches 'NORWAY'",
        "contact.country not matches 'NOR?AY'",
        "contact.country not matches 'nor'",
        "contact.country == company.country",
        "contact.last_conversion matches handover.forms",
        "contact.last_conversion_at < now",
        "contact.last_conversion_at == '2026-05-01' or contact.last_conversion_at > '2026-05-01'",
        "contact.conversions == 2",
        "contact.email_domain in ['fjord.example']",
        "contact.email_domain in own_domains",
        "contact.email_domain not in exclude.domains",
        "domain == 'MAIL.fjord.example'",
        "contact.tier == 'Gold'",
        "contact.tier == '1'",
        "contact.tier in ['gold']",
        "'a' in contact.interests",
        "'Beta' in contact.interests",
        "contact.interests in ['Beta']",
        "contact.vip",
        "contact.vip == true",
        "contact.agreed == no",
        "not contact.agreed",
        "contact.birthday == today",
        "contact.seen_at >= today",
        "contact.seen_at < now",
        "today - 1 < contact.seen_at",
        "contact.birthday + 1 > today",
        "contact.birthday - 1 < contact.seen_at",
        "stage == 'Lead'",
        "stage in ['lead', 'customer']",
        "stage not in parked",
        "stage < 'customer' and stage > 'subscriber'",
        "stage < lead_status.applies_to",
        "stage <= default_stage",
        "stage < company.lifecyclestage",
        "company.lifecyclestage == 'customer'",
        "status == 'New'",
        "status is not blank",
        "company.contract_end is blank",
        "deals.open == 0 and deals.count == 0",
        "deals.lost_at is blank",
        "deal.amount is blank",
    ],
)
def test_a_condition_holds(condition: str) -> None:
    assert condition_holds(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "never",
        "not always",
        "contact.score < 42 or contact.score > 42",
        "contact.country == 'norway'",
        "contact.country matches 'way'",
        "contact.email_domain in ['jord.example']",
        "contact.email_domain == 'fjord.example'",
        "contact.agreed",
        "contact.vip == false",
        "'a' not in contact.interests",
        "stage == 'other'",
        "stage < 'other'",
        "stage > 'other'",
        "stage < parked",
        "stage > 'opportunity'",
        "stage in parked",
        "contact.birthday < today",
        "contact.country in own_domains",
        "contact.country matches ['x*', 'y']",
    ],
)
def test_a_condition_does_not_hold(condition: str) -> None:
    assert not condition_holds(condition)


@pytest.mark.parametrize(
    "operator", ["== 3", "!= 3", "< 3", "> 3", "<= 3", ">= 3", "in [3]", "not in [3]"]
)
def test_a_comparison_with_a_missing_value_is_false(operator: str) -> None:
    assert not condition_holds(f"contact.score {operator}", score="")
    assert not condition_holds(f"contact.score {operator}", score="n/a")


@pytest.mark.parametrize("operator", ["matches", "not matches", "==", "!="])
def test_a_missing_text_is_neither_like_nor_unlike_another(operator: str) -> None:
    assert not condition_holds(f"contact.country {operator} 'x'", country="")
    assert not condition_holds("contact.country == company.country", country="")


def test_a_missing_value_on_the_other_side_is_false_too() -> None:
    assert not condition_holds("contact.birthday < company.contract_end")
    assert not condition_holds("contact.birthday >= company.contract_end")
    assert not condition_holds("contact.seen_at > contact.birthday + 1", birthday="")


def test_only_is_blank_asks_for_what_is_missing() -> None:
    assert condition_holds("contact.score is blank", score="")
    assert not condition_holds("contact.score is not blank", score="")
    assert condition_holds("not contact.score > 3", score="")


def test_deal_properties_hold_if_one_deal_has_them() -> None:
    small_deal = (deal_record("contractsent", "7", amount="10"), ())
    large_deal = (deal_record("closedlost", "8", amount="5000", renewal="2026-07-01"), ())
    assert condition_holds("deal.amount > 1000 and open_deal.amount == 10", small_deal, large_deal)
    assert condition_holds("lost_deal.renewal == today + 30", small_deal, large_deal)
    assert not condition_holds("open_deal.amount > 1000", small_deal, large_deal)
    assert not condition_holds(
        "won_deal.amount > 0 or won_deal.amount <= 0", small_deal, large_deal
    )
    assert not condition_holds("deal.renewal is blank", small_deal, large_deal)
    assert condition_holds("open_deal.renewal is blank", small_deal, large_deal)


def test_deals_are_counted_by_their_state() -> None:
    deals = (open_deal("1"), open_deal("2", at="2026-05-01"), won_deal("3"), lost_deal("4"))
    assert condition_holds(
        "deals.open == 2 and deals.won == 1 and deals.lost == 1 and deals.count == 4", *deals
    )
    assert condition_holds(
        "deals.latest_open == 'deals/2' and deals.open_since < '2026-05-02'", *deals
    )


def test_a_label_that_two_options_share_names_neither() -> None:
    options_of = portal(stages={"1": "Kunde", "2": "kunde"}).options
    options = options_of(contact().ref.object_type, "lifecyclestage")
    assert option_value("Kunde", options) is None
    assert option_value("1", options) == "1"


def test_each_comparison_tells_what_it_found() -> None:
    policy = bind_policy(
        policy_with_rule("contact.score > 50 or status == 'New' and contact.birthday < today")
    )
    facts = facts_about(policy, contact("lead", "NEW", **ANNAS_PROPERTIES))
    assert explain(policy, facts).stage_rules[0].comparisons == (
        ComparisonResult(text="contact.score > 50", value="42", holds=False),
        ComparisonResult(text="status == 'New'", value="New", holds=True),
        ComparisonResult(
            text="contact.birthday < today", value="2026-06-01 and 2026-06-01", holds=False
        ),
    )


def test_what_was_found_is_told_in_words() -> None:
    policy = bind_policy(
        policy_with_rule("'a' in contact.interests and contact.vip and company.country is blank")
    )
    facts = facts_about(policy, contact("lead", "NEW", **ANNAS_PROPERTIES))
    values = [comparison.value for comparison in explain(policy, facts).stage_rules[0].comparisons]
    assert values == ["Alpha, Beta", "yes", "blank"]


def test_a_condition_reads_times_at_the_end_of_the_calendar() -> None:
    assert condition_holds(
        "contact.birthday > today and contact.birthday + 400 > today", birthday="9999-12-31"
    )
    assert condition_holds("contact.birthday - 400 < today", birthday="0001-01-01")
    policy = bind_policy(policy_with_rule("contact.seen_at > now"))
    facts = facts_about(policy, contact("lead", seen_at="9999-12-31T23:00:00Z"))
    assert explain(policy, facts).stage_rules[0].comparisons[0].value.startswith("9999-12-31")


def test_domains_are_compared_in_one_spelling() -> None:
    assert condition_holds("domain in ['münchen.example']", email="a@xn--mnchen-3ya.example")
    assert condition_holds("domain in ['xn--mnchen-3ya.example']", email="a@München.example")
    assert condition_holds("domain is not blank", email="a@" + "ü" * 80 + ".example")
    assert not condition_holds("domain is not blank", email="")


def _due_at(condition: str, **properties: str) -> datetime | None:
    policy = bind_policy(policy_with_rule(condition))
    return explain(policy, facts_about(policy, contact("lead", **properties))).decision.due_at


def test_a_comparison_with_now_makes_the_record_due_when_it_changes() -> None:
    due_at = utc_day("2026-06-05") + timedelta(milliseconds=1)
    assert _due_at("contact.seen_at > now - 3", seen_at="2026-06-02") == due_at
    assert _due_at("now - 3 >= contact.seen_at", seen_at="2026-06-02") == due_at


def test_a_comparison_with_today_makes_the_record_due_at_a_midnight_of_the_portal() -> None:
    assert _due_at("contact.birthday < today", birthday="2026-06-10") == datetime.fromisoformat(
        "2026-06-10T00:00:00+02:00"
    )
    assert _due_at("contact.birthday == today", birthday="2026-06-01") == datetime.fromisoformat(
        "2026-06-02T00:00:00+02:00"
    )


def test_what_has_passed_or_is_missing_makes_nothing_due() -> None:
    assert _due_at("contact.birthday < today", birthday="2026-05-31") is None
    assert _due_at("contact.birthday < today") is None
    assert _due_at("contact.birthday < today", birthday="9999-12-31") is None
    assert _due_at("contact.seen_at < now", seen_at="2026-05-01") is None
    assert _due_at("contact.score > 3", score="4") is None


def test_the_first_change_among_several_deals_makes_the_record_due() -> None:
    policy = bind_policy(policy_with_rule("deal.renewal < today - 1"))
    deals = [
        (deal_record("contractsent", number, renewal=day), ())
        for number, day in (("7", "2026-07-01"), ("8", "2026-06-20"), ("9", ""))
    ]
    facts = facts_about(policy, contact("lead"), *deals)
    due_at = explain(policy, facts).decision.due_at
    assert due_at == datetime.fromisoformat("2026-06-21T00:00:00+02:00")


def test_a_literal_day_against_the_clock_makes_the_record_due_too() -> None:
    day_start = datetime.fromisoformat("2026-07-01T00:00:00+02:00")
    assert _due_at("today >= '2026-07-01'") == day_start
    assert _due_at("'2026-07-01' <= today") == day_start
    policy = bind_policy(policy_with_rule("contact.seen_at < now"))
    facts = facts_about(policy, contact("lead", seen_at="2026-06-10"), now=NOW)
    assert explain(policy, facts).decision.due_at == utc_day("2026-06-10") + timedelta(
        milliseconds=1
    )


def test_a_number_of_days_may_say_so() -> None:
    assert condition_holds("contact.last_conversion_at > now - 180 days")
    assert condition_holds("contact.last_conversion_at < now - 1 day")
    assert condition_holds("contact.country != '3 days'")


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("stage.since > 180 days", "stage.since is a time, '180' is none: write `stage.since <"),
        ("now - stage.since > 180", "two times are not subtracted: write `stage.since < now"),
        ("stage.entered.leed is blank", r"there is no stage 'leed' (did you mean 'lead'?)"),
        ("stage.entered.99 is blank", "there is no stage '99'"),
    ],
)
def test_a_form_that_is_refused_is_shown_as_it_is_written(when: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        bind_policy(policy_with_rule(when))
    assert message in str(refused.value)


def test_a_stage_with_a_numeric_id_may_be_named() -> None:
    custom = portal(stages={"lead": "Lead", "customer": "Customer", "51439524": "Pilot"})
    policy = bind_policy(
        "extends: standard\nrules: [{name: mine, when: stage.entered.51439524 is not blank, "
        "stage: lead, reason: x}]",
        custom,
    )
    entered = policy.object_policies[ObjectType.CONTACTS].entered_stages
    assert entered == ("51439524",)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("won_deal.pipeline == 'Sales Pipeline'", True),
        ("won_deal.pipeline == 'default'", True),
        ("won_deal.dealstage == 'Closed Won'", True),
        ("won_deal.dealstage in ['Sales Pipeline: Closed Won']", True),
        ("lost_deal.pipeline == 'Sales Pipeline'", False),
    ],
)
def test_pipelines_and_deal_stages_go_by_their_labels(when: str, holds: bool) -> None:
    policy = bind_policy(policy_with_rule(when))
    (rule, *_) = policy.object_policies[ObjectType.CONTACTS].rules
    assert rule.when.holds(facts_about(policy, contact("lead"), won_deal()).values) is holds


def test_a_pipeline_that_the_portal_lacks_is_an_error() -> None:
    with pytest.raises(PolicyError, match="the portal has no 'Fornyelser'"):
        bind_policy(policy_with_rule("lost_deal.pipeline == 'Fornyelser'"))


def test_a_setting_may_be_asked_whether_it_is_empty() -> None:
    assert condition_holds("exclude.domains is blank")
    assert condition_holds("handover.forms is not blank")
