"""The first plan of two ordinary portals: every group of it is right, or asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from connector.cli import main
from connector.sandbox.world.first_run import WORLDS, fill_first_run
from tests.journeys.workspace import Workspace, new_portal

FIRST_USE = 10


@pytest.fixture
def first_workspace(
    new_workspace: Callable[..., Workspace],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Workspace:
    """Return a workspace on one of the two worlds, whose mirror is full and undecided."""
    portal = new_portal(running=True)
    fill_first_run(portal, request.param)
    workspace = new_workspace(portal)
    (workspace.folder / "connector.db").unlink()
    workspace.new_rules = True
    for name, value in {**workspace.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    return workspace


def plan_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main.run_command(["plan", "--json", *arguments]) == 0
    document: dict[str, Any] = orjson.loads(capsys.readouterr().out)
    return document


def group_sizes(document: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Return the records of each kind of group, without deals that show nowhere and their end."""
    sizes: Counter[tuple[str, str]] = Counter()
    for group in document["summary"]["unwanted"]:
        if group["kind"] != "ordinary" and "Open Deal" not in group["text"]:
            sizes[group["kind"], group["object_type"]] += group["records"]
    return sizes


@pytest.mark.parametrize("first_workspace", WORLDS, indirect=True)
def test_the_first_plan_opens_with_what_somebody_may_not_want(
    first_workspace: Workspace, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    world = WORLDS[request.node.callspec.params["first_workspace"]]
    assert main.run_command(["pull"]) == 0
    document = plan_json(capsys)
    sizes = group_sizes(document)
    assert sizes.pop(("verdict", "contacts")) > 0
    assert sizes == {
        ("pipeline", "contacts"): world.contacts["candidate"],
        ("status-by-hand", "contacts"): world.contacts["status by hand"],
        ("old-form", "contacts"): world.contacts["old demo request"],
        ("customer-without-deal", "contacts"): world.contacts["customer without a deal"],
        ("form", "contacts"): world.contacts["newsletter"],
        ("blank-company", "companies"): world.blank_companies,
    }
    # Beside the job candidates, whom a setting leaves out, only what is wrong would be corrected.
    corrected = {
        correction["record"]
        for correction in document["corrections"]
        if correction["property_name"] == "lifecyclestage"
    }
    wrong = ("deal unnoticed", "won unnoticed", "demo overlooked", "candidate")
    assert len(corrected) <= sum(world.contacts[situation] for situation in wrong)
    assert main.run_command(["plan", "--format", "markdown"]) == 0
    markdown = capsys.readouterr().out
    assert "exclude: [Recruiting]" in markdown
    assert markdown.index("What you may not want") < markdown.index("| rule | corrections |")
    assert main.run_command(["plan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "What you may not want"
    assert "    settings: {deals: {pipelines: {exclude: [Recruiting]}}}" in lines


@pytest.mark.parametrize("first_workspace", WORLDS, indirect=True)
def test_a_first_sync_writes_little_of_each_rule(first_workspace: Workspace) -> None:
    main.run_command(["sync"])
    written = Counter(line.rule for line in first_workspace.audit_lines())
    assert written
    assert max(written.values()) <= FIRST_USE


@pytest.mark.parametrize("first_workspace", ["typical"], indirect=True)
def test_what_waits_in_a_first_sync_goes_on_after_a_setting_and_a_review(
    first_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["sync"]) == 1
    printed = capsys.readouterr()
    assert "connector plan --out plan.json" in printed.err
    assert "connector apply plan.json" in printed.err
    (first_workspace.folder / "mine.yaml").write_text(
        "extends: standard\nname: mine\nsettings: {deals: {pipelines: {exclude: [Recruiting]}}}\n"
    )
    assert main.run_command(["policy", "use", "mine.yaml"]) == 0
    capsys.readouterr()
    document = plan_json(capsys)
    assert ("pipeline", "contacts") not in group_sizes(document)
    assert main.run_command(["plan", "--out", "plan.json"]) == 0
    assert main.run_command(["apply", "plan.json"]) == 0
    assert main.run_command(["sync"]) == 0
    assert plan_json(capsys)["corrections"] == []
    portal = first_workspace.portal
    stages = [
        first_workspace.value(f"contacts/{contact}.lifecyclestage")
        for deal in portal.records("deals")
        if deal.values["pipeline"] != "default"
        for contact in portal.links.of("deals", deal.id, "contacts")
    ]
    assert len(stages) == WORLDS["typical"].contacts["candidate"]
    assert set(stages) == {"lead"}
