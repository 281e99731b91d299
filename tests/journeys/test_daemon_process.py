"""The daemon's process: webhooks, signals, its address, its lock, its exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.faults import Fault
from tests.journeys import kill_process, sample_records
from tests.journeys.daemon_runner import SQL, stage_of
from tests.journeys.live_daemon import WEBHOOK_SECRET, prepare_daemon, wait_until
from tests.journeys.workspace import Workspace, new_portal


@pytest.mark.network
def test_an_event_is_acted_upon_before_the_next_poll_and_its_echo_writes_nothing_and_an_undo_stays(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    anna = sample_records.create_contact(workspace.portal, "anna", "lead")
    with prepare_daemon(workspace, CONNECTOR_POLL_SECONDS="3600") as process:
        workspace.sandbox.set_deliveries(
            DeliverySettings(target=f"{process.url}/webhooks/hubspot", secret=WEBHOOK_SECRET)
        )
        process.start()
        wait_until(lambda: process.get("/readyz")[0] == 200)
        search_count = workspace.sandbox.request_count("search")
        sample_records.submit_form(workspace.portal, anna, sample_records.DEMO_FORM)
        wait_until(lambda: stage_of(workspace, anna) == SQL)
        assert workspace.sandbox.deliveries
        assert workspace.sandbox.deliveries.wait_until_idle(10)
        wait_until(lambda: "connector_events_waiting 0.0" in process.get("/metrics")[1])
        time.sleep(0.5)  # the echoes' own cycle
        assert workspace.sandbox.request_count("search") == search_count
        assert len(workspace.sandbox.write_requests()) == 1
        assert kill_process.run(workspace, "undo", "--rule", "handover") == 0
        sample_records.submit_form(
            workspace.portal,
            sample_records.create_contact(workspace.portal, "bjorn", "lead"),
            sample_records.DEMO_FORM,
        )
        wait_until(lambda: len(workspace.sandbox.write_requests()) == 3)
        assert stage_of(workspace, anna) == "lead"
        assert process.stop() == 0


@pytest.mark.network
def test_sigterm_in_the_middle_of_a_hanging_write_ends_within_ten_seconds(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    expected = sample_records.create_mixed_records(workspace.portal)
    workspace.portal.switches.hang_seconds = 60
    workspace.sandbox.faults.add(Fault(kind="timeout", route="batch_update", nth=2, when="after"))
    with prepare_daemon(workspace) as process, (workspace.folder / "log").open("w") as log:
        # By its own command line: the other children soon give up waiting for an answer.
        command = [sys.executable, "-m", "connector", "run"]
        env = {**os.environ, **workspace.environment}
        with subprocess.Popen(command, cwd=workspace.folder, env=env, stderr=log) as connector:
            wait_until(lambda: workspace.sandbox.faults.injected)
            started = time.monotonic()
            connector.terminate()
            code = connector.wait(30)
        assert (code, time.monotonic() - started < 10) == (0, True)
        assert "daemon.left" in (workspace.folder / "log").read_text()
        assert workspace.open_moves()
        process.start()
        wait_until(lambda: workspace.values(*expected) == expected)
        assert process.stop() == 0
    assert workspace.open_moves() == ()


@pytest.mark.network
def test_told_again_and_again_to_stop_it_does_not_hang(workspace: Workspace) -> None:
    with prepare_daemon(workspace) as process:
        process.start()
        wait_until(lambda: process.get("/readyz")[0] == 200)
        assert process.connector
        process_id = process.connector.process.pid
        with suppress(ProcessLookupError):  # until it has ended
            for _ in range(50_000):  # a signal may come in the middle of another one's handling
                os.kill(process_id, signal.SIGTERM)
                os.kill(process_id, signal.SIGINT)
        process.connector.wait()  # fails where it hangs; the last signals may come late


@pytest.mark.network
def test_a_taken_address_is_said_with_what_to_do(workspace: Workspace) -> None:
    port = workspace.sandbox.url.rpartition(":")[2]
    workspace.overrides = {"CONNECTOR_LISTEN": f"127.0.0.1:{port}"}
    assert kill_process.run(workspace, "run") == 1
    assert "CONNECTOR_LISTEN" in (workspace.folder / "err").read_text()


@pytest.mark.network
def test_a_second_daemon_on_one_database_says_so_and_ends_with_4(workspace: Workspace) -> None:
    with prepare_daemon(workspace) as process:
        process.start()
        wait_until(lambda: process.get("/readyz")[0] == 200)
        workspace.overrides = {**workspace.overrides, "CONNECTOR_LISTEN": "127.0.0.1:0"}
        assert kill_process.run(workspace, "run") == 4
        assert "Another daemon" in (workspace.folder / "err").read_text()
        assert process.stop() == 0


@pytest.mark.network
def test_another_portals_token_exits_with_1(workspace: Workspace) -> None:
    workspace.overrides = {"CONNECTOR_LISTEN": "127.0.0.1:0", "HUBSPOT_PORTAL_ID": "1"}
    connector = kill_process.start(workspace, "run")
    assert connector.wait() == 1
