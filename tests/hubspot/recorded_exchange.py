"""Put a recorded answer to the real door, as the answer to the request that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connector.core.model import ObjectType, Ref
from connector.core.tasks import Task
from connector.errors import ConnectorError
from connector.hubspot.answer import Answer as Received
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.retrying import Patience
from connector.hubspot.routes import Route
from tests.hubspot.conftest import TOKEN, Waits
from tests.hubspot.recorded_requests import Asked, asked
from tests.hubspot.scripted import Reply, scripted
from tests.recorded.recordings import Answer, Folder

NOT_TOLD: Final = "a_property_that_no_recording_tells"
UNHEARD_OF: Final = "999"
_NOON: Final = datetime(2026, 7, 15, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the door made of an answer, what it sent for it, and what time it took it to be."""

    asked: Asked
    noun: Any
    sent: frozenset[str]
    now: datetime


def exchange(answer: Answer, to: Asked) -> Told:
    """Ask as the connector does, and have it answered as it was recorded."""
    waits = Waits()
    with scripted(*_replies(answer, to)) as server:
        door = HubSpotDoor(
            TOKEN,
            server.url,
            "v3",
            wait=waits.wait,
            monotonic=waits.monotonic,
            patience=Patience(connect=1.0, read=5.0, tries=1),
        )
        told = Told(
            asked=to,
            noun=_ask(door, answer, to),
            sent=frozenset(f"{one.method} {one.path.partition('?')[0]}" for one in server.heard),
            now=door.now(),
        )
        door.close()
    return told


def exchanges(folder: Folder) -> dict[str, Told]:
    """Put each recorded answer that one of our requests could receive to the door."""
    belonging = {name: asked(one) for name, one in folder.answers.items()}
    return {
        name: exchange(folder.answers[name], to)
        for name, to in belonging.items()
        if isinstance(to, Asked)
    }


def names(answer: Answer) -> list[str]:
    """Return every property that an answer tells, and one that it does not."""
    told = {name for row in answer.rows for name in row.get("properties", {})}
    return [*sorted(told), NOT_TOLD]


def histories(answer: Answer) -> list[str]:
    """Return the properties that an answer tells with their history."""
    return sorted({name for row in answer.rows for name in row.get("propertiesWithHistory") or {}})


def _ask(door: HubSpotDoor, answer: Answer, to: Asked) -> Any:
    try:
        return _QUESTIONS[to.route](door, answer, to.kind)
    except ConnectorError as error:
        return error


def _refs(answer: Answer, kind: ObjectType) -> list[Ref]:
    """Return the records that an answer is about, one that it does not name, and refused ones."""
    body = answer.body if isinstance(answer.body, dict) else {}
    rows = [str(row.get("id") or row["from"]["id"]) for row in body.get("results", ())]
    errors = [error.get("context", {}) for error in body.get("errors", ())]
    refused = [
        one for each in errors for key in ("ids", "fromObjectId") for one in each.get(key, ())
    ]
    return [Ref(kind, one) for one in (*rows, *refused, UNHEARD_OF)]


_TASK: Final = Task(
    contact=Ref(ObjectType.CONTACTS, UNHEARD_OF), owner="", subject="x", body="x", due_at=_NOON
)
_QUESTIONS: Final[Mapping[Route, Callable[[HubSpotDoor, Answer, ObjectType], Any]]] = {
    Route.LIST: lambda door, answer, kind: door.page(kind, names(answer)),
    Route.SEARCH: lambda door, answer, kind: door.changed(
        kind, names(answer), since=_NOON, until=_NOON
    ),
    Route.READ: lambda door, answer, kind: door.survivor(
        Ref(kind, answer.path.partition("?")[0].rpartition("/")[2])
    ),
    Route.BATCH_READ: lambda door, answer, kind: door.read(
        _refs(answer, kind), names(answer), history=histories(answer)
    ),
    Route.BATCH_UPDATE: lambda door, answer, kind: door.update(
        {ref: {"lifecyclestage": "lead"} for ref in _refs(answer, kind)}
    ),
    Route.ASSOCIATIONS: lambda door, answer, kind: door.associations(
        _refs(answer, kind), ObjectType.COMPANIES
    ),
    Route.PROPERTIES: lambda door, _, kind: door.portal().definitions[kind],
    Route.PIPELINES: lambda door, _, __: door.portal().pipelines,
    Route.ACCOUNT: lambda door, _, __: door.account(),
    Route.TASK_CREATE: lambda door, _, __: door.create_task(_TASK),
}


def _replies(answer: Answer, to: Asked) -> list[Reply]:
    """Return an answer between those that `portal` asks for besides."""
    dated = {"Date": answer.headers["date"]} if "date" in answer.headers else {}
    account = Reply(body={"portalId": 1}, headers=dated)
    nothing, own = Reply(body={"results": []}, headers=dated), _reply(answer)
    if to.route is Route.PROPERTIES:
        each = [own if kind is to.kind else nothing for kind in ObjectType]
        return [account, *each, nothing]
    if to.route is Route.PIPELINES:
        return [account, *[nothing for _ in ObjectType], own]
    return [own]


def _reply(answer: Answer) -> Reply:
    """Return an answer with its own headers, save those of the connection."""
    own = {
        name.title(): value
        for name, value in answer.headers.items()
        if name.startswith("x-hubspot-") or name in {"date", "content-type", "allow"}
    }
    return Reply(status=answer.status, body=received(answer).body, headers=own)


def received(answer: Answer) -> Received:
    """Return a recorded answer as one that came in."""
    body = answer.body.encode() if isinstance(answer.body, str) else orjson.dumps(answer.body)
    return Received(status=answer.status, headers=answer.headers, body=body)
