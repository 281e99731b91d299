"""Alerts are sent once, with what to do, and once more when their cause is over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import responses

from connector.alerts.alert import TEMPORARY_FAILURE_SECONDS, Alert, Health, alerts
from connector.alerts.channels import Channels
from connector.alerts.notifier import Notifier
from connector.core.corrections.moves import Move
from connector.core.model import Outcome, Ref
from connector.daemon.steps import FailingStep
from connector.errors import ConnectorError, TemporaryError, UserError
from connector.hubspot.http.failures import LimitReached, ScopeMissing, TokenRefused
from connector.push.disk_room import DiskNearlyFull
from connector.push.enforce_limits import OverLimit, RunStopped
from connector.push.first_use import FirstUse
from connector.push.pause import Paused, PauseNotice
from state.db.store import Store
from state.outgoing_events import EventCounts
from state.quarantine import FailedCorrection

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANNA = Ref.parse("contacts/1")
PORTAL = "4711"


def raised_alerts(
    *troubles: tuple[str, ConnectorError],
    lasting_seconds: float = 0.0,
    moves: tuple[Move, ...] = (),
    failed_corrections: tuple[FailedCorrection, ...] = (),
) -> list[Alert]:
    status = Health(
        failing_steps=[FailingStep(step=step, error=error, since=0.0) for step, error in troubles],
        monotonic_seconds=lasting_seconds,
        now=NOW,
        open_moves=moves,
        failed_corrections=failed_corrections,
    )
    return list(alerts(status))


@pytest.mark.parametrize(
    ("step", "error", "key"),
    [
        ("apply", OverLimit("over"), "over-limit"),
        ("first-use", FirstUse("new rules"), "first-use"),
        ("apply", RunStopped("stopped"), "stopped"),
        ("apply", DiskNearlyFull("full"), "disk"),
        ("poll", TokenRefused("revoked"), "token"),
        ("poll", ScopeMissing("no scope"), "scope"),
        ("poll", LimitReached("used up"), "requests"),
        ("token", UserError("another portal"), "step-token"),
        ("policy", UserError("line 3"), "step-policy"),
    ],
)
def test_what_needs_a_person_is_alerted_at_once(step: str, error: ConnectorError, key: str) -> None:
    (alert,) = raised_alerts((step, error))
    assert alert.key == key
    assert str(error) in alert.text


def test_what_may_pass_by_itself_is_alerted_when_it_lasts() -> None:
    temporary_failure = ("poll", TemporaryError("HubSpot is away"))
    assert raised_alerts(temporary_failure, lasting_seconds=TEMPORARY_FAILURE_SECONDS - 1) == []
    assert [
        alert.key
        for alert in raised_alerts(temporary_failure, lasting_seconds=TEMPORARY_FAILURE_SECONDS)
    ] == ["poll"]


def test_a_pause_is_no_alert() -> None:
    assert (
        raised_alerts(("apply", Paused("paused")), lasting_seconds=10 * TEMPORARY_FAILURE_SECONDS)
        == []
    )


def test_a_pause_that_lasts_longer_than_a_day_may_be_forgotten() -> None:
    def paused_for(age: timedelta) -> list[Alert]:
        pause = PauseNotice(since=NOW - age, text="since Sunday: import")
        health = Health(
            failing_steps=(),
            monotonic_seconds=0,
            now=NOW,
            open_moves=(),
            failed_corrections=(),
            pause=pause,
        )
        return list(alerts(health))

    assert paused_for(timedelta(hours=24)) == []
    (alert,) = paused_for(timedelta(hours=25))
    assert ("paused" in alert.key, "since Sunday: import" in alert.text) == (True, True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(OverLimit("over"), "warning"), (TokenRefused("revoked"), "failure")],
)
def test_an_alert_says_how_bad_it_is(error: ConnectorError, kind: str) -> None:
    (alert,) = raised_alerts(("apply", error))
    assert alert.message_type == kind


def test_each_message_has_its_type(store: Store) -> None:
    types: list[str] = []

    def send(*_: str, message_type: str) -> bool:
        types.append(message_type)
        return True

    notifier = Notifier(store, send, pause=HOUR)
    notifier.notify(PORTAL, [TOKEN_ALERT], NOW)
    notifier.notify(PORTAL, [], NOW)
    assert types == ["failure", "success"]


def test_a_move_that_does_not_end_is_told_with_its_record() -> None:
    def open_move(age: timedelta) -> Move:
        at = NOW - age
        return Move(record=ANNA, corrections=(), run="r", plan="p", policy="x", promised_at=at)

    assert raised_alerts(moves=(open_move(timedelta(minutes=14)),)) == []
    (alert,) = raised_alerts(moves=(open_move(timedelta(minutes=16)),))
    assert (alert.key, "contacts/1" in alert.text) == ("open-moves", True)


def test_a_fight_with_another_writer_is_told_for_a_day() -> None:
    def failed_correction(age: timedelta) -> FailedCorrection:
        return FailedCorrection(
            record=ANNA,
            property_name="lifecyclestage",
            key="k",
            times=2,
            outcome=Outcome.REVERTED,
            note="AUTOMATION_PLATFORM 7 set customer",
            at=NOW - age,
        )

    assert raised_alerts(failed_corrections=(failed_correction(25 * HOUR),)) == []
    (alert,) = raised_alerts(failed_corrections=(failed_correction(HOUR),))
    assert "AUTOMATION_PLATFORM 7" in alert.text


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as open_store:
        yield open_store


def into(titles: list[str], *, has_room: bool = True) -> Callable[..., bool]:
    """Return what queues the titles of messages, or has no room for them."""

    def send(title: str, *_: str, **__: str) -> bool:
        if has_room:
            titles.append(title)
        return has_room

    return send


TOKEN_ALERT = Alert(key="token", title="HubSpot refuses the token", text="create a new one")


def test_an_alert_is_told_once_and_its_end_once(store: Store) -> None:
    titles: list[str] = []
    for hour, failing in enumerate([True, True, True, False, False]):
        # Made anew each time, as by a restart.
        notifier = Notifier(store, into(titles), pause=HOUR)
        notifier.notify(PORTAL, [TOKEN_ALERT] if failing else [], NOW + hour * HOUR)
    assert [title.partition(":")[0].split(",")[0] for title in titles] == [
        "HubSpot lifecycle connector",
        "Recovered (portal 4711)",
    ]


def test_what_comes_and_goes_does_not_fill_the_channel(store: Store) -> None:
    titles: list[str] = []
    notifier = Notifier(store, into(titles), pause=HOUR)
    for minute in range(0, 60, 5):
        notifier.notify(
            PORTAL, [TOKEN_ALERT] if minute % 10 else [], NOW + timedelta(minutes=minute)
        )
    assert len([title for title in titles if "refuses" in title and "Recovered" not in title]) == 1
    notifier.notify(PORTAL, [TOKEN_ALERT], NOW + 2 * HOUR)
    assert "refuses" in titles[-1]


def test_a_message_that_found_no_room_is_sent_by_the_next_call(store: Store) -> None:
    titles: list[str] = []
    full = Notifier(store, into(titles, has_room=False), pause=HOUR)
    with_room = Notifier(store, into(titles), pause=HOUR)
    for minute, (notifier, current) in enumerate(
        [(full, [TOKEN_ALERT]), (with_room, [TOKEN_ALERT]), (full, []), (with_room, [])]
    ):
        notifier.notify(PORTAL, current, NOW + timedelta(minutes=minute))
    assert [title.partition(" (")[0].partition(",")[0] for title in titles] == [
        "HubSpot lifecycle connector",
        "Recovered",
    ]


def test_portals_are_told_apart(store: Store) -> None:
    titles: list[str] = []
    notifier = Notifier(store, into(titles), pause=HOUR)
    notifier.notify(PORTAL, [TOKEN_ALERT], NOW)
    notifier.notify("4712", [TOKEN_ALERT], NOW)
    assert ["4711" in titles[0], "4712" in titles[1]] == [True, True]


def test_an_address_that_apprise_does_not_know_is_said_without_showing_it() -> None:
    with pytest.raises(UserError, match="number 2") as raised:
        Channels(["json://127.0.0.1/", "nonsense-with-a-secret"])
    assert "secret" not in str(raised.value)


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
        channels.send(
            "HubSpot refuses the token",
            "pat-eu1-0123456789abcdef was refused",
            message_type="failure",
        )
        thread.join(10)
        channels.close()
    assert b"refuses the token" in bodies[0]
    assert b'"type": "failure"' in bodies[0]
    assert b"0123456789" not in bodies[0]


def test_an_alert_says_its_kind_and_how_urgent_it_is(store: Store) -> None:
    kinds: list[tuple[str, ...]] = []

    def send(_title: str, _text: str, *sent: str, **_: str) -> bool:
        kinds.append(sent)
        return True

    notifier = Notifier(store, send, pause=HOUR)
    notifier.notify(PORTAL, [TOKEN_ALERT], NOW)
    notifier.notify(PORTAL, [], NOW + 2 * HOUR)
    assert kinds == [("token", "urgent")] * 2


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("token", "urgent"), {"every", "urgent"}),
        (("over-limit", "warning"), {"every", "over-limit"}),
        (("digest",), {"every"}),
    ],
)
@responses.activate
def test_an_address_gets_the_kinds_that_it_names(
    kinds: tuple[str, ...], expected: set[str]
) -> None:
    for host in ("every", "urgent", "over-limit"):
        responses.post(f"http://{host}.example/", status=200)
    channels = Channels(
        [
            "json://every.example/",
            "urgent=json://urgent.example/",
            "over-limit=json://over-limit.example/",
        ]
    )
    channels.send("title", "text", *kinds)
    channels.close()
    hosts = {str(call.request.url).split("/")[2] for call in responses.calls}
    assert hosts == {f"{name}.example" for name in expected}


def test_a_kind_that_there_is_not_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(UserError, match=r"'urgant', which is no kind of message.*'urgent'"):
        Channels(["json://127.0.0.1/", "urgant=json://127.0.0.1/"])


def test_events_that_wait_too_long_or_are_set_aside_are_told() -> None:
    def keys(events: EventCounts) -> list[str]:
        health = Health(
            failing_steps=(),
            monotonic_seconds=0.0,
            now=NOW,
            open_moves=(),
            failed_corrections=(),
            events=events,
        )
        return [alert.key for alert in alerts(health)]

    assert keys(EventCounts(waiting=3, since=NOW - HOUR)) == []
    assert keys(EventCounts(waiting=3, since=NOW - 2 * HOUR)) == ["events-waiting"]
    assert keys(EventCounts(set_aside=1)) == ["events-set-aside"]


@responses.activate
def test_a_channel_that_breaks_in_any_way_does_not_silence_the_next_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    responses.post("http://receiver.example:8080/alerts", status=200)
    channels = Channels(["json://receiver.example:8080/alerts"])
    send_whole, failures = channels._send_message, [ZeroDivisionError("a bug of a channel")]

    def send_message(*message: Any) -> None:
        if failures:
            raise failures.pop()
        send_whole(*message)

    monkeypatch.setattr(channels, "_send_message", send_message)
    channels.send("the first", "is lost")
    channels.send("the second", "arrives")
    channels.close()
    assert [json.loads(call.request.body)["title"] for call in responses.calls] == ["the second"]


@responses.activate
def test_notices_reach_only_addresses_that_name_their_kind() -> None:
    for name in ("all", "won"):
        responses.post(f"http://receiver.example:8080/{name}", status=200)
    addresses = ["json://receiver.example:8080/all", "deal-won=json://receiver.example:8080/won"]
    channels = Channels(addresses)
    channels.send_to_named("deals/9 was won", "Onboarding can begin", "deal-won")
    channels.send_to_named("contacts/1 is ready", "look", "ready-for-sales")
    channels.close()
    assert [call.request.url for call in responses.calls] == ["http://receiver.example:8080/won"]


@responses.activate
def test_many_notices_push_out_no_alert_and_one_without_address_takes_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    responses.post("http://receiver.example:8080/all", status=200)
    responses.post("http://receiver.example:8080/won", status=200)
    addresses = ["json://receiver.example:8080/all", "deal-won=json://receiver.example:8080/won"]
    channels = Channels(addresses)
    sent, may_send, is_sending = list[str](), threading.Event(), threading.Event()

    def send_message(title: str, *_: Any) -> None:
        is_sending.set()
        may_send.wait(60)
        sent.append(title)

    monkeypatch.setattr(channels, "_send_message", send_message)
    assert channels.send_to_named("the first", "", "deal-won")
    is_sending.wait(60)
    assert all(channels.send_to_named("unwanted", "", "ready-for-sales") for _ in range(200))
    queued = [channels.send_to_named("a notice", "", "deal-won") for _ in range(101)]
    assert queued == [True] * 100 + [False]
    assert channels.send("an alert", "", "token", "urgent")
    may_send.set()
    channels.close()
    channels._thread.join(60)
    assert sent == ["the first", "an alert", *["a notice"] * 100]
