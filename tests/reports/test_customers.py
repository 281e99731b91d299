"""The report of customers: who won last comes first, and nobody is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.config.presets import policy_text
from connector.core.lint.default_portal import default_portal, definition
from connector.core.policy.load import load_policy
from connector.pull.poll import pull
from connector.reports.customers import COLUMNS, customers_report
from connector.reports.offline import OfflineHubSpot, OfflineInputs, offline_context
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DAY,
    DEALS,
    LOST,
    OPEN,
    WON,
    ConnectedPortal,
)

AMOUNT = "rules: [{name: mine, when: won_deal.amount > 1000000, stage: keep, reason: x}]"
CHURN_MARK = "settings: {churn: {mark: former}}"


@pytest.fixture
def portal(open_portal: Callable[..., ConnectedPortal]) -> ConnectedPortal:
    """Open an office in a portal with amounts and a mark."""
    properties = {
        CONTACTS: [definition("former", "bool")],
        COMPANIES: [],
        DEALS: [definition("amount", "number")],
    }
    return open_portal(default_portal(extra_properties=properties))


def _report(portal: ConnectedPortal, settings_text: str = "") -> list[dict[str, object]]:
    """Return the rows of the report, by column."""
    policy_yaml = f"extends: standard\n{settings_text}"
    portal.api.advance(3600)
    pull(portal.context(policy_yaml))
    portal.take_requests()
    environment = OfflineInputs(
        store=portal.store, portal=portal.api.portal_info, api=OfflineHubSpot(portal.api.now())
    )
    policy = load_policy(policy_yaml, source="test.yaml", preset_text=policy_text)
    report = customers_report(offline_context(environment, policy))
    assert portal.take_requests().total() == 0
    return [dict(zip(COLUMNS, row, strict=True)) for row in report.rows]


def test_who_won_last_comes_first_and_who_never_won_a_deal_comes_last(
    portal: ConnectedPortal,
) -> None:
    imported_customer = portal.contact("customer")
    company = portal.company("customer")
    early_customer = portal.contact("customer", associatedcompanyid=company.id)
    portal.deal(WON, early_customer, closedate="2026-01-10T00:00:00Z")
    portal.api.advance(DAY)
    late_customer = portal.contact("evangelist")
    deal = portal.deal(WON, late_customer, company, closedate="2026-03-10T00:00:00Z")
    portal.contact("lead")
    rows = _report(portal)
    assert [row["record"] for row in rows] == [
        str(late_customer),
        str(company),
        str(early_customer),
        str(imported_customer),
    ]
    assert rows[0] == {
        "record": str(late_customer),
        "company": None,
        "stage": "evangelist",
        "won_deals": 1,
        "last_won_deal": str(deal),
        "last_won_at": rows[0]["last_won_at"],
        "amount": None,
        "former_customer": None,
    }
    assert rows[2]["company"] == str(company)
    assert (rows[3]["won_deals"], rows[3]["last_won_deal"], rows[3]["last_won_at"]) == (
        0,
        None,
        None,
    )


def test_only_deals_that_are_won_now_count(portal: ConnectedPortal) -> None:
    contact = portal.contact("customer")
    portal.deal(LOST, contact)
    portal.deal(OPEN, contact)
    (row,) = _report(portal)
    assert row["won_deals"] == 0


def test_a_record_with_a_won_deal_is_told_whatever_its_stage(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    (row,) = _report(portal)
    assert (row["record"], row["stage"]) == (str(contact), "lead")


def test_a_parked_record_without_a_won_deal_is_no_customer(portal: ConnectedPortal) -> None:
    portal.contact("other")
    assert _report(portal) == []


def test_the_amount_is_told_where_the_policy_asks_for_it(portal: ConnectedPortal) -> None:
    contact = portal.contact("customer")
    portal.deal(WON, contact, amount="5000")
    (row,) = _report(portal, AMOUNT)
    assert row["amount"] == "5000"


def test_former_customers_are_told_where_the_policy_marks_them(portal: ConnectedPortal) -> None:
    former_customer, new_customer = (
        portal.contact("customer", former="true"),
        portal.contact("customer"),
    )
    company = portal.company("customer")
    rows = {row["record"]: row["former_customer"] for row in _report(portal, CHURN_MARK)}
    assert rows == {str(former_customer): True, str(new_customer): False, str(company): None}


def test_own_staff_is_no_customer_whatever_it_bought(portal: ConnectedPortal) -> None:
    portal.deal(WON, portal.contact("customer", email="a@mail.own.example"))
    customer = portal.contact("customer", email="b@other.example")
    rows = _report(portal, "settings: {exclude: {domains: [own.example]}}")
    assert [row["record"] for row in rows] == [str(customer)]


def test_who_is_parked_or_churned_is_no_customer_whatever_was_won(portal: ConnectedPortal) -> None:
    portal.deal(WON, portal.contact("other"))
    portal.deal(WON, portal.contact("evangelist"))
    rows = _report(portal, "settings: {after_lost: {customer_stage: evangelist}}")
    assert rows == []
