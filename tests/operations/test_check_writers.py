"""The check-up learns HubSpot's own settings from histories, within its budget of requests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from connector.config.presets import policy_text
from connector.core.policy.load import load_policy
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.retry import RetryLimits
from connector.operations.check import REQUESTS_AT_MOST, check
from connector.operations.check_workflows import WORKFLOW_PAGES
from connector.operations.finding import CheckResult, Finding
from connector.sandbox.http.faults import Fault
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.workflows import known_property_criteria

pytestmark = pytest.mark.network
START = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SETTINGS = ("native_company_sync", "native_deal_created", "native_deal_won")
TITLES = ("native: company sync", "native: a created deal", "native: a won deal")


def build_world(seed: int) -> tuple[Portal, dict[str, bool]]:
    """Return a portal of two weeks in which each setting is on or off, and people work too."""
    chance = random.Random(seed)
    portal = Portal(clock=Clock(START, running=False))
    is_on = {name: chance.random() < 0.5 for name in SETTINGS}
    portal.switches.native_company_sync = is_on["native_company_sync"]
    portal.switches.native_sync_source = chance.choice(["COMPANIES", "PIPELINE_SETTINGS"])
    portal.switches.native_deal_created = "opportunity" if is_on["native_deal_created"] else None
    portal.switches.native_deal_won = "customer" if is_on["native_deal_won"] else None
    portal.switches.native_sync_delay_seconds = chance.choice([0.0, 5.0, 60.0])
    for number in range(40):
        stage = chance.choice(["subscriber", "lead", "lead", "marketingqualifiedlead"])
        contact = portal.create(
            "contacts", {"email": f"c{number}@x.example", "lifecyclestage": stage}
        )
        company = portal.create("companies", {"name": f"C{number}", "lifecyclestage": "subscriber"})
        portal.associate("contacts", contact, "companies", company, primary=True)
        _pass(portal, chance.randint(20, 300))
        if chance.random() < 0.6:
            deal = portal.create("deals", {"dealname": f"D{number}", "dealstage": "contractsent"})
            portal.associate("deals", deal, "contacts", contact)
            portal.associate("deals", deal, "companies", company, primary=True)
            _pass(portal, chance.randint(20, 300))
            if chance.random() < 0.6:
                portal.edit("deals", deal, {"dealstage": "closedwon"})
                _pass(portal, chance.randint(20, 300))
        elif chance.random() < 0.5:
            portal.edit("companies", company, {"lifecyclestage": "opportunity"})
            _pass(portal, chance.randint(20, 300))
        # People set stages a while after, whatever HubSpot did.
        if chance.random() < 0.3:
            portal.edit("contacts", contact, {"lifecyclestage": "salesqualifiedlead"})
    return portal, is_on


def _pass(portal: Portal, minutes: int) -> None:
    """Let time pass in steps, so that what HubSpot does a moment later gets that time."""
    for seconds in (61, 60 * minutes):
        portal.clock.advance(seconds)
        portal.automations.run_due()


def run_check(
    portal: Portal, settings: str = "", faults: Sequence[Fault] = ()
) -> tuple[dict[str, Finding], int]:
    text = f"extends: standard\n{settings}"
    policy = load_policy(text, source="test.yaml", preset_text=policy_text)
    with Sandbox(portal, token="pat") as sandbox:
        for fault in faults:
            sandbox.faults.add(fault)
        client = HubSpotClient(
            "pat",
            sandbox.url,
            wait=lambda _: None,
            monotonic=lambda: portal.clock.ms() / 1000,
            retry_limits=RetryLimits(tries=2),
        )
        client.limit_requests(REQUESTS_AT_MOST)
        findings = {finding.name: finding for finding in check(client, policy, portal_id="")}
        client.close()
        return findings, sandbox.request_count()


def state_of(message: str) -> str:
    if message.startswith("unknown"):
        return "unknown"
    return "off" if message.startswith("sets no stage") else "on"


def test_each_native_setting_is_named_rightly_in_19_of_20_worlds_and_never_wrongly() -> None:
    right = 0
    for seed in range(20):
        portal, is_on = build_world(seed)
        findings, _ = run_check(portal)
        states = {
            name: state_of(findings[title].message)
            for name, title in zip(SETTINGS, TITLES, strict=True)
        }
        expected = {name: "on" if is_on[name] else "off" for name in SETTINGS}
        wrong = {name for name in SETTINGS if states[name] not in {expected[name], "unknown"}}
        assert wrong == set(), f"seed {seed}: {states} where {expected}"
        right += states == expected
    assert right >= 19


def test_a_setting_that_fights_names_its_stage_and_where_it_is_switched() -> None:
    portal = Portal(clock=Clock(START, running=False))
    portal.switches.native_deal_created = "evangelist"
    for number in range(5):
        contact = portal.create("contacts", {"email": f"z{number}@x.example"})
        deal = portal.create("deals", {"dealname": "Z", "dealstage": "contractsent"})
        portal.associate("deals", deal, "contacts", contact)
        _pass(portal, 30)
    findings, _ = run_check(portal)
    finding = findings["native: a created deal"]
    assert finding.result is CheckResult.WARNING
    assert "sets evangelist" in finding.message
    assert "fights with the policy" in finding.message
    assert "Settings > Objects > Deals" in finding.message


def test_a_setting_is_unknown_where_contacts_or_links_are_younger_than_the_deals() -> None:
    for is_contact_younger in (True, False):
        portal = Portal(clock=Clock(START, running=False))
        for number in range(8):
            properties = {"email": f"y{number}@x.example", "lifecyclestage": "lead"}
            contact = "" if is_contact_younger else portal.create("contacts", properties)
            deal = portal.create("deals", {"dealname": "Y", "dealstage": "contractsent"})
            company = portal.create("companies", {"name": "Y", "lifecyclestage": "lead"})
            portal.edit("companies", company, {"lifecyclestage": "opportunity"})
            _pass(portal, 60)
            contact = contact or portal.create("contacts", properties)
            portal.associate("deals", deal, "contacts", contact)
            portal.associate("contacts", contact, "companies", company, primary=True)
            _pass(portal, 60)
        findings, _ = run_check(portal)
        for title in TITLES[:2]:
            assert findings[title].message.startswith("unknown"), title


def test_the_records_modified_last_are_looked_at_in_a_portal_of_many() -> None:
    portal = Portal(clock=Clock(START, running=False))
    for number in range(450):
        portal.create("contacts", {"email": f"o{number}@x.example", "lifecyclestage": "lead"})
        portal.clock.advance(1)
    for record in portal.records("contacts")[:200]:
        portal.edit("contacts", str(record.id), {"lifecyclestage": "customer"}, source="SALESFORCE")
        portal.clock.advance(1)
    findings, _ = run_check(portal)
    # Each of the last 150 has two values: an import's, and that of Salesforce.
    assert "Salesforce 50%" in findings["writers of lifecyclestage"].message
    assert "of 300 values" in findings["writers of lifecyclestage"].message


@pytest.mark.parametrize(
    ("native", "expected", "light"),
    [
        ("unknown", "set `company_sync.native: on`", CheckResult.WARNING),
        ("on", "agrees with the policy", CheckResult.OK),
        ("off", "fights with the policy", CheckResult.WARNING),
    ],
)
def test_company_sync_fights_only_with_a_policy_that_says_it_is_off(
    native: str, expected: str, light: CheckResult
) -> None:
    portal = Portal(clock=Clock(START, running=False))
    portal.switches.native_company_sync = True
    for number in range(5):
        contact = portal.create("contacts", {"lifecyclestage": "lead", "lastname": f"L{number}"})
        company = portal.create("companies", {"name": "C", "lifecyclestage": "lead"})
        portal.associate("contacts", contact, "companies", company, primary=True)
        portal.edit("companies", company, {"lifecyclestage": "opportunity"})
        _pass(portal, 30)
    findings, _ = run_check(portal, f"settings: {{company_sync: {{native: {native}}}}}")
    finding = findings["native: company sync"]
    assert expected in finding.message
    assert ("fights" in finding.message) == (native == "off")
    assert finding.result is light


@pytest.mark.parametrize(
    ("source", "stage", "expected"),
    [
        ("IMPORT", "lead", "unknown"),
        ("PROPERTY_DEFAULT_VALUE", "lead", "agrees with the policy"),
        ("PROPERTY_DEFAULT_VALUE", "customer", "fights with the policy"),
    ],
)
def test_the_stage_of_a_new_contact_is_hubspots_setting_only_where_hubspot_set_it(
    source: str, stage: str, expected: str
) -> None:
    portal = Portal(clock=Clock(START, running=False))
    for number in range(20):
        contact = portal.create("contacts", {"lastname": f"N{number}"})
        portal.edit("contacts", contact, {"lifecyclestage": stage}, source=source)
    findings, _ = run_check(portal)
    assert expected in findings["native: a new contact"].message


def test_writers_are_named_with_share_and_last_time() -> None:
    findings, _ = run_check(build_world(1)[0])
    assert "a person" in findings["writers of lifecyclestage"].message
    assert "(last 2026-" in findings["writers of lifecyclestage"].message
    assert findings["writers of lifecyclestage"].section == "writers"


def test_a_large_portal_costs_no_more_than_what_is_said_before() -> None:
    portal, _ = build_world(2)
    for number in range(400):
        portal.create("contacts", {"email": f"many{number}@x.example"})
        portal.create("companies", {"name": f"Many {number}"})
        portal.create("deals", {"dealname": f"Many {number}", "dealstage": "contractsent"})
    # Two companies whose links fill many pages, and more workflows than are looked at.
    for company in (record.id for record in portal.records("companies")[120:122]):
        for contact in portal.records("contacts")[:60]:
            portal.associate("contacts", contact.id, "companies", company)
    portal.switches.long_paging_of_associations = 2
    portal.switches.scopes.add("automation")
    criteria = known_property_criteria("email")
    for number in range(100 * WORKFLOW_PAGES + 1):
        portal.add_workflow(f"W{number}", criteria, sets={"jobtitle": "x"})
    findings, requests = run_check(portal)
    assert requests <= REQUESTS_AT_MOST
    assert findings["workflows"].message.startswith("only the first 500 workflows")
    assert "writers" not in findings  # all of the histories were read


def test_records_that_cannot_be_read_cost_no_more_than_what_is_said_before() -> None:
    portal = Portal(clock=Clock(START, running=False))
    portal.switches.scopes.add("automation")
    ids = [portal.create("contacts", {"email": f"r{number}@x.example"}) for number in range(100)]
    fault = Fault(kind="500", route="batch_read", ids=ids[::10], times=0)
    findings, requests = run_check(portal, faults=[fault])
    assert requests == REQUESTS_AT_MOST
    for name in ("writers", "workflows"):
        assert findings[name].message == "unknown: the budget of 60 requests is used"
        assert findings[name].result is CheckResult.WARNING
    assert findings["policy"].result is CheckResult.OK


def test_refusals_that_are_tried_again_cost_no_more_than_what_is_said_before() -> None:
    portal, _ = build_world(3)
    fault = Fault(kind="429-secondly", route="search", times=0)
    findings, requests = run_check(portal, faults=[fault])
    assert requests <= REQUESTS_AT_MOST
    assert findings["read contacts"].message.startswith("could not be checked")
    assert findings["write contacts"].result is CheckResult.OK
    assert findings["writers"].message.startswith("could not be checked")
    assert findings["stages of contacts"].result is CheckResult.OK
