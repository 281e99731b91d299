"""Overlooked contacts are told by a report, and once a day by the daemon."""

from __future__ import annotations

import orjson
import pytest

from connector import cli
from tests.journeys import cast
from tests.journeys.bench import Bench

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
