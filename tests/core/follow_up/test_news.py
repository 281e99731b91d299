"""What a change by others means: ready for sales, a deal won, a customer's new deal."""

from __future__ import annotations

import pytest

from connector.core.follow_up.news import NewsKind, news_of
from connector.core.history.observed_change import ObservedChange
from connector.core.model import Record
from tests.core import builders
from tests.core.builders import NOW

SQL, OPEN, WON, LOST = "salesqualifiedlead", "contractsent", "closedwon", "closedlost"
CUSTOMER = builders.contact("customer")


def kinds(
    record: Record,
    name: str,
    before: str,
    after: str,
    *linked: Record,
    settings: str = "",
    deal_is_mirrored: bool = True,
) -> list[tuple[str, str]]:
    """Return kind and record of the news of a change."""
    policy = builders.bind_policy("extends: standard\n" + settings)
    change = ObservedChange(
        record=record.ref, property_name=name, before=before, after=after, at=NOW
    )
    news = news_of(
        policy,
        change,
        deal=record if name == "dealstage" and deal_is_mirrored else None,
        linked_records=linked,
        sales_stages=frozenset({SQL}),
    )
    return [(entry.kind.value, str(entry.record)) for entry in news]


@pytest.mark.parametrize(
    ("record", "name", "after", "kind"),
    [
        (builders.contact(SQL), "lifecyclestage", SQL, NewsKind.READY),
        (builders.contact("lead"), "lifecyclestage", "lead", NewsKind.PROPERTY),
        (builders.contact(SQL), "hs_lead_status", "NEW", NewsKind.PROPERTY),
        (builders.company(SQL), "lifecyclestage", SQL, NewsKind.PROPERTY),
    ],
)
def test_a_contact_is_ready_for_sales_by_its_new_stage_alone(
    record: Record, name: str, after: str, kind: NewsKind
) -> None:
    assert kinds(record, name, "lead", after) == [(kind.value, str(record.ref))]


@pytest.mark.parametrize(
    ("before", "after", "is_won"),
    [(OPEN, WON, True), ("", WON, True), (LOST, WON, True), (WON, OPEN, False), (WON, WON, False)],
)
def test_a_deal_is_won_when_it_enters_a_won_stage_from_another_one(
    before: str, after: str, *, is_won: bool
) -> None:
    deal = builders.deal_record(after)
    assert kinds(deal, "dealstage", before, after, CUSTOMER) == (
        [("deal.won", str(deal.ref))] if is_won else []
    )


def test_a_new_open_deal_is_news_for_each_customer_that_it_belongs_to() -> None:
    deal = builders.deal_record(OPEN)
    company, lead = builders.company("customer"), builders.contact("lead", number="2")
    assert kinds(deal, "dealstage", "", OPEN, CUSTOMER, company, lead) == [
        ("customer.new_deal", "contacts/1"),
        ("customer.new_deal", "companies/1"),
    ]
    assert kinds(deal, "dealstage", LOST, OPEN, CUSTOMER) == []


def test_a_deal_that_is_not_mirrored_or_does_not_count_is_no_news() -> None:
    deal = builders.deal_record(WON)
    assert kinds(deal, "dealstage", OPEN, WON, deal_is_mirrored=False) == []
    settings = "settings: {deals: {pipelines: {exclude: [default]}}}"
    assert kinds(deal, "dealstage", OPEN, WON, settings=settings) == []
