"""What alerts promise: told once, with what to do, and once more when it is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from connector.alerts.alarms import Alarms
from connector.alerts.alert import PATIENCE, Alert, Standing, alerts
from connector.alerts.channels import Channels
from connector.core.model import Outcome, Ref
from connector.core.moves import Move
from connector.daemon.cycle import NoRoom
from connector.daemon.steps import Trouble
from connector.errors import ConnectorError, TemporaryError, UserError
from connector.hubspot.faults import LimitReached, ScopeMissing, TokenRefused
from connector.limiting import OverLimit, Stopped
from connector.pausing import Paused
from state.store import Store
from state.strikes import Strike

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANNA = Ref.parse("contacts/1")
PORTAL = "4711"


def found(
    *troubles: tuple[str, ConnectorError],
    lasts: float = 0.0,
    moves: tuple[Move, ...] = (),
    strikes: tuple[Strike, ...] = (),
) -> list[Alert]:
    standing = Standing(
        troubles=[Trouble(step=step, error=error, since=0.0) for step, error in troubles],
        seconds=lasts,
        now=NOW,
        open_moves=moves,
        strikes=strikes,
    )
    return list(alerts(standing))


@pytest.mark.parametrize(
    ("step", "error", "key"),
    [
        ("apply", OverLimit("over"), "over-limit"),
        ("apply", Stopped("stopped"), "stopped"),
        ("apply", NoRoom("full"), "disk"),
        ("poll", TokenRefused("revoked"), "token"),
        ("poll", ScopeMissing("no scope"), "scope"),
        ("poll", LimitReached("used up"), "requests"),
        ("token", UserError("another portal"), "step-token"),
        ("policy", UserError("line 3"), "step-policy"),
    ],
)
def test_what_needs_a_person_is_told_at_once(step: str, error: ConnectorError, key: str) -> None:
    (told,) = found((step, error))
    assert told.key == key
    assert str(error) in told.text


def test_what_may_pass_by_itself_is_told_when_it_lasts() -> None:
    away = ("poll", TemporaryError("HubSpot is away"))
    assert found(away, lasts=PATIENCE - 1) == []
    assert [one.key for one in found(away, lasts=PATIENCE)] == ["poll"]


def test_a_pause_is_no_alert() -> None:
    assert found(("apply", Paused("paused")), lasts=10 * PATIENCE) == []


def test_a_move_that_does_not_end_is_told_with_its_record() -> None:
    def move(ago: timedelta) -> Move:
        at = NOW - ago
        return Move(record=ANNA, corrections=(), run="r", plan="p", policy="x", promised_at=at)

    assert found(moves=(move(timedelta(minutes=14)),)) == []
    (told,) = found(moves=(move(timedelta(minutes=16)),))
    assert (told.key, "contacts/1" in told.text) == ("open-moves", True)


def test_a_fight_with_another_writer_is_told_for_a_day() -> None:
    def strike(ago: timedelta) -> Strike:
        return Strike(
            record=ANNA,
            property_name="lifecyclestage",
            key="k",
            times=2,
            outcome=Outcome.REVERTED,
            note="AUTOMATION_PLATFORM 7 set customer",
            at=NOW - ago,
        )

    assert found(strikes=(strike(25 * HOUR),)) == []
    (told,) = found(strikes=(strike(HOUR),))
    assert "AUTOMATION_PLATFORM 7" in told.text


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as opened:
        yield opened


TOKEN = Alert(key="token", title="HubSpot refuses the token", text="create a new one")


def test_an_alert_is_told_once_and_its_end_once(store: Store) -> None:
    sent: list[str] = []
    for hour, now in enumerate([True, True, True, False, False]):
        # Made anew each time, as by a restart.
        alarms = Alarms(store, lambda title, _: sent.append(title), pause=HOUR)
        alarms.tell(PORTAL, [TOKEN] if now else [], NOW + hour * HOUR)
    assert [one.partition(":")[0].split(",")[0] for one in sent] == [
        "HubSpot lifecycle connector",
        "Recovered (portal 4711)",
    ]


def test_what_comes_and_goes_does_not_fill_the_channel(store: Store) -> None:
    sent: list[str] = []
    alarms = Alarms(store, lambda title, _: sent.append(title), pause=HOUR)
    for minute in range(0, 60, 5):
        alarms.tell(PORTAL, [TOKEN] if minute % 10 else [], NOW + timedelta(minutes=minute))
    assert len([one for one in sent if "refuses" in one and "Recovered" not in one]) == 1
    alarms.tell(PORTAL, [TOKEN], NOW + 2 * HOUR)
    assert "refuses" in sent[-1]


def test_portals_are_told_apart(store: Store) -> None:
    sent: list[str] = []
    alarms = Alarms(store, lambda title, _: sent.append(title), pause=HOUR)
    alarms.tell(PORTAL, [TOKEN], NOW)
    alarms.tell("4712", [TOKEN], NOW)
    assert ["4711" in sent[0], "4712" in sent[1]] == [True, True]


def test_an_address_that_apprise_does_not_know_is_said_without_showing_it() -> None:
    with pytest.raises(UserError, match="number 2") as error:
        Channels(["json://127.0.0.1/", "nonsense-with-a-secret"])
    assert "secret" not in str(error.value)


def test_without_a_channel_nothing_is_sent() -> None:
    channels = Channels([])
    channels.send("title", "text")
    channels.close()


@pytest.mark.network
def test_an_alert_reaches_its_channel_without_secrets() -> None:
    bodies: list[bytes] = []

    class Channel(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Channel) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        channels = Channels([f"json://127.0.0.1:{server.server_address[1]}/"])
        channels.send("HubSpot refuses the token", "pat-eu1-0123456789abcdef was refused")
        thread.join(10)
        channels.close()
    assert b"refuses the token" in bodies[0]
    assert b"0123456789" not in bodies[0]
