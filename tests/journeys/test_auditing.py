"""The audit by command: filtered, as a table, proven, and redacted for good."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from connector import cli
from connector.core.retention import Keep
from connector.tidying import tidy
from tests.journeys.bench import Bench
from tests.journeys.cast import OPEN, WON, contact, deal

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def audited(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a bench after a run that corrected two contacts, with four lines."""
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    for number in range(2):
        deal(
            bench.portal,
            [OPEN, WON, OPEN],
            contacts=[contact(bench.portal, f"p{number}", "customer")],
        )
    bench.sync()
    return bench


def lines(capsys: Capture, *filters: str) -> list[dict[str, object]]:
    capsys.readouterr()
    assert cli.run(["audit", *filters, "--json"]) == 0
    return [orjson.loads(one) for one in capsys.readouterr().out.splitlines()]


def test_lines_are_filtered_by_every_word(audited: Bench, capsys: Capture) -> None:
    every = lines(capsys)
    assert len(every) == 4
    first = every[0]
    assert len(lines(capsys, "--record", str(first["record"]))) == 2
    assert len(lines(capsys, "--property", "hs_lead_status")) == 2
    assert len(lines(capsys, "--rule", "reopened", "--outcome", "applied")) == 2
    assert lines(capsys, "--outcome", "refused") == []
    assert lines(capsys, "--until", "2026-01-01") == []
    assert len(lines(capsys, "--since", "2026-01-01", "--run", str(first["run"]))) == 4


def test_lines_are_a_table_for_people_and_for_spreadsheets(audited: Bench, capsys: Capture) -> None:
    assert cli.run(["audit"]) == 0
    assert "reopened" in capsys.readouterr().out
    assert cli.run(["audit", "--csv"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split(",")[:4] == ["at", "run", "record", "property_name"]
    assert len(rows) == 4


def test_a_redacted_record_has_no_values_and_the_chain_still_holds(
    audited: Bench, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = str(lines(capsys)[0]["record"])
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert cli.run(["audit", "redact", record]) == 130
    assert {one["after"] for one in lines(capsys, "--record", record)} == {
        "opportunity",
        "OPEN_DEAL",
    }
    capsys.readouterr()
    assert cli.run(["audit", "redact", record, "--yes"]) == 0
    assert "2 lines" in capsys.readouterr().out
    told = lines(capsys, "--record", record)
    assert {(one["before"], one["after"]) for one in told} == {(None, None)}
    assert cli.run(["audit", "verify"]) == 0
    assert "chain intact" in capsys.readouterr().out
    assert cli.run(["audit", "redact", record, "--yes"]) == 0
    assert "0 lines" in capsys.readouterr().out


def test_verify_points_at_the_first_row_that_was_changed(audited: Bench, capsys: Capture) -> None:
    with closing(sqlite3.connect(audited.folder / "connector.db")) as intruder:
        intruder.execute("DROP TRIGGER audit_refuses_update")
        intruder.execute("UPDATE audit SET rule = 'won' WHERE place IN (3, 4)")
        intruder.commit()
    assert cli.run(["audit", "verify", "--json"]) == 1
    assert orjson.loads(capsys.readouterr().out)["row"] == 3


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["redact"], "Name the record"),
        (["redact", "anna"], "write contacts/123"),
        (["--since", "soon"], "no day or time"),
    ],
)
def test_an_audit_that_makes_no_sense_says_what_to_type(
    audited: Bench, capsys: Capture, command: list[str], says: str
) -> None:
    assert cli.run(["audit", *command]) == 1
    assert says in capsys.readouterr().err


def test_a_file_that_the_audit_was_cut_into_proves_itself_by_command(
    audited: Bench, capsys: Capture
) -> None:
    audited.portal.clock.advance(9 * 86_400)
    with audited.desk() as desk:
        tidy(replace(desk, keep=Keep(audit=timedelta(days=7))))
    (path,) = audited.folder.glob("audit.*")
    assert lines(capsys) == []
    assert cli.run(["audit", "verify"]) == 0
    assert f"were cut on 2026-11-11, the last into {path}" in _words(capsys)
    assert cli.run(["audit", "verify", "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out)["cut"]["lines"] == 4
    assert cli.run(["audit", "verify", "--file", str(path)]) == 0
    assert "the chain in the database goes on from it" in _words(capsys)
    assert cli.run(["undo", "--rule", "reopened", "--dry-run"]) == 0
    assert "what was written before that cannot be undone" in _words(capsys)
    path.write_bytes(path.read_bytes().replace(b"reopened", b"rewritten"))
    assert cli.run(["audit", "verify", "--file", str(path)]) == 1
    assert "broken at line 1" in _words(capsys)
    path.write_bytes(path.read_bytes().splitlines()[0] + b"\n")
    assert cli.run(["audit", "verify", "--file", str(path), "--json"]) == 0
    assert cli.run(["audit", "verify", "--file", str(path.parent / "none")]) == 1


def _words(capsys: Capture) -> str:
    """Return what was shown, as if the screen were wide enough for it."""
    return " ".join(capsys.readouterr().out.split())
