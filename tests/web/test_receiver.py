"""What the receiver promises: done means stored, and many deliveries need one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event as Signal
from urllib.request import urlopen

import pytest

from connector.core.event import Event
from connector.core.model import Ref
from connector.errors import TemporaryError, UserError
from connector.web.probe import probe
from connector.web.receiver import MOST, Overloaded, Receiver
from connector.web.server import serving
from tests.web.asking import Daemon

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def event(key: str) -> Event:
    return Event(key=key, record=Ref.parse("contacts/1"), links=False, at=NOW)


def test_what_comes_while_a_commit_runs_is_stored_by_the_next_one() -> None:
    begun, go = Signal(), Signal()
    commits: list[list[str]] = []

    def put(events: Sequence[Event]) -> None:
        begun.set()
        assert go.wait(10)
        commits.append([one.key for one in events])

    receiver = Receiver(put)
    receiver.start()
    first = receiver.receive([event("a")])
    assert begun.wait(10)
    others = [receiver.receive([event(f"b{number}")]) for number in range(50)]
    assert not first.done()
    go.set()
    for one in (first, *others):
        one.result(10)
    receiver.close()
    assert [len(one) for one in commits] == [1, 50]


def test_neither_a_bug_nor_one_who_gives_up_waiting_ends_the_storing() -> None:
    bugs = [ZeroDivisionError()]

    def put(events: Sequence[Event]) -> None:
        if bugs:
            raise bugs.pop()

    receiver = Receiver(put)
    receiver.start()
    with pytest.raises(ZeroDivisionError):
        receiver.receive([event("a")]).result(10)
    assert not receiver.receive([event("b")]).cancel()
    receiver.receive([event("c")]).result(10)
    receiver.close()


def test_what_cannot_be_stored_is_told_to_each_delivery_and_the_next_may_succeed() -> None:
    failures = [TemporaryError("locked")]

    def put(events: Sequence[Event]) -> None:
        if failures:
            raise failures.pop()

    receiver = Receiver(put)
    receiver.start()
    with pytest.raises(TemporaryError, match="locked"):
        receiver.receive([event("a")]).result(10)
    receiver.receive([event("a")]).result(10)
    receiver.close()


def test_closing_stores_what_has_come() -> None:
    stored: list[Event] = []
    receiver = Receiver(stored.extend)
    done = [receiver.receive([event(str(number))]) for number in range(5)]
    receiver.start()
    receiver.close()
    assert len(stored) == 5
    assert all(one.done() for one in done)


def test_more_than_can_be_stored_is_turned_away() -> None:
    receiver = Receiver(lambda _: None)
    for _ in range(MOST):
        receiver.receive([event("a")])
    with pytest.raises(Overloaded):
        receiver.receive([event("a")]).result(0)


@pytest.mark.network
def test_the_server_answers_while_it_serves_and_leaves_the_address_free() -> None:
    app = Daemon().app()
    with serving(app, "127.0.0.1", 0) as url:
        port = int(url.rpartition(":")[2])
        assert urlopen(f"{url}/healthz", timeout=5).status == 200  # loopback only
        assert probe(f"0.0.0.0:{port}") == 0
        with pytest.raises(UserError, match="CONNECTOR_LISTEN"), serving(app, "127.0.0.1", port):
            pass
    assert probe(f"0.0.0.0:{port}") == 1
    with serving(app, "127.0.0.1", port):
        pass
