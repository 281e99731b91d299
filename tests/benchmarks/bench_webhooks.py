"""Print how long deliveries take to their 204 at 200 a second, beside another writer."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event as Signal
from threading import Thread

from connector.core.webhook_event import Event
from connector.hubspot.webhook_signature import Delivery, v3_signature
from connector.web.event_store import EventStore
from connector.web.server import serve_in_thread
from state import webhook_inbox
from state.db.store import Store
from tests.web.asgi_client import (
    CLIENT_SECRET,
    NOW,
    PORTAL_ID,
    PUBLIC_URL,
    WEBHOOK_PATH,
    FakeDaemon,
)

PER_SECOND, SECONDS, CONNECTIONS = 200, 10, 10


def _delivery(number: int) -> bytes:
    entry = {
        "eventId": number,
        "portalId": int(PORTAL_ID),
        "occurredAt": 1793611800000,
        "subscriptionType": "contact.propertyChange",
        "objectId": number % 5000 + 1,
    }
    body = json.dumps([entry]).encode()
    timestamp = str(round(NOW.timestamp() * 1000))
    delivery = Delivery(method="POST", uri=f"{PUBLIC_URL}{WEBHOOK_PATH}", body=body, headers={})
    head = (
        f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
        f"X-HubSpot-Request-Timestamp: {timestamp}\r\n"
        f"X-HubSpot-Signature-v3: {v3_signature(CLIENT_SECRET, delivery, timestamp)}\r\n\r\n"
    )
    return head.encode() + body


async def _deliver(port: int) -> list[float]:
    """Send at an even pace over as many connections as HubSpot opens; return the latencies."""
    latencies: list[float] = []
    started = time.perf_counter()

    async def connection(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(first, PER_SECOND * SECONDS, CONNECTIONS):
            await asyncio.sleep(max(0.0, started + number / PER_SECOND - time.perf_counter()))
            sent_at = time.perf_counter()
            writer.write(_delivery(number))
            head = await reader.readuntil(b"\r\n\r\n")
            latencies.append(time.perf_counter() - sent_at)
            assert head.startswith(b"HTTP/1.1 204"), head
        writer.close()

    await asyncio.gather(*(connection(first) for first in range(CONNECTIONS)))
    return latencies


def _keep_committing(store: Store, stop: Signal) -> None:
    """Commit as a cycle does beside it."""
    while not stop.wait(0.05):
        with store.begin(PORTAL_ID) as session:
            webhook_inbox.prune(session, before=NOW)


def main() -> None:
    with TemporaryDirectory() as folder, Store.open(f"sqlite:///{Path(folder) / 'a.db'}") as store:
        commits = 0

        def store_events(events: Sequence[Event]) -> None:
            nonlocal commits
            commits += 1
            with store.begin(PORTAL_ID) as session:
                webhook_inbox.put(session, events, at=NOW)

        receiver, stop = EventStore(store_events), Signal()
        receiver.start()
        other_writer = Thread(target=_keep_committing, args=(store, stop))
        other_writer.start()
        with serve_in_thread(_StoringDaemon(receiver).app(), "127.0.0.1", 0) as url:
            latencies = sorted(asyncio.run(_deliver(int(url.rpartition(":")[2]))))
        stop.set()
        other_writer.join()
        receiver.close()
        with store.reading(PORTAL_ID) as session:
            stored = webhook_inbox.count_waiting(session).count
    print(
        f"{len(latencies)} deliveries at {PER_SECOND}/s, {stored} events stored, {commits} commits"
    )
    print(
        f"until the 204: median {1000 * statistics.median(latencies):.1f} ms, "
        f"p99 {1000 * latencies[int(len(latencies) * 0.99)]:.1f} ms (promised: 100)"
    )


class _StoringDaemon(FakeDaemon):
    """A daemon whose deliveries go to disk."""

    def __init__(self, receiver: EventStore) -> None:
        super().__init__()
        self._receiver = receiver

    def _receive(self, events):  # type: ignore[no-untyped-def]  # as the other's
        self.seconds += 1
        return self._receiver.receive(events)


if __name__ == "__main__":
    main()
