"""Several workers on one PostgreSQL database: a dead one's portal is taken over, and finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from connector.core.corrections.audit import IntactChain
from connector.sandbox.http.call import Request
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state import audit
from state.db.store import Store
from tests.databases import PostgresqlServer
from tests.journeys import kill_process, sample_records
from tests.journeys.kill_process import ConnectionLostError, ConnectorProcess
from tests.journeys.live_daemon import POLICY, wait_until
from tests.journeys.served_fleet import Fleet
from tests.journeys.workspace import Workspace

pytestmark = [pytest.mark.network, pytest.mark.timeout(900)]
_IDS = {"acme": 42, "bolt": 43, "coil": 44, "dead": 45}
_REVOKED = "dead"
_LONG_SECONDS = 400.0  # a busy machine's; the takeover itself takes thirty
_EXPECTED = ["customer", "opportunity", "opportunity"]


@pytest.fixture
def fleet(workspace: Workspace, postgresql_server: PostgresqlServer) -> Iterator[Fleet]:
    """Serve four portals, each with two customers to move back; one token was revoked."""
    folder = workspace.folder / "portals"
    folder.mkdir()
    policy = workspace.folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    workspace.overrides = {
        "CONNECTOR_DATABASE_URL": postgresql_server.create_database(),
        "CONNECTOR_PORTALS": str(folder),
        "CONNECTOR_POLICY": str(policy),
        "CONNECTOR_POLL_SECONDS": "1",
        "CONNECTOR_RECHECK_SECONDS": "0.1,0.3",
        "CONNECTOR_WRITES": "apply",
        "CONNECTOR_LOG_FORMAT": "json",
    }
    with ExitStack() as stack:
        sandboxes = {}
        for name, portal_id in _IDS.items():
            portal = Portal(portal_id=portal_id, time_zone="Europe/Oslo")
            for contact_name in ("anna", "bjorn"):
                sample_records.create_reopened_customer(portal, contact_name)
            contact_id = sample_records.create_contact(portal, "carl", "lead")
            sample_records.create_deal(portal, [sample_records.WON], contacts=[contact_id])
            sandboxes[name] = stack.enter_context(Sandbox(portal, token=f"pat-of-{name}"))
        served = Fleet(folder=folder, sandboxes=sandboxes)
        for name in _IDS:
            served.write_file(name, token="pat-revoked" if name == _REVOKED else "")
        yield served


@pytest.fixture
def start_worker(workspace: Workspace) -> Iterator[Callable[[str], ConnectorProcess]]:
    """Start workers, each with a folder of its own; leave none behind."""
    workers = []

    def start(name: str) -> ConnectorProcess:
        folder = workspace.folder / name
        folder.mkdir()
        workers.append(kill_process.start(replace(workspace, folder=folder), "worker"))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.is_alive():
            worker.kill()


def _kill_after_a_clear(sandbox: Sandbox, worker: ConnectorProcess) -> None:
    """Kill the worker when it sends the second write to a portal: the first has cleared."""
    writes: list[Request] = []

    def before(request: Request) -> None:
        if not request.path.endswith("contacts/batch/update"):
            return
        writes.append(request)
        if len(writes) == 2:
            worker.kill()
            raise ConnectionLostError

    sandbox.before_answer = before


def test_a_worker_killed_in_mid_move_leaves_no_blank_and_a_revoked_token_stops_no_other(
    fleet: Fleet, workspace: Workspace, start_worker: Callable[[str], ConnectorProcess]
) -> None:
    first = start_worker("first")
    _kill_after_a_clear(fleet.sandboxes["acme"], first)
    wait_until(lambda: not first.process.is_alive(), _LONG_SECONDS)
    assert "" in fleet.stages("acme")  # it died between the clear and the set

    survivors = [start_worker("second"), start_worker("third")]
    healthy = [name for name in _IDS if name != _REVOKED]
    wait_until(lambda: all(fleet.stages(name) == _EXPECTED for name in healthy), _LONG_SECONDS)
    assert fleet.sandboxes[_REVOKED].write_requests() == []
    assert fleet.stages(_REVOKED) == ["customer", "customer", "lead"]
    # The other portals may be done before the refused token is believed to be revoked.
    wait_until(lambda: _alarm_of_the_revoked_token_is_logged(workspace), _LONG_SECONDS)

    for worker in survivors:
        worker.signal(15)
    assert [worker.wait() for worker in survivors] == [0, 0]
    _assert_intact_audits(workspace, healthy)


def _alarm_of_the_revoked_token_is_logged(workspace: Workspace) -> bool:
    logs = [
        (workspace.folder / name / "err").read_text(encoding="utf-8")
        for name in ("first", "second", "third")
    ]
    lines = [line for log in logs for line in log.splitlines()]
    return any('"step.failing"' in line and f'"{_REVOKED}"' in line for line in lines)


def _assert_intact_audits(workspace: Workspace, names: list[str]) -> None:
    with Store.open(workspace.environment["CONNECTOR_DATABASE_URL"]) as store:
        for name in names:
            with store.reading(str(_IDS[name])) as session:
                assert isinstance(audit.verify(session), IntactChain)
                assert list(audit.read(session))


def test_workers_need_a_database_that_several_machines_can_share(
    workspace: Workspace, run_connector: Callable[..., object]
) -> None:
    refused = run_connector("worker")
    assert refused.code == 1  # type: ignore[attr-defined]  # a CommandResult
    assert "share a PostgreSQL database" in refused.err  # type: ignore[attr-defined]  # as above
    named = run_connector("worker", "--portal", "acme")
    assert "leave out --portal" in named.err  # type: ignore[attr-defined]  # as above
