"""The check-up of webhooks judges the address by its text, and subscriptions by what arrived."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.model import ObjectType, Ref
from connector.core.webhook_event import Event
from connector.operations.check_webhooks import ARRIVAL_DAYS, check_address, check_arrivals
from connector.operations.finding import CheckResult, Finding
from state import webhook_inbox
from tests.fakes.connected_portal import ConnectedPortal


@pytest.mark.parametrize(
    ("url", "result", "message"),
    [
        ("https://hooks.example.com/", CheckResult.OK, "https://hooks.example.com/webhooks/hub"),
        ("https://8.8.8.8", CheckResult.OK, "shows in what arrives"),
        ("http://hooks.example.com", CheckResult.WARNING, "is not https"),
        ("https://127.0.0.1:8080", CheckResult.WARNING, "HubSpot cannot call it"),
        ("https://10.1.2.3", CheckResult.WARNING, "HubSpot cannot call it"),
        ("http://localhost:8080", CheckResult.WARNING, "HubSpot cannot call it"),
        ("", CheckResult.FAIL, "CONNECTOR_PUBLIC_URL is not an address"),
        ("hooks.example.com", CheckResult.FAIL, "write it as https://"),
    ],
)
def test_the_address_of_webhooks_is_judged(url: str, result: CheckResult, message: str) -> None:
    finding = check_address(url, has_secret=True)
    assert (finding.result, finding.section) == (result, "webhooks")
    assert message in finding.message


def test_without_a_secret_webhooks_are_off_and_all_is_well() -> None:
    finding = check_address("https://dashboard.example.com", has_secret=False)
    assert finding.result is CheckResult.OK
    assert finding.message.startswith("off")


def arrivals(portal: ConnectedPortal) -> dict[str, Finding]:
    findings = check_arrivals(portal.store, "1", now=portal.api.now())
    return {finding.name: finding for finding in findings}


def put_event(portal: ConnectedPortal, ref: Ref, *, days: int, links: bool = False) -> None:
    at = portal.api.now() - timedelta(days=days)
    event = Event(key=f"{ref}-{days}-{links}", record=ref, read_associations=links, at=at)
    with portal.store.begin("1") as session:
        webhook_inbox.put(session, [event], at=at)


def test_a_created_record_without_any_event_shows_a_missing_subscription(
    portal: ConnectedPortal,
) -> None:
    portal.contact("lead")
    portal.company("lead")
    portal.read_all()
    put_event(portal, Ref(ObjectType.CONTACTS, "98"), days=0)
    # Neither an older event of companies nor one of their associations is one of a creation.
    put_event(portal, Ref(ObjectType.COMPANIES, "99"), days=ARRIVAL_DAYS + 1)
    put_event(portal, Ref(ObjectType.COMPANIES, "99"), days=0, links=True)
    findings = arrivals(portal)
    assert findings["events of contacts"].result is CheckResult.OK
    assert findings["events of contacts"].message.startswith("1 (last 2026-")
    assert findings["events of companies"].result is CheckResult.WARNING
    assert "subscribe to company creation" in findings["events of companies"].message


def test_where_nothing_was_created_no_event_is_missed(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    portal.read_all()
    portal.api.advance(86_400 * (ARRIVAL_DAYS + 1))
    findings = arrivals(portal)
    assert {finding.result for finding in findings.values()} == {CheckResult.OK}
    assert findings["events of deals"].message.startswith("no event of records, no event of asso")
