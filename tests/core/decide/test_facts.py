"""The facts of a record, and when a deal's history must be read for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.core.decide.facts import needs_deal_history
from connector.core.model import STAGE, Record, Version
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
    read_deals,
    reopened_deal,
    utc_day,
    won_deal,
)

POLICY = bind_policy()


def test_the_newest_evidence_is_a_deal_or_a_form() -> None:
    form_properties = {"recent_conversion_date": "2026-04-10T00:00:00Z"}
    assert facts_about(
        POLICY, contact(**form_properties), open_deal(at="2026-04-02")
    ).evidence_at == utc_day("2026-04-10")
    assert facts_about(
        POLICY, contact(**form_properties), open_deal(at="2026-05-02")
    ).evidence_at == utc_day("2026-05-02")
    assert facts_about(POLICY, contact()).evidence_at is None
    assert facts_about(POLICY, company(), won_deal(at="2026-03-01")).evidence_at == utc_day(
        "2026-03-01"
    )


def test_a_deal_that_does_not_count_is_no_evidence() -> None:
    text = "extends: standard\nsettings: {deals: {pipelines: {exclude: [default]}}}"
    facts = facts_about(bind_policy(text), contact(), won_deal())
    assert (facts.deals, facts.evidence_at, facts.values["deals.count"]) == ((), None, 0)


@pytest.mark.parametrize(
    ("name", "converted_at", "count", "lost_at", "conversion_counts", "since_loss"),
    [
        ("Demo", "2026-05-02", "1", "2026-05-01", True, True),
        ("Demo", "2026-05-01", "1", "2026-05-01", False, False),
        ("Demo", "", "1", "2026-05-01", False, False),
        ("Demo", "2026-05-02", "1", "", False, False),
        ("", "2026-05-02", "0", "2026-05-01", False, True),
        ("", "", "2", None, True, False),
        ("Demo", "", "", None, True, False),
        ("", "", "", None, False, False),
    ],
)
def test_after_a_loss_only_a_later_conversion_counts(
    name: str,
    converted_at: str,
    count: str,
    lost_at: str | None,
    conversion_counts: bool,
    since_loss: bool,
) -> None:
    record = contact(
        recent_conversion_event_name=name,
        recent_conversion_date=converted_at,
        num_conversion_events=count,
    )
    lost_deal_without_history = (deal_record("closedlost", closedate=lost_at or ""), ())
    values = facts_about(
        POLICY, record, *([lost_deal_without_history] if lost_at is not None else [])
    ).values
    assert (values["conversion.counts"], values["conversion.since_loss"]) == (
        conversion_counts,
        since_loss,
    )


def test_a_property_that_was_not_asked_for_is_never_taken_for_a_blank_one() -> None:
    complete = contact("lead")
    contact_without_stage = replace(
        complete,
        properties={name: value for name, value in complete.properties.items() if name != STAGE},
    )
    with pytest.raises(KeyError):
        facts_about(POLICY, contact_without_stage)
    contact_without_country = replace(
        complete,
        properties={
            name: value for name, value in complete.properties.items() if name != "country"
        },
    )
    with pytest.raises(KeyError):
        facts_about(
            bind_policy(policy_with_rule("contact.country is blank")), contact_without_country
        )


def test_today_begins_at_midnight_in_the_portals_time_zone() -> None:
    assert (
        str(facts_about(POLICY, contact(), now=NOW).values["today"]) == "2026-06-01 00:00:00+02:00"
    )


Deals = tuple[tuple[Record, tuple[Version, ...]], ...]
UNDATED_LOSS = (deal_record("closedlost", closedate="2026-05-01"), ())


@pytest.mark.parametrize(
    ("stage", "deals", "needed"),
    [
        ("customer", (open_deal(),), True),
        ("customer", (lost_deal(),), True),
        ("customer", (reopened_deal(),), True),
        ("customer", (open_deal(), won_deal("8")), False),
        ("customer", (), False),
        ("opportunity", (open_deal(),), False),
        ("opportunity", (lost_deal(),), False),
        ("opportunity", (UNDATED_LOSS,), True),
        ("opportunity", (UNDATED_LOSS, open_deal("8")), False),
        ("lead", (UNDATED_LOSS,), True),
    ],
)
def test_histories_are_read_only_where_they_matter(stage: str, deals: Deals, needed: bool) -> None:
    assert needs_deal_history(POLICY, contact(stage), read_deals(POLICY, *deals)) is needed
    assert needs_deal_history(POLICY, company(stage), read_deals(POLICY, *deals)) is needed


def test_an_alias_of_customer_needs_histories_like_a_customer() -> None:
    policy = bind_policy("extends: standard\nsettings: {aliases: {evangelist: Customer}}")
    assert needs_deal_history(policy, contact("evangelist"), read_deals(policy, open_deal()))


@pytest.mark.parametrize(
    ("condition", "stage", "needed"),
    [
        ("deals.were_won > 0", "lead", True),
        ("stage in ['Lead', 'customer'] and deals.were_won > 0", "lead", True),
        ("stage in ['customer'] and (vip_ or deals.were_won > 0)", "lead", False),
        ("not (stage == 'customer' and deals.were_won > 0)", "lead", False),
        ("stage == 'lead' and not (vip_ and deals.were_won > 0)", "lead", True),
        ("stage == 'lead' and (vip_ and (always and deals.were_won > 0))", "lead", True),
        ("stage == 'other' and (vip_ and (always and deals.were_won > 0))", "lead", False),
        ("stage == 'lead' and stage == 'customer' and deals.were_won > 0", "lead", False),
        ("not deals.were_won > 0", "lead", True),
    ],
)
def test_where_histories_matter_is_told_by_the_policys_own_conditions(
    condition: str, stage: str, needed: bool
) -> None:
    policy = bind_policy(policy_with_rule(condition.replace("vip_", "contact.vip")))
    assert needs_deal_history(policy, contact(stage), read_deals(policy, open_deal())) is needed


def test_a_policy_without_losses_reads_no_history_for_them() -> None:
    policy = bind_policy(
        "rules:\n  - {name: won, for: both, when: deals.won > 0, stage: customer, reason: x}"
    )
    assert not needs_deal_history(policy, contact("customer"), read_deals(policy, UNDATED_LOSS))


@pytest.mark.parametrize(
    ("additional", "domain"),
    [
        ("", "fjord.example"),
        ("old@other.example", "fjord.example"),
        ("old@other.example;anna@mail.own.example", "mail.own.example"),
    ],
)
def test_an_additional_address_of_an_excluded_domain_excludes_the_contact(
    additional: str, domain: str
) -> None:
    policy = bind_policy("extends: standard\nsettings: {exclude: {domains: [Own.example]}}\n")
    anna = contact("lead", email="anna@fjord.example", hs_additional_emails=additional)
    assert facts_about(policy, anna).values["domain"] == domain
    assert facts_about(policy, anna).values["contact.email_domain"] == "fjord.example"
