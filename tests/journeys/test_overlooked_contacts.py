"""Overlooked contacts are told by a report, and become a task each where the policy says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from connector import cli
from tests.journeys import cast
from tests.journeys.bench import Bench, new_portal
from tests.journeys.killing import ANSWERED, MOMENTS, run, run_and_kill

SQL = "salesqualifiedlead"


@pytest.fixture
def waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a contact that has waited for thirty days, beside one that is at work."""
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    owner = bench.portal.add_owner("o@x.example", "O", "X")
    anna = cast.contact(bench.portal, "anna", SQL, "NEW")
    bjorn = cast.contact(bench.portal, "bjorn", SQL, "CONNECTED")
    bench.portal.edit("contacts", bjorn, {"hubspot_owner_id": owner})
    bench.sync()
    return f"contacts/{anna}"


def test_the_report_tells_since_when_by_hubspots_own_date(
    waiting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", "overlooked", "--json"]) == 0
    (row,) = orjson.loads(capsys.readouterr().out)["rows"]
    assert row == {
        "record": waiting,
        "stage": SQL,
        "since": "2026-10-03",
        "since_known": True,
        "lead_status": "NEW",
        "owner_id": None,
        "why": "nobody has worked on the lead status; nobody owns it",
    }


def test_the_report_asks_hubspot_for_nothing_and_reads_in_labels(
    bench: Bench, waiting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.box.requests.clear()
    assert cli.run(["report", "overlooked"]) == 0
    shown = capsys.readouterr().out
    assert waiting in shown
    assert SQL not in shown
    assert cli.run(["report", "overlooked", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("record,stage,since,since_known,lead_status,")
    assert bench.box.requests == []


POLICY = "extends: standard\nname: mine\nsettings: {follow_up: {tasks: yes}}\n"


@pytest.fixture
def owned(set_up: Callable[..., Bench], tmp_path: Path) -> Bench:
    """Return a portal in which somebody with an owner has waited for thirty days."""
    policy = tmp_path / "mine.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    bench = set_up(new_portal(running=True), CONNECTOR_POLICY=str(policy))
    anna = cast.contact(bench.portal, "anna", SQL, "NEW")
    owner = bench.portal.add_owner("o@x.example", "O", "X")
    bench.portal.edit("contacts", anna, {"hubspot_owner_id": owner})
    return bench


def _later(bench: Bench) -> None:
    """Let the time pass after which a search shows every task."""
    bench.portal.clock.advance(3700)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_around_the_creation_makes_no_second_task(owned: Bench, moment: str) -> None:
    struck = run_and_kill(owned, 1, moment, route="create")
    assert struck is not None or moment == ANSWERED  # by then it may have ended by itself
    for _ in range(2):
        assert run(owned, "sync") == 0
        _later(owned)
    assert run(owned, "sync") == 0
    (task,) = owned.portal.records("tasks")
    assert owned.portal.value("tasks", str(task.id), "hs_task_status") == "NOT_STARTED"


def test_the_task_is_the_owners_and_lies_on_the_contact(owned: Bench) -> None:
    assert run(owned, "pull") == 0
    assert run(owned, "plan", "--json") == 0
    out = owned.folder / "out"
    (shown,) = orjson.loads(out.read_bytes())["tasks"]
    assert list(owned.portal.records("tasks")) == []
    assert run(owned, "sync", "--json") == 0
    assert orjson.loads(out.read_bytes())["tasks"] == 1
    (task,) = owned.portal.records("tasks")
    (contact,) = owned.portal.records("contacts")
    assert shown["record"] == f"contacts/{contact.id}"
    assert owned.portal.value("tasks", str(task.id), "hubspot_owner_id") == shown["owner_id"]
    linked = [(kind, one) for kind, one, _ in owned.portal.links.neighbours("tasks", task.id)]
    assert linked == [("contacts", contact.id)]
