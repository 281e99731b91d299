"""A backup made as the operations page says is restored later: its old outbox does no harm."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from connector.core.corrections.moves import Phase
from connector.core.model import STAGE, Outcome, Ref
from connector.pull.poll import pull
from state import outbox
from tests.fakes.moves import backward_correction, move_of, status_correction
from tests.journeys import sample_records
from tests.journeys.workspace import Workspace

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def back_up(database: Path, target: Path) -> None:
    """Type the page's command, with this database and this place."""
    (command,) = re.findall(r"^\$ (.*\.backup\(.*)$", PAGE, flags=re.MULTILINE)
    command = command.replace("/var/lib/connector/connector.db", str(database))
    command = command.replace("/var/lib/connector/backup.db", str(target))
    arguments = shlex.split(command)
    script = arguments[arguments.index("python") + 1 :]
    subprocess.run([sys.executable, *script], check=True, timeout=60)


def restore(backup: Path, database: Path) -> None:
    """Put a backup in place as the page says, without the old log."""
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
    database.write_bytes(backup.read_bytes())


@pytest.fixture
def anna(workspace: Workspace) -> str:
    """Return a customer whose deal was reopened, mirrored and not corrected yet."""
    contact_id = sample_records.create_contact(workspace.portal, "anna", "customer")
    sample_records.create_deal(
        workspace.portal,
        [sample_records.OPEN, sample_records.WON, sample_records.OPEN],
        contacts=[contact_id],
    )
    with workspace.open_context() as context:
        pull(context)
    return contact_id


def leave_move_open(workspace: Workspace, anna: str, phase: Phase) -> None:
    """Leave a move open as a process does that the backup finds at work."""
    ref = Ref.parse(f"contacts/{anna}")
    with workspace.open_context() as context:
        move = move_of(
            backward_correction(ref), status_correction(ref), at=context.api.now(), phase=phase
        )
        with context.begin() as session:
            outbox.promise(session, [move])


def stage_of(workspace: Workspace, anna: str) -> str:
    return workspace.value(f"contacts/{anna}.lifecyclestage")


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("moved_on", ["evangelist", ""])
def test_an_old_outbox_leaves_what_a_person_has_set_since(
    workspace: Workspace, anna: str, tmp_path: Path, phase: Phase, moved_on: str
) -> None:
    database, backup = workspace.folder / "connector.db", tmp_path / "backup.db"
    leave_move_open(workspace, anna, phase)
    back_up(database, backup)
    workspace.sync()
    assert stage_of(workspace, anna) == "opportunity"
    workspace.portal.clock.advance(3600)
    for value in ("", moved_on):
        workspace.portal.edit("contacts", anna, {STAGE: value})
    workspace.portal.clock.advance(3600)
    restore(backup, database)
    assert [move.phase for move in workspace.open_moves()] == [phase]
    workspace.sync()
    assert stage_of(workspace, anna) == moved_on
    assert workspace.open_moves() == ()
    stage_outcomes = [
        line.outcome for line in workspace.audit_lines() if line.property_name == STAGE
    ]
    assert Outcome.APPLIED not in stage_outcomes


@pytest.mark.parametrize("phase", [Phase.CLEARING, Phase.SETTING, Phase.RESTORING])
def test_an_old_outbox_leaves_what_we_have_written_since(
    workspace: Workspace, anna: str, tmp_path: Path, phase: Phase
) -> None:
    database, backup = workspace.folder / "connector.db", tmp_path / "backup.db"
    leave_move_open(workspace, anna, phase)
    back_up(database, backup)
    workspace.sync()
    (deal,) = workspace.portal.records("deals")
    workspace.portal.edit("deals", deal.id, {"dealstage": sample_records.LOST})
    workspace.portal.clock.advance(3600)
    workspace.sync()
    assert stage_of(workspace, anna) == "salesqualifiedlead"
    workspace.portal.clock.advance(3600)
    restore(backup, database)
    assert [move.phase for move in workspace.open_moves()] == [phase]
    writes = len(workspace.sandbox.write_requests())
    workspace.sync()
    assert stage_of(workspace, anna) == "salesqualifiedlead"
    assert len(workspace.sandbox.write_requests()) == writes
    assert workspace.open_moves() == ()
