"""A portal's cycles in a worker: no mistake of one portal ends the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import UserError
from connector.fleet.portal_work import new_portal_work
from connector.fleet.worker import OpenPortals, run
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state.db.store import Store

pytestmark = pytest.mark.network


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "portals"
    path.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONNECTOR_PORTALS", str(path))
    monkeypatch.setenv("CONNECTOR_POLL_SECONDS", "7")
    return path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Portal(portal_id=42)) as running:
        yield running


def _write(folder: Path, sandbox: Sandbox, *, portal_id: int = 42) -> None:
    lines = f'portal_id = {portal_id}\ntoken = "{sandbox.token}"\napi_url = "{sandbox.url}"\n'
    (folder / "acme.toml").write_text(lines, encoding="utf-8")


def test_each_cycle_polls_and_says_when_the_next_is_due(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)
    for _ in range(2):
        sandbox.clear_requests()
        ended = portals.run_cycle("acme")
        assert ended
        assert 0 < ended.next_in_seconds <= 7
        assert sandbox.request_count() > 0
    portals.request_stop()
    ended = portals.run_cycle("acme")
    assert ended
    assert ended.next_in_seconds == 0  # another worker goes on at once
    portals.close()


def test_a_token_of_another_portal_writes_nothing_and_is_tried_again(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox, portal_id=43)
    work = new_portal_work(store, "acme", time.monotonic)
    assert work.run_cycle().next_in_seconds == 7
    assert sandbox.write_requests() == []
    assert {request.route for request in sandbox.requests} == {"account"}
    work.close()


def test_a_file_that_became_wrong_ends_its_cycles_until_it_is_mended(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)
    assert portals.run_cycle("acme")
    (folder / "acme.toml").write_text("portal_id = 42\n", encoding="utf-8")
    sandbox.clear_requests()
    assert portals.run_cycle("acme") is None
    assert sandbox.requests == []
    assert list(portals.read_folder().problems) == ["acme"]
    _write(folder, sandbox)
    assert portals.run_cycle("acme")
    portals.close()


def test_a_job_that_runs_twice_waits_for_its_first_run(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    work = new_portal_work(store, "acme", time.monotonic)
    ends = []
    sandbox.before_answer = lambda _request: ends.append(work.run_cycle().next_in_seconds)
    work.run_cycle()
    assert set(ends) == {5.0}
    work.close()


def test_a_worker_without_a_shared_database_does_not_start() -> None:
    with pytest.raises(UserError, match="`connector run` on this machine alone"):
        run("sqlite:///x.db", concurrency=1, monotonic=time.monotonic)
