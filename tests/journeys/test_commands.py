"""The commands as an operator types them: what they say, what they write, how they end."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli import main
from connector.sandbox.http.call import Request
from connector.sandbox.http.faults import Fault
from state.db.store import Store
from tests.journeys import kill_process
from tests.journeys.command_line import RunConnector
from tests.journeys.sample_records import (
    OPEN,
    create_contact,
    create_deal,
    create_mixed_records,
    create_reopened_customer,
)
from tests.journeys.workspace import TOKEN, Workspace, new_portal

DONE, ACTION_NEEDED, CORRECTIONS, BUG, TRY_LATER, INTERRUPTED = 0, 1, 2, 3, 4, 130
CORRECTION = {
    *("record", "property_name", "before", "after", "direction", "rule", "reason", "evidence"),
}
PLAN = ["portal_id", "policy", "created_at", "digest", "summary"]
AUDIT_LINE = [
    *("at", "run", "record", "property_name", "before", "after", "rule", "policy", "outcome"),
    *("correlation_id", "hash"),
]


# What is wrong with the settings


def test_without_a_token_it_says_which_setting_and_how_to_try_without(
    run_connector: RunConnector,
) -> None:
    result = run_connector("sync", HUBSPOT_ACCESS_TOKEN="")
    assert result.code == ACTION_NEEDED
    assert "HUBSPOT_ACCESS_TOKEN" in result.err
    assert "connector demo" in result.err


def test_a_token_that_hubspot_does_not_know_is_named_and_not_shown(
    run_connector: RunConnector,
) -> None:
    result = run_connector("pull", HUBSPOT_ACCESS_TOKEN="pat-eu1-of-somebody-else")
    assert result.code == ACTION_NEEDED
    assert "HUBSPOT_ACCESS_TOKEN" in result.err
    assert "somebody" not in result.out + result.err


@pytest.mark.parametrize("command", ["pull", "plan", "apply", "sync", "explain contacts/1"])
def test_a_token_of_another_portal_writes_nothing_and_reads_no_record(
    workspace: Workspace, run_connector: RunConnector, command: str
) -> None:
    create_mixed_records(workspace.portal)
    before = (workspace.folder / "connector.db").read_bytes()
    result = run_connector(*command.split(), HUBSPOT_PORTAL_ID="4711")
    assert result.code == ACTION_NEEDED
    assert "4711" in result.err
    assert str(workspace.portal.portal_id) in result.err
    assert {request.route for request in workspace.sandbox.requests} <= {
        "account",
        "properties",
        "pipelines",
    }
    assert (workspace.folder / "connector.db").read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HUBSPOT_PORTAL_ID", "12a"),
        ("HUBSPOT_API_VERSION", "v4"),
        ("CONNECTOR_DATABASE_URL", "mysql://root@localhost/x"),
        ("CONNECTOR_RECHECK_SECONDS", "soon"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(
    run_connector: RunConnector, setting: str, value: str
) -> None:
    result = run_connector("sync", **{setting: value})
    assert result.code == ACTION_NEEDED
    assert setting in result.err
    assert value in result.err


def test_a_misspelt_setting_in_the_file_is_answered_with_the_nearest_one(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    (workspace.folder / "connector.toml").write_text('hubspot_portal_di = "1"\n', encoding="utf-8")
    result = run_connector("sync")
    assert result.code == ACTION_NEEDED
    assert "did you mean HUBSPOT_PORTAL_ID?" in result.err


def test_a_token_may_lie_in_a_file(
    workspace: Workspace, run_connector: RunConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    result = run_connector("pull", HUBSPOT_ACCESS_TOKEN="", HUBSPOT_ACCESS_TOKEN_FILE="token")
    assert (result.code, result.err.count("Error")) == (DONE, 0)


def test_an_unknown_policy_is_answered_with_the_presets(run_connector: RunConnector) -> None:
    result = run_connector("plan", "--policy", "standart")
    assert result.code == ACTION_NEEDED
    assert "standart" in result.err
    assert "standard" in result.err


def test_a_broken_policy_is_named_by_file_line_and_column(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    policy_text = "extends: standard\nsettings:\n  default_stag: lead\n"
    (workspace.folder / "ours.yaml").write_text(policy_text, encoding="utf-8")
    result = run_connector("sync", CONNECTOR_POLICY="ours.yaml")
    assert result.code == ACTION_NEEDED
    assert "ours.yaml:3:3: " in result.err
    assert "default_stage" in result.err
    assert workspace.sandbox.requests == []


def test_a_policy_that_names_a_stage_which_the_portal_lacks_lists_those_it_has(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    policy_text = "extends: standard\nsettings:\n  default_stage: Kunde\n"
    (workspace.folder / "ours.yaml").write_text(policy_text, encoding="utf-8")
    result = run_connector("sync", CONNECTOR_POLICY="ours.yaml")
    assert result.code == ACTION_NEEDED
    assert "ours.yaml:3:18: " in result.err
    assert "Customer" in result.err
    assert workspace.sandbox.write_requests() == []


# What HubSpot says


@pytest.mark.parametrize("command", ["pull", "sync"])
def test_a_missing_read_scope_is_named(
    workspace: Workspace, run_connector: RunConnector, command: str
) -> None:
    workspace.portal.switches.scopes.discard("crm.objects.deals.read")
    result = run_connector(command)
    assert result.code == ACTION_NEEDED
    assert "crm.objects.deals.read" in result.err


def test_a_missing_write_scope_is_named_and_nothing_is_blank(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    workspace.portal.switches.scopes.discard("crm.objects.contacts.write")
    result = run_connector("sync")
    assert result.code == ACTION_NEEDED
    assert "crm.objects.contacts.write" in result.err
    assert workspace.blank_records() == []


@pytest.mark.parametrize("kind", ["500", "502", "503", "reset", "429-daily", "477"])
def test_where_hubspot_stays_away_it_ends_with_4_and_the_next_one_goes_on(
    workspace: Workspace, run_connector: RunConnector, kind: str
) -> None:
    anna = create_reopened_customer(workspace.portal)
    workspace.sandbox.faults.add(Fault(route="search", kind=kind, times=0))
    result = run_connector("sync")
    assert result.code == TRY_LATER
    assert result.err.splitlines()[-1].startswith("Not now: ")
    workspace.sandbox.faults.clear()
    assert run_connector("sync").code == DONE
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "opportunity"


def test_where_nothing_listens_it_ends_with_4(run_connector: RunConnector) -> None:
    result = run_connector("pull", HUBSPOT_API_URL="http://127.0.0.1:9")
    assert result.code == TRY_LATER
    assert "HUBSPOT_API_URL" in result.err


def test_what_is_no_hubspot_ends_with_4_and_names_the_setting(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    result = run_connector("pull", HUBSPOT_API_URL=f"{workspace.sandbox.url}/nothing/here")
    # A page of HTML may pass by itself: it was asked for again before anybody is told.
    assert result.code == TRY_LATER
    assert "HUBSPOT_API_URL" in result.err


# How a command may end


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sync --faster", "--faster"),
        ("synch", "did you mean sync?"),
        ("plan --policy", "'--policy' requires an argument"),
        ("explain", "Name a record, such as `contact 123`"),
        ("audit proof", "'proof' is not"),
        ("sandbox --port 99999", "--port"),
        ("", "Commands:"),
    ],
)
def test_wrong_usage_ends_with_1_and_says_what_is_wrong(
    workspace: Workspace, run_connector: RunConnector, line: str, message: str
) -> None:
    result = run_connector(*line.split())
    assert result.code == ACTION_NEEDED
    assert message in result.err
    assert "Traceback" not in result.err
    assert workspace.sandbox.requests == []


def test_a_bug_of_ours_ends_with_3_and_a_traceback(
    run_connector: RunConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("connector.cli.cycle.sync_all", crash)
    result = run_connector("sync")
    assert result.code == BUG
    assert "ZeroDivisionError" in result.err


def test_interrupted_in_the_gap_it_ends_with_130_and_the_next_start_finishes(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    anna = create_reopened_customer(workspace.portal)

    def interrupt(request: Request) -> None:
        if request.route == "batch_update":
            process.signal(signal.SIGINT)

    workspace.sandbox.after_answer = interrupt
    process = kill_process.start(workspace, "sync")
    assert process.wait() == INTERRUPTED
    workspace.sandbox.after_answer = None
    assert "Interrupted" in (workspace.folder / "err").read_text(encoding="utf-8")
    assert kill_process.run(workspace, "sync") == DONE
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "opportunity"
    assert workspace.open_moves() == ()


def test_who_comes_while_another_one_writes_is_told_who_and_waits(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    with (
        workspace.store() as store,
        store.writer_lock(str(workspace.portal.portal_id), holder_name="the daemon"),
    ):
        result = run_connector("sync")
    assert result.code == TRY_LATER
    assert "the daemon" in result.err
    assert workspace.sandbox.write_requests() == []


def test_the_module_is_the_same_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "connector", "--version"], capture_output=True, check=False
    )
    assert result.returncode == DONE
    assert result.stdout.startswith(b"connector, version ")


@pytest.mark.parametrize("name", ["", *main.COMMANDS])
def test_every_command_has_a_help(run_connector: RunConnector, name: str) -> None:
    result = run_connector(*filter(None, [name, "--help"]))
    assert result.code == DONE
    assert f"Usage: connector {name}".rstrip() in result.out


# The cycle in steps


def test_a_plan_needs_a_mirror_and_names_the_command(run_connector: RunConnector) -> None:
    result = run_connector("plan")
    assert result.code == ACTION_NEEDED
    assert "connector pull" in result.err


def test_pull_tells_what_it_read(workspace: Workspace, run_connector: RunConnector) -> None:
    create_mixed_records(workspace.portal)
    first, second = run_connector("pull", "--json").json, run_connector("pull", "--json").json
    assert list(first) == ["portal_id", "run", "read", "changed", "whole", "context"]
    assert first["read"] == {"deals": 4, "companies": 2, "contacts": 5}
    assert first["whole"] == ["companies", "contacts", "deals"]
    assert (second["changed"], second["whole"]) == ({"deals": 0, "companies": 0, "contacts": 0}, [])
    assert run_connector("pull", "--full", "--json").json["whole"] == first["whole"]


def test_a_plan_is_the_document_of_the_contract_and_writes_nothing(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    anna = create_reopened_customer(workspace.portal)
    run_connector("pull")
    result = run_connector("plan", "--json")
    plan = result.json
    assert list(plan) == [*PLAN, "workflows", "policy_source", "context", "corrections", "aside"]
    assert plan["portal_id"] == str(workspace.portal.portal_id)
    assert set(plan["policy"]) == {"name", "digest"}
    stage, status = plan["corrections"]
    assert set(stage) == set(status) == CORRECTION
    assert stage["record"] == status["record"] == f"contacts/{anna}"
    assert [stage[name] for name in ("property_name", "before", "after", "direction", "rule")] == [
        *("lifecyclestage", "customer", "opportunity", "backward", "reopened"),
    ]
    assert [status[name] for name in ("property_name", "before", "after", "direction")] == [
        *("hs_lead_status", "", "OPEN_DEAL", "set"),
    ]
    assert "was won 2026-10-29, open since 2026-10-31" in stage["evidence"][0]
    assert workspace.sandbox.write_requests() == []
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "customer"


def test_the_same_plan_has_the_same_digest(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    run_connector("pull")
    first, second = run_connector("plan", "--json").json, run_connector("plan", "--json").json
    assert first["digest"] == second["digest"]
    assert first["corrections"] == second["corrections"]


def test_a_plan_with_corrections_ends_with_2_where_a_script_asks_for_it(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    run_connector("pull")
    assert run_connector("plan").code == DONE
    assert run_connector("plan", "--exit-code").code == CORRECTIONS
    run_connector("apply")
    assert run_connector("plan", "--exit-code").code == DONE


def test_a_plan_by_another_policy_is_shown_and_changes_nothing(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_contact(workspace.portal, "anna")
    run_connector("pull")
    policy_text = "extends: standard\nname: ours\nsettings:\n  default_stage: subscriber\n"
    (workspace.folder / "ours.yaml").write_text(policy_text, encoding="utf-8")
    own_plan = run_connector("plan", "--policy", "ours.yaml", "--json").json
    assert [correction["after"] for correction in own_plan["corrections"]] == ["subscriber"]
    assert own_plan["policy"]["name"] == "ours"
    standard_plan = run_connector("plan", "--policy", "standard", "--json").json
    assert [correction["after"] for correction in standard_plan["corrections"]] == ["lead"]


def test_apply_corrects_what_the_mirror_says_and_asks_for_no_news(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    expected = create_mixed_records(workspace.portal)
    run_connector("pull")
    workspace.sandbox.clear_requests()
    result = run_connector("apply", "--json")
    assert result.code == DONE
    assert workspace.values(*expected) == expected
    assert {request.route for request in workspace.sandbox.requests}.isdisjoint({"search", "list"})
    assert result.json["pulled"] is None


def test_sync_tells_the_run_the_plan_and_the_outcomes(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    expected = create_mixed_records(workspace.portal)
    result = run_connector("sync", "--no-limits", "--json")
    keys = ["run", "recovered", "pulled", "plan", "outcomes", "rules_to_review"]
    assert list(result.json) == [*keys, "context"]
    assert list(result.json["plan"]) == PLAN
    assert result.json["outcomes"] == {"applied": 9}
    assert workspace.values(*expected) == expected
    assert {line["run"] for line in run_connector("audit", "--json").lines} == {result.json["run"]}


def test_a_correction_that_changed_between_plan_and_apply_is_not_applied(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    anna = create_reopened_customer(workspace.portal)
    run_connector("pull")
    run_connector("plan")
    workspace.portal.edit("contacts", anna, {"lifecyclestage": "evangelist"})
    result = run_connector("apply", "--json")
    assert result.code == DONE
    assert result.json["outcomes"] == {}
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "evangelist"


def test_what_people_read_names_figures_reasons_and_the_next_command(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    anna = create_reopened_customer(workspace.portal)
    result = run_connector("sync")
    assert f"contacts/{anna}" in result.out
    assert "Customer → Opportunity" in result.out
    assert "connector audit --run" in result.out
    assert "everything is as it should be" in run_connector("sync").out


# Looking


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
    assert all(list(check) == ["name", "light", "message"] for check in result.json)
    assert workspace.values(*expected) == before


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


def test_a_check_names_the_portal_that_a_token_belongs_to(run_connector: RunConnector) -> None:
    mismatched = run_connector("check", "--json", HUBSPOT_PORTAL_ID="4711")
    assert mismatched.code == ACTION_NEEDED
    assert [check["name"] for check in mismatched.json if check["light"] == "fail"] == ["portal id"]
    unpinned = run_connector("check", "--json", HUBSPOT_PORTAL_ID="")
    assert unpinned.code == DONE
    assert [check["name"] for check in unpinned.json if check["light"] == "warning"] == [
        "portal id"
    ]


# Secrets, and the sandbox


def test_the_token_is_in_no_output_and_not_in_the_database(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    commands = ("check", "pull", "plan", "sync", "audit", "audit verify", "explain contacts/1")
    results = [run_connector(*command.split()) for command in commands]
    workspace.portal.switches.scopes.clear()
    results += [run_connector(*command.split()) for command in commands]
    workspace.sandbox.dispatcher.tokens.clear()
    results += [run_connector(*command.split()) for command in commands]
    assert all(TOKEN not in result.out + result.err for result in results)
    Store.open(workspace.environment["CONNECTOR_DATABASE_URL"]).close()
    assert TOKEN.encode() not in (workspace.folder / "connector.db").read_bytes()


def test_no_address_of_a_person_is_in_the_logs(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    workspace.sandbox.faults.add_random(rate=0.2, kinds=["500", "429-secondly", "207"], seed=3)
    logs = [run_connector("sync").err for _ in range(3)]
    assert any(logs)
    assert not any("@" in text or "anna" in text for text in logs)


def test_the_sandbox_serves_a_portal_and_ends_well_when_told_to(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    process = kill_process.start(workspace, "sandbox", "--port", "0", "--contacts", "30")
    url = _url_in(workspace.folder / "out")
    workspace.overrides = {"HUBSPOT_API_URL": url, "HUBSPOT_ACCESS_TOKEN": "pat-eu1-sandbox"}
    with workspace.open_context() as context:
        assert context.portal_id == "147893286"
    process.signal(signal.SIGTERM)
    assert process.wait() == DONE


def _url_in(path: Path) -> str:
    for _ in range(2000):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if "HUBSPOT_API_URL=" in text:
            return text.split("HUBSPOT_API_URL=")[1].split()[0]
        time.sleep(0.01)
    raise AssertionError("the sandbox did not start")
