"""Deliver the portal's events to a webhook, signed, and as unreliably as HubSpot may."""

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

from connector.sandbox.webhooks import Event

if TYPE_CHECKING:
    from connector.sandbox.portal import Portal

_MOST: Final = 100  # events in one delivery
_PATIENCE: Final = 5.0  # seconds for an answer, as HubSpot's page on webhooks says


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How deliveries go: where to, signed with what, and what happens to them on the way.

    `duplicate` and `drop` are shares of the events; `together` is how many go in one delivery at
    most. A delivery that is not taken is repeated `tries` times in all, `pause` seconds apart
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
class _Waiting:
    event: Event
    due: float
    failed: int = 0


class Deliveries:
    """Listens to a portal, and delivers from a thread of its own; `counts` says what became."""

    def __init__(self, portal: Portal, manner: Manner) -> None:
        self.counts: Counter[str] = Counter()
        self._portal = portal
        self._manner = manner
        self._dice = Random(manner.seed)  # noqa: S311 -- for play, not for secrets
        self._waiting: list[_Waiting] = []
        self._under_way = 0
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._work, name="deliveries", daemon=True)
        portal.listeners.append(self._hear)
        self._thread.start()

    def close(self) -> None:
        """Deliver nothing more."""
        if self._hear in self._portal.listeners:
            self._portal.listeners.remove(self._hear)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def settle(self, seconds: float) -> bool:
        """Wait until nothing is left to deliver; tell whether that came about."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._under_way, seconds
            )

    def _hear(self, event: Event) -> None:
        with self._changed:
            self.counts["told"] += 1
            if self._dice.random() < self._manner.drop:
                self.counts["dropped"] += 1
                return
            twice = self._dice.random() < self._manner.duplicate
            self.counts["duplicated"] += twice
            self._waiting += [_Waiting(event, monotonic()) for _ in range(1 + twice)]
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                batch = self._take()
                self._under_way = len(batch)
            if not batch:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, 0.02)
                continue
            self._end(batch, taken=self._send(batch))

    def _take(self) -> list[_Waiting]:
        """Take some that are due; the caller holds the condition."""
        if self._manner.shuffle:
            self._dice.shuffle(self._waiting)
        now = monotonic()
        due = [one for one in self._waiting if one.due <= now]
        batch = due[: min(self._manner.together, _MOST)]
        self._waiting = [one for one in self._waiting if one not in batch]
        return batch

    def _end(self, batch: list[_Waiting], *, taken: bool) -> None:
        with self._changed:
            self._under_way = 0
            self.counts["delivered" if taken else "failed"] += len(batch)
            for one in () if taken else batch:
                one.failed += 1
                one.due = monotonic() + self._manner.pause
                if one.failed < self._manner.tries:
                    self._waiting.append(one)
                else:
                    self.counts["lost"] += 1
            self._changed.notify_all()

    def _send(self, batch: list[_Waiting]) -> bool:
        """Send one delivery; tell whether it was taken."""
        body = orjson.dumps([{**one.event, "attemptNumber": one.failed} for one in batch])
        parts = urlsplit(self._manner.target)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=_PATIENCE)
        query = f"?{parts.query}" if parts.query else ""
        try:
            connection.request("POST", f"{parts.path}{query}", body, self._headers(body))
            return connection.getresponse().status < 300
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _headers(self, body: bytes) -> dict[str, str]:
        manner, timestamp = self._manner, str(self._portal.clock.ms())
        signed = b"POST" + manner.target.encode() + body + timestamp.encode()
        digest = hmac.new(manner.secret.encode(), signed, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "User-Agent": "HubSpot Connect 2.0 (https://developers.hubspot.com)",
            "X-HubSpot-Signature-v3": b64encode(digest).decode(),
            "X-HubSpot-Request-Timestamp": timestamp,
            "X-HubSpot-Signature": hashlib.sha256(manner.secret.encode() + body).hexdigest(),
            "X-HubSpot-Signature-Version": "v1",
        }
