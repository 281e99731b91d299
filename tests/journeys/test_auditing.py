"""The audit by command: filtered, as a table, proven, and redacted for good."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from connector.cli import main
from connector.core.retention import RetentionPeriods
from connector.operations.operator_requests import hold_record, release_record
from connector.operations.retention import apply_retention
from state import audit, operator_actions
from tests.journeys.sample_records import OPEN, WON, create_contact, create_deal
from tests.journeys.workspace import Workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def audited_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace after a run that corrected two contacts, with four lines."""
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    for number in range(2):
        create_deal(
            workspace.portal,
            [OPEN, WON, OPEN],
            contacts=[create_contact(workspace.portal, f"p{number}", "customer")],
        )
    workspace.sync()
    return workspace


def audit_lines(capsys: Capture, *filters: str) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main.run_command(["audit", *filters, "--json"]) == 0
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_lines_are_filtered_by_every_word(audited_workspace: Workspace, capsys: Capture) -> None:
    all_lines = audit_lines(capsys)
    assert len(all_lines) == 4
    first = all_lines[0]
    assert len(audit_lines(capsys, "--record", str(first["record"]))) == 2
    assert len(audit_lines(capsys, "--property", "hs_lead_status")) == 2
    assert len(audit_lines(capsys, "--rule", "reopened", "--outcome", "applied")) == 2
    assert audit_lines(capsys, "--outcome", "refused") == []
    assert audit_lines(capsys, "--until", "2026-01-01") == []
    assert len(audit_lines(capsys, "--since", "2026-01-01", "--run", str(first["run"]))) == 4


def test_lines_are_a_table_for_people_and_for_spreadsheets(
    audited_workspace: Workspace, capsys: Capture
) -> None:
    assert main.run_command(["audit"]) == 0
    assert "reopened" in capsys.readouterr().out
    assert main.run_command(["audit", "--csv"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split(",")[:4] == ["at", "run", "record", "property_name"]
    assert header.endswith(",url")
    assert len(rows) == 4
    assert all("/contacts/147893286/record/0-1/" in row.rsplit(",", 1)[1] for row in rows)


def test_a_redacted_record_has_no_values_and_the_chain_still_holds(
    audited_workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = str(audit_lines(capsys)[0]["record"])
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main.run_command(["audit", "redact", record]) == 130
    assert {line["after"] for line in audit_lines(capsys, "--record", record)} == {
        "opportunity",
        "OPEN_DEAL",
    }
    capsys.readouterr()
    assert main.run_command(["audit", "redact", record, "--yes"]) == 0
    assert "2 lines" in capsys.readouterr().out
    redacted = audit_lines(capsys, "--record", record)
    assert {(line["before"], line["after"]) for line in redacted} == {(None, None)}
    assert main.run_command(["audit", "verify"]) == 0
    assert "chain intact" in capsys.readouterr().out
    assert main.run_command(["audit", "redact", record, "--yes"]) == 0
    assert "0 lines" in capsys.readouterr().out


def test_verify_points_at_the_first_row_that_was_changed(
    audited_workspace: Workspace, capsys: Capture
) -> None:
    with closing(sqlite3.connect(audited_workspace.folder / "connector.db")) as connection:
        connection.execute("DROP TRIGGER audit_refuses_update")
        connection.execute("UPDATE audit SET rule = 'won' WHERE place IN (3, 4)")
        connection.commit()
    assert main.run_command(["audit", "verify", "--json"]) == 1
    assert orjson.loads(capsys.readouterr().out)["row"] == 3


def test_verify_proves_what_people_asked_for_and_redact_erases_their_reasons(
    audited_workspace: Workspace, capsys: Capture
) -> None:
    with audited_workspace.open_context() as context:
        with context.reading() as session:
            record = next(audit.read(session)).record
        hold_record(context, record, user="eva", reason="ask Kari first")
        release_record(context, record, user="eva")
        with context.reading() as session:
            stored = operator_actions.head(session)
    assert main.run_command(["audit", "verify", "--json"]) == 0
    proof = orjson.loads(capsys.readouterr().out)["actions"]
    assert proof == {"rows": 4, "head": stored.last_hash, "broken_row": None}
    assert main.run_command(["audit", "redact", str(record), "--yes"]) == 0
    with closing(sqlite3.connect(audited_workspace.folder / "connector.db")) as connection:
        reasons = connection.execute("SELECT reason FROM operator_actions").fetchall()
        assert set(reasons) == {("",)}
        assert main.run_command(["audit", "verify"]) == 0
        assert "4 rows, chain intact" in " ".join(capsys.readouterr().out.split())
        connection.execute("UPDATE operator_actions SET outcome = 'nothing' WHERE position = 1")
        connection.commit()
    assert main.run_command(["audit", "verify"]) == 1
    assert "is broken at row 2" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["redact"], "Name the record"),
        (["redact", "anna"], "write contacts/123"),
        (["--since", "soon"], "no day or time"),
    ],
)
def test_an_audit_that_makes_no_sense_says_what_to_type(
    audited_workspace: Workspace, capsys: Capture, command: list[str], message: str
) -> None:
    assert main.run_command(["audit", *command]) == 1
    assert message in capsys.readouterr().err


def test_a_file_that_the_audit_was_cut_into_proves_itself_by_command(
    audited_workspace: Workspace, capsys: Capture
) -> None:
    audited_workspace.portal.clock.advance(9 * 86_400)
    with audited_workspace.open_context() as context:
        apply_retention(replace(context, retention=RetentionPeriods(audit=timedelta(days=7))))
    (path,) = audited_workspace.folder.glob("audit.*")
    assert audit_lines(capsys) == []
    assert main.run_command(["audit", "verify"]) == 0
    proof = f"the last into a file that `connector audit verify --file {path}` proves"
    assert f"were cut on 2026-11-11, {proof}" in _shown_text(capsys)
    assert main.run_command(["audit", "verify", "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out)["cut"]["lines"] == 4
    assert main.run_command(["audit", "verify", "--file", str(path)]) == 0
    assert "the chain in the database goes on from it" in _shown_text(capsys)
    assert main.run_command(["undo", "--rule", "reopened", "--dry-run"]) == 0
    assert "what was written before that cannot be undone" in _shown_text(capsys)
    path.write_bytes(path.read_bytes().replace(b"reopened", b"rewritten"))
    assert main.run_command(["audit", "verify", "--file", str(path)]) == 1
    assert "broken at line 1" in _shown_text(capsys)
    path.write_bytes(path.read_bytes().splitlines()[0] + b"\n")
    assert main.run_command(["audit", "verify", "--file", str(path), "--json"]) == 0
    assert main.run_command(["audit", "verify", "--file", str(path.parent / "none")]) == 1


def _shown_text(capsys: Capture) -> str:
    """Return what was shown, as if the screen were wide enough for it."""
    return " ".join(capsys.readouterr().out.split())


def test_a_noted_head_proves_the_tail_and_a_cut_tail_is_named(
    audited_workspace: Workspace, capsys: Capture
) -> None:
    assert main.run_command(["audit", "verify", "--json"]) == 0
    verified = orjson.loads(capsys.readouterr().out)
    head = f"{verified['head']}:{verified['lines']}"
    assert main.run_command(["audit", "verify", "--head", head]) == 0
    assert "The expected head is in it" in capsys.readouterr().out
    with closing(sqlite3.connect(audited_workspace.folder / "connector.db")) as connection:
        connection.execute("DROP TRIGGER audit_refuses_delete")
        connection.execute("DELETE FROM audit WHERE place = 4")
        connection.commit()
    assert main.run_command(["audit", "verify", "--head", head]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "chain intact" in text
    assert "The tail may be cut off" in text
    assert "It has fewer lines than the expected head" in text
    assert main.run_command(["audit", "verify", "--json"]) == 1
    assert len(orjson.loads(capsys.readouterr().out)["runs_with_missing_lines"]) == 1


@pytest.mark.parametrize("head", ["abc:4", f"{'0' * 64}:many", "0" * 64])
def test_a_head_that_makes_no_sense_says_what_to_type(
    audited_workspace: Workspace, capsys: Capture, head: str
) -> None:
    assert main.run_command(["audit", "verify", "--head", head]) == 1
    assert "write --head HASH:LINES" in capsys.readouterr().err


def test_runs_are_listed_newest_first_with_their_undo(
    audited_workspace: Workspace, capsys: Capture
) -> None:
    audited_workspace.portal.clock.advance(60)
    audited_workspace.sync()
    assert main.run_command(["runs", "--json"]) == 0
    newest, first = orjson.loads(capsys.readouterr().out)
    assert (newest["outcomes"], newest["undo"]) == ({}, None)
    assert first["outcomes"] == {"applied": 4}
    assert first["undo"] == f"connector undo {first['run']}"
    assert newest["began_at"] > first["began_at"]
    assert main.run_command(["runs", "--limit", "1"]) == 0
    text = capsys.readouterr().out
    assert newest["run"] in text
    assert first["run"] not in text
    audited_workspace.portal.clock.advance(60)
    assert main.run_command(first["undo"].split()[1:]) == 0
    capsys.readouterr()
    assert main.run_command(["runs", "--limit", "1", "--json"]) == 0
    (undo,) = orjson.loads(capsys.readouterr().out)
    assert (undo["kind"], undo["outcomes"]) == ("undo", {"applied": 4})
