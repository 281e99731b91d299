"""The report of writers names who sets what, how often, and who fights whom."""

from __future__ import annotations

import orjson
import pytest

from connector import cli
from tests.journeys.bench import Bench
from tests.journeys.cast import OPEN, WON, contact, deal


@pytest.fixture
def fought(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a portal in which a workflow sets back what we wrote, twice."""
    for name, value in {**bench.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    anna = contact(bench.portal, "anna", "lead")
    deal(bench.portal, [OPEN, WON], contacts=[anna])
    for enrollment in range(3):
        bench.sync()
        bench.portal.clock.advance(3600)
        for stage in ("", "lead"):
            bench.portal.edit(
                "contacts",
                anna,
                {"lifecyclestage": stage},
                source="AUTOMATION_PLATFORM",
                source_id=f"enrollmentId:{enrollment}",
                user_id=None,
            )
        bench.portal.clock.advance(3600)
    bench.sync()
    return bench


def test_the_report_names_a_workflow_that_fights_us(
    fought: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", "writers", "--json"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    stage = [one for one in told["rows"] if one["property_name"] == "lifecyclestage"]
    ours = next(one for one in stage if one["source_type"] == "CONNECTOR")
    assert (ours["who"], ours["times"], ours["set_back"]) == ("the connector", 2, 2)
    assert ours["set_back_by"] == "a workflow"
    (fight,) = [one for one in told["fights"] if one["set_by"] == "the connector"]
    assert (fight["times"], fight["records"], len(fight["examples"])) == (2, 1, 1)


def test_the_report_is_a_table_for_people_and_for_spreadsheets(
    fought: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", "writers"]) == 0
    assert "the connector sets, a workflow sets back" in capsys.readouterr().out.replace("\n", " ")
    assert cli.run(["report", "writers", "--csv"]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.startswith("property_name,who,source_type")
    assert first.count(",") == head.count(",")


def test_where_nothing_is_mirrored_yet_it_says_what_to_type(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    assert cli.run(["report", "writers"]) == 1
    assert "Nothing is mirrored yet: run `connector pull` first." in capsys.readouterr().err
