"""A backup as the operations page makes it, put back later: its old outbox does no harm."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from connector.core.model import STAGE, STATUS, Correction, Direction, Outcome, Ref
from connector.core.moves import Move, Phase
from connector.pull import pull
from state import outbox
from tests.journeys import cast
from tests.journeys.bench import Bench

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def back_up(database: Path, to: Path) -> None:
    """Type the page's command, with this database and this place."""
    (command,) = re.findall(r"^\$ (.*\.backup\(.*)$", PAGE, flags=re.MULTILINE)
    command = command.replace("/var/lib/connector/connector.db", str(database))
    command = command.replace("/var/lib/connector/backup.db", str(to))
    words = shlex.split(command)
    script = words[words.index("python") + 1 :]
    subprocess.run([sys.executable, *script], check=True, timeout=60)


def restore(backup: Path, database: Path) -> None:
    """Put a backup in place as the page says, without the old log."""
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
    database.write_bytes(backup.read_bytes())


@pytest.fixture
def anna(bench: Bench) -> str:
    """Return a customer whose deal was reopened, mirrored and not corrected yet."""
    made = cast.contact(bench.portal, "anna", "customer")
    cast.deal(bench.portal, [cast.OPEN, cast.WON, cast.OPEN], contacts=[made])
    with bench.desk() as desk:
        pull(desk)
    return made


def leave_open(bench: Bench, anna: str, phase: Phase) -> None:
    """Leave a move open as a process does that the backup finds at work."""
    ref = Ref.parse(f"contacts/{anna}")
    stage = _correction(ref, STAGE, "customer", "opportunity", Direction.BACKWARD)
    status = _correction(ref, STATUS, "", "OPEN_DEAL", Direction.SET)
    with bench.desk() as desk:
        move = Move(
            record=ref,
            corrections=(stage, status),
            run="r0",
            plan="p0",
            policy="standard",
            promised_at=desk.door.now(),
            phase=phase,
        )
        with desk.store.begin() as session:
            outbox.promise(session, desk.portal_id, [move])


def _correction(ref: Ref, name: str, before: str, after: str, way: Direction) -> Correction:
    return Correction(
        record=ref,
        property_name=name,
        before=before,
        after=after,
        direction=way,
        rule="reopened",
        reason="the deal is open again",
        evidence=(),
    )


def stage(bench: Bench, anna: str) -> str:
    return bench.value(f"contacts/{anna}.lifecyclestage")


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("moved_on", ["evangelist", ""])
def test_an_old_outbox_leaves_what_a_person_has_set_since(
    bench: Bench, anna: str, tmp_path: Path, phase: Phase, moved_on: str
) -> None:
    database, backup = bench.folder / "connector.db", tmp_path / "backup.db"
    leave_open(bench, anna, phase)
    back_up(database, backup)
    bench.sync()
    assert stage(bench, anna) == "opportunity"
    bench.portal.clock.advance(3600)
    for value in ("", moved_on):
        bench.portal.edit("contacts", anna, {STAGE: value})
    bench.portal.clock.advance(3600)
    restore(backup, database)
    assert [one.phase for one in bench.open_moves()] == [phase]
    bench.sync()
    assert stage(bench, anna) == moved_on
    assert bench.open_moves() == ()
    stages = [one.outcome for one in bench.audited() if one.property_name == STAGE]
    assert Outcome.APPLIED not in stages


@pytest.mark.parametrize("phase", [Phase.CLEARING, Phase.SETTING, Phase.RESTORING])
def test_an_old_outbox_leaves_what_we_have_written_since(
    bench: Bench, anna: str, tmp_path: Path, phase: Phase
) -> None:
    database, backup = bench.folder / "connector.db", tmp_path / "backup.db"
    leave_open(bench, anna, phase)
    back_up(database, backup)
    bench.sync()
    (deal,) = bench.portal.records("deals")
    bench.portal.edit("deals", deal.id, {"dealstage": cast.LOST})
    bench.portal.clock.advance(3600)
    bench.sync()
    assert stage(bench, anna) == "salesqualifiedlead"
    bench.portal.clock.advance(3600)
    restore(backup, database)
    assert [one.phase for one in bench.open_moves()] == [phase]
    writes = len(bench.box.writes())
    bench.sync()
    assert stage(bench, anna) == "salesqualifiedlead"
    assert len(bench.box.writes()) == writes
    assert bench.open_moves() == ()
