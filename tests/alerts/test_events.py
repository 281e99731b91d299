"""What events promise: signed, in order, once taken never again, and none lost meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import orjson
import pytest
import requests
import responses
from standardwebhooks import Webhook

from connector.alerts.event_queue import queue_events
from connector.alerts.event_receiver import EventNotTaken, EventReceiver, event_receiver
from connector.alerts.events import SET_ASIDE_AFTER, EventDelivery, deliver_waiting
from connector.core.corrections.audit import AuditLine
from connector.core.model import Outcome, Ref
from connector.errors import UserError
from state import audit, outgoing_events
from state.db.store import Store
from tests.alerts.test_handover import AUDIT_LINE

URL = "https://receiver.example/events"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PORTAL = "4711"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as open_store:
        yield open_store


@pytest.fixture
def receiver(store: Store) -> EventReceiver:
    """Return a receiver that is known since before anything was applied."""
    new_receiver = event_receiver(URL, SECRET)
    assert new_receiver is not None
    assert deliver(store, new_receiver) == 0
    return new_receiver


NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def deliver(store: Store, receiver: EventReceiver, *, now: datetime = NOW) -> int:
    """Queue what was applied, as the loop does after a cycle, and deliver what waits."""
    with store.begin(PORTAL) as session:
        queue_events(session, PORTAL, (), until=None, at=now)
    return deliver_waiting(store, PORTAL, receiver, lambda: now)


def refuse_record(record: str, status: int = 422) -> None:
    """Let the receiver refuse every event of a record, and take all others."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        data = orjson.loads(request.body or b"")["data"]
        return (status if data["record"] == record else 204), {}, ""

    responses.add_callback(responses.POST, URL, callback=answer)


def line_of(number: int) -> AuditLine:
    return replace(AUDIT_LINE, record=Ref.parse(f"contacts/{number}"))


def taken_records(calls: Sequence[responses.Call]) -> list[tuple[str, str]]:
    """Return record and stage of the events that the receiver took."""
    documents = [
        orjson.loads(call.request.body)["data"]
        for call in calls
        if isinstance(call.response, requests.Response) and call.response.status_code < 300
    ]
    return [(data["record"], data["after"]) for data in documents]


def counts(store: Store) -> tuple[int, int]:
    """Return how many events wait, and how many are set aside."""
    with store.reading(PORTAL) as session:
        event_counts = outgoing_events.count(session)
    return event_counts.waiting, event_counts.set_aside


def apply(store: Store, *stages: str, line: AuditLine = AUDIT_LINE) -> None:
    with store.begin(PORTAL) as session:
        audit.append(session, [replace(line, after=stage) for stage in stages])


def posted(calls: Sequence[responses.Call]) -> list[str]:
    """Return the stages of the posted events that the convention's library would sign alike.

    Its own `verify` takes no signature that is older than five minutes of real time.
    """
    return [
        orjson.loads(call.request.body)["data"]["after"]
        for call in calls
        if call.request.headers["webhook-signature"] == _signature(call.request)
    ]


def _signature(request: requests.PreparedRequest) -> str:
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    return Webhook(SECRET).sign(request.headers["webhook-id"], at, body)


@responses.activate
def test_each_applied_correction_is_posted_once_signed_and_in_order(
    store: Store, receiver: EventReceiver
) -> None:
    responses.post(URL, status=204)
    apply(store, "lead", "salesqualifiedlead")
    apply(store, "customer", line=replace(AUDIT_LINE, outcome=Outcome.IGNORED))
    apply(store, "true", line=replace(AUDIT_LINE, property_name="former_customer"))
    apply(store, "NEW", line=replace(AUDIT_LINE, property_name="hs_lead_status"))
    assert deliver(store, receiver) == 3
    assert deliver(store, receiver) == 0
    assert posted(responses.calls) == ["lead", "salesqualifiedlead", "NEW"]
    document = orjson.loads(responses.calls[0].request.body)
    assert document["type"] == "lifecyclestage.changed"
    assert document["data"]["record"] == "contacts/123"


@responses.activate
@pytest.mark.parametrize("failure", [503, 429, requests.ConnectionError()])
def test_while_the_receiver_is_down_nothing_is_lost_and_order_is_kept(
    store: Store, receiver: EventReceiver, failure: int | Exception
) -> None:
    apply(store, "lead", "salesqualifiedlead")
    taken = responses.post(URL, status=200)
    assert deliver(store, receiver) == 2
    apply(store, "opportunity", "customer")
    responses.remove(taken)
    if isinstance(failure, Exception):
        responses.post(URL, body=failure)
    else:
        responses.post(URL, status=failure)
    for _ in range(2):
        with pytest.raises(EventNotTaken):
            deliver(store, receiver)
    responses.replace(responses.POST, URL, status=200)
    responses.calls.reset()
    assert deliver(store, receiver) == 2
    assert posted(responses.calls) == ["opportunity", "customer"]


@responses.activate
def test_an_event_that_is_posted_again_has_the_same_id(
    store: Store, receiver: EventReceiver
) -> None:
    responses.post(URL, status=503)
    responses.post(URL, status=200)
    apply(store, "lead")
    with pytest.raises(EventNotTaken, match="503"):
        deliver(store, receiver)
    assert deliver(store, receiver) == 1
    ids = {call.request.headers["webhook-id"] for call in responses.calls}
    assert ids == {"evt_4711_1"}


@responses.activate
@pytest.mark.parametrize("status", [422, 500, 302])
def test_an_event_that_is_refused_for_ever_holds_up_its_own_record_alone(
    store: Store, receiver: EventReceiver, status: int
) -> None:
    refuse_record("contacts/1", status)
    for number, stage in ((1, "lead"), (2, "lead"), (1, "customer"), (2, "customer")):
        apply(store, stage, line=line_of(number))
    assert deliver(store, receiver) == 2
    assert taken_records(responses.calls) == [("contacts/2", "lead"), ("contacts/2", "customer")]
    assert counts(store) == (2, 0)
    responses.reset()
    responses.calls.reset()
    responses.post(URL, status=200)
    assert deliver(store, receiver) == 0  # it is not tried again at once
    assert deliver(store, receiver, now=NOW + timedelta(minutes=1)) == 2
    assert taken_records(responses.calls) == [("contacts/1", "lead"), ("contacts/1", "customer")]


@responses.activate
def test_an_event_that_is_refused_for_a_day_is_set_aside_counted_and_tried_again(
    store: Store, receiver: EventReceiver
) -> None:
    is_broken = True

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        data = orjson.loads(request.body or b"")["data"]
        return (422 if is_broken and data["after"] == "lead" else 204), {}, ""

    responses.add_callback(responses.POST, URL, callback=answer)
    apply(store, "lead", "customer", line=line_of(1))
    assert deliver(store, receiver) == 0
    later = NOW + SET_ASIDE_AFTER
    # Nothing else was taken meanwhile: the receiver may be wrong as a whole.
    assert deliver(store, receiver, now=later) == 0
    assert counts(store) == (2, 0)
    apply(store, "opportunity", line=line_of(2))
    # What was never refused goes first; then the other record's event is set aside.
    assert deliver(store, receiver, now=later + timedelta(hours=1)) == 2
    assert taken_records(responses.calls)[-1] == ("contacts/1", "customer")
    assert counts(store) == (0, 1)
    is_broken = False
    assert deliver(store, receiver, now=later + timedelta(days=2)) == 1
    assert counts(store) == (0, 0)


@responses.activate
def test_a_receiver_that_refuses_one_record_after_the_other_is_left_alone_for_a_while(
    store: Store, receiver: EventReceiver
) -> None:
    responses.post(URL, status=401)
    for number in range(1, 20):
        apply(store, "lead", line=line_of(number))
    with pytest.raises(EventNotTaken, match="401"):
        deliver(store, receiver)
    assert len(responses.calls) == 5
    assert counts(store) == (19, 0)


@responses.activate
def test_what_was_applied_before_there_was_a_receiver_is_not_posted(store: Store) -> None:
    apply(store, "lead")
    new_receiver = event_receiver(URL, SECRET)
    assert new_receiver is not None
    assert deliver(store, new_receiver) == 0
    assert deliver(store, new_receiver) == 0


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        ("receiver.example", SECRET, "is no address"),
        (URL, "", "CONNECTOR_EVENTS_SECRET is no secret"),
        (URL, "whsec_ä", "is not Base64"),
        (URL, "whsec_", "is not Base64"),
    ],
)
def test_a_wrong_receiver_says_what_to_type(url: str, secret: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        event_receiver(url, secret)


def test_without_an_address_there_is_no_receiver() -> None:
    assert event_receiver("", "") is None


def test_a_delivery_is_tried_again_until_it_is_taken() -> None:
    tried: Queue[str] = Queue()
    failures = [EventNotTaken("down"), EventNotTaken("down")]

    def deliver(portal_id: str) -> int:
        tried.put(portal_id)
        if failures:
            raise failures.pop()
        return 1

    delivery = EventDelivery(deliver, first_pause=0.01)
    delivery.wake(PORTAL)
    assert [tried.get(timeout=30) for _ in range(3)] == [PORTAL] * 3
    delivery.wake(PORTAL)
    assert tried.get(timeout=30) == PORTAL
    delivery.close()


def test_no_error_ends_the_thread_that_posts_events() -> None:
    tried: Queue[str] = Queue()
    failures = [ZeroDivisionError("a bug"), OSError("no file handle left")]

    def deliver(portal_id: str) -> int:
        tried.put(portal_id)
        if failures:
            raise failures.pop()
        return 1

    delivery = EventDelivery(deliver, first_pause=0.01)
    delivery.wake(PORTAL)
    assert [tried.get(timeout=30) for _ in range(3)] == [PORTAL] * 3
    delivery.close()


def test_a_delivery_that_nobody_wakes_ends_at_once() -> None:
    delivery = EventDelivery(lambda _: 0)
    delivery.close()
    delivery.close()


@responses.activate
def test_of_two_processes_one_delivers_at_a_time(
    store: Store, receiver: EventReceiver, tmp_path: Path
) -> None:
    responses.add(responses.POST, URL, status=204)
    with store.begin(PORTAL) as session:
        audit.append(session, [line_of(1)])
    with (
        Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as other_store,
        other_store.writer_lock(f"events-{PORTAL}", wait=0),
    ):
        assert deliver(store, receiver) == 0
        assert not responses.calls
    assert deliver(store, receiver) == 1


@responses.activate
def test_many_refused_records_hold_up_no_other_one(store: Store, receiver: EventReceiver) -> None:
    refused = {f"contacts/{number}" for number in range(900, 912)}

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        data = orjson.loads(request.body or b"")["data"]
        return (422 if data["record"] in refused else 204), {}, ""

    responses.add_callback(responses.POST, URL, callback=answer)
    for number in range(900, 912):
        apply(store, "lead", line=line_of(number))
    now = NOW
    # Each pass ends after five refusals in a row, until each of the twelve was refused.
    for _ in range(3):
        with suppress(EventNotTaken):
            deliver(store, receiver, now=now)
    apply(store, "lead", line=line_of(7))
    now += timedelta(minutes=3)
    with suppress(EventNotTaken):
        deliver(store, receiver, now=now)
    assert taken_records(responses.calls) == [("contacts/7", "lead")]
