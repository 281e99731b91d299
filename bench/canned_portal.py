"""Serve a large portal from canned rows, fast enough for the client to be the slower side.

It answers what a first pull asks: account, definitions, pipelines, lists and searches of records,
and the associations of deals. The sandbox, which has all of HubSpot's habits, takes about a
hundred times as long for a page. Requests are counted; `GET /count` returns the number, and
begins anew. Run it: `python -m bench.canned_portal CONTACTS COMPANIES DEALS [MILLISECONDS]`.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections import deque
from email.utils import formatdate
from functools import lru_cache
from time import monotonic
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from connector.sandbox.http.served_portal import ServedPortal
from connector.sandbox.portal.portal import Portal

TOKEN: Final = "pat-eu1-bench"  # noqa: S105 -- opens nothing but this server
BURST, INTERVAL = 190, 10.0
"""Requests that HubSpot takes within so many seconds (its guide to usage limits)."""
FIRST_ID: Final = 5_000_000_000
"""Ids of a portal of today are long, and lie in a narrow range far from zero."""
_STAGES: Final = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer")
_TIME: Final = "2026-02-10T10:00:00.000Z"


class CannedPortal:
    """Makes the rows of each type from their number, and joins them to pages."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        self.served = ServedPortal(Portal(portal_id=147893286, time_zone="Europe/Oslo"), TOKEN)

    @lru_cache(maxsize=4096)  # noqa: B019 -- the one portal lives as long as the process
    def list_body(self, kind: str, first: int) -> bytes:
        """Return a page of a list that begins at the record with this number, compressed."""
        last = min(first + 100, self.counts[kind])
        rows = b",".join(_row(kind, number) for number in range(first, last))
        paging = b""
        if last < self.counts[kind]:
            paging = b',"paging":{"next":{"after":"%d","link":"https://x.example"}}' % (
                FIRST_ID + last
            )
        return _gzip(b'{"results":[' + rows + b"]" + paging + b"}")

    def answer(self, method: str, target: str, body: bytes) -> bytes:
        """Return the compressed body of an answer."""
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        if method == "GET" and "objects" in parts:
            after = parse_qs(url.query).get("after", ["0"])[0]
            return self.list_body(parts[-1], max(0, int(after) - FIRST_ID))
        if parts[-1] == "search":
            return _gzip(self._search_body(parts[-2], orjson.loads(body)))
        if parts[1:2] == ["associations"]:
            return _gzip(_links_body(parts[4], orjson.loads(body)))
        headers = {"authorization": f"Bearer {TOKEN}"}
        request = self.served.dispatcher.parse_request(method, target, headers, body)
        return _gzip(orjson.dumps(self.served.dispatcher.answer(request).body))

    def _search_body(self, kind: str, query: dict[str, Any]) -> bytes:
        """Return the last record where it is asked for, and no changes otherwise."""
        sorts = query.get("sorts") or [{}]
        count = self.counts[kind]
        if sorts[0].get("direction") == "DESCENDING" and count:
            return b'{"total":%d,"results":[%s]}' % (count, _row(kind, count - 1))
        return b'{"total":0,"results":[]}'


def _row(kind: str, number: int) -> bytes:
    record_id = FIRST_ID + number
    properties: dict[str, str | None] = {"hs_object_id": str(record_id), "createdate": _TIME}
    if kind == "contacts":
        properties |= {
            "lastmodifieddate": _TIME,
            "associatedcompanyid": str(FIRST_ID + number // 5),
            "email": f"person{number}@firm{number % 9973}.example",
            "first_conversion_event_name": None,
            "hs_lead_status": "CONNECTED" if number % 7 == 0 else None,
            "hs_v2_date_entered_current_stage": _TIME,
            "hubspot_owner_id": str(80 + number % 20),
            "lifecyclestage": _STAGES[number % 5],
            "num_conversion_events": str(number % 3),
            "recent_conversion_date": _TIME if number % 3 else None,
            "recent_conversion_event_name": "E-book: download" if number % 3 else None,
            "firstname": "Kari",
            "lastname": f"Nordmann {number}",
        }
    elif kind == "companies":
        properties |= {
            "hs_lastmodifieddate": _TIME,
            "domain": f"firm{number}.example",
            "hs_v2_date_entered_current_stage": _TIME,
            "hubspot_owner_id": str(80 + number % 20),
            "lifecyclestage": _STAGES[number % 5],
            "name": f"Firm {number}",
        }
    else:
        properties |= {
            "hs_lastmodifieddate": _TIME,
            "closedate": _TIME,
            "dealstage": ("appointmentscheduled", "closedwon", "closedlost")[number % 3],
            "hs_is_closed": ("false", "true", "true")[number % 3],
            "hs_is_closed_won": ("false", "true", "false")[number % 3],
            "hs_v2_date_entered_current_stage": _TIME,
            "pipeline": "default",
        }
    return orjson.dumps(
        {
            "id": str(record_id),
            "properties": properties,
            "createdAt": _TIME,
            "updatedAt": _TIME,
            "archived": False,
        }
    )


def _links_body(target: str, query: dict[str, Any]) -> bytes:
    """Return one contact and one company for each deal that is asked for."""
    step = 4 if target == "contacts" else 1
    kind = {"contacts": 3, "companies": 5}[target]
    results = [
        {
            "from": {"id": row["id"]},
            "to": [
                {
                    "toObjectId": FIRST_ID + (int(row["id"]) - FIRST_ID) * step,
                    "associationTypes": [
                        {"category": "HUBSPOT_DEFINED", "typeId": kind, "label": None}
                    ],
                }
            ],
        }
        for row in query["inputs"]
    ]
    return orjson.dumps({"status": "COMPLETE", "results": results})


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(1, wbits=31)
    return compressor.compress(body) + compressor.flush()


class _Connection(asyncio.Protocol):
    """One kept-alive connection; requests come one after the other."""

    portal: CannedPortal
    latency = 0.0
    limit = 0
    count = 0
    sent_at: ClassVar[deque[float]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        if len(body) < length:
            return
        self._buffer = body[length:]
        method, target, _ = lines[0].split(" ")
        answer = self._answer(method, target, body[:length])
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _answer(self, method: str, target: str, body: bytes) -> bytes:
        if target == "/count":
            content = b"%d" % _Connection.count
            _Connection.count = 0
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)
        _Connection.count += 1
        if self._is_over_limit():
            body = _gzip(orjson.dumps({"status": "error", "policyName": "TEN_SECONDLY_ROLLING"}))
            return _http(429, body)
        return _http(200, self.portal.answer(method, target, body))

    def _is_over_limit(self) -> bool:
        now, sent = monotonic(), _Connection.sent_at
        while sent and sent[0] <= now - INTERVAL:
            sent.popleft()
        sent.append(now)
        return bool(self.limit) and len(sent) > self.limit


def _http(status: int, body: bytes) -> bytes:
    limit = _Connection.limit or 1_000_000
    head = (
        f"HTTP/1.1 {status} OK\r\nDate: {formatdate(usegmt=True)}\r\n"
        "Content-Type: application/json;charset=utf-8\r\nContent-Encoding: gzip\r\n"
        f"X-HubSpot-RateLimit-Max: {limit}\r\n"
        f"X-HubSpot-RateLimit-Interval-Milliseconds: {int(INTERVAL * 1000)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _serve(counts: dict[str, int], latency: float) -> None:
    _Connection.portal = CannedPortal(counts)
    _Connection.latency = latency
    _Connection.limit = BURST if latency else 0
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(
        _serve(
            dict(zip(("contacts", "companies", "deals"), numbers, strict=False)),
            (numbers[3] if numbers[3:] else 0) / 1000,
        )
    )
