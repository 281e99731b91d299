"""Daemon and web in one process: the web shows what the daemon did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from connector.app import assemble
from connector.config import settings
from connector.daemon import daemon_settings
from connector.daemon.environment import Environment
from connector.daemon.loop import Loop
from connector.errors import StorageError, UserError
from connector.sandbox.portal.portal import Portal
from connector.web.app import create_app
from state.db.store import Store
from tests.journeys import sample_records
from tests.journeys.workspace import Workspace
from tests.web.asgi_client import send_request


class Channel:
    """A channel that alerts are sent to."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                channel.titles.append(body["title"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_address[1]}/"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def channel() -> Iterator[Channel]:
    new_channel = Channel()
    yield new_channel
    new_channel.server.shutdown()
    new_channel.server.server_close()


def _create_demo_lead(portal: Portal) -> str:
    """Return somebody who asked for a demo, and has an owner."""
    anna = sample_records.create_contact(portal, "anna", "lead")
    portal.edit("contacts", anna, {"hubspot_owner_id": portal.add_owner("o@x.example", "O", "X")})
    sample_records.submit_form(portal, anna, sample_records.DEMO_FORM)
    return anna


def _run_cycles(workspace: Workspace, cycles: int = 1) -> str:
    """Let the whole daemon go through some cycles; return its metrics."""
    environment = workspace.environment

    def monotonic() -> float:
        return workspace.portal.clock.ms() / 1000

    with Store.open(environment["CONNECTOR_DATABASE_URL"]) as store:
        daemon = daemon_settings.read(environment, folder=workspace.folder)
        parts = assemble(
            lambda: settings.read(environment, folder=workspace.folder), daemon, store, monotonic
        )
        previous_callback = parts.loop.on_cycle_ended

        def count_cycle(loop: Loop, environment: Environment) -> None:
            nonlocal cycles
            previous_callback(loop, environment)
            cycles -= 1
            if cycles:
                parts.loop.stop.end_sleep()
            else:
                parts.loop.stop.request()

        parts.loop.on_cycle_ended = count_cycle
        parts.loop.run()
        answer = send_request(create_app(parts.daemon_link), "GET", "/metrics")
        for alert_channel in parts.channels:
            alert_channel.close()
    return answer.body


def test_the_metrics_tell_what_was_corrected_and_what_it_took(workspace: Workspace) -> None:
    _create_demo_lead(workspace.portal)
    workspace.overrides = {"CONNECTOR_WRITES": "apply", "CONNECTOR_RECHECK_SECONDS": "0"}
    metrics = _run_cycles(workspace)
    for line in (
        'connector_corrections_total{outcome="applied",rule="handover"} 1.0',
        'connector_requests_total{route="batch update",status="200"} 1.0',
        'connector_steps_total{result="done",step="poll"} 1.0',
        "connector_due 0.0",
        "connector_open_moves 0.0",
        'connector_step_failing{step="apply"} 0.0',
    ):
        assert line in metrics


def test_the_owner_hears_of_a_contact_that_is_ready_for_sales(
    workspace: Workspace, channel: Channel
) -> None:
    anna = _create_demo_lead(workspace.portal)
    workspace.overrides = {"CONNECTOR_WRITES": "apply", "CONNECTOR_HANDOVER": f"*={channel.url}"}
    _run_cycles(workspace, cycles=2)
    assert channel.titles == [f"contacts/{anna} is ready for sales"]


def test_an_alert_is_sent_with_what_is_wrong(workspace: Workspace, channel: Channel) -> None:
    _create_demo_lead(workspace.portal)
    policy = workspace.folder / "mine.yaml"
    policy.write_text(
        "extends: standard\nname: mine\nsettings: {limits: {always: 0, day_share: 0}}\n"
    )
    overrides = {"CONNECTOR_ALERTS": channel.url, "CONNECTOR_POLICY": str(policy)}
    workspace.overrides = {"CONNECTOR_WRITES": "apply", **overrides}
    _run_cycles(workspace, cycles=3)
    assert len(channel.titles) == 1
    assert "over a limit" in channel.titles[0]
    assert workspace.sandbox.write_requests() == []


def test_an_alert_is_sent_although_news_cannot_be_told(
    workspace: Workspace, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("connector.alerts.messages.take_news", fail)
    test_an_alert_is_sent_with_what_is_wrong(workspace, channel)


def test_the_digest_of_overlooked_contacts_is_sent_once_a_day(
    workspace: Workspace, channel: Channel
) -> None:
    sample_records.create_contact(workspace.portal, "anna", "salesqualifiedlead", "NEW")
    workspace.overrides = {"CONNECTOR_ALERTS": channel.url}
    _run_cycles(workspace, cycles=2)
    _run_cycles(workspace)
    assert channel.titles == [
        f"HubSpot lifecycle connector, portal {workspace.portal.portal_id}: 1 contact is overlooked"
    ]


def test_owners_get_their_tasks_where_the_daemon_writes_and_none_in_review(
    workspace: Workspace,
) -> None:
    anna = sample_records.create_contact(workspace.portal, "anna", "salesqualifiedlead", "NEW")
    owner_id = workspace.portal.add_owner("o@x.example", "O", "X")
    workspace.portal.edit("contacts", anna, {"hubspot_owner_id": owner_id})
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {follow_up: {tasks: yes}}\n")
    workspace.overrides = {"CONNECTOR_POLICY": str(policy)}
    _run_cycles(workspace)
    assert workspace.portal.records("tasks") == []
    workspace.overrides = {**workspace.overrides, "CONNECTOR_WRITES": "apply"}
    _run_cycles(workspace, cycles=2)
    assert len(workspace.portal.records("tasks")) == 1


def test_a_channel_that_is_none_is_said_before_anything_is_asked(workspace: Workspace) -> None:
    workspace.overrides = {"CONNECTOR_ALERTS": "nonsense", "HUBSPOT_WEBHOOK_SECRET": ""}
    with pytest.raises(UserError, match="CONNECTOR_ALERTS"):
        _run_cycles(workspace)
    assert workspace.sandbox.requests == []
