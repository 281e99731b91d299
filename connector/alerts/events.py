"""Post each applied correction as a signed event, in order, until the receiver has taken it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

import orjson
import requests
import structlog
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from connector.core.corrections.audit import AuditLine
from connector.core.model import STAGE, STATUS, Outcome
from connector.errors import ConnectorError, TemporaryError, UserError
from state import audit, checkpoints
from state.db.store import Store

_CHECKPOINT: Final = "events"
_PAGE: Final = 100
_TIMEOUT: Final = 15.0
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0
_SHUTDOWN_SECONDS: Final = 2.0
_HOW_TO: Final = (
    "make one with `python -c \"import base64, secrets; print('whsec_' + "
    'base64.b64encode(secrets.token_bytes(24)).decode())"`'
)
_log = structlog.get_logger()


class EventNotTaken(TemporaryError):
    """The receiver of CONNECTOR_EVENTS did not take an event; it is posted again."""


@dataclass(frozen=True, slots=True)
class EventReceiver:
    """Where events are posted, and what signs them."""

    url: str
    webhook: Webhook


def event_receiver(url: str, secret: str) -> EventReceiver | None:
    """Return the receiver of CONNECTOR_EVENTS, None without one; UserError where it is wrong.

    The secret is one of the Standard Webhooks convention: `whsec_` and Base64
    (https://github.com/standard-webhooks/standard-webhooks, its specification).
    """
    if not url:
        return None
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise UserError("CONNECTOR_EVENTS is no address: write https://receiver.example/events.")
    if not secret.startswith("whsec_"):
        raise UserError(
            f"CONNECTOR_EVENTS is set, but CONNECTOR_EVENTS_SECRET is no secret: {_HOW_TO}."
        )
    try:
        return EventReceiver(url, Webhook(secret))
    except (ValueError, EmptyWebhookSecretError) as error:
        raise UserError(f"CONNECTOR_EVENTS_SECRET is not Base64: {_HOW_TO}.") from error


def deliver_waiting(
    store: Store, portal_id: str, receiver: EventReceiver, now: Callable[[], datetime]
) -> int:
    """Post what was applied since the last delivery; return how many events were taken.

    The place in the audit moves on with each event that was taken, so that none is lost while
    the receiver is down or this process dies; the receiver may see an event twice, with the same
    id. The first delivery of a portal begins with what is applied from then on. Raise
    EventNotTaken where the receiver does not answer with success: later events wait, and order
    is kept.
    """
    count = 0
    with store.begin(portal_id) as session:
        place = checkpoints.get(session, _CHECKPOINT)
        if place is None:
            checkpoints.put(session, _CHECKPOINT, audit.head(session).line_count)
            return 0
    while True:
        with store.reading(portal_id) as session:
            lines = audit.read_after(session, place, limit=_PAGE)
        if not lines:
            return count
        for place, line in lines:
            if _is_event(line):
                _post(receiver, portal_id, place, line, now())
                count += 1
            with store.begin(portal_id) as session:
                checkpoints.put(session, _CHECKPOINT, place)


def _is_event(line: AuditLine) -> bool:
    return line.outcome is Outcome.APPLIED and line.property_name in {STAGE, STATUS}


def _post(
    receiver: EventReceiver, portal_id: str, place: int, line: AuditLine, now: datetime
) -> None:
    """Post one event; raise EventNotTaken unless the receiver answers with success."""
    body = orjson.dumps(
        {
            "type": f"{line.property_name}.changed",
            "timestamp": line.at.isoformat(),
            "data": {
                "portal_id": portal_id,
                "record": str(line.record),
                "property_name": line.property_name,
                "before": line.before,
                "after": line.after,
                "rule": line.rule,
                "policy": line.policy,
                "run": line.run,
            },
        }
    ).decode()
    event_id = f"evt_{portal_id}_{place}"
    headers = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": receiver.webhook.sign(event_id, now, body),
    }
    try:
        response = requests.post(
            receiver.url,
            data=body.encode(),
            headers=headers,
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise EventNotTaken(
            f"The receiver of CONNECTOR_EVENTS cannot be reached: {type(error).__name__}."
        ) from error
    if not 200 <= response.status_code < 300:
        raise EventNotTaken(f"The receiver of CONNECTOR_EVENTS answers {response.status_code}.")


class EventDelivery:
    """Delivers events in a thread of its own, so that a slow receiver delays nothing.

    `deliver` posts what waits in a portal. What the receiver does not take is posted again after
    `first_pause` seconds, then after twice as many, and so on; 10 minutes at most.
    """

    def __init__(self, deliver: Callable[[str], int], *, first_pause: float = _FIRST_PAUSE) -> None:
        self._deliver, self._first_pause = deliver, first_pause
        self._portal_id = ""
        self._wakes, self._is_closed = Event(), Event()
        self._thread = Thread(target=self._deliver_until_closed, name="events", daemon=True)
        self._thread.start()

    def wake(self, portal_id: str) -> None:
        """Deliver now what waits in a portal, unless a pause after a failure still lasts."""
        self._portal_id = portal_id
        self._wakes.set()

    def close(self) -> None:
        """End after the event that is being posted, waiting two seconds at most."""
        self._is_closed.set()
        self._wakes.set()
        self._thread.join(_SHUTDOWN_SECONDS)

    def _deliver_until_closed(self) -> None:
        pause = 0.0
        while not self._is_closed.wait(pause):
            if not pause:
                self._wakes.wait()
                self._wakes.clear()
                if self._is_closed.is_set():
                    return
            pause = self._deliver_once(pause)

    def _deliver_once(self, pause: float) -> float:
        """Return the pause until the next try, in seconds; 0 where everything was taken."""
        try:
            self._deliver(self._portal_id)
        except ConnectorError as error:
            if not pause:
                _log.warning("events.failing", message=str(error))
            return min(max(2 * pause, self._first_pause), _LONGEST_PAUSE)
        if pause:
            _log.info("events.recovered")
        return 0.0
