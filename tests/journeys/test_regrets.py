"""Writes that nobody regrets, by the operator's own commands, on a forward-only portal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from connector import cli
from tests.journeys.bench import Bench, new_portal
from tests.journeys.cast import OPEN, WON, contact, deal

_BOTH = ("lifecyclestage", "hs_lead_status")


@pytest.fixture
def operator(set_up: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a bench whose settings the commands find in the environment.

    Its clock runs: where it stood, the paces that processes share would never be free again.
    """
    bench = set_up(new_portal(running=True))
    for name, value in {**bench.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    return bench


def customers_who_should_not_be(bench: Bench, count: int) -> list[str]:
    found = [contact(bench.portal, f"person{number}", "customer") for number in range(count)]
    for one in found:
        deal(bench.portal, [OPEN, WON, OPEN], contacts=[one])
    return found


def told(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert cli.run([*command, "--json"]) == code
    found: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return found


def test_five_hundred_corrections_are_undone_save_the_ones_changed_since(
    operator: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    people = customers_who_should_not_be(operator, 250)
    names = [f"contacts/{one}.{name}" for one in people for name in _BOTH]
    before = operator.values(*names)
    done = told(capsys, "sync", "--no-limits")
    assert done["outcomes"] == {"applied": 500}
    operator.portal.clock.advance(60)
    for one in people[:3]:
        operator.portal.edit("contacts", one, {"lifecyclestage": "evangelist"})
    run = str(done["run"])
    assert told(capsys, "undo", run, "--dry-run")["run"] is None
    undone = told(capsys, "undo", run)
    left = [one for one in undone["left"] if one["property_name"] == "lifecyclestage"]  # type: ignore[attr-defined]  # it is a list
    assert [one["record"] for one in left] == [f"contacts/{one}" for one in people[:3]]
    assert all("a person" in one["why"] for one in left)
    changed = {f"contacts/{one}.lifecyclestage": "evangelist" for one in people[:3]}
    assert operator.values(*names) == {**before, **changed}
    assert operator.blanks() == []
    assert told(capsys, "sync")["outcomes"] == {}


def test_a_mistake_that_would_touch_two_fifths_of_a_portal_writes_nothing_and_says_why(
    operator: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    customers_who_should_not_be(operator, 120)
    for number in range(180):
        contact(operator.portal, f"lead{number}", "lead")
    assert cli.run(["sync"]) == 1
    said = capsys.readouterr().err
    assert "120 of 300 contacts, where 100 may be" in said
    assert "connector plan --out plan.json" in said
    assert operator.box.writes() == []


_MISTAKE = """
extends: standard
rules:
  - name: tidy-up
    when: stage == "lead"
    stage: subscriber
    direction: backward
    reason: nobody meant it
"""


def test_a_policy_mistake_writes_nothing_by_itself_and_allowed_it_stops_after_25_records(
    operator: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        contact(operator.portal, f"lead{number}", "lead")
    for number in range(450):
        contact(operator.portal, f"subscriber{number}", "subscriber")
    Path("mistake.yaml").write_text(_MISTAKE, encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_POLICY", "mistake.yaml")
    assert cli.run(["sync"]) == 1
    assert "300 of 750 contacts" in capsys.readouterr().err
    assert operator.box.writes() == []
    operator.portal.switches.automation_in_gap = "lead"  # a workflow that wants them back
    operator.portal.switches.automation_in_gap_times = 10_000
    assert cli.run(["sync", "--no-limits"]) == 1
    said = capsys.readouterr().err
    assert "was stopped" in said
    assert "connector undo " in said
    written = {one["id"] for each in operator.box.writes() for one in each.body["inputs"]}
    assert 0 < len(written) <= 25
    run = said.split("connector undo ")[1].split("`")[0]
    assert cli.run(["undo", run]) == 0
    assert len([one for one in operator.audited() if one.run == run]) == 25
    stages = [one.values["lifecyclestage"] for one in operator.portal.records("contacts")]
    assert (stages.count("lead"), stages.count("subscriber")) == (300, 450)


def test_the_way_in_is_a_reviewed_plan(operator: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    people = customers_who_should_not_be(operator, 101)
    assert cli.run(["pull"]) == 0
    assert cli.run(["plan", "--out", "plan.json"]) == 0
    done = told(capsys, "apply", "plan.json")
    assert done["outcomes"] == {"applied": 202}
    assert done["skipped"] == []
    assert operator.portal.value("contacts", people[0], "lifecyclestage") == "opportunity"
    assert cli.run(["apply", "plan.json"]) == 0
    assert "Skipped: 202" in capsys.readouterr().out


def test_hold_pause_and_resume_by_command(
    operator: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (anna,) = customers_who_should_not_be(operator, 1)
    record = f"contacts/{anna}"
    assert cli.run(["pull"]) == 0
    assert cli.run(["hold", "add", record, "--reason", "pilot", "--until", "2027-01-01"]) == 0
    (held,) = told(capsys, "hold", "list")
    assert held == {
        "record": record,
        "scope": "record",
        "of": record,
        "property_name": None,
        "reason": "pilot",
        "by": "operator",
        "until": "2027-01-01T00:00:00+00:00",
    }
    assert told(capsys, "sync")["outcomes"] == {}
    assert cli.run(["explain", record]) == 0
    assert cli.run(["hold", "list"]) == 0
    assert "pilot" in capsys.readouterr().out
    assert cli.run(["hold", "remove", record]) == 0
    assert cli.run(["hold", "remove", record]) == 1
    assert cli.run(["pause", "--reason", "import"]) == 0
    assert cli.run(["sync"]) == 1
    assert "connector resume" in capsys.readouterr().err
    assert cli.run(["resume"]) == 0
    assert told(capsys, "sync")["outcomes"] == {"applied": 2}
    assert cli.run(["undo", "--record", record]) == 0
    assert "cannot be taken back" in capsys.readouterr().out
    assert operator.portal.value("contacts", anna, "lifecyclestage") == "customer"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["undo"], "Say what to undo"),
        (["undo", "--since", "soon"], "no day or time"),
        (["undo", "--record", "anna"], "write contacts/123"),
        (["hold", "add", "--reason", "x"], "Name one thing"),
        (["hold", "add", "--where", "nothing=1", "--reason", "x"], "a property that the mirror"),
    ],
)
def test_a_command_that_makes_no_sense_says_what_to_type(
    operator: Bench, capsys: pytest.CaptureFixture[str], command: list[str], says: str
) -> None:
    assert cli.run(command) == 1
    assert says in capsys.readouterr().err
    assert Path("connector.db").exists()
