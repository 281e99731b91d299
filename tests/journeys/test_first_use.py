"""First use by the operator's commands: new rules wait for a review, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from connector.cli import main
from tests.journeys.daemon_runner import run_daemon
from tests.journeys.sample_records import OPEN, create_contact, create_deal
from tests.journeys.workspace import Workspace, new_portal

OPPORTUNITY, LEAD = "opportunity", "lead"
BLANK_SECONDS = 15 * 60


@pytest.fixture
def fresh_workspace(
    new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace on an empty database, whose settings the commands find."""
    workspace = new_workspace(new_portal(running=True))
    (workspace.folder / "connector.db").unlink()
    workspace.new_rules = True
    for name, value in {**workspace.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    return workspace


def create_blank_contacts(workspace: Workspace, count: int, *, days: float = 30) -> list[str]:
    return [create_contact(workspace.portal, f"b{n}-{days}", days=days) for n in range(count)]


def create_opportunities(workspace: Workspace, count: int) -> list[str]:
    contacts = [create_contact(workspace.portal, f"deal{n}", LEAD) for n in range(count)]
    for contact in contacts:
        create_deal(workspace.portal, [OPEN], contacts=[contact])
    return contacts


def stages(workspace: Workspace, contacts: list[str]) -> set[str]:
    return {workspace.value(f"contacts/{contact}.lifecyclestage") for contact in contacts}


def test_a_sync_of_a_new_portal_writes_little_says_what_to_type_and_that_works(
    fresh_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = create_blank_contacts(fresh_workspace, 30)
    with_deal = create_opportunities(fresh_workspace, 3)
    assert main.run_command(["sync", "--json"]) == 1
    printed = capsys.readouterr()
    synced = orjson.loads(printed.out)
    assert synced["rules_to_review"] == [{"rule": "blank", "records": 30, "corrected": 0}]
    assert stages(fresh_workspace, with_deal) == {OPPORTUNITY}
    assert stages(fresh_workspace, blank) == {""}
    assert "connector plan --out plan.json" in printed.err
    assert "connector apply plan.json --rule blank" in printed.err
    assert main.run_command(["plan", "--out", "plan.json"]) == 0
    assert main.run_command(["apply", "plan.json", "--rule", "blank", "--limit", "20"]) == 0
    assert "10 records of the plan were not selected" in capsys.readouterr().out
    assert main.run_command(["sync"]) == 0  # ten more go unasked
    assert stages(fresh_workspace, blank) == {LEAD}


def test_a_part_without_a_plan_file_is_refused(
    fresh_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["apply", "--rule", "won"]) == 1
    assert "connector apply plan.json --rule won" in capsys.readouterr().err


def test_the_daemon_alarms_once_goes_on_with_the_rest_and_by_itself_after_the_review(
    fresh_workspace: Workspace,
) -> None:
    blank = create_blank_contacts(fresh_workspace, 12)
    with run_daemon(fresh_workspace) as runner:
        with_deal = create_opportunities(fresh_workspace, 2)
        assert runner.loop.open()
        for _ in range(3):
            runner.run_cycle()
        assert stages(fresh_workspace, with_deal) == {OPPORTUNITY}
        assert stages(fresh_workspace, blank) == {""}
        assert runner.failing_steps() == {"first-use"}
        assert runner.logged_steps("step.failing").count("first-use") == 1
        assert runner.problems() == []
        assert main.run_command(["plan", "--out", "plan.json"]) == 0
        assert main.run_command(["apply", "plan.json"]) == 0
        runner.run_cycle()
        assert runner.failing_steps() == set()
        later = create_blank_contacts(fresh_workspace, 11, days=0)
        runner.run_cycle()
        # The creator of a contact without a stage has `blank_minutes` to set it.
        assert stages(fresh_workspace, later) == {""}
        runner.run_cycle(BLANK_SECONDS)
    assert stages(fresh_workspace, [*blank, *later]) == {LEAD}
