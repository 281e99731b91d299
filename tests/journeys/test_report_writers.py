"""The report of writers names who sets what, how often, and who sets back whose values."""

from __future__ import annotations

import orjson
import pytest

from connector.cli import main
from tests.journeys.sample_records import OPEN, WON, create_contact, create_deal
from tests.journeys.workspace import Workspace


@pytest.fixture
def contested_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a portal in which a workflow sets back what we wrote, twice."""
    for name, value in {**workspace.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    anna = create_contact(workspace.portal, "anna", "lead")
    create_deal(workspace.portal, [OPEN, WON], contacts=[anna])
    for enrollment in range(3):
        workspace.sync()
        workspace.portal.clock.advance(3600)
        for stage in ("", "lead"):
            workspace.portal.edit(
                "contacts",
                anna,
                {"lifecyclestage": stage},
                source="AUTOMATION_PLATFORM",
                source_id=f"enrollmentId:{enrollment}",
                user_id=None,
            )
        workspace.portal.clock.advance(3600)
    workspace.sync()
    return workspace


def test_the_report_names_a_workflow_that_fights_us(
    contested_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["report", "writers", "--json"]) == 0
    report = orjson.loads(capsys.readouterr().out)
    stage_rows = [row for row in report["rows"] if row["property_name"] == "lifecyclestage"]
    own_row = next(row for row in stage_rows if row["source_type"] == "CONNECTOR")
    assert (own_row["who"], own_row["times"], own_row["set_back"]) == ("the connector", 2, 2)
    assert own_row["set_back_by"] == "a workflow"
    (writer_conflict,) = [
        conflict for conflict in report["fights"] if conflict["set_by"] == "the connector"
    ]
    assert (
        writer_conflict["times"],
        writer_conflict["records"],
        len(writer_conflict["examples"]),
    ) == (2, 1, 1)


def test_the_report_is_a_table_for_people_and_for_spreadsheets(
    contested_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["report", "writers"]) == 0
    assert "the connector sets, a workflow sets back" in capsys.readouterr().out.replace("\n", " ")
    assert main.run_command(["report", "writers", "--csv"]) == 0
    header, first_row, *_ = capsys.readouterr().out.splitlines()
    assert header.startswith("property_name,who,source_type")
    assert first_row.count(",") == header.count(",")


def test_where_nothing_is_mirrored_yet_it_says_what_to_type(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    assert main.run_command(["report", "writers"]) == 1
    assert "Nothing is mirrored yet: run `connector pull` first." in capsys.readouterr().err
