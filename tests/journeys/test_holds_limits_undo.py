"""Holds, limits and undo by the operator's commands, on a portal that moves forward only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from connector.cli import main
from tests.journeys.sample_records import OPEN, WON, create_contact, create_deal
from tests.journeys.workspace import Workspace, new_portal

_PROPERTIES = ("lifecyclestage", "hs_lead_status")


@pytest.fixture
def operator_workspace(
    new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace whose settings the commands find in the environment.

    Its clock runs: where it stood, the paces that processes share would never be free again.
    """
    workspace = new_workspace(new_portal(running=True))
    for name, value in {**workspace.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    return workspace


def create_wrong_customers(workspace: Workspace, count: int) -> list[str]:
    customers = [
        create_contact(workspace.portal, f"person{number}", "customer") for number in range(count)
    ]
    for customer in customers:
        create_deal(workspace.portal, [OPEN, WON, OPEN], contacts=[customer])
    return customers


def run_for_json(
    capsys: pytest.CaptureFixture[str], *command: str, code: int = 0
) -> dict[str, object]:
    capsys.readouterr()
    assert main.run_command([*command, "--json"]) == code
    answer: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return answer


def test_five_hundred_corrections_are_undone_save_the_ones_changed_since(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    customers = create_wrong_customers(operator_workspace, 250)
    names = [f"contacts/{customer}.{name}" for customer in customers for name in _PROPERTIES]
    before = operator_workspace.values(*names)
    synced = run_for_json(capsys, "sync", "--no-limits")
    assert synced["outcomes"] == {"applied": 500}
    operator_workspace.portal.clock.advance(60)
    for customer in customers[:3]:
        operator_workspace.portal.edit("contacts", customer, {"lifecyclestage": "evangelist"})
    run = str(synced["run"])
    assert run_for_json(capsys, "undo", run, "--dry-run")["run"] is None
    undo_result = run_for_json(capsys, "undo", run)
    left_alone = [
        entry for entry in undo_result["left"] if entry["property_name"] == "lifecyclestage"
    ]  # type: ignore[attr-defined]  # it is a list
    assert [entry["record"] for entry in left_alone] == [
        f"contacts/{customer}" for customer in customers[:3]
    ]
    assert all("a person" in entry["why"] for entry in left_alone)
    changed_values = {
        f"contacts/{customer}.lifecyclestage": "evangelist" for customer in customers[:3]
    }
    assert operator_workspace.values(*names) == {**before, **changed_values}
    assert operator_workspace.blank_records() == []
    assert run_for_json(capsys, "sync")["outcomes"] == {}


def test_a_mistake_that_would_touch_two_fifths_of_a_portal_writes_nothing_and_says_why(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    create_wrong_customers(operator_workspace, 120)
    for number in range(180):
        create_contact(operator_workspace.portal, f"lead{number}", "lead")
    assert main.run_command(["sync"]) == 1
    error_text = capsys.readouterr().err
    assert "120 of 300 contacts, where 100 may be" in error_text
    assert "connector plan --out plan.json" in error_text
    assert operator_workspace.sandbox.write_requests() == []


_MISTAKE = """
extends: standard
rules:
  - name: tidy-up
    when: stage == "lead"
    stage: subscriber
    direction: backward
    reason: nobody meant it
"""


def test_a_policy_mistake_writes_nothing_by_itself_and_allowed_it_stops_after_25_records(
    operator_workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(300):
        create_contact(operator_workspace.portal, f"lead{number}", "lead")
    for number in range(450):
        create_contact(operator_workspace.portal, f"subscriber{number}", "subscriber")
    Path("mistake.yaml").write_text(_MISTAKE, encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_POLICY", "mistake.yaml")
    assert main.run_command(["sync"]) == 1
    assert "tidy-up (300 records)" in capsys.readouterr().err
    assert operator_workspace.sandbox.write_requests() == []
    operator_workspace.portal.switches.automation_in_gap = "lead"  # a workflow that wants them back
    operator_workspace.portal.switches.automation_in_gap_times = 10_000
    assert main.run_command(["sync", "--no-limits"]) == 1
    error_text = capsys.readouterr().err
    assert "was stopped" in error_text
    assert "connector undo " in error_text
    written_ids = {
        update_input["id"]
        for request in operator_workspace.sandbox.write_requests()
        for update_input in request.body["inputs"]
    }
    assert 0 < len(written_ids) <= 25
    run = error_text.split("connector undo ")[1].split("`")[0]
    assert main.run_command(["undo", run]) == 0
    assert len([line for line in operator_workspace.audit_lines() if line.run == run]) == 25
    stages = [
        contact.values["lifecyclestage"]
        for contact in operator_workspace.portal.records("contacts")
    ]
    assert (stages.count("lead"), stages.count("subscriber")) == (300, 450)


def test_the_way_in_is_a_reviewed_plan(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    customers = create_wrong_customers(operator_workspace, 101)
    assert main.run_command(["pull"]) == 0
    assert main.run_command(["plan", "--out", "plan.json"]) == 0
    synced = run_for_json(capsys, "apply", "plan.json")
    assert synced["outcomes"] == {"applied": 202}
    assert synced["skipped"] == []
    assert (
        operator_workspace.portal.value("contacts", customers[0], "lifecyclestage") == "opportunity"
    )
    assert main.run_command(["apply", "plan.json"]) == 0
    assert "Skipped: 202" in capsys.readouterr().out


def test_hold_pause_and_resume_by_command(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (anna,) = create_wrong_customers(operator_workspace, 1)
    record = f"contacts/{anna}"
    assert main.run_command(["pull"]) == 0
    assert (
        main.run_command(["hold", "add", record, "--reason", "pilot", "--until", "2027-01-01"]) == 0
    )
    (hold,) = run_for_json(capsys, "hold", "list")
    assert hold == {
        "record": record,
        "scope": "record",
        "of": record,
        "property_name": None,
        "reason": "pilot",
        "by": "operator",
        "until": "2027-01-01T00:00:00+00:00",
    }
    assert run_for_json(capsys, "sync")["outcomes"] == {}
    assert main.run_command(["explain", record]) == 0
    capsys.readouterr()
    assert main.run_command(["hold", "list"]) == 0
    hold_list = capsys.readouterr().out
    assert "pilot" in hold_list
    # Midnight of UTC in winter, in the zone of the portal.
    assert "until (Europe/Oslo)" in hold_list
    assert "2027-01-01 01:00" in hold_list
    assert main.run_command(["hold", "remove", record]) == 0
    assert main.run_command(["hold", "remove", record]) == 1
    assert main.run_command(["pause", "--reason", "import"]) == 0
    assert main.run_command(["sync"]) == 1
    assert "connector resume" in capsys.readouterr().err
    assert main.run_command(["resume"]) == 0
    assert run_for_json(capsys, "sync")["outcomes"] == {"applied": 2}
    assert main.run_command(["undo", "--record", record]) == 0
    assert "cannot be taken back" in capsys.readouterr().out
    assert operator_workspace.portal.value("contacts", anna, "lifecyclestage") == "customer"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["undo"], "Say what to undo"),
        (["undo", "--since", "soon"], "no day or time"),
        (["undo", "--record", "anna"], "write contacts/123"),
        (["hold", "add", "--reason", "x"], "Name one thing"),
        (["hold", "add", "--where", "nothing=1", "--reason", "x"], "connector pull"),
    ],
)
def test_a_command_that_makes_no_sense_says_what_to_type(
    operator_workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    message: str,
) -> None:
    assert main.run_command(command) == 1
    assert message in capsys.readouterr().err
    assert Path("connector.db").exists()
