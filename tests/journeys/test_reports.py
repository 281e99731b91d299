"""The commands of the reports on a portal of the sandbox: readable and scriptable."""

from __future__ import annotations

import json

import pytest

from connector.cli.main import run_command
from tests.journeys import sample_records
from tests.journeys.workspace import Workspace


@pytest.fixture
def mirrored(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace whose portal is pulled, with a contradiction in it."""
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    contact = sample_records.create_contact(workspace.portal, "anna", "lead")
    sample_records.create_deal(workspace.portal, [sample_records.OPEN], contacts=[contact])
    assert run_command(["pull"]) == 0
    return workspace


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run_command(list(arguments)) == 0
    return capsys.readouterr().out


def test_each_report_is_a_document_and_a_table(
    mirrored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("hygiene", "funnel", "velocity"):
        assert json.loads(run(capsys, "report", name, "--json"))["report"] == name
        assert run(capsys, "report", name)
        assert "," in run(capsys, "report", name, "--csv").splitlines()[0]


def test_a_contradiction_is_shown_until_it_is_corrected(
    mirrored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads(run(capsys, "report", "hygiene", "--json"))
    assert [row["kind"] for row in before["rows"]] == ["open-deal", "status-open-deal"]
    run(capsys, "sync", "--json")
    after = json.loads(run(capsys, "report", "hygiene", "--json"))
    assert (after["rows"], after["score"]) == ([], 1.0)


def test_histories_are_loaded_and_no_longer_said_to_be_missing(
    mirrored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "history load" in run(capsys, "report", "velocity")
    loaded = json.loads(run(capsys, "history", "load", "--json"))
    assert (loaded["loaded"], loaded["missing"]) == (1, 0)
    assert "history load" not in run(capsys, "report", "velocity")


def test_a_table_that_a_report_lacks_is_a_mistake_that_names_its_tables(
    mirrored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["report", "funnel", "--csv", "--table", "weeks"]) == 1
    assert "funnel, months, cohorts" in capsys.readouterr().err
