"""What conditions mean: operators, missing values, labels, times, deals."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector.core.condition_terms import resolve
from connector.core.explanation import Told, explain
from connector.core.model import Record, Version
from tests.core.givens import (
    NOW,
    bound,
    company,
    contact,
    deal_record,
    known,
    lost,
    on,
    opened,
    portal,
    rule,
    won,
)

Deals = tuple[tuple[Record, tuple[Version, ...]], ...]
ANNA = {
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


def holds(condition: str, *deals: tuple[Record, tuple[Version, ...]], **changes: str) -> bool:
    """Whether a condition holds for Anna, who belongs to a company of Norway."""
    policy = bound(rule(condition, more=LISTS))
    anna = contact("lead", "NEW", **{**ANNA, **changes})
    facts = known(policy, anna, *deals, company=company("customer", country="Norway"))
    return explain(policy, facts).stage_steps[0].verdict == "won"


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
        "contact.country matches 'NOR?AY'",
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
    assert holds(condition)


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
    assert not holds(condition)


@pytest.mark.parametrize(
    "operator", ["== 3", "!= 3", "< 3", "> 3", "<= 3", ">= 3", "in [3]", "not in [3]"]
)
def test_a_comparison_with_a_missing_value_is_false(operator: str) -> None:
    assert not holds(f"contact.score {operator}", score="")
    assert not holds(f"contact.score {operator}", score="n/a")


@pytest.mark.parametrize("operator", ["matches", "not matches", "==", "!="])
def test_a_missing_text_is_neither_like_nor_unlike_another(operator: str) -> None:
    assert not holds(f"contact.country {operator} 'x'", country="")
    assert not holds("contact.country == company.country", country="")


def test_a_missing_value_on_the_other_side_is_false_too() -> None:
    assert not holds("contact.birthday < company.contract_end")
    assert not holds("contact.birthday >= company.contract_end")
    assert not holds("contact.seen_at > contact.birthday + 1", birthday="")


def test_only_is_blank_asks_for_what_is_missing() -> None:
    assert holds("contact.score is blank", score="")
    assert not holds("contact.score is not blank", score="")
    assert holds("not contact.score > 3", score="")


def test_deal_properties_hold_if_one_deal_has_them() -> None:
    small = (deal_record("contractsent", "7", amount="10"), ())
    large = (deal_record("closedlost", "8", amount="5000", renewal="2026-07-01"), ())
    assert holds("deal.amount > 1000 and open_deal.amount == 10", small, large)
    assert holds("lost_deal.renewal == today + 30", small, large)
    assert not holds("open_deal.amount > 1000", small, large)
    assert not holds("won_deal.amount > 0 or won_deal.amount <= 0", small, large)
    assert not holds("deal.renewal is blank", small, large)
    assert holds("open_deal.renewal is blank", small, large)


def test_deals_are_counted_by_their_state() -> None:
    deals = (opened("1"), opened("2", at="2026-05-01"), won("3"), lost("4"))
    assert holds(
        "deals.open == 2 and deals.won == 1 and deals.lost == 1 and deals.count == 4", *deals
    )
    assert holds("deals.latest_open == 'deals/2' and deals.open_since < '2026-05-02'", *deals)


def test_a_label_that_two_options_share_names_neither() -> None:
    twins = portal(stages={"1": "Kunde", "2": "kunde"}).options
    options = twins(contact().ref.object_type, "lifecyclestage")
    assert resolve("Kunde", options) is None
    assert resolve("1", options) == "1"


def test_each_comparison_tells_what_it_found() -> None:
    policy = bound(rule("contact.score > 50 or status == 'New' and contact.birthday < today"))
    facts = known(policy, contact("lead", "NEW", **ANNA))
    assert explain(policy, facts).stage_steps[0].comparisons == (
        Told(text="contact.score > 50", found="42", held=False),
        Told(text="status == 'New'", found="New", held=True),
        Told(text="contact.birthday < today", found="2026-06-01 and 2026-06-01", held=False),
    )


def test_what_was_found_is_told_in_words() -> None:
    policy = bound(rule("'a' in contact.interests and contact.vip and company.country is blank"))
    facts = known(policy, contact("lead", "NEW", **ANNA))
    found = [one.found for one in explain(policy, facts).stage_steps[0].comparisons]
    assert found == ["Alpha, Beta", "yes", "blank"]


def test_a_condition_reads_times_at_the_end_of_the_calendar() -> None:
    assert holds(
        "contact.birthday > today and contact.birthday + 400 > today", birthday="9999-12-31"
    )
    assert holds("contact.birthday - 400 < today", birthday="0001-01-01")
    policy = bound(rule("contact.seen_at > now"))
    facts = known(policy, contact("lead", seen_at="9999-12-31T23:00:00Z"))
    assert explain(policy, facts).stage_steps[0].comparisons[0].found.startswith("9999-12-31")


def test_domains_are_compared_in_one_spelling() -> None:
    assert holds("domain in ['münchen.example']", email="a@xn--mnchen-3ya.example")
    assert holds("domain in ['xn--mnchen-3ya.example']", email="a@München.example")
    assert holds("domain is not blank", email="a@" + "ü" * 80 + ".example")
    assert not holds("domain is not blank", email="")


def _due(condition: str, **more: str) -> datetime | None:
    policy = bound(rule(condition))
    return explain(policy, known(policy, contact("lead", **more))).decision.due_at


def test_a_comparison_with_now_makes_the_record_due_when_it_flips() -> None:
    flips = on("2026-06-05") + timedelta(milliseconds=1)
    assert _due("contact.seen_at > now - 3", seen_at="2026-06-02") == flips
    assert _due("now - 3 >= contact.seen_at", seen_at="2026-06-02") == flips


def test_a_comparison_with_today_makes_the_record_due_at_a_midnight_of_the_portal() -> None:
    assert _due("contact.birthday < today", birthday="2026-06-10") == datetime.fromisoformat(
        "2026-06-10T00:00:00+02:00"
    )
    assert _due("contact.birthday == today", birthday="2026-06-01") == datetime.fromisoformat(
        "2026-06-02T00:00:00+02:00"
    )


def test_what_has_passed_or_is_missing_makes_nothing_due() -> None:
    assert _due("contact.birthday < today", birthday="2026-05-31") is None
    assert _due("contact.birthday < today") is None
    assert _due("contact.birthday < today", birthday="9999-12-31") is None
    assert _due("contact.seen_at < now", seen_at="2026-05-01") is None
    assert _due("contact.score > 3", score="4") is None


def test_the_first_flip_of_several_deals_makes_the_record_due() -> None:
    policy = bound(rule("deal.renewal < today - 1"))
    deals = [
        (deal_record("contractsent", n, renewal=day), ())
        for n, day in (("7", "2026-07-01"), ("8", "2026-06-20"), ("9", ""))
    ]
    facts = known(policy, contact("lead"), *deals)
    due = explain(policy, facts).decision.due_at
    assert due == datetime.fromisoformat("2026-06-21T00:00:00+02:00")


def test_a_literal_day_against_the_clock_flips_too() -> None:
    begins = datetime.fromisoformat("2026-07-01T00:00:00+02:00")
    assert _due("today >= '2026-07-01'") == begins
    assert _due("'2026-07-01' <= today") == begins
    policy = bound(rule("contact.seen_at < now"))
    facts = known(policy, contact("lead", seen_at="2026-06-10"), now=NOW)
    assert explain(policy, facts).decision.due_at == on("2026-06-10") + timedelta(milliseconds=1)
