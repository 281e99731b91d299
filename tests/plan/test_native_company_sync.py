"""A company's move that HubSpot may copy to its contacts is shown, tried alone, or waits."""

from __future__ import annotations

import pytest

from connector.core.model import Ref
from connector.operations.explain import explain_record
from connector.operations.sync import sync
from tests.fakes.connected_portal import WON, ConnectedPortal

NATIVE_SYNC_ON = "extends: standard\nsettings: {company_sync: {native: on}}"
NATIVE_SYNC_OFF = "extends: standard\nsettings: {company_sync: {native: off}}"


@pytest.fixture
def lead_company(portal: ConnectedPortal) -> Ref:
    """Return a lead company whose deal is won, with three leads behind it, none on the deal."""
    company = portal.company("lead")
    for _ in range(3):
        portal.contact("lead", associatedcompanyid=company.id)
    portal.deal(WON, company)
    portal.read_all()
    with portal.store.begin("1") as session:
        from state import due_times

        due_times.mark_all_due(session, at=portal.api.now())
    return company


def test_where_the_sync_is_on_the_move_waits_and_the_plan_and_explain_say_so(
    portal: ConnectedPortal, lead_company: Ref
) -> None:
    context = portal.context(NATIVE_SYNC_ON)
    summary = portal.propose(context).summary
    contacts_behind = summary.contacts_behind_their_company
    assert contacts_behind == {"companies": 1, "contacts": 3, "waiting": 1}
    ((company, contacts),) = summary.waiting_companies.items()
    assert company == str(lead_company)
    assert len(contacts) == 3
    reason = explain_record(context, lead_company).wait_message
    assert "would carry 3 contacts" in reason
    assert "connector plan --out" in reason
    sync(portal.context(NATIVE_SYNC_ON))
    assert portal.api.sent_updates == []
    assert portal.stage(lead_company) == "lead"


def test_where_nobody_knows_the_move_is_tried_alone_and_said_to_be(
    portal: ConnectedPortal, lead_company: Ref
) -> None:
    context = portal.context()
    contacts_behind = portal.propose(context).summary.contacts_behind_their_company
    assert contacts_behind == {"companies": 1, "contacts": 3, "waiting": 0}
    assert "it is tried alone" in explain_record(context, lead_company).wait_message
    assert sync(portal.context()).outcomes.total() == 1
    assert portal.stage(lead_company) == "customer"


def test_where_the_sync_is_off_nothing_waits(portal: ConnectedPortal, lead_company: Ref) -> None:
    context = portal.context(NATIVE_SYNC_OFF)
    assert explain_record(context, lead_company).wait_message == ""
    assert sync(portal.context(NATIVE_SYNC_OFF)).outcomes.total() == 1


def test_the_operator_s_permission_lets_it_through(
    portal: ConnectedPortal, lead_company: Ref
) -> None:
    context = portal.context(NATIVE_SYNC_ON, permitted=True)
    summary = portal.propose(context).summary
    assert summary.contacts_behind_their_company["waiting"] == 0
    assert summary.waiting_companies == {}
    assert sync(portal.context(NATIVE_SYNC_ON, permitted=True)).outcomes.total() == 1
    assert portal.stage(lead_company) == "customer"
