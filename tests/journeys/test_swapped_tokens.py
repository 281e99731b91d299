"""Two portals whose tokens are swapped while workers run: no write, and an alarm for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest
import structlog
from structlog.testing import capture_logs

from connector.config import settings
from connector.fleet.portal_work import PortalWork, new_portal_work
from connector.sandbox.http.call import Answer, Request
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state import introduced_rules
from state.db.store import Store
from tests.fakes.introduced import preset_rule_names
from tests.journeys import sample_records
from tests.journeys.served_fleet import Fleet
from tests.journeys.workspace import NOW, Workspace

pytestmark = pytest.mark.network
_IDS = {"acme": 42, "bolt": 43}


class SharedAddress(Sandbox):
    """A portal whose address serves more portals, by their tokens, as HubSpot's does."""

    neighbours: Mapping[str, Sandbox] = {}

    def handle(self, request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        neighbour = self.neighbours.get(token)
        return neighbour.handle(request) if neighbour else super().handle(request)


@pytest.fixture
def fleet(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Serve two portals at one address each, which both know the tokens of both."""
    folder = workspace.folder / "portals"
    folder.mkdir()
    for name, value in {
        **workspace.environment,
        "CONNECTOR_PORTALS": str(folder),
        "CONNECTOR_WRITES": "apply",
        "CONNECTOR_POLICY": "standard",
        "CONNECTOR_RECHECK_SECONDS": "0.01",
    }.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        sandboxes = {}
        for name, portal_id in _IDS.items():
            portal = Portal(portal_id=portal_id, time_zone="Europe/Oslo")
            contact_id = sample_records.create_contact(portal, "anna", "customer")
            stages = [sample_records.OPEN, sample_records.WON]
            sample_records.create_deal(portal, stages, contacts=[contact_id])
            sandbox = SharedAddress(portal, token=f"pat-of-{name}")
            sandboxes[name] = stack.enter_context(sandbox)
        sandboxes["acme"].neighbours = {"pat-of-bolt": sandboxes["bolt"]}
        sandboxes["bolt"].neighbours = {"pat-of-acme": sandboxes["acme"]}
        served = Fleet(folder=folder, sandboxes=sandboxes)
        for name in _IDS:
            served.write_file(name)
        yield served


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.store() as opened:
        for portal_id in _IDS.values():
            with opened.begin(str(portal_id)) as session:
                introduced_rules.add(session, preset_rule_names(), run="review", at=NOW)
        yield opened


@pytest.fixture
def works(fleet: Fleet, store: Store) -> Iterator[dict[str, PortalWork]]:
    folder = settings.read_portals()
    opened = {name: new_portal_work(store, folder.find(name), time.monotonic) for name in _IDS}
    yield opened
    for work in opened.values():
        work.close()


def _swap_tokens(fleet: Fleet) -> None:
    fleet.write_file("acme", token="pat-of-bolt")
    fleet.write_file("bolt", token="pat-of-acme")


def _reopen_deals(fleet: Fleet) -> None:
    """Let each portal's customer be one no more; both have the same id."""
    for name in _IDS:
        portal = fleet.portal(name)
        (deal,) = portal.records("deals")
        portal.api_update("deals", str(deal.id), {"dealstage": sample_records.OPEN})


def _writes(fleet: Fleet) -> list[int]:
    return [len(sandbox.write_requests()) for sandbox in fleet.sandboxes.values()]


def test_two_tokens_that_are_swapped_while_the_portals_are_open_write_nothing_and_alarm_twice(
    fleet: Fleet, works: dict[str, PortalWork]
) -> None:
    for work in works.values():
        work.run_cycle()
    _reopen_deals(fleet)
    _swap_tokens(fleet)
    structlog.reset_defaults()
    with capture_logs() as logs:
        for _ in range(2):
            for work in works.values():
                work.run_cycle()
    assert _writes(fleet) == [0, 0]
    alerts = [entry for entry in logs if entry["event"] == "alert.raised"]
    assert [(entry["alert"], entry["portal"]) for entry in alerts] == [
        ("token", "42"),
        ("token", "43"),
    ]
    for name in _IDS:
        fleet.write_file(name)
    for work in works.values():
        work.run_cycle()
    assert [fleet.stages(name) for name in _IDS] == [["opportunity"], ["opportunity"]]


def test_a_token_that_is_swapped_in_mid_move_reaches_no_record_of_the_other_portal(
    fleet: Fleet, works: dict[str, PortalWork]
) -> None:
    acme = works["acme"]
    acme.run_cycle()
    _reopen_deals(fleet)

    def swap_after_the_clear(request: Request) -> None:
        if request.path.endswith("contacts/batch/update"):
            fleet.sandboxes["acme"].after_answer = None
            _swap_tokens(fleet)
            acme._loop.sources.current.renew()

    fleet.sandboxes["acme"].after_answer = swap_after_the_clear
    acme.run_cycle()
    assert _writes(fleet) == [1, 0]
    assert (fleet.stages("acme"), fleet.stages("bolt")) == ([""], ["customer"])
    fleet.write_file("acme")
    acme.run_cycle()
    assert fleet.stages("acme") == ["opportunity"]
    assert {request.path.rpartition("/")[2] for request in fleet.sandboxes["bolt"].requests} == {
        "details"
    }
