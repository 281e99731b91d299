"""The report of overlooked contacts: from the mirror and the ledger, and nobody is asked."""

from __future__ import annotations

import pytest

from connector.config.presets import policy_text
from connector.context import DecisionContext
from connector.core.policy.load import load_policy
from connector.errors import UserError
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.reports.offline import OfflineHubSpot, OfflineInputs, offline_context
from connector.reports.overlooked import COLUMNS, overlooked_report
from connector.reports.table import Report
from tests.fakes.connected_portal import CONTACTS, DAY, MQL, SQL, ConnectedPortal

STANDARD = "extends: standard\n"


def report(portal: ConnectedPortal, settings_text: str = "") -> Report:
    policy_yaml = STANDARD + settings_text
    pull(portal.context(policy_yaml))
    portal.take_requests()
    result = overlooked_report(portal_context(portal, policy_yaml))
    assert portal.take_requests().total() == 0
    return result


def portal_context(portal: ConnectedPortal, policy_yaml: str = STANDARD) -> DecisionContext:
    environment = OfflineInputs(
        store=portal.store, portal=portal.api.portal_info, api=OfflineHubSpot(portal.api.now())
    )
    policy = load_policy(policy_yaml, source="test.yaml", preset_text=policy_text)
    return offline_context(environment, policy)


def rows(result: Report) -> list[dict[str, object]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in result.rows]


def test_who_waits_longest_comes_first_with_the_reason(portal: ConnectedPortal) -> None:
    portal.contact(SQL, "CONNECTED", hubspot_owner_id="76000001")
    first_contact = portal.contact(SQL, "CONNECTED")
    portal.api.advance(2 * DAY)
    second_contact = portal.contact(SQL, "NEW", hubspot_owner_id="76000001")
    portal.contact(MQL)
    portal.api.advance(7 * DAY)
    portal.contact(SQL, "NEW")
    result = report(portal)
    assert rows(result) == [
        {
            "record": str(first_contact),
            "stage": SQL,
            "since": "2026-03-12",
            "since_known": False,
            "term_days": 5.0,
            "lead_status": "CONNECTED",
            "owner_id": None,
            "why": "nobody owns it",
        },
        {
            "record": str(second_contact),
            "stage": SQL,
            "since": "2026-03-14",
            "since_known": False,
            "term_days": 5.0,
            "lead_status": "NEW",
            "owner_id": "76000001",
            "why": "nobody has worked on the lead status",
        },
    ]
    assert "When 2 of them entered" in result.notes[0]


def test_who_was_corrected_into_the_stage_waits_since_then(portal: ConnectedPortal) -> None:
    contact = portal.contact(
        "lead",
        recent_conversion_event_name="Book a demo: form",
        recent_conversion_date=portal.api.now().isoformat(),
    )
    portal.api.advance(30 * DAY)
    sync(portal.context())
    assert portal.stage(contact) == SQL
    assert rows(report(portal)) == []
    portal.api.put(contact, {"email": "anna@fjord.example"})
    portal.api.advance(6 * DAY)
    (row,) = rows(report(portal))
    assert (row["record"], row["since"], row["since_known"]) == (str(contact), "2026-04-11", True)


def test_nobody_outside_of_the_scope_is_told(portal: ConnectedPortal) -> None:
    portal.contact(SQL, email="a@fjord.example")
    contact_in_scope = portal.contact(SQL, email="b@elv.example")
    portal.api.advance(7 * DAY)
    result = report(portal, "settings: {scope: contact.email_domain == 'elv.example'}")
    assert [row["record"] for row in rows(result)] == [str(contact_in_scope)]


def test_archived_contacts_wait_for_nobody(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL)
    portal.api.advance(7 * DAY)
    assert len(rows(report(portal))) == 1
    portal.api.archive(contact)
    pull(portal.context(), full=True)
    assert portal.mirrored(contact) is None
    assert rows(report(portal)) == []
    assert portal.due(CONTACTS) == ()


def test_it_lists_who_fits_and_leaves_out_who_does_not(portal: ConnectedPortal) -> None:
    fitting = portal.contact(MQL, "", email="anna@good.example")
    portal.contact(MQL, "", email="bjorn@other.example")
    portal.api.advance(20 * DAY)
    settings_text = (
        "settings: {follow_up: {terms: {marketingqualifiedlead: 14 days}, "
        "fit: 'contact.email_domain == \"good.example\"'}}\n"
    )
    (row,) = rows(report(portal, settings_text))
    assert (row["record"], row["term_days"]) == (str(fitting), 14.0)
    assert row["why"] == "it fits, and nobody has taken it over; nobody owns it"


def test_it_may_be_asked_for_one_owner_or_one_stage(portal: ConnectedPortal) -> None:
    owned = portal.contact(SQL, "NEW", hubspot_owner_id="76000001")
    without_owner = portal.contact(SQL, "NEW")
    portal.api.advance(7 * DAY)
    report(portal)
    context = portal_context(portal)
    for owner, record in (("76000001", owned), ("none", without_owner)):
        owned_rows = rows(overlooked_report(context, owner=owner))
        assert [row["record"] for row in owned_rows] == [str(record)]
    assert rows(overlooked_report(context, stage="lead")) == []
    assert len(rows(overlooked_report(context, stage=SQL))) == 2
    with pytest.raises(UserError, match="--stage"):
        overlooked_report(context, stage="nothing")


def test_a_weekend_and_a_holiday_are_no_part_of_a_term_in_business_days(
    portal: ConnectedPortal,
) -> None:
    portal.contact(SQL, "NEW")
    # From Thursday, 12 March, to Tuesday: five days, three of them business days.
    portal.api.advance(5 * DAY + DAY / 24)
    workdays = "settings: {follow_up: {workdays: [monday, tuesday, wednesday, thursday, friday]}}\n"
    assert len(rows(report(portal))) == 1
    assert rows(report(portal, workdays)) == []
    portal.api.advance(2 * DAY)
    assert len(rows(report(portal, workdays))) == 1
