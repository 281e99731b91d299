"""Serve a recorded answer to the client, for the request that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connector.core.follow_up.tasks import Task
from connector.core.model import ObjectType, Ref
from connector.errors import ConnectorError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.response import Answer as Received
from connector.hubspot.http.retry import RetryLimits
from connector.hubspot.http.routes import Route
from tests.hubspot.conftest import TOKEN, FakeTimer
from tests.hubspot.recorded_requests import RequestKind, request_for
from tests.hubspot.scripted_server import ReceivedRequest, Reply, serve_by_rule
from tests.recorded.recordings import RecordedAnswer, Recordings

UNRECORDED_PROPERTY: Final = "a_property_that_no_recording_tells"
UNKNOWN_ID: Final = "999"
_NOON: Final = datetime(2026, 7, 15, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What the client made of an answer, what it sent for it, and what time it took it to be."""

    request: RequestKind
    result: Any
    sent_requests: frozenset[str]
    portal_time: datetime


def exchange(answer: RecordedAnswer, request: RequestKind) -> Exchange:
    """Ask as the connector does, and have it answered as it was recorded."""
    timer = FakeTimer()
    with serve_by_rule(_rule(answer, request)) as server:
        api = HubSpotClient(
            TOKEN,
            server.url,
            "v3",
            wait=timer.wait,
            monotonic=timer.monotonic,
            retry_limits=RetryLimits(connect=1.0, read=5.0, tries=1),
        )
        result = Exchange(
            request=request,
            result=_send(api, answer, request),
            sent_requests=frozenset(
                f"{sent_request.method} {sent_request.path.partition('?')[0]}"
                for sent_request in server.requests
            ),
            portal_time=api.now(),
        )
        api.close()
    return result


def exchanges(folder: Recordings) -> dict[str, Exchange]:
    """Put each recorded answer that one of our requests could receive to the client."""
    requests_by_file = {name: request_for(answer) for name, answer in folder.answers.items()}
    return {
        name: exchange(folder.answers[name], request)
        for name, request in requests_by_file.items()
        if isinstance(request, RequestKind)
    }


def property_names(answer: RecordedAnswer) -> list[str]:
    """Return every property that an answer tells, and one that it does not."""
    shown_names = {name for row in answer.rows for name in row.get("properties", {})}
    return [*sorted(shown_names), UNRECORDED_PROPERTY]


def properties_with_history(answer: RecordedAnswer) -> list[str]:
    """Return the properties that an answer tells with their history."""
    return sorted({name for row in answer.rows for name in row.get("propertiesWithHistory") or {}})


def _send(api: HubSpotClient, answer: RecordedAnswer, request: RequestKind) -> Any:
    try:
        return _REQUESTS[request.route](api, answer, request.kind)
    except ConnectorError as error:
        return error


def _refs(answer: RecordedAnswer, kind: ObjectType) -> list[Ref]:
    """Return the records that an answer is about, one that it does not name, and refused ones."""
    body = answer.body if isinstance(answer.body, dict) else {}
    rows = [str(row.get("id") or row["from"]["id"]) for row in body.get("results", ())]
    errors = [error.get("context", {}) for error in body.get("errors", ())]
    refused = [
        record_id
        for context in errors
        for key in ("ids", "fromObjectId")
        for record_id in context.get(key, ())
    ]
    return [Ref(kind, record_id) for record_id in (*rows, *refused, UNKNOWN_ID)]


_TASK: Final = Task(
    contact=Ref(ObjectType.CONTACTS, UNKNOWN_ID), owner="", subject="x", body="x", due_at=_NOON
)
_REQUESTS: Final[Mapping[Route, Callable[[HubSpotClient, RecordedAnswer, ObjectType], Any]]] = {
    Route.LIST: lambda api, answer, kind: api.list_page(kind, property_names(answer)),
    Route.SEARCH: lambda api, answer, kind: api.search_changed(
        kind, property_names(answer), since=_NOON, until=_NOON
    ),
    Route.READ: lambda api, answer, kind: api.find_survivor(
        Ref(kind, answer.path.partition("?")[0].rpartition("/")[2])
    ),
    Route.BATCH_READ: lambda api, answer, kind: api.read(
        _refs(answer, kind), property_names(answer), history=properties_with_history(answer)
    ),
    Route.BATCH_UPDATE: lambda api, answer, kind: api.update(
        {ref: {"lifecyclestage": "lead"} for ref in _refs(answer, kind)}
    ),
    Route.ASSOCIATIONS: lambda api, answer, kind: api.associations(
        _refs(answer, kind), ObjectType.COMPANIES
    ),
    Route.PROPERTIES: lambda api, _, kind: api.portal().definitions[kind],
    Route.PIPELINES: lambda api, _, __: api.portal().pipelines,
    Route.ACCOUNT: lambda api, _, __: api.account(),
    Route.TASK_CREATE: lambda api, _, __: api.create_task(_TASK),
}


def _rule(answer: RecordedAnswer, request: RequestKind) -> Callable[[ReceivedRequest], Reply]:
    """Return who answers: with the recording what it is of, the rest of a portal with nothing.

    A portal's definitions are asked for side by side, in no order.
    """
    date_header = {"Date": answer.headers["date"]} if "date" in answer.headers else {}
    account = Reply(body={"portalId": 1}, headers=date_header)
    empty_reply, own_reply = Reply(body={"results": []}, headers=date_header), _reply(answer)
    own_path = {
        Route.PROPERTIES: f"/properties/{request.kind}",
        Route.PIPELINES: "/pipelines/",
    }.get(request.route, "/")

    def reply_to(received: ReceivedRequest) -> Reply:
        if own_path in received.path:
            return own_reply
        return account if "account-info" in received.path else empty_reply

    return reply_to


def _reply(answer: RecordedAnswer) -> Reply:
    """Return an answer with its own headers, save those of the connection."""
    headers = {
        name.title(): value
        for name, value in answer.headers.items()
        if name.startswith("x-hubspot-") or name in {"date", "content-type", "allow"}
    }
    return Reply(status=answer.status, body=received(answer).body, headers=headers)


def received(answer: RecordedAnswer) -> Received:
    """Return a recorded answer as one that came in."""
    body = answer.body.encode() if isinstance(answer.body, str) else orjson.dumps(answer.body)
    return Received(status=answer.status, headers=answer.headers, body=body)
