"""A delivery is answered after its events are stored, and many deliveries need one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event as Signal
from urllib.request import urlopen

import pytest

from connector.core.model import Ref
from connector.core.webhook_event import Event
from connector.errors import TemporaryError, UserError
from connector.web.event_store import MAX_WAITING, EventStore, Overloaded
from connector.web.probe import probe
from connector.web.server import serve_in_thread
from tests.web.asgi_client import FakeDaemon

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def event(key: str) -> Event:
    return Event(key=key, record=Ref.parse("contacts/1"), read_associations=False, at=NOW)


def test_what_comes_while_a_commit_runs_is_stored_by_the_next_one() -> None:
    commit_started, commit_allowed = Signal(), Signal()
    commits: list[list[str]] = []

    def store_events(events: Sequence[Event]) -> None:
        commit_started.set()
        assert commit_allowed.wait(10)
        commits.append([stored_event.key for stored_event in events])

    receiver = EventStore(store_events)
    receiver.start()
    first_result = receiver.receive([event("a")])
    assert commit_started.wait(10)
    other_results = [receiver.receive([event(f"b{number}")]) for number in range(50)]
    assert not first_result.done()
    commit_allowed.set()
    for result in (first_result, *other_results):
        result.result(10)
    receiver.close()
    assert [len(commit) for commit in commits] == [1, 50]


def test_neither_a_bug_nor_one_who_gives_up_waiting_ends_the_storing() -> None:
    bugs = [ZeroDivisionError()]

    def store_events(events: Sequence[Event]) -> None:
        if bugs:
            raise bugs.pop()

    receiver = EventStore(store_events)
    receiver.start()
    with pytest.raises(ZeroDivisionError):
        receiver.receive([event("a")]).result(10)
    assert not receiver.receive([event("b")]).cancel()
    receiver.receive([event("c")]).result(10)
    receiver.close()


def test_what_cannot_be_stored_is_told_to_each_delivery_and_the_next_may_succeed() -> None:
    failures = [TemporaryError("locked")]

    def store_events(events: Sequence[Event]) -> None:
        if failures:
            raise failures.pop()

    receiver = EventStore(store_events)
    receiver.start()
    with pytest.raises(TemporaryError, match="locked"):
        receiver.receive([event("a")]).result(10)
    receiver.receive([event("a")]).result(10)
    receiver.close()


def test_closing_stores_what_has_come() -> None:
    stored_events: list[Event] = []
    receiver = EventStore(stored_events.extend)
    results = [receiver.receive([event(str(number))]) for number in range(5)]
    receiver.start()
    receiver.close()
    assert len(stored_events) == 5
    assert all(result.done() for result in results)


def test_more_than_can_be_stored_is_turned_away() -> None:
    receiver = EventStore(lambda _: None)
    for _ in range(MAX_WAITING):
        receiver.receive([event("a")])
    with pytest.raises(Overloaded):
        receiver.receive([event("a")]).result(0)


@pytest.mark.network
def test_the_server_answers_while_it_serves_and_leaves_the_address_free() -> None:
    app = FakeDaemon().app()
    with serve_in_thread(app, "127.0.0.1", 0) as url:
        port = int(url.rpartition(":")[2])
        assert urlopen(f"{url}/healthz", timeout=5).status == 200  # loopback only
        assert probe(f"0.0.0.0:{port}") == 0
        with (
            pytest.raises(UserError, match="CONNECTOR_LISTEN"),
            serve_in_thread(app, "127.0.0.1", port),
        ):
            pass
    assert probe(f"0.0.0.0:{port}") == 1
    with serve_in_thread(app, "127.0.0.1", port):
        pass
