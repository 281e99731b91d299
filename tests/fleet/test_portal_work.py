"""A portal's cycles in a worker: no mistake of one portal ends the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connector.config import settings
from connector.daemon import loop
from connector.errors import UserError
from connector.fleet.portal_work import CycleEnd, new_portal_work
from connector.fleet.worker import OpenPortals, run
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state.db.errors import DatabaseUnreachable
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
    work = new_portal_work(store, settings.read_portals().find("acme"), time.monotonic)
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


def _fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(loop, "cycle", fail)


def test_a_bug_in_a_cycle_is_logged_and_raises_an_alert_and_the_next_poll_tries_again(
    folder: Path, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)
    with monkeypatch.context() as patches, capture_logs() as logs:
        _fail_with(patches, ZeroDivisionError())
        for _ in range(2):
            assert portals.run_cycle("acme") == CycleEnd(next_in_seconds=7)
    assert [entry["alert"] for entry in logs if entry["event"] == "alert.raised"] == ["step-cycle"]
    assert [entry["event"] for entry in logs].count("cycle.crashed") == 2
    with capture_logs() as logs:
        portals.run_cycle("acme")
    recovered = [entry["step"] for entry in logs if entry["event"] == "step.recovered"]
    assert recovered == ["cycle"]
    portals.close()


def test_a_bug_before_a_portal_is_open_or_in_its_alerts_ends_no_worker(
    folder: Path, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patches, capture_logs() as logs:
        patches.setattr(loop, "open_environment", fail)
        patches.setattr(loop.Loop, "known_portal_ids", fail)
        assert portals.run_cycle("acme") == CycleEnd(next_in_seconds=7)
    assert "cycle.alert_failed" in [entry["event"] for entry in logs]
    assert portals.run_cycle("acme")
    portals.close()


def test_a_database_that_is_away_is_tried_again_soon(
    folder: Path, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)
    with monkeypatch.context() as patches, capture_logs() as logs:
        _fail_with(patches, DatabaseUnreachable("it is away"))
        assert portals.run_cycle("acme") == CycleEnd(next_in_seconds=5)
    assert "cycle.crashed" not in [entry["event"] for entry in logs]
    portals.close()


def test_a_file_whose_address_changed_is_opened_anew_and_one_whose_token_changed_is_not(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)
    assert portals.run_cycle("acme")
    path = folder / "acme.toml"
    text = path.read_text(encoding="utf-8")
    with Sandbox(Portal(portal_id=42)) as moved, capture_logs() as logs:
        path.write_text(text.replace(sandbox.url, moved.url), encoding="utf-8")
        sandbox.clear_requests()
        assert portals.run_cycle("acme")
        assert sandbox.requests == []
        assert moved.request_count() > 0
        path.write_text(path.read_text(encoding="utf-8") + 'writes = "apply"\n', encoding="utf-8")
        assert portals.run_cycle("acme")
        path.write_text(path.read_text(encoding="utf-8") + 'alerts = ""\n', encoding="utf-8")
        assert portals.run_cycle("acme")
    assert [entry["event"] for entry in logs].count("portal.opened_anew") == 2
    portals.close()


def test_a_portal_stays_open_while_a_cycle_of_it_runs(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    portals = OpenPortals(store, time.monotonic)
    ends: list[CycleEnd | None] = []

    def take_file_away(_request: object) -> None:
        (folder / "acme.toml").rename(folder / "acme.toml.removed")
        sandbox.before_answer = None
        ends.append(portals.run_cycle("acme"))
        (folder / "acme.toml.removed").rename(folder / "acme.toml")

    assert portals.run_cycle("acme")
    sandbox.before_answer = take_file_away
    with capture_logs() as logs:
        ends.append(portals.run_cycle("acme"))
    assert ends[0] is None
    assert ends[1]
    assert {"cycle.crashed", "step.failing"}.isdisjoint(entry["event"] for entry in logs)
    sandbox.clear_requests()
    assert portals.run_cycle("acme")  # it is still open: its own requests come first no more
    assert "account" not in {request.route for request in sandbox.requests}
    portals.close()


def test_a_wrong_setting_of_a_file_is_named_once_and_no_cycle_follows(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    path = folder / "acme.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + 'writes = "perhaps"\n', encoding="utf-8")
    portals = OpenPortals(store, time.monotonic)
    with capture_logs() as logs:
        for _ in range(2):
            assert portals.run_cycle("acme") is None
    (entry,) = [entry for entry in logs if entry["event"] == "portal.file_wrong"]
    assert "CONNECTOR_WRITES" in entry["message"]
    _write(folder, sandbox)
    assert portals.run_cycle("acme")
    portals.close()


def test_a_job_that_runs_twice_waits_for_its_first_run(
    folder: Path, sandbox: Sandbox, store: Store
) -> None:
    _write(folder, sandbox)
    work = new_portal_work(store, settings.read_portals().find("acme"), time.monotonic)
    ends = []
    sandbox.before_answer = lambda _request: ends.append(work.run_cycle().next_in_seconds)
    work.run_cycle()
    assert set(ends) == {5.0}
    work.close()


def test_a_worker_without_a_shared_database_does_not_start() -> None:
    with pytest.raises(UserError, match="`connector run` on this machine alone"):
        run("sqlite:///x.db", concurrency=1, monotonic=time.monotonic)
