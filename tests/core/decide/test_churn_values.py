"""The evidence that a customer has left counts where it is newer than the last win."""

from __future__ import annotations

import pytest

from connector.core.model import Record, Version
from connector.core.problem import PolicyError
from tests.core.builders import (
    bind_policy,
    company,
    contact,
    deal_record,
    facts_about,
    lost_deal,
    portal,
    stage_history,
    utc_day,
    won_deal,
)


def _policy_with(ended_at: str) -> str:
    return (
        "extends: churn\nsettings:\n  subscription: {property: country}\n"
        f"  churn: {{ended_at: {ended_at}, pipelines: [Sales Pipeline]}}\n"
    )


def _won_with(**properties: str) -> tuple[Record, tuple[Version, ...]]:
    record = deal_record("closedwon", "8", **properties)
    return record, stage_history(("closedwon", "2026-03-01"))


@pytest.mark.parametrize(
    ("ended_at", "record", "deal", "day"),
    [
        ("deal.renewal", contact(), _won_with(renewal="2026-05-01"), "2026-05-01"),
        ("deal.renewal", contact(), _won_with(renewal="2026-02-01"), ""),
        ("deal.renewal", contact(), _won_with(), ""),
        ("contact.seen_at", contact(seen_at="2026-05-01T00:00:00Z"), won_deal(), "2026-05-01"),
        ("company.contract_end", company(contract_end="2026-05-01"), won_deal(), "2026-05-01"),
        ("contact.seen_at", company(), won_deal(), ""),
    ],
)
def test_a_contracts_end_counts_where_it_is_newer_than_the_win(
    ended_at: str, record: Record, deal: tuple[Record, tuple[Version, ...]], day: str
) -> None:
    policy = bind_policy(_policy_with(ended_at), portal(time_zone="UTC"))
    value = facts_about(policy, record, deal).values["churn.ended_at"]
    assert value == (utc_day(day) if day else None)


def test_a_renewal_that_was_lost_counts_until_the_next_win() -> None:
    policy = bind_policy(_policy_with("~"))
    lost = lost_deal(number="7", at="2026-05-01")
    values = facts_about(policy, contact(), won_deal(at="2026-03-01"), lost).values
    assert values["churn.lost_at"] == utc_day("2026-05-01")
    won_again = facts_about(policy, contact(), won_deal(at="2026-05-02"), lost).values
    assert won_again["churn.lost_at"] is None


@pytest.mark.parametrize(
    ("country", "renewal", "ended"),
    [("canceled", "", True), ("active", "", False), ("canceled", "2026-02-01", False)],
)
def test_a_subscription_that_ended_counts_unless_a_win_is_newer_than_the_contract(
    country: str, renewal: str, ended: bool
) -> None:
    policy = bind_policy(_policy_with("deal.renewal"))
    facts = facts_about(policy, contact(country=country), _won_with(renewal=renewal))
    assert facts.values["churn.by_subscription"] is ended


def test_a_companys_own_subscription_counts_too() -> None:
    policy = bind_policy(_policy_with("~"))
    assert facts_about(policy, company(country="ended")).values["churn.by_subscription"] is True


@pytest.mark.parametrize(
    ("ended_at", "message"),
    [
        ("renewal", "'renewal' is no property: write contact.…, company.… or deal.…"),
        ("deal.nothing", "'deal.nothing' is no property"),
        ("deal.amount", "amount is a number, a contract's end is a time"),
    ],
)
def test_a_contracts_end_is_a_date_that_the_portal_has(ended_at: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message.replace(".", r"\.")):
        bind_policy(_policy_with(ended_at))


def test_a_mark_of_contacts_is_not_written_on_companies() -> None:
    from connector.core.decide.decision import decide

    policy = bind_policy(
        "extends: churn\nsettings:\n"
        "  churn: {practice: back-to-sales, mark: vip, pipelines: [Sales Pipeline]}\n"
    )
    lost = lost_deal(number="7", at="2026-05-01")
    facts = facts_about(policy, company("customer"), won_deal(at="2026-03-01"), lost)
    assert [correction.property_name for correction in decide(policy, facts).corrections] == [
        "lifecyclestage"
    ]
