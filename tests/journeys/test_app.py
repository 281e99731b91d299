"""What daemon and web promise together: what the one does, the other tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from connector import settings
from connector.app import put_together
from connector.daemon import settings as daemon_settings
from connector.errors import UserError
from connector.sandbox.portal import Portal
from connector.web.app import create
from state.store import Store
from tests.journeys import cast
from tests.journeys.bench import Bench
from tests.web.asking import ask


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
    made = Channel()
    yield made
    made.server.shutdown()
    made.server.server_close()


def _lead(portal: Portal) -> str:
    """Return somebody who asked for a demo, and has an owner."""
    anna = cast.contact(portal, "anna", "lead")
    portal.edit("contacts", anna, {"hubspot_owner_id": portal.add_owner("o@x.example", "O", "X")})
    cast.fill_in(portal, anna, cast.DEMO)
    return anna


def _go(bench: Bench, turns: int = 1) -> str:
    """Let the whole daemon go through some cycles; return its metrics."""
    given = bench.environment

    def monotonic() -> float:
        return bench.portal.clock.ms() / 1000

    with Store.open(given["CONNECTOR_DATABASE_URL"]) as store:
        daemon = daemon_settings.read(given, folder=bench.folder)
        parts = put_together(
            lambda: settings.read(given, folder=bench.folder), daemon, store, monotonic
        )
        after = parts.loop.turned

        def turned() -> None:
            nonlocal turns
            after()
            turns -= 1
            if turns:
                parts.loop.stop.wake()
            else:
                parts.loop.stop.ask()

        parts.loop.turned = turned
        parts.loop.run()
        told = ask(create(parts.front), "GET", "/metrics")
        for each in parts.channels:
            each.close()
    return told.body


def test_the_metrics_tell_what_was_corrected_and_what_it_took(bench: Bench) -> None:
    _lead(bench.portal)
    bench.more = {"CONNECTOR_WRITES": "apply", "CONNECTOR_RECHECK_SECONDS": "0"}
    told = _go(bench)
    for line in (
        'connector_corrections_total{outcome="applied",rule="handover"} 1.0',
        'connector_requests_total{route="batch update",status="200"} 1.0',
        'connector_steps_total{result="done",step="poll"} 1.0',
        "connector_due 0.0",
        "connector_open_moves 0.0",
        'connector_step_failing{step="apply"} 0.0',
    ):
        assert line in told


def test_the_owner_hears_of_a_contact_that_is_ready_for_sales(
    bench: Bench, channel: Channel
) -> None:
    anna = _lead(bench.portal)
    bench.more = {"CONNECTOR_WRITES": "apply", "CONNECTOR_HANDOVER": f"*={channel.url}"}
    _go(bench, turns=2)
    assert channel.titles == [f"contacts/{anna} is ready for sales"]


def test_an_alert_is_sent_with_what_is_wrong(bench: Bench, channel: Channel) -> None:
    _lead(bench.portal)
    policy = bench.folder / "mine.yaml"
    policy.write_text(
        "extends: standard\nname: mine\nsettings: {limits: {always: 0, day_share: 0}}\n"
    )
    more = {"CONNECTOR_ALERTS": channel.url, "CONNECTOR_POLICY": str(policy)}
    bench.more = {"CONNECTOR_WRITES": "apply", **more}
    _go(bench, turns=3)
    assert len(channel.titles) == 1
    assert "over a limit" in channel.titles[0]
    assert bench.box.writes() == []


def test_the_digest_of_overlooked_contacts_is_sent_once_a_day(
    bench: Bench, channel: Channel
) -> None:
    cast.contact(bench.portal, "anna", "salesqualifiedlead", "NEW")
    bench.more = {"CONNECTOR_ALERTS": channel.url}
    _go(bench, turns=2)
    _go(bench)
    assert channel.titles == [
        f"HubSpot lifecycle connector, portal {bench.portal.portal_id}: 1 contact is overlooked"
    ]


def test_owners_get_their_tasks_where_the_daemon_writes_and_none_in_review(bench: Bench) -> None:
    anna = cast.contact(bench.portal, "anna", "salesqualifiedlead", "NEW")
    owner = bench.portal.add_owner("o@x.example", "O", "X")
    bench.portal.edit("contacts", anna, {"hubspot_owner_id": owner})
    policy = bench.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {follow_up: {tasks: yes}}\n")
    bench.more = {"CONNECTOR_POLICY": str(policy)}
    _go(bench)
    assert bench.portal.records("tasks") == []
    bench.more = {**bench.more, "CONNECTOR_WRITES": "apply"}
    _go(bench, turns=2)
    assert len(bench.portal.records("tasks")) == 1


def test_a_channel_that_is_none_is_said_before_anything_is_asked(bench: Bench) -> None:
    bench.more = {"CONNECTOR_ALERTS": "nonsense", "HUBSPOT_WEBHOOK_SECRET": ""}
    with pytest.raises(UserError, match="CONNECTOR_ALERTS"):
        _go(bench)
    assert bench.box.requests == []
