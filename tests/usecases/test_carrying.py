"""A company's move that HubSpot may carry on to its contacts is shown, tried alone, or waits."""

from __future__ import annotations

import pytest

from connector.core.model import Ref
from connector.explaining import explain_record
from connector.sync import sync
from tests.usecases.office import WON, Office

ON = "extends: standard\nsettings: {company_sync: {native: on}}"
OFF = "extends: standard\nsettings: {company_sync: {native: off}}"


@pytest.fixture
def firm(office: Office) -> Ref:
    """Return a lead company whose deal is won, with three leads behind it, none on the deal."""
    made = office.company("lead")
    for _ in range(3):
        office.contact("lead", associatedcompanyid=made.id)
    office.deal(WON, made)
    office.read_all()
    with office.store.begin() as session:
        from state import mirror

        mirror.mark_all_due(session, "1", at=office.door.now())
    return made


def test_where_the_sync_is_on_the_move_waits_and_the_plan_and_explain_say_so(
    office: Office, firm: Ref
) -> None:
    desk = office.desk(ON)
    behind = office.propose(desk).summary["side_effects"]["contacts_behind_their_company"]
    assert behind == {"companies": 1, "contacts": 3, "waiting": 1}
    waits = explain_record(desk, firm).waits
    assert "would carry 3 contacts" in waits
    assert "connector plan --out" in waits
    sync(office.desk(ON))
    assert office.door.sent == []
    assert office.stage(firm) == "lead"


def test_where_nobody_knows_the_move_is_tried_alone_and_said_to_be(
    office: Office, firm: Ref
) -> None:
    desk = office.desk()
    behind = office.propose(desk).summary["side_effects"]["contacts_behind_their_company"]
    assert behind == {"companies": 1, "contacts": 3, "waiting": 0}
    assert "it is tried alone" in explain_record(desk, firm).waits
    assert sync(office.desk()).outcomes.total() == 1
    assert office.stage(firm) == "customer"


def test_where_the_sync_is_off_nothing_waits(office: Office, firm: Ref) -> None:
    desk = office.desk(OFF)
    assert explain_record(desk, firm).waits == ""
    assert sync(office.desk(OFF)).outcomes.total() == 1


def test_the_operator_s_permission_lets_it_through(office: Office, firm: Ref) -> None:
    desk = office.desk(ON, permitted=True)
    behind = office.propose(desk).summary["side_effects"]["contacts_behind_their_company"]
    assert behind["waiting"] == 0
    assert sync(office.desk(ON, permitted=True)).outcomes.total() == 1
    assert office.stage(firm) == "customer"
