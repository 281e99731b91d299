"""What is known of a record, and when a deal's history has to be read for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.core.facts import needs_history
from connector.core.model import STAGE, Record, Version
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
    read,
    reopened,
    rule,
    won,
)

POLICY = bound()


def test_the_newest_evidence_is_a_deal_or_a_form() -> None:
    form = {"recent_conversion_date": "2026-04-10T00:00:00Z"}
    assert known(POLICY, contact(**form), opened(at="2026-04-02")).evidence_at == on("2026-04-10")
    assert known(POLICY, contact(**form), opened(at="2026-05-02")).evidence_at == on("2026-05-02")
    assert known(POLICY, contact()).evidence_at is None
    assert known(POLICY, company(), won(at="2026-03-01")).evidence_at == on("2026-03-01")


def test_a_deal_that_does_not_count_is_no_evidence() -> None:
    text = "extends: standard\nsettings: {deals: {pipelines: {exclude: [default]}}}"
    found = known(bound(text), contact(), won())
    assert (found.deals, found.evidence_at, found.values["deals.count"]) == ((), None, 0)


@pytest.mark.parametrize(
    ("name", "at", "count", "lost_at", "counts", "since"),
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
    name: str, at: str, count: str, lost_at: str | None, counts: bool, since: bool
) -> None:
    record = contact(
        recent_conversion_event_name=name, recent_conversion_date=at, num_conversion_events=count
    )
    loss = (deal_record("closedlost", closedate=lost_at or ""), ())
    found = known(POLICY, record, *([loss] if lost_at is not None else [])).values
    assert (found["conversion.counts"], found["conversion.since_loss"]) == (counts, since)


def test_a_property_that_was_not_asked_for_is_never_taken_for_a_blank_one() -> None:
    bare = contact("lead")
    without_stage = replace(
        bare, properties={k: v for k, v in bare.properties.items() if k != STAGE}
    )
    with pytest.raises(KeyError):
        known(POLICY, without_stage)
    without_country = replace(
        bare, properties={k: v for k, v in bare.properties.items() if k != "country"}
    )
    with pytest.raises(KeyError):
        known(bound(rule("contact.country is blank")), without_country)


def test_today_begins_at_midnight_in_the_portals_time_zone() -> None:
    assert str(known(POLICY, contact(), now=NOW).values["today"]) == "2026-06-01 00:00:00+02:00"


Deals = tuple[tuple[Record, tuple[Version, ...]], ...]
UNDATED_LOSS = (deal_record("closedlost", closedate="2026-05-01"), ())


@pytest.mark.parametrize(
    ("stage", "deals", "needed"),
    [
        ("customer", (opened(),), True),
        ("customer", (lost(),), True),
        ("customer", (reopened(),), True),
        ("customer", (opened(), won("8")), False),
        ("customer", (), False),
        ("opportunity", (opened(),), False),
        ("opportunity", (lost(),), False),
        ("opportunity", (UNDATED_LOSS,), True),
        ("opportunity", (UNDATED_LOSS, opened("8")), False),
        ("lead", (UNDATED_LOSS,), True),
    ],
)
def test_histories_are_read_only_where_they_matter(stage: str, deals: Deals, needed: bool) -> None:
    assert needs_history(POLICY, contact(stage), read(POLICY, *deals)) is needed
    assert needs_history(POLICY, company(stage), read(POLICY, *deals)) is needed


def test_an_alias_of_customer_needs_histories_like_a_customer() -> None:
    policy = bound("extends: standard\nsettings: {aliases: {evangelist: Customer}}")
    assert needs_history(policy, contact("evangelist"), read(policy, opened()))


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
    policy = bound(rule(condition.replace("vip_", "contact.vip")))
    assert needs_history(policy, contact(stage), read(policy, opened())) is needed


def test_a_policy_without_losses_reads_no_history_for_them() -> None:
    policy = bound(
        "rules:\n  - {name: won, for: both, when: deals.won > 0, stage: customer, reason: x}"
    )
    assert not needs_history(policy, contact("customer"), read(policy, UNDATED_LOSS))
