"""Pull, plan, apply and sync as an operator types them: their output, and what they write."""

from __future__ import annotations

from tests.journeys.command_line import RunConnector
from tests.journeys.exit_codes import ACTION_NEEDED, CORRECTIONS, DONE
from tests.journeys.sample_records import (
    create_contact,
    create_mixed_records,
    create_reopened_customer,
)
from tests.journeys.workspace import Workspace

CORRECTION = {
    *("record", "property_name", "before", "after", "direction", "rule", "reason", "evidence"),
}
PLAN = ["portal_id", "policy", "created_at", "digest", "summary"]


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
