"""Commands name the portal, policy and database they use, and print what can be typed and piped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.command_line import RunConnector
from tests.journeys.sample_records import create_contact, create_mixed_records, submit_form
from tests.journeys.workspace import TOKEN, Workspace

DONE, ACTION_NEEDED = 0, 1
OWN_POLICY = "extends: standard\nname: ours\nsettings:\n  default_stage: subscriber\n"


@pytest.fixture
def own_policy(workspace: Workspace) -> Path:
    """Return a policy that gives blank contacts another stage than `standard` does."""
    path = workspace.folder / "ours.yaml"
    path.write_text(OWN_POLICY, encoding="utf-8")
    create_contact(workspace.portal, "anna")
    return path


def stages(workspace: Workspace) -> list[str]:
    """Return the stage of every contact."""
    return [contact.values["lifecyclestage"] for contact in workspace.portal.records("contacts")]


# Which policy


def test_the_default_never_replaces_the_policy_that_a_portal_was_decided_by(
    workspace: Workspace, run_connector: RunConnector, own_policy: Path
) -> None:
    run_connector("pull", "--policy", "ours.yaml")
    run_connector("plan", "--policy", "ours.yaml")
    for command in (
        ["sync"],
        ["plan"],
        ["apply"],
        ["backfill", "--yes"],
        ["explain", "contacts/1"],
    ):
        result = run_connector(*command)
        assert result.code == ACTION_NEEDED
        assert f"connector policy use {own_policy}" in result.err
    assert workspace.sandbox.write_requests() == []


def test_what_the_refusal_says_to_type_works(
    workspace: Workspace, run_connector: RunConnector, own_policy: Path
) -> None:
    run_connector("pull", "--policy", "ours.yaml")
    refused = run_connector("sync")
    commands = [part for part in refused.err.split("`") if part.startswith("connector ")]
    assert len(commands) == 1
    assert run_connector(*commands[0].split()[1:]).code == DONE
    assert run_connector("sync").code == DONE
    assert [
        contact.values["lifecyclestage"] for contact in workspace.portal.records("contacts")
    ] == ["subscriber"]


def test_a_policy_that_is_named_is_taken_whatever_was_before(
    run_connector: RunConnector, own_policy: Path
) -> None:
    assert run_connector("pull", "--policy", "ours.yaml").code == DONE
    assert run_connector("plan", "--policy", "standard").code == DONE
    assert run_connector("plan", CONNECTOR_POLICY="ours.yaml").code == DONE


def test_trying_a_policy_changes_nothing_where_one_is_set(
    workspace: Workspace, run_connector: RunConnector, own_policy: Path
) -> None:
    run_connector("pull")
    assert run_connector("policy", "use", "standard").code == DONE
    run_connector("plan", "--policy", "ours.yaml")
    assert run_connector("sync").code == DONE
    assert [
        contact.values["lifecyclestage"] for contact in workspace.portal.records("contacts")
    ] == ["lead"]


def test_pause_hold_and_undo_work_whatever_policy_was_last(
    run_connector: RunConnector, own_policy: Path
) -> None:
    run_connector("sync", "--policy", "ours.yaml")
    own_policy.unlink()
    own_policy.write_text(OWN_POLICY, encoding="utf-8")
    for command in ("pause", "resume", "hold list", "undo --rule blank"):
        assert run_connector(*command.split()).code == DONE


def test_a_plan_is_applied_by_the_policy_that_it_was_made_by(
    workspace: Workspace, run_connector: RunConnector, own_policy: Path
) -> None:
    run_connector("pull", "--policy", "ours.yaml")
    assert run_connector("plan", "--policy", "ours.yaml", "--out", "plan.json").code == DONE
    result = run_connector("apply", "plan.json", "--json")
    assert result.json["outcomes"] == {"applied": 1}
    assert result.json["context"]["policy"] == str(own_policy)


# The context


def test_a_command_says_on_standard_error_what_it_rests_on(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    result = run_connector("sync")
    line = result.err.splitlines()[0]
    assert f"portal {workspace.portal.portal_id}" in line
    assert "policy standard (the default)" in line
    assert f"database {workspace.folder / 'connector.db'}" in line
    assert "writes corrections" in line
    assert "writes nothing" in run_connector("plan").err
    assert "portal" not in run_connector("plan", "--quiet").err


@pytest.mark.parametrize("command", ["pull", "plan", "sync", "explain contacts/{id}"])
def test_json_has_the_context_as_an_object(
    workspace: Workspace, run_connector: RunConnector, command: str
) -> None:
    contact = create_contact(workspace.portal, "anna")
    run_connector("pull")
    result = run_connector(*command.format(id=contact).split(), "--json")
    assert result.json["context"]["database"] == str(workspace.folder / "connector.db")
    assert result.json["context"]["policy_source"] == "the default"
    assert "portal 1" not in result.err


@pytest.mark.parametrize("command", ["check", "report customers", "report writers"])
def test_a_check_up_and_a_report_say_what_they_rest_on_too(
    workspace: Workspace, run_connector: RunConnector, own_policy: Path, command: str
) -> None:
    run_connector("pull", "--policy", "ours.yaml")
    line = next(line for line in run_connector(*command.split()).err.splitlines() if " · " in line)
    assert line.startswith(f"portal {workspace.portal.portal_id} · ")
    # A portal is shown by the policy that it is decided by, whatever the default is.
    assert f"policy {own_policy} (the portal's last)" in line
    assert f"database {workspace.folder / 'connector.db'}" in line
    assert line.endswith("writes nothing")
    named = run_connector(*command.split(), "--policy", "standard")
    assert "policy standard (--policy)" in named.err
    assert " · " not in run_connector(*command.split(), "--quiet").err
    assert " · " not in run_connector(*command.split(), "--json").err


def test_a_report_as_json_has_the_context_as_an_object(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    run_connector("pull")
    run_connector("policy", "use", "standard")
    context = run_connector("report", "customers", "--json").json["context"]
    assert context["portal_id"] == str(workspace.portal.portal_id)
    assert context["policy_source"] == "set by `connector policy use`"
    assert context["writes"] == "nothing"


def test_a_check_up_without_a_token_that_works_says_what_it_rests_on(
    run_connector: RunConnector,
) -> None:
    result = run_connector("check", HUBSPOT_ACCESS_TOKEN="no-such-token", HUBSPOT_PORTAL_ID="")
    assert result.code == ACTION_NEEDED
    assert "portal unknown · policy standard (the default)" in result.err
    assert "token" in result.out


def test_an_env_file_is_read_and_named(workspace: Workspace, run_connector: RunConnector) -> None:
    file = workspace.folder / "production.env"
    file.write_text(f"HUBSPOT_ACCESS_TOKEN={TOKEN}\n", encoding="utf-8")
    result = run_connector("pull", "--env-file", str(file), HUBSPOT_ACCESS_TOKEN="")
    assert result.code == DONE
    assert f"settings from {file}" in result.err
    missing = run_connector("pull", "--env-file", "nowhere.env")
    assert missing.code == ACTION_NEEDED
    assert "nowhere.env" in missing.err


# What is shown


def test_a_plan_says_that_writes_are_paused_even_where_nothing_is_to_do(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    run_connector("pull")
    assert "connector resume" not in run_connector("plan").out
    run_connector("pause", "--reason", "import")
    result = run_connector("plan")
    assert "paused" in result.out
    assert "connector resume" in result.out


def test_a_plan_ends_with_what_to_do_next_and_that_works(
    workspace: Workspace, run_connector: RunConnector, own_policy: Path
) -> None:
    run_connector("pull", "--policy", "ours.yaml")
    last_line = run_connector("plan", "--policy", "ours.yaml").out.splitlines()[-1]
    assert last_line.startswith("Next: ")
    commands = [part for part in last_line.split("`") if part.startswith("connector ")]
    assert commands[0] == "connector sync --policy ours.yaml"
    for command in commands:
        assert run_connector(*command.split()[1:]).code == DONE


def test_a_plan_shows_contacts_and_companies_and_every_rule(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    run_connector("pull")
    shown = run_connector("plan").out
    document = run_connector("plan", "--json").json
    rows = [line.split("\t") for line in shown.splitlines() if line.count("\t") == 4]
    assert {row[3] for row in rows[1:]} >= set(document["summary"]["by_rule"])
    types = {correction["record"].split("/")[0] for correction in document["corrections"]}
    assert {row[0].split("/")[0] for row in rows if "/" in row[0]} == types


def test_a_plan_file_and_json_together_print_json(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    run_connector("pull")
    result = run_connector("plan", "--out", "plan.json", "--json")
    assert result.json["file"] == "plan.json"
    assert "corrections" not in result.json
    assert (workspace.folder / "plan.json").exists()


@pytest.mark.parametrize(
    "command",
    ["plan", "plan --format markdown", "plan --format csv", "explain contacts/{id}", "audit"],
)
def test_a_control_character_of_the_portal_never_gets_out(
    workspace: Workspace, run_connector: RunConnector, command: str
) -> None:
    contact = create_contact(workspace.portal, "anna", "lead")
    submit_form(workspace.portal, contact, "Book a demo \x1b]0;pwned\x07 end")
    run_connector("pull")
    result = run_connector(*command.format(id=contact).split())
    if command != "audit":
        assert "pwned" in result.out
    assert not any(character in result.out + result.err for character in "\x1b\x07")


# Commands that are nearly right


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [("plam", "plan"), ("polcy show", "policy"), ("policy shwo", "show"), ("hold lst", "list")],
)
def test_a_command_that_is_nearly_right_is_answered_with_the_right_one(
    run_connector: RunConnector, line: str, suggestion: str
) -> None:
    result = run_connector(*line.split())
    assert result.code == ACTION_NEEDED
    assert f"did you mean {suggestion}" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(run_connector: RunConnector, shell: str) -> None:
    result = run_connector("completion", shell)
    assert result.code == DONE
    assert "_CONNECTOR_COMPLETE" in result.out


# Nonsense is an error


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("undo 20200101T000000-abcd", "the newest is"),
        ("undo --rule reopend", "did you mean reopened?"),
        ("undo --record contacts/999", "contacts/999 is not in this database"),
        ("audit --run 20200101T000000-abcd", "the newest is"),
        ("audit --rule reopend", "did you mean reopened?"),
        ("audit --record contacts/999", "contacts/999 is not in this database"),
        ("hold add contacts/999 --reason x", "HubSpot has no contacts/999"),
        ("hold add deals/5 --reason x", "contacts/123"),
        ("hold add --company contacts/1 --reason x", "companies/123"),
        ("hold add {record} --until 2020-01-01 --reason x", "is in the past"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_would_be_right(
    workspace: Workspace, run_connector: RunConnector, line: str, right: str
) -> None:
    contact = create_contact(workspace.portal, "anna")
    run_connector("sync")
    result = run_connector(*line.format(record=f"contacts/{contact}").split())
    assert result.code == ACTION_NEEDED
    assert right in result.err
    assert run_connector("hold", "list", "--json").json == []


def test_a_record_of_the_future_can_be_held_where_the_operator_insists(
    run_connector: RunConnector,
) -> None:
    assert run_connector("pull").code == DONE
    assert run_connector("hold", "add", "contacts/999", "--anyway", "--reason", "x").code == DONE
    assert [hold["record"] for hold in run_connector("hold", "list", "--json").json] == [
        "contacts/999"
    ]


# Explanations and the audit


def test_an_explanation_is_short_and_has_its_trace_behind_verbose(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    contact = create_contact(workspace.portal, "anna")
    run_connector("pull")
    short = run_connector("explain", f"contacts/{contact}").out
    whole = run_connector("explain", f"contacts/{contact}", "--verbose").out
    assert len(short.strip().splitlines()) <= 6
    assert "should be Lead" in short
    assert "Rules for the stage" not in short
    assert "Rules for the stage" in whole


def test_an_address_of_hubspot_is_explained(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    contact = create_contact(workspace.portal, "anna")
    run_connector("pull")
    address = f"https://app-eu1.hubspot.com/contacts/147893286/record/0-1/{contact}"
    assert run_connector("explain", address, "--json").json["record"] == f"contacts/{contact}"


def test_a_held_record_says_what_the_policy_wants_and_when_the_hold_ends(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    contact = create_contact(workspace.portal, "anna")
    run_connector("pull")
    hold = f"hold add contacts/{contact} --until 2027-01-31T12:00+01:00 --reason pilot"
    assert run_connector(*hold.split()).code == DONE
    shown = run_connector("explain", f"contacts/{contact}").out
    assert "blank → Lead" in shown
    assert "until 2027-01-31 12:00 Europe/Oslo" in shown


def test_the_audit_shows_the_newest_last_and_no_more_than_asked(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    for name in ("anna", "bo", "cai"):
        create_contact(workspace.portal, name)
    run_connector("sync")
    all_records = [line["record"] for line in run_connector("audit", "--json").lines]
    shown = run_connector("audit", "--limit", "2").out.splitlines()
    assert shown[0].startswith("at (Europe/Oslo)\trecord\t")
    assert [row.split("\t")[1] for row in shown[1:3]] == all_records[-2:]


def test_a_dry_undo_lists_the_records(workspace: Workspace, run_connector: RunConnector) -> None:
    contact = create_contact(workspace.portal, "anna")
    run_connector("sync")
    shown = run_connector("undo", "--rule", "blank", "--dry-run").out
    assert f"contacts/{contact}\tlifecyclestage\tlead → blank" in shown


def test_a_plan_as_a_page_is_written_to_a_file_and_refuses_what_is_no_plan(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    run_connector("pull")
    assert run_connector("plan", "--html", "--out", "plan.html").code == DONE
    page = (workspace.folder / "plan.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert f"app.hubspot.com/contacts/{workspace.portal.portal_id}/record/0-1/" in page
    refused = run_connector("plan", "--html", "--against", "standard")
    assert (refused.code, "--html" in refused.err) == (ACTION_NEEDED, True)
