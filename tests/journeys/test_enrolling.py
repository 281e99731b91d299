"""A plan names the active workflows that enrol on what it writes, or says that nobody knows."""

from __future__ import annotations

import orjson
import pytest

from connector import cli
from connector.core.model import ObjectType, Workflow
from connector.sandbox.flows import enrols_on, waits_for
from tests.journeys.bench import Bench
from tests.journeys.cast import reopened

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def planned(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a pulled portal with one thing to correct, and workflows of every kind."""
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    reopened(bench.portal)
    portal = bench.portal
    portal.add_workflow("Welcome back", enrols_on("lifecyclestage"))
    portal.add_workflow("Status bell", waits_for("hs_lead_status"))
    portal.add_workflow("Asleep", enrols_on("lifecyclestage"), enabled=False)
    portal.add_workflow("Newsletter", enrols_on("email"))
    portal.add_workflow("Of deals", enrols_on("lifecyclestage"), object_type="deals")
    portal.add_workflow("Of companies", enrols_on("lifecyclestage"), object_type="companies")
    assert cli.run(["pull"]) == 0
    return bench


def plan(capsys: Capture, *more: str) -> str:
    capsys.readouterr()
    assert cli.run(["plan", *more]) == 0
    return capsys.readouterr().out


def test_the_active_ones_that_enrol_on_stage_or_status_are_named(
    planned: Bench, capsys: Capture
) -> None:
    planned.portal.switches.scopes.add("automation")
    found = orjson.loads(plan(capsys, "--json"))["workflows"]
    assert [one["name"] for one in found] == ["Welcome back", "Status bell", "Of companies"]
    assert "may start: Welcome back (71000)" in plan(capsys).replace("\n", " ")
    planned.portal.flows.clear()
    assert "No active workflow enrols" in plan(capsys)


def test_without_the_scope_it_is_said_that_nobody_knows(planned: Bench, capsys: Capture) -> None:
    assert orjson.loads(plan(capsys, "--json"))["workflows"] is None
    assert "is not known: the token lacks the" in plan(capsys)


def test_a_portal_of_many_workflows_is_read_page_by_page(bench: Bench) -> None:
    bench.portal.switches.scopes.add("automation")
    for number in range(150):
        bench.portal.add_workflow(f"w{number}", enrols_on("lifecyclestage"))
    with bench.desk() as desk:
        found = desk.door.workflows()
    assert [one.name for one in found] == [f"w{number}" for number in range(150)]
    assert found[0] == Workflow(
        id="71000",
        name="w0",
        object_type=ObjectType.CONTACTS,
        enrols_on=frozenset({"lifecyclestage"}),
    )
    assert bench.box.count("flows") == bench.box.count("flows_read") == 2
