"""Several portals on one database: each has its file, and none touches another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from connector.core.model import Ref
from connector.sandbox.http.call import Request
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from state import outbox
from tests.fakes import moves
from tests.journeys import sample_records
from tests.journeys.command_line import RunConnector
from tests.journeys.served_fleet import Fleet
from tests.journeys.workspace import NOW, Workspace

pytestmark = pytest.mark.network
_IDS = {"acme": 42, "bolt": 43, "coil": 44}


@pytest.fixture
def fleet(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Serve three portals, each with a contact whose deal is won."""
    folder = workspace.folder / "portals"
    folder.mkdir()
    monkeypatch.setenv("CONNECTOR_PORTALS", str(folder))
    with ExitStack() as stack:
        sandboxes = {}
        for name, portal_id in _IDS.items():
            portal = Portal(
                portal_id=portal_id,
                time_zone="Europe/Oslo",
                clock=Clock(NOW, running=False),
            )
            contact_id = sample_records.create_contact(portal, name, "lead")
            sample_records.create_deal(portal, [sample_records.WON], contacts=[contact_id])
            sandboxes[name] = stack.enter_context(Sandbox(portal, token=f"pat-of-{name}"))
        served = Fleet(folder=folder, sandboxes=sandboxes)
        for name in _IDS:
            served.write_file(name)
        yield served


def _contact(fleet: Fleet, name: str) -> str:
    return next(iter(fleet.portal(name).records("contacts"))).id


def _watch_writes(fleet: Fleet) -> Callable[[], dict[str, int]]:
    """Count the writes that each portal receives from now on."""
    counts = dict.fromkeys(fleet.sandboxes, 0)

    def watch(name: str) -> Callable[[Request], None]:
        def before(request: Request) -> None:
            counts[name] += request.path.endswith("/batch/update")

        return before

    for name, sandbox in fleet.sandboxes.items():
        sandbox.before_answer = watch(name)
    return lambda: dict(counts)


def test_each_command_works_on_the_portal_that_is_named(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    refused = run_connector("sync")
    assert refused.code == 1
    assert "several portals (acme, bolt, coil)" in refused.err
    count_writes = _watch_writes(fleet)
    assert run_connector("sync", "--portal", "acme", "--no-limits").code == 0
    assert count_writes()["acme"] > 0
    assert (count_writes()["bolt"], count_writes()["coil"]) == (0, 0)
    assert fleet.stages("acme") == ["customer"]
    assert fleet.stages("bolt") == ["lead"]
    runs = run_connector("runs", "--portal", "acme", "--json").json
    assert {run["portal_id"] for run in runs} == {"42"}
    assert run_connector("runs", "--portal", "acm").code == 1


def test_the_plans_of_all_portals_come_in_one_go_and_one_mistake_stops_no_other(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    for name in ("acme", "bolt"):
        assert run_connector("pull", "--portal", name).code == 0
    fleet.write_file("coil", 'tokn = "x"')
    planned = run_connector("plan", "--all", "--json")
    assert planned.code == 1
    plans = {plan["name"]: plan for plan in planned.json["portals"]}
    assert [plans[name]["corrections"] for name in ("acme", "bolt")] == [1, 1]
    assert "coil.toml:4: a portal file has no tokn" in plans["coil"]["error"]
    (fleet.folder / "coil.toml").unlink()
    assert run_connector("plan", "--all", "--exit-code").code == 2
    shown = run_connector("plan", "--all")
    assert shown.code == 0
    assert [line.split("\t")[:2] for line in shown.out.splitlines()[1:]] == [
        ["acme", "42"],
        ["bolt", "43"],
    ]
    assert run_connector("plan", "--all", "--against", "standard").code == 1


def test_a_token_of_another_portal_writes_nothing_and_is_named(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    fleet.write_file("acme", token_of="bolt")
    fleet.write_file("bolt", token_of="acme")
    count_writes = _watch_writes(fleet)
    for name, wrong in (("acme", 43), ("bolt", 42)):
        refused = run_connector("sync", "--portal", name, "--no-limits")
        assert refused.code == 1
        assert f"This token belongs to portal {wrong}" in refused.err
    assert set(count_writes().values()) == {0}
    checked = run_connector("portals", "check", "--json")
    assert checked.code == 1
    failing = {line["portal"] for line in checked.json if line["light"] == "fail"}
    assert failing == {"acme", "bolt"}


def test_portals_are_added_listed_checked_and_removed(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace
) -> None:
    (fleet.folder / "acme.toml").unlink()
    sandbox = fleet.sandboxes["acme"]
    (workspace.folder / "token").write_text(sandbox.token, encoding="utf-8")
    options = ("--token-file", str(workspace.folder / "token"), "--api-url", sandbox.url)
    assert run_connector("portals", "add", "acme").code == 1
    assert run_connector("portals", "add", "acme", *options).code == 0
    assert (fleet.folder / "acme.toml").stat().st_mode & 0o077 == 0
    assert "exists" in run_connector("portals", "add", "acme", *options).err
    twice = run_connector("portals", "add", "again", *options)
    assert "Portal 42 has a file already: acme" in twice.err
    assert not (fleet.folder / "again.toml").exists()
    entries = run_connector("portals", "list", "--json").json
    assert [(entry["name"], entry["portal_id"]) for entry in entries] == [
        ("acme", "42"),
        ("bolt", "43"),
        ("coil", "44"),
    ]
    checked = run_connector("portals", "check", "acme")
    assert checked.code == 0
    line = next(line for line in checked.err.splitlines() if line.startswith("portal "))
    assert " · policy standard (" in line
    assert " · writes nothing" in line
    assert "portal " not in run_connector("portals", "check", "acme", "--quiet").err
    assert run_connector("portals", "check", "nobody").code == 1
    assert run_connector("pull", "--portal", "acme").code == 0
    statuses = run_connector("portals", "status", "--json").json
    polled = {status["name"]: status["polled_until"] is not None for status in statuses}
    assert polled == {"acme": True, "bolt": False, "coil": False}
    assert run_connector("portals", "status").out.splitlines()[2].startswith("bolt\t43\tnever")
    assert run_connector("portals", "remove", "acme").code == 0
    assert (fleet.folder / "acme.toml.removed").exists()
    assert run_connector("portals", "remove", "acme").code == 1
    assert "acme" not in run_connector("portals", "list").out


def test_a_portal_whose_records_may_be_blank_is_not_removed(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace
) -> None:
    assert run_connector("pull", "--portal", "acme").code == 0
    correction = moves.backward_correction(Ref.parse(f"contacts/{_contact(fleet, 'acme')}"))
    with workspace.store() as store, store.begin("42") as session:
        outbox.promise(session, [moves.move_of(correction, at=NOW)])
    refused = run_connector("portals", "remove", "acme")
    assert refused.code == 1
    assert "connector recover --portal acme" in refused.err
    fleet.write_file("acme", "tokn = 1")  # whose records may be blank is not known any more
    refused = run_connector("portals", "remove", "acme")
    assert (refused.code, "has no tokn" in refused.err) == (1, True)
    assert (fleet.folder / "acme.toml").exists()


def test_a_portal_that_no_database_knows_is_removed(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace
) -> None:
    workspace.overrides = {"CONNECTOR_DATABASE_URL": f"sqlite:///{workspace.folder}/none.db"}
    assert run_connector("portals", "remove", "bolt").code == 0
    assert not (workspace.folder / "none.db").exists()


def test_a_folder_without_portals_says_how_to_begin(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    for name in _IDS:
        (fleet.folder / f"{name}.toml").unlink()
    assert "connector portals add NAME" in run_connector("portals", "list").out
    assert run_connector("portals", "list", "--json").json == []
    assert "connector portals add NAME" in run_connector("plan", "--all").err


def test_a_portal_decides_in_the_time_zone_and_by_the_settings_of_its_file(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    fleet.write_file("acme", 'time_zone = "Asia/Tokyo"', "[settings]", "hold_days = 7")
    shown = run_connector("policy", "show", "--portal", "acme")
    assert shown.code == 0
    assert "hold_days\t7" in shown.out
    assert "hold_days\t7" not in run_connector("policy", "show", "--portal", "bolt").out
    assert run_connector("pull", "--portal", "acme").code == 0


def test_cases_and_made_up_facts_are_decided_by_the_settings_of_a_portals_file(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace
) -> None:
    fleet.write_file("acme", "[settings]", 'default_stage = "subscriber"')
    facts = workspace.folder / "facts.yaml"
    facts.write_text('given: {stage: ""}\n', encoding="utf-8")
    cases = workspace.folder / "cases.yaml"
    cases.write_text(
        'cases: [{name: new, given: {stage: ""}, expect: {stage: subscriber}}]\n', encoding="utf-8"
    )
    for name, stage, code in (("acme", "subscriber", 0), ("bolt", "lead", 1)):
        explained = run_connector("explain", "--facts", str(facts), "--json", "--portal", name)
        assert explained.code == 0, explained.err
        assert f'"{stage}"' in explained.out
        tested = run_connector(
            "policy", "test", "standard", "--cases", str(cases), "--portal", name
        )
        assert tested.code == code, tested.out


def test_one_wrong_file_alone_in_its_folder_stops_no_command_of_the_fleet(
    fleet: Fleet, run_connector: RunConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bolt", "coil"):
        (fleet.folder / f"{name}.toml").unlink()
    (fleet.folder / "acme.toml").write_text("portal_id = 42\n", encoding="utf-8")
    (entry,) = run_connector("portals", "list", "--json").json
    assert "there is no token" in entry["problem"]
    planned = run_connector("plan", "--all", "--json")
    assert "there is no token" in planned.json["portals"][0]["error"]
    assert "share a PostgreSQL database" in run_connector("worker").err
    monkeypatch.setenv("BOLT_TOKEN", "pat-of-bolt")
    url = fleet.sandboxes["bolt"].url
    added = run_connector("portals", "add", "bolt", "--token-env", "BOLT_TOKEN", "--api-url", url)
    assert added.code == 0, added.err


def test_a_plan_of_all_portals_is_of_no_single_one(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    refused = run_connector("plan", "--all", "--portal", "acme")
    assert refused.code == 1
    assert "leave out --portal" in refused.err
    assert fleet.sandboxes["acme"].requests == []
