"""Company sync end to end: who follows whom, and who becomes due with whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.comparing import compare
from connector.core.holds import Hold, Scope
from connector.core.policy import load
from connector.errors import UserError
from connector.presets import preset
from connector.settings import read as read_settings
from connector.settling import settle
from connector.sync import sync
from state import holds, portals
from tests.usecases.office import COMPANIES, CONTACTS, DAY, OPEN, START, WON, Office

BOTH = "extends: company-sync"


def test_one_sync_leads_the_whole_circle_and_the_next_one_has_nothing_to_do(
    office: Office,
) -> None:
    firm = office.company("lead")
    on_it = office.contact("lead", associatedcompanyid=firm.id)
    beside = office.contact("lead", associatedcompanyid=firm.id)
    office.deal(OPEN, firm, on_it)
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, on_it, beside)] == ["opportunity"] * 3
    assert office.propose(office.desk(BOTH)).summary["corrections"] == 0


def test_a_won_deal_makes_customers_of_those_on_it_alone(office: Office) -> None:
    firm = office.company("lead")
    on_it, beside = (office.contact("lead", associatedcompanyid=firm.id) for _ in range(2))
    office.deal(WON, firm, on_it)
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, on_it, beside)] == ["customer", "customer", "lead"]


def test_a_changed_contact_makes_its_company_and_its_colleagues_due(office: Office) -> None:
    firm = office.company("lead")
    one, other = (office.contact("lead", associatedcompanyid=firm.id) for _ in range(2))
    sync(office.desk(BOTH))
    office.edit(one, lifecyclestage="salesqualifiedlead", hs_lead_status="NEW")
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert office.stage(firm) == office.stage(other) == "salesqualifiedlead"


def test_nobody_follows_a_company_to_where_a_person_keeps_it_from_going(office: Office) -> None:
    firm = office.company("lead")
    on_it, beside = (office.contact("lead", associatedcompanyid=firm.id) for _ in range(2))
    office.deal(OPEN, firm, on_it)
    office.door.advance(DAY)
    office.person_sets(firm, lifecyclestage="subscriber")
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, on_it, beside)] == [
        "subscriber",
        "opportunity",
        "lead",
    ]
    (beside_explained,) = settle(office.desk(BOTH), [beside])
    assert beside_explained.decision.rule == "keep"
    office.door.advance(31 * DAY)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, on_it, beside)] == ["opportunity"] * 3


def test_a_company_does_not_follow_a_contact_that_is_held(office: Office) -> None:
    firm = office.company("lead")
    asked = office.contact("lead", associatedcompanyid=firm.id, recent_conversion_event_name="Demo")
    with office.store.begin() as session:
        hold = Hold(
            scope=Scope.RECORD, of=str(asked), property_name="", reason="x", by="y", since=START
        )
        holds.add(session, "1", [hold])
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, asked)] == ["lead", "lead"]


def test_a_large_company_is_left_to_itself(office: Office) -> None:
    policy = f"{BOTH}\nsettings: {{company_sync: {{max_contacts: 1}}}}"
    firm = office.company("opportunity")
    people = [office.contact("lead", associatedcompanyid=firm.id) for _ in range(2)]
    office.door.advance(3600)
    sync(office.desk(policy))
    assert [office.stage(one) for one in people] == ["lead", "lead"]


def test_without_company_sync_a_company_makes_nobody_due(office: Office) -> None:
    firm = office.company("lead")
    office.contact("lead", associatedcompanyid=firm.id)
    office.read_all()
    office.edit(firm, lifecyclestage="opportunity")
    office.door.advance(3600)
    sync(office.desk())
    assert office.due(CONTACTS) == office.due(COMPANIES) == ()


def test_a_comparison_needs_a_mirror(tmp_path: Path) -> None:
    settings = read_settings({"CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"})
    policy = load("extends: standard", source="p.yaml", preset=preset)
    with pytest.raises(UserError, match="Nothing is mirrored yet"):
        compare(settings, policy, policy, now=START)


def test_a_comparison_says_what_was_never_pulled_and_how_to_get_it(
    office: Office, tmp_path: Path
) -> None:
    with office.store.begin() as session:
        portals.save(session, office.door.what, office.door.now())
    office.read_all()
    settings = read_settings({"CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path}/connector-0.db"})
    old = load("extends: standard", source="old.yaml", preset=preset)

    def against(text: str) -> str:
        new = load(f"extends: standard\n{text}", source="new.yaml", preset=preset)
        with pytest.raises(UserError) as caught:
            compare(settings, new, old, now=START)
        return str(caught.value)

    unread = against("settings: {score: {property: score}}")
    assert unread.startswith("The policy new asks for what was never pulled of contacts: score")
    assert "Run `connector pull --policy new.yaml`" in unread
    unknown = against("settings: {score: {property: fit}}")
    assert unknown.startswith("new.yaml:2:30: ")
    assert "as it was when it was last pulled" in unknown


def test_two_policies_are_compared_without_a_request(office: Office, tmp_path: Path) -> None:
    won_by = office.contact("lead")
    asked = office.contact("lead", recent_conversion_event_name="Book a demo")
    office.deal(WON, won_by)
    with office.store.begin() as session:
        portals.save(session, office.door.what, office.door.now())
    office.read_all()
    old = load("extends: standard", source="old.yaml", preset=preset)
    new = load(
        "extends: standard\nsettings: {handover: {forms: []}}", source="new.yaml", preset=preset
    )
    path = tmp_path / "connector-0.db"
    settings = read_settings({"CONNECTOR_DATABASE_URL": f"sqlite:///{path}"})
    found = compare(settings, new, old, now=office.door.now())
    assert office.requests().total() == 0
    assert found.looked_at == {"contacts": 2}
    assert found.records == 1
    assert [one.record for one in found.examples] == [asked, asked]
    assert found.dropped["handover", "forward"] == 1
