"""A report lists overlooked contacts, and each becomes a task where the policy wants it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from connector.cli import main
from tests.journeys import sample_records
from tests.journeys.kill_process import ANSWERED, KILL_MOMENTS, run, run_and_kill
from tests.journeys.workspace import Workspace, new_portal

SQL = "salesqualifiedlead"


@pytest.fixture
def waiting_contact(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a contact that has waited for thirty days, beside one that is at work."""
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    owner_id = workspace.portal.add_owner("o@x.example", "O", "X")
    anna = sample_records.create_contact(workspace.portal, "anna", SQL, "NEW")
    bjorn = sample_records.create_contact(workspace.portal, "bjorn", SQL, "CONNECTED")
    workspace.portal.edit("contacts", bjorn, {"hubspot_owner_id": owner_id})
    workspace.sync()
    return f"contacts/{anna}"


def test_the_report_tells_since_when_by_hubspots_own_date(
    waiting_contact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["report", "overlooked", "--json"]) == 0
    (row,) = orjson.loads(capsys.readouterr().out)["rows"]
    assert row == {
        "record": waiting_contact,
        "stage": SQL,
        "since": "2026-10-03",
        "since_known": True,
        "term_days": 5.0,
        "lead_status": "NEW",
        "owner_id": None,
        "why": "nobody has worked on the lead status; nobody owns it",
    }


def test_the_report_asks_hubspot_for_nothing_and_reads_in_labels(
    workspace: Workspace, waiting_contact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.sandbox.requests.clear()
    assert main.run_command(["report", "overlooked"]) == 0
    output = capsys.readouterr().out
    assert waiting_contact in output
    assert SQL not in output
    assert main.run_command(["report", "overlooked", "--csv"]) == 0
    # Columns are only appended: a script that reads them by their place goes on working.
    header = "record,stage,since,since_known,lead_status,owner_id,why,term_days,url"
    assert capsys.readouterr().out.splitlines()[0] == header
    assert workspace.sandbox.requests == []


POLICY = "extends: standard\nname: mine\nsettings: {follow_up: {tasks: yes}}\n"


@pytest.fixture
def owned_workspace(new_workspace: Callable[..., Workspace], tmp_path: Path) -> Workspace:
    """Return a portal in which somebody with an owner has waited for thirty days."""
    policy = tmp_path / "mine.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    workspace = new_workspace(new_portal(running=True), CONNECTOR_POLICY=str(policy))
    anna = sample_records.create_contact(workspace.portal, "anna", SQL, "NEW")
    owner_id = workspace.portal.add_owner("o@x.example", "O", "X")
    workspace.portal.edit("contacts", anna, {"hubspot_owner_id": owner_id})
    return workspace


def _pass_search_delay(workspace: Workspace) -> None:
    """Let the time pass after which a search shows every task."""
    workspace.portal.clock.advance(3700)


@pytest.mark.parametrize("moment", KILL_MOMENTS)
def test_a_kill_around_the_creation_makes_no_second_task(
    owned_workspace: Workspace, moment: str
) -> None:
    killed_request = run_and_kill(owned_workspace, 1, moment, route="create")
    assert killed_request is not None or moment == ANSWERED  # by then it may have ended by itself
    for _ in range(2):
        assert run(owned_workspace, "sync") == 0
        _pass_search_delay(owned_workspace)
    assert run(owned_workspace, "sync") == 0
    (task,) = owned_workspace.portal.records("tasks")
    assert owned_workspace.portal.value("tasks", str(task.id), "hs_task_status") == "NOT_STARTED"


def test_the_task_is_the_owners_and_lies_on_the_contact(owned_workspace: Workspace) -> None:
    assert run(owned_workspace, "pull") == 0
    assert run(owned_workspace, "plan", "--json") == 0
    out = owned_workspace.folder / "out"
    (shown_task,) = orjson.loads(out.read_bytes())["tasks"]
    assert list(owned_workspace.portal.records("tasks")) == []
    assert run(owned_workspace, "sync", "--json") == 0
    assert orjson.loads(out.read_bytes())["tasks"] == 1
    (task,) = owned_workspace.portal.records("tasks")
    (contact,) = owned_workspace.portal.records("contacts")
    assert shown_task["record"] == f"contacts/{contact.id}"
    assert (
        owned_workspace.portal.value("tasks", str(task.id), "hubspot_owner_id")
        == shown_task["owner_id"]
    )
    links = [
        (object_type, record_id)
        for object_type, record_id, _ in owned_workspace.portal.links.linked_records(
            "tasks", task.id
        )
    ]
    assert links == [("contacts", contact.id)]
