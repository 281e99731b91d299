"""The report of customers: who won last comes first, and nobody is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.core.default_portal import default_portal, definition
from connector.core.policy import load
from connector.offline import ClosedDoor, Ground, offline_desk
from connector.presets import preset
from connector.pull import pull
from connector.reporting.customers import COLUMNS, customers
from tests.usecases.office import COMPANIES, CONTACTS, DAY, DEALS, LOST, OPEN, WON, Office

AMOUNT = "rules: [{name: mine, when: won_deal.amount > 1000000, stage: keep, reason: x}]"
MARK = "settings: {churn: {mark: former}}"


@pytest.fixture
def shop(open_office: Callable[..., Office]) -> Office:
    """Open an office in a portal with amounts and a mark."""
    more = {
        CONTACTS: [definition("former", "bool")],
        COMPANIES: [],
        DEALS: [definition("amount", "number")],
    }
    return open_office(default_portal(more=more))


def _report(shop: Office, more: str = "") -> list[dict[str, object]]:
    """Return the rows of the report, by column."""
    text = f"extends: standard\n{more}"
    shop.door.advance(3600)
    pull(shop.desk(text))
    shop.requests()
    ground = Ground(store=shop.store, portal=shop.door.what, door=ClosedDoor(shop.door.now()))
    policy = load(text, source="test.yaml", preset=preset)
    found = customers(offline_desk(ground, policy))
    assert shop.requests().total() == 0
    return [dict(zip(COLUMNS, row, strict=True)) for row in found.rows]


def test_who_won_last_comes_first_and_who_never_won_a_deal_comes_last(shop: Office) -> None:
    imported = shop.contact("customer")
    firm = shop.company("customer")
    early = shop.contact("customer", associatedcompanyid=firm.id)
    shop.deal(WON, early, closedate="2026-01-10T00:00:00Z")
    shop.door.advance(DAY)
    late = shop.contact("evangelist")
    deal = shop.deal(WON, late, firm, closedate="2026-03-10T00:00:00Z")
    shop.contact("lead")
    rows = _report(shop)
    assert [row["record"] for row in rows] == [str(late), str(firm), str(early), str(imported)]
    assert rows[0] == {
        "record": str(late),
        "company": None,
        "stage": "evangelist",
        "won_deals": 1,
        "last_won_deal": str(deal),
        "last_won_at": rows[0]["last_won_at"],
        "amount": None,
        "former_customer": None,
    }
    assert rows[2]["company"] == str(firm)
    assert (rows[3]["won_deals"], rows[3]["last_won_deal"], rows[3]["last_won_at"]) == (
        0,
        None,
        None,
    )


def test_only_deals_that_are_won_now_count(shop: Office) -> None:
    person = shop.contact("customer")
    shop.deal(LOST, person)
    shop.deal(OPEN, person)
    (row,) = _report(shop)
    assert row["won_deals"] == 0


def test_a_record_with_a_won_deal_is_told_whatever_its_stage(shop: Office) -> None:
    person = shop.contact("lead")
    shop.deal(WON, person)
    (row,) = _report(shop)
    assert (row["record"], row["stage"]) == (str(person), "lead")


def test_a_parked_record_without_a_won_deal_is_no_customer(shop: Office) -> None:
    shop.contact("other")
    assert _report(shop) == []


def test_the_amount_is_told_where_the_policy_asks_for_it(shop: Office) -> None:
    person = shop.contact("customer")
    shop.deal(WON, person, amount="5000")
    (row,) = _report(shop, AMOUNT)
    assert row["amount"] == "5000"


def test_former_customers_are_told_where_the_policy_marks_them(shop: Office) -> None:
    back, fresh = shop.contact("customer", former="true"), shop.contact("customer")
    firm = shop.company("customer")
    rows = {row["record"]: row["former_customer"] for row in _report(shop, MARK)}
    assert rows == {str(back): True, str(fresh): False, str(firm): None}
