"""The commands around policies, as the author of a policy types them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from connector.cli import main
from connector.config import presets
from connector.config.run_clock import RunClock
from tests.journeys.sample_records import OPEN, WON, create_contact, create_deal
from tests.journeys.workspace import Workspace

DONE, ACTION_NEEDED = 0, 1
RunCommand = Callable[..., tuple[int, str, str]]
OWN_POLICY = """extends: standard
name: ours
settings:
  handover: {forms: ["*pilot*"]}
rules:
  - name: pilot
    when: contact.last_conversion matches "*pilot*" and deals.count == 0
    stage: opportunity
    reason: "a pilot: {contact.last_conversion}"
"""
CASES = """cases:
  - name: a pilot is an opportunity
    given: {stage: lead, last_conversion: Pilot 2026, conversions: 1}
    expect: {stage: EXPECTED, rule: pilot}
  - name: who asked for nothing stays
    given: {stage: lead}
    expect: {stage: lead, rule: keep}
"""


@pytest.fixture
def run_command(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[RunCommand]:
    """Run commands in this process, in a folder of their own; waiting takes no time."""
    monkeypatch.chdir(workspace.folder)
    clock = RunClock(wait=lambda _: None, monotonic=lambda: 0.0)
    for module in ("setup", "policy"):
        monkeypatch.setattr(f"connector.cli.{module}.REAL_CLOCK", clock)
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)

    def run_line(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main.run_command(line.split())
        return (code, *capsys.readouterr())

    return run_line


@pytest.fixture
def own_policy(workspace: Workspace) -> Path:
    """Write a policy of one's own, with cases that hold."""
    path = workspace.folder / "ours.yaml"
    path.write_text(OWN_POLICY, encoding="utf-8")
    cases = CASES.replace("EXPECTED", "opportunity")
    (workspace.folder / "ours.cases.yaml").write_text(cases, encoding="utf-8")
    return path


def _requested_routes(workspace: Workspace) -> list[str]:
    return [request.route for request in workspace.sandbox.requests]


# check


def test_a_sound_policy_is_checked_against_the_portal_behind_the_token(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    code, out, _ = run_command("policy check ours.yaml")
    assert code == DONE
    assert out.startswith(f"ours.yaml: no mistakes (portal {workspace.portal.portal_id}; ")
    assert "pipelines" in _requested_routes(workspace)


def test_offline_no_portal_is_asked(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    code, out, _ = run_command("policy check ours.yaml --offline")
    assert (code, "(no portal; " in out, _requested_routes(workspace)) == (DONE, True, [])


@pytest.mark.parametrize("line", ["policy check ours.yaml", "policy check ours.yaml --offline"])
def test_each_mistake_is_told_with_file_line_and_column(
    run_command: RunCommand, own_policy: Path, line: str
) -> None:
    broken_policy = OWN_POLICY.replace(
        "contact.last_conversion matches", "contact.last_convertion matches"
    )
    own_policy.write_text(broken_policy.replace("handover:", "handovr:"), encoding="utf-8")
    code, _, err = run_command(line)
    assert code == ACTION_NEEDED
    assert "ours.yaml:4:3: there is no setting 'handovr' (did you mean 'handover'?)" in err
    assert "Traceback" not in err


def test_a_stage_that_the_portal_lacks_is_answered_with_those_it_has(
    run_command: RunCommand, own_policy: Path
) -> None:
    own_policy.write_text(
        OWN_POLICY.replace("stage: opportunity", "stage: Oportunity"), encoding="utf-8"
    )
    code, _, err = run_command("policy check ours.yaml")
    assert code == ACTION_NEEDED
    assert err.startswith("Error: ours.yaml:8:12: the portal has no 'Oportunity' (did you mean ")
    assert "customer" in err


def test_offline_a_stage_of_the_portals_own_is_known_from_the_cases_file(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    own_policy.write_text(
        OWN_POLICY.replace("stage: opportunity", "stage: Pilotkunde"), encoding="utf-8"
    )
    assert run_command("policy check ours.yaml --offline")[0] == ACTION_NEEDED
    stage_names = (
        "portal:\n  stages: {lead: Lead, '77': Pilotkunde, customer: Kunde, other: Annet}\n"
    )
    cases = workspace.folder / "ours.cases.yaml"
    cases.write_text(stage_names + CASES.replace("EXPECTED", "Pilotkunde"), encoding="utf-8")
    assert run_command("policy check ours.yaml --offline")[0] == DONE


def test_offline_without_cases_what_only_a_portal_knows_is_no_mistake(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    (workspace.folder / "ours.cases.yaml").unlink()
    own_policy.write_text(
        OWN_POLICY.replace("deals.count == 0", 'contact.region == "N"'), encoding="utf-8"
    )
    code, out, _ = run_command("policy check ours.yaml --offline --json")
    (region_warning,) = (warning for warning in json.loads(out)["warnings"] if "region" in warning)
    assert code == DONE
    assert "contact has no property 'region'" in region_warning
    assert region_warning.endswith("(only a portal can confirm it)")
    assert run_command("policy check ours.yaml")[0] == ACTION_NEEDED


def test_a_rule_that_keeps_won_deals_from_counting_is_warned_of(
    run_command: RunCommand, own_policy: Path
) -> None:
    own_policy.write_text(OWN_POLICY.replace(" and deals.count == 0", ""), encoding="utf-8")
    code, out, _ = run_command("policy check ours.yaml --json")
    report = json.loads(out)
    assert (code, report["policy"]) == (DONE, "ours")
    assert any("the rule pilot comes before won" in warning for warning in report["warnings"])


# test


def test_cases_that_hold_are_green(run_command: RunCommand, own_policy: Path) -> None:
    code, out, _ = run_command("policy test ours.yaml")
    assert (code, out) == (DONE, "2 passed, 0 failed\n")


def test_a_case_that_fails_is_shown_as_a_diff_with_the_rule_that_decided(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    (workspace.folder / "ours.cases.yaml").write_text(CASES.replace("EXPECTED", "lead"), "utf-8")
    code, out, _ = run_command("policy test ours.yaml")
    assert code == ACTION_NEEDED
    assert out.splitlines() == [
        "ours.cases.yaml:2:5: a pilot is an opportunity",
        "  - stage: lead",
        "  + stage: opportunity",
        "    decided by pilot: a pilot: Pilot 2026",
        "",
        "1 passed, 1 failed",
    ]
    failed = json.loads(run_command("policy test ours.yaml --json")[1])["failed"]
    assert failed[0]["differences"] == [
        {"what": "stage", "expected": "lead", "found": "opportunity"}
    ]


def test_a_rule_that_no_case_guards_is_named(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    unguarded_cases = "cases: [{name: x, given: {stage: lead}, expect: {stage: lead}}]"
    (workspace.folder / "ours.cases.yaml").write_text(unguarded_cases, encoding="utf-8")
    code, out, _ = run_command("policy test ours.yaml")
    assert code == DONE
    assert "ours.yaml:6:5: the rule pilot is not guarded: no case fails" in out


def test_a_policy_without_cases_is_told_how_to_get_some(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    (workspace.folder / "ours.cases.yaml").unlink()
    code, _, err = run_command("policy test ours.yaml")
    assert code == ACTION_NEEDED
    assert "write ours.cases.yaml beside it" in err


@pytest.mark.parametrize("name", presets.names())
def test_the_presets_pass_their_cases(run_command: RunCommand, name: str) -> None:
    code, out, _ = run_command(f"policy test {name}")
    assert (code, out.endswith(" 0 failed\n"), "not guarded" in out) == (DONE, True, False)


# show and schema


def test_a_policy_is_shown_in_the_portals_own_labels(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    labels = {"lead": "Emne", "opportunity": "Mulighet", "customer": "Kunde", "other": "Annet"}
    workspace.portal.set_stages(list(labels.items()))
    code, markdown, _ = run_command("policy show ours.yaml --format markdown")
    assert code == DONE
    assert markdown.startswith("# ")
    assert "Mulighet" in markdown
    assert r"the latest form matches “\*pilot\*” and there is no deal" in markdown
    page = run_command("policy show ours.yaml --format html")[1]
    assert page.startswith("<!doctype html>")
    assert "Mulighet" in page
    assert "Mulighet" in run_command("policy show ours.yaml")[1]


def test_nothing_in_a_policy_is_markup_of_the_page(
    run_command: RunCommand, own_policy: Path
) -> None:
    own_policy.write_text(
        OWN_POLICY.replace('"a pilot: {contact.last_conversion}"', "<script>alert(1)</script>"),
        encoding="utf-8",
    )
    page = run_command("policy show ours.yaml --format html --offline")[1]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_schema_fits_what_ships_and_what_is_written_here(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    code, out, _ = run_command("policy schema")
    assert (code, _requested_routes(workspace)) == (DONE, [])
    for text in (OWN_POLICY, *map(presets.policy_text, presets.names())):
        jsonschema.validate(yaml.safe_load(text), json.loads(out))


# init


def test_what_init_writes_passes_check_and_test_and_fits_the_schema(
    workspace: Workspace, run_command: RunCommand
) -> None:
    workspace.portal.define_property("contacts", "fit_score", type="number", label="Fit: score #1")
    code, out, _ = run_command("policy init first.yaml")
    assert code == DONE
    assert "connector policy test first.yaml" in out
    assert run_command("policy check first.yaml")[0] == DONE
    assert run_command("policy check first.yaml --offline")[0] == DONE
    code, out, _ = run_command("policy test first.yaml")
    assert (code, "0 failed" in out) == (DONE, True)
    text = (workspace.folder / "first.yaml").read_text(encoding="utf-8")
    assert "fit_score (Fit: score #1)" in text
    jsonschema.validate(yaml.safe_load(text), json.loads(run_command("policy schema")[1]))


def test_init_replaces_nothing_unless_told_to(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    code, _, err = run_command("policy init ours.yaml")
    assert code == ACTION_NEEDED
    assert "ours.yaml and ours.cases.yaml exists" in err
    assert own_policy.read_text(encoding="utf-8") == OWN_POLICY
    assert run_command("policy init ours.yaml --force")[0] == DONE


def test_init_needs_a_portal(run_command: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    code, _, err = run_command("policy init first.yaml")
    assert code == ACTION_NEEDED
    assert "No token is set" in err


# What a policy would do, without a request


def test_a_changed_policy_is_compared_on_the_mirror_for_a_pull_request(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    anna = create_contact(workspace.portal, "anna", "lead")
    workspace.portal.edit("contacts", anna, {"recent_conversion_event_name": "Pilot 2026"})
    run_command("pull --policy ours.yaml")
    workspace.sandbox.clear_requests()
    code, out, _ = run_command("plan --policy ours.yaml --against standard --format markdown")
    assert (code, _requested_routes(workspace)) == (DONE, [])
    assert "pilot" in out
    assert f"contacts/{anna}" in out


def test_made_up_facts_are_explained_without_a_portal(
    workspace: Workspace, run_command: RunCommand, own_policy: Path
) -> None:
    facts = "given: {stage: lead, last_conversion: Pilot 2026, conversions: 1}\n"
    (workspace.folder / "facts.yaml").write_text(facts, encoding="utf-8")
    code, out, _ = run_command("explain --facts facts.yaml --policy ours.yaml")
    assert (code, _requested_routes(workspace)) == (DONE, [])
    assert "pilot" in out


def test_customers_are_reported_from_the_mirror(
    workspace: Workspace, run_command: RunCommand
) -> None:
    early, late = (create_contact(workspace.portal, name, "customer") for name in ("early", "late"))
    create_deal(workspace.portal, [OPEN, WON, WON], contacts=[early])
    won_deal = create_deal(workspace.portal, [OPEN, WON], contacts=[late])
    run_command("pull")
    workspace.sandbox.clear_requests()
    code, out, _ = run_command("report customers --json")
    rows = json.loads(out)["rows"]
    assert (code, _requested_routes(workspace)) == (DONE, [])
    assert [row["record"] for row in rows] == [f"contacts/{late}", f"contacts/{early}"]
    assert rows[0]["last_won_deal"] == f"deals/{won_deal}"
    assert run_command("report customers --csv")[1].count("\n") == 3
    assert "Customers by last won deal: 2" in run_command("report customers")[1]
    assert run_command("report customer")[0] == ACTION_NEEDED
