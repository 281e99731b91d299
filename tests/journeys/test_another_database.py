"""A lost, emptied or different database is noticed, and nothing is written with it."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from connector.cli import main
from connector.core.model import Ref
from state import outbox, unreadable_records
from state.unreadable_records import FailedReading
from tests.fakes.moves import forward_correction, move_of
from tests.journeys.daemon_runner import run_daemon
from tests.journeys.sample_records import OPEN, create_contact, create_deal
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


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite://",
        "sqlite:///",
        "sqlite:///.",
        "sqlite+aiosqlite:///x.db",
        "mysql://u:secret@h/db",
        "postgresql+psycopg://u:secret@h:notaport/db",
    ],
)
@pytest.mark.parametrize("command", [["runs"], ["check"], ["sync"], ["run"]], ids=str)
def test_a_database_url_that_cannot_be_used_is_said_without_its_password(
    operator_workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    url: str,
) -> None:
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", url)
    assert main.run_command(command) == 1
    shown = "".join(capsys.readouterr())
    assert "CONNECTOR_DATABASE_URL" in shown
    assert "Traceback" not in shown
    assert "secret" not in shown


def test_the_check_up_names_what_is_set_aside_and_what_is_open(
    operator_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    create_contact(operator_workspace.portal, "anna", "lead")
    assert main.run_command(["pull"]) == 0
    with operator_workspace.open_context() as context:
        contact = Ref.parse("contacts/7")
        with context.begin() as session:
            unreadable_records.set_aside(
                session,
                {contact: "HubSpot answers 500"},
                reading=FailedReading.RECORD,
                at=context.api.now(),
            )
            outbox.promise(session, [move_of(forward_correction(contact), at=context.api.now())])
    capsys.readouterr()
    main.run_command(["check", "--json"])
    findings = {entry["name"]: entry for entry in orjson.loads(capsys.readouterr().out)}
    assert findings["set aside"]["light"] == "warning"
    assert "contacts/7: record unreadable: HubSpot answers 500" in findings["set aside"]["message"]
    assert "connector quarantine list" in findings["set aside"]["message"]
    assert "connector recover --list" in findings["open moves"]["message"]


def test_a_plan_file_is_for_this_user_alone_though_it_was_there_before(
    operator_workspace: Workspace,
) -> None:
    assert main.run_command(["pull"]) == 0
    for name in ("new.json", "old.json"):
        file = operator_workspace.folder / name
        if name == "old.json":
            file.write_text("{}", encoding="utf-8")
            file.chmod(0o644)
        assert main.run_command(["plan", "--out", str(file)]) == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


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
