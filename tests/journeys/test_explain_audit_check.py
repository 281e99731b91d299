"""Explain, audit and check as an operator types them: their output, and that they write nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from connector.operations.check_up import read_check_up
from connector.sandbox.portal.workflows import known_property_criteria
from state.db.store import Store
from tests.journeys.command_line import RunConnector
from tests.journeys.exit_codes import ACTION_NEEDED, DONE
from tests.journeys.sample_records import (
    OPEN,
    create_deal,
    create_mixed_records,
    create_reopened_customer,
)
from tests.journeys.workspace import Workspace

CORRECTION = {
    *("record", "property_name", "before", "after", "direction", "rule", "reason", "evidence"),
}
AUDIT_LINE = [
    *("at", "run", "record", "property_name", "before", "after", "rule", "policy", "outcome"),
    *("correlation_id", "hash"),
]


@pytest.mark.parametrize("name", ["contact {0}", "contacts/{0}", "contact/{0}"])
def test_explain_tells_what_is_what_should_be_and_why(
    workspace: Workspace, run_connector: RunConnector, name: str
) -> None:
    anna = create_reopened_customer(workspace.portal)
    run_connector("pull")
    explanation = run_connector("explain", *name.format(anna).split(), "--json").json
    assert explanation["record"] == f"contacts/{anna}"
    assert explanation["is"] == {"lifecyclestage": "customer", "hs_lead_status": ""}
    assert explanation["should_be"] == {
        "lifecyclestage": "opportunity",
        "hs_lead_status": "OPEN_DEAL",
    }
    assert explanation["rule"] == "reopened"
    assert set(explanation["corrections"][0]) == CORRECTION
    verdicts = {rule["rule"]: rule["verdict"] for rule in explanation["stage_rules"]}
    assert (verdicts["won"], verdicts["reopened"]) == ("failed", "won")
    assert workspace.sandbox.write_requests() == []


def test_explain_tells_a_company_for_people(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    company_id = workspace.portal.create(
        "companies", {"name": "Fjord AS", "lifecyclestage": "lead"}
    )
    deal_id = create_deal(workspace.portal, [OPEN], companies=[company_id])
    run_connector("pull")
    result = run_connector("explain", "company", company_id)
    assert result.code == DONE
    assert "is Lead, should be Opportunity" in result.out
    assert f"deals/{deal_id} open since 2026-10-31" in result.out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("contact 999", "connector pull"),
        ("deals/1", "no lifecycle stage"),
        ("anna@fjord.example", "contacts/123"),
        ("lorry 5", "contacts/123"),
    ],
)
def test_explain_says_what_it_cannot_explain_and_what_to_type(
    workspace: Workspace, run_connector: RunConnector, name: str, message: str
) -> None:
    run_connector("pull")
    result = run_connector("explain", *name.split())
    assert result.code == ACTION_NEEDED
    assert message in result.err
    assert "Traceback" not in result.err


def test_the_audit_is_json_lines_as_in_the_contract(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    anna = create_reopened_customer(workspace.portal)
    run_connector("sync")
    lines = run_connector("audit", "--json").lines
    assert [list(line) for line in lines] == [AUDIT_LINE, AUDIT_LINE]
    assert [line["record"] for line in lines] == [f"contacts/{anna}"] * 2
    assert {line["outcome"] for line in lines} == {"applied"}
    assert {line["policy"] for line in lines} == {"standard"}
    assert all(line["correlation_id"] and len(line["hash"]) == 64 for line in lines)


def test_the_audit_is_found_by_record_run_and_time(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    first = run_connector("sync", "--json").json["run"]
    anna = run_connector("audit", "--json").lines[-1]["record"]
    workspace.portal.clock.advance(86_400)
    record_id = anna.removeprefix("contacts/")
    values = {"hs_lead_status": "CONNECTED", "lifecyclestage": ""}
    workspace.portal.edit(
        "contacts", record_id, values, source="IMPORT", source_id="", user_id=None
    )
    second = run_connector("sync", "--json").json["run"]
    all_lines = run_connector("audit", "--json").lines
    assert run_connector("audit", "--run", first, "--json").lines == all_lines[:9]
    later_lines = all_lines[9:]
    assert later_lines
    assert run_connector("audit", "--run", second, "--json").lines == later_lines
    assert run_connector("audit", "--since", "2026-11-03", "--json").lines == later_lines
    annas_lines = [line for line in all_lines if line["record"] == anna]
    assert run_connector("audit", "--record", anna, "--json").lines == annas_lines
    assert run_connector("audit", "--record", "contact 999", "--json").lines == []


@pytest.mark.parametrize("line", ["--record contacts/x", "--record 5", "--since yesterday"])
def test_the_audit_refuses_what_it_cannot_read(run_connector: RunConnector, line: str) -> None:
    result = run_connector("audit", *line.split())
    assert result.code == ACTION_NEEDED
    assert line.split()[1] in result.err
    assert "Traceback" not in result.err


def test_audit_verify_ends_with_1_at_the_first_changed_row(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    run_connector("sync")
    intact = run_connector("audit", "verify", "--json")
    assert (intact.code, intact.json["intact"], intact.json["lines"]) == (DONE, True, 9)
    _forge(workspace.folder / "connector.db", row=4)
    broken = run_connector("audit", "verify", "--json")
    assert (broken.code, broken.json["intact"], broken.json["row"]) == (ACTION_NEEDED, False, 4)
    assert "row 4" in run_connector("audit", "verify").out


def _forge(database: Path, *, row: int) -> None:
    """Change one value behind the connector's back, past the triggers that refuse it."""
    connection = sqlite3.connect(database)
    triggers = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for (name,) in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE audit SET after = 'lead' WHERE place = ?", (row,))
    connection.commit()
    connection.close()


def test_a_check_of_a_good_portal_is_green_and_changes_nothing(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    expected = create_mixed_records(workspace.portal)
    before = workspace.values(*expected)
    result = run_connector("check", "--json")
    assert result.code == DONE
    assert {check["light"] for check in result.json} == {"ok"}
    assert all(list(check)[:3] == ["name", "light", "message"] for check in result.json)
    assert workspace.values(*expected) == before


def test_a_check_of_a_portal_in_the_database_is_kept_for_the_dashboard(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    run_connector("pull")
    checks = run_connector("check", "--json").json
    url, portal_id = workspace.settings.database_url, str(workspace.portal.portal_id)
    with Store.open(url) as store, store.reading(portal_id) as session:
        check_up = read_check_up(session)
    assert check_up
    assert [finding.name for finding in check_up.findings] == [check["name"] for check in checks]


@pytest.mark.parametrize(
    "scope",
    [
        *("crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.deals.read"),
        *("crm.objects.contacts.write", "crm.objects.companies.write"),
    ],
)
def test_a_check_names_a_missing_scope(
    workspace: Workspace, run_connector: RunConnector, scope: str
) -> None:
    workspace.portal.switches.scopes.discard(scope)
    result = run_connector("check", "--json")
    assert result.code == ACTION_NEEDED
    messages = [check["message"] for check in result.json if check["light"] == "fail"]
    assert any(scope in message for message in messages)


def test_a_check_names_the_portal_that_a_token_belongs_to(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    mismatched = run_connector("check", "--json", HUBSPOT_PORTAL_ID="4711")
    assert mismatched.code == ACTION_NEEDED
    assert [check["name"] for check in mismatched.json if check["light"] == "fail"] == ["portal id"]
    # Nothing is asked of a portal that is not the right one, but who it is.
    assert workspace.sandbox.request_count() == workspace.sandbox.request_count("account") == 1
    unpinned = run_connector("check", "--json", HUBSPOT_PORTAL_ID="")
    assert unpinned.code == DONE
    assert [check["name"] for check in unpinned.json if check["light"] == "warning"] == [
        "portal id"
    ]


def test_a_check_has_sections_and_is_shown_as_markdown_for_a_ticket(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    result = run_connector("check", "--format", "markdown")
    assert result.code == DONE
    for section in ("Portal", "Stages", "Policy", "Writers", "Database"):
        assert f"## {section}" in result.out
    assert f"| ok | database | {workspace.folder / 'connector.db'}" in result.out
    assert "at most 60 requests" in result.err
    assert run_connector("check", "--format", "json").json[0]["section"] == "portal"


def test_a_check_says_of_each_workflow_whether_it_agrees_or_fights_or_that_nobody_knows(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    portal = workspace.portal
    assert "`automation`" in messages_of(run_connector)["workflows"]
    portal.switches.scopes.add("automation")
    assert messages_of(run_connector)["workflows"] == (
        "no active workflow of contacts or companies sets stage or lead status"
    )
    criteria = known_property_criteria("email")
    portal.add_workflow("VIPs", criteria, sets={"lifecyclestage": "evangelist"})
    portal.add_workflow("Wins", criteria, sets={"lifecyclestage": "customer"})
    portal.add_workflow("Bell", criteria, sets={"hs_lead_status": "NEW", "jobtitle": "x"})
    portal.add_workflow("Reset", criteria, sets={"hs_lead_status": ""})
    portal.add_workflow("Asleep", criteria, sets={"lifecyclestage": "other"}, enabled=False)
    portal.add_workflow("Blanks", criteria, sets={"lifecyclestage": ""})
    portal.add_workflow("Copy", criteria, sets={"lifecyclestage": None})
    portal.add_workflow(
        "Blanks companies", criteria, object_type="companies", sets={"lifecyclestage": ""}
    )
    checks = run_connector("check", "--json").json
    workflows = {
        check["name"].removeprefix("workflow "): (check["light"], check["message"])
        for check in checks
        if check["name"].startswith("workflow ")
    }
    assert {name: (light, verdict_of(text)) for name, (light, text) in workflows.items()} == {
        "71000": ("warning", "unknown"),
        "71001": ("ok", "agrees"),
        "71002": ("ok", "agrees"),
        "71003": ("ok", "agrees"),
        "71005": ("warning", "fights"),
        "71006": ("warning", "unknown"),
        "71007": ("warning", "unknown"),
    }
    assert workflows["71000"][1].startswith("VIPs (contacts) sets lifecyclestage to evangelist")
    assert "clears hs_lead_status" in workflows["71003"][1]
    assert "to a value from elsewhere" in workflows["71006"][1]


def verdict_of(message: str) -> str:
    """Return the first word after what a workflow sets."""
    return message.partition(": ")[2].partition(" ")[0]


def messages_of(run_connector: RunConnector) -> dict[str, str]:
    checks = run_connector("check", "--json").json
    return {check["name"]: check["message"] for check in checks}


def test_a_check_says_which_webhook_events_do_not_arrive(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    workspace.portal.create("contacts", {"email": "anna@fjord.example"})
    run_connector("pull")
    address = {"HUBSPOT_WEBHOOK_SECRET": "s", "CONNECTOR_PUBLIC_URL": "https://hooks.example.com"}
    checks = {check["name"]: check for check in run_connector("check", "--json", **address).json}
    assert checks["webhooks"]["light"] == "ok"
    assert checks["events of contacts"]["light"] == "warning"
    assert checks["events of deals"]["light"] == "ok"
    assert checks["company sync"]["message"].startswith("unknown")
    # Where HubSpot does not answer, its time is unknown, and so is what is late.
    address["HUBSPOT_API_URL"] = "http://127.0.0.1:9"
    checks = {check["name"]: check for check in run_connector("check", "--json", **address).json}
    assert checks["token"]["light"] == "fail"
    assert "webhooks" in checks
    assert "events of contacts" not in checks
