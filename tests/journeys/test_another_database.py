"""A lost, emptied or other database is noticed: nothing is done in it, and nothing without it."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from connector.cli import main
from tests.journeys.sample_records import OPEN, create_contact, create_deal
from tests.journeys.test_daemon import run_daemon
from tests.journeys.workspace import Workspace, new_portal

COMMANDS = [
    ["pause"],
    ["resume"],
    ["hold", "add", "contacts/1", "--reason", "pilot"],
    ["undo", "--rule", "won"],
    ["plan"],
    ["apply"],
    ["audit"],
    ["audit", "verify"],
    ["runs"],
    ["explain", "contacts/1"],
]


@pytest.fixture
def operator_workspace(
    new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace without a database, whose settings the commands find."""
    workspace = new_workspace(new_portal(running=True))
    database_of(workspace).unlink()
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    return workspace


def database_of(workspace: Workspace) -> Path:
    return workspace.folder / "connector.db"


@pytest.mark.parametrize("content", [None, b""], ids=["missing", "empty"])
def test_a_command_refuses_a_database_that_is_not_there_and_names_it(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    database = database_of(operator_workspace)
    if content is not None:
        database.write_bytes(content)
    for command in COMMANDS:
        assert main.run_command(command) == 1, command
        assert f"The database {database}" in capsys.readouterr().err, command
        assert not database.exists() or not database.stat().st_size, command


def test_a_database_of_another_portal_is_refused(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    operator_workspace.store().close()
    for command in (["pause"], ["plan"], ["undo", "--rule", "won"]):
        assert main.run_command(command) == 1
        assert "has never mirrored portal 147893286" in capsys.readouterr().err


def test_a_pull_creates_the_database_aloud_for_this_user_alone(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["pull"]) == 0
    assert "database.created" in capsys.readouterr().err
    assert stat.S_IMODE(database_of(operator_workspace).stat().st_mode) == 0o600
    assert main.run_command(["pause"]) == 0


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "removed"])
def test_the_daemon_stops_writing_when_its_file_is_another_one(
    workspace: Workspace, replaced: bool
) -> None:
    anna = create_contact(workspace.portal, "anna", "lead")
    create_deal(workspace.portal, [OPEN], contacts=[anna])
    with run_daemon(workspace) as runner:
        assert runner.loop.open()
        database = database_of(workspace)
        if replaced:
            copy = database.with_name("copy.db")
            with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as to:
                source.backup(to)
            copy.replace(database)
        else:
            database.unlink()
        runner.run_cycle()
        assert runner.failing_steps() == {"database"}
        assert any("was removed or replaced" in problem for problem in runner.problems())
    assert workspace.sandbox.write_requests() == []
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "lead"
