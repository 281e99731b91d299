"""Deliver the portal's events to a webhook: signed, and as unreliably as HubSpot may."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from random import Random
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import orjson

from connector.sandbox.portal.events import Event

if TYPE_CHECKING:
    from connector.sandbox.portal.portal import Portal

_MAX_EVENTS: Final = 100  # events in one delivery
_TIMEOUT_SECONDS: Final = 5.0  # seconds for an answer, as HubSpot's page on webhooks says


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """Where deliveries go, what they are signed with, and how unreliable they are.

    `duplicate` and `drop` are shares of the events; `together` is how many go in one delivery at
    most. A delivery that is not accepted is sent `tries` times in all, `pause` seconds apart
    (HubSpot: ten times in a day).
    """

    target: str
    secret: str = field(repr=False)
    shuffle: bool = False
    duplicate: float = 0.0
    drop: float = 0.0
    together: int = 10
    tries: int = 11
    pause: float = 0.5
    seed: int = 1


@dataclass(slots=True, eq=False)
class _PendingEvent:
    event: Event
    due: float
    failures: int = 0


class Deliveries:
    """Listens to a portal, and delivers its events from a thread of its own.

    `counts` has the events by what happened to them: `sent_by_portal`, `dropped`, `duplicated`,
    `delivered`, `failed`, `lost`.
    """

    def __init__(self, portal: Portal, settings: DeliverySettings) -> None:
        self.counts: Counter[str] = Counter()
        self._portal = portal
        self._settings = settings
        self._rng = Random(settings.seed)  # noqa: S311 -- for play, not for secrets
        self._pending: list[_PendingEvent] = []
        self._in_flight = 0
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name="deliveries", daemon=True)
        portal.listeners.append(self._enqueue)
        self._thread.start()

    def close(self) -> None:
        """Deliver nothing more."""
        if self._enqueue in self._portal.listeners:
            self._portal.listeners.remove(self._enqueue)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until nothing is left to deliver; return whether that was within the time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._pending and not self._in_flight, seconds
            )

    def _enqueue(self, event: Event) -> None:
        with self._changed:
            self.counts["sent_by_portal"] += 1
            if self._rng.random() < self._settings.drop:
                self.counts["dropped"] += 1
                return
            is_duplicated = self._rng.random() < self._settings.duplicate
            self.counts["duplicated"] += is_duplicated
            self._pending += [_PendingEvent(event, monotonic()) for _ in range(1 + is_duplicated)]
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._pending)
                if self._closed:
                    return
                batch = self._take_due()
                self._in_flight = len(batch)
            if not batch:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, 0.02)
                continue
            self._finish(batch, accepted=self._send_batch(batch))

    def _take_due(self) -> list[_PendingEvent]:
        """Take the events of one delivery that are due; the caller holds the condition."""
        if self._settings.shuffle:
            self._rng.shuffle(self._pending)
        now = monotonic()
        due = [pending for pending in self._pending if pending.due <= now]
        batch = due[: min(self._settings.together, _MAX_EVENTS)]
        self._pending = [pending for pending in self._pending if pending not in batch]
        return batch

    def _finish(self, batch: list[_PendingEvent], *, accepted: bool) -> None:
        with self._changed:
            self._in_flight = 0
            self.counts["delivered" if accepted else "failed"] += len(batch)
            for pending in () if accepted else batch:
                pending.failures += 1
                pending.due = monotonic() + self._settings.pause
                if pending.failures < self._settings.tries:
                    self._pending.append(pending)
                else:
                    self.counts["lost"] += 1
            self._changed.notify_all()

    def _send_batch(self, batch: list[_PendingEvent]) -> bool:
        """Send one delivery; return whether it was accepted."""
        body = orjson.dumps(
            [{**pending.event, "attemptNumber": pending.failures} for pending in batch]
        )
        parts = urlsplit(self._settings.target)
        connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connection_class(parts.netloc, timeout=_TIMEOUT_SECONDS)
        query = f"?{parts.query}" if parts.query else ""
        try:
            connection.request("POST", f"{parts.path}{query}", body, self._headers(body))
            return connection.getresponse().status < 300
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _headers(self, body: bytes) -> dict[str, str]:
        settings, timestamp = self._settings, str(self._portal.clock.ms())
        signed_content = b"POST" + settings.target.encode() + body + timestamp.encode()
        digest = hmac.new(settings.secret.encode(), signed_content, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "User-Agent": "HubSpot Connect 2.0 (https://developers.hubspot.com)",
            "X-HubSpot-Signature-v3": b64encode(digest).decode(),
            "X-HubSpot-Request-Timestamp": timestamp,
            "X-HubSpot-Signature": hashlib.sha256(settings.secret.encode() + body).hexdigest(),
            "X-HubSpot-Signature-Version": "v1",
        }
