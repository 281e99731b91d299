"""Put a recorded answer to the real door, as the answer to the request that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connector.core.model import ObjectType, Ref
from connector.errors import ConnectorError
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.retrying import Patience
from connector.hubspot.routes import Route
from tests.hubspot.conftest import TOKEN, Waits
from tests.hubspot.recorded_requests import Asked
from tests.hubspot.scripted import Reply, scripted
from tests.recorded.recordings import Answer

NOT_TOLD: Final = "a_property_that_no_recording_tells"
UNHEARD_OF: Final = "999"
_ACCOUNT: Final = Reply(body={"portalId": 1})
_NOTHING: Final = Reply(body={"results": []})
_BEFORE: Final[Mapping[Route, tuple[Reply, ...]]] = {  # what `portal` asks for before the answer
    Route.PROPERTIES: (_ACCOUNT,),
    Route.PIPELINES: (_ACCOUNT, _NOTHING, _NOTHING, _NOTHING),
}
_NOON: Final = datetime(2026, 7, 15, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the door made of an answer, whom it asked, and what time it took it to be then."""

    asked: Asked
    method: str
    path: str
    noun: Any
    now: datetime


def exchange(answer: Answer, asked: Asked) -> Told:
    """Ask as the connector does, and have it answered as it was recorded."""
    waits = Waits()
    again = (_reply(answer),) * (3 if asked.route is Route.PROPERTIES else 1)
    after = (_NOTHING,) if asked.route is Route.PROPERTIES else ()
    with scripted(*_BEFORE.get(asked.route, ()), *again, *after) as server:
        door = HubSpotDoor(
            TOKEN,
            server.url,
            "v3",
            wait=waits.wait,
            monotonic=waits.monotonic,
            patience=Patience(connect=1.0, read=5.0, tries=1),
        )
        noun = _ask(door, answer, asked)
        heard = server.heard[-1 - len(after)] if not isinstance(noun, ConnectorError) else None
        heard = heard or server.heard[-1]
        now = door.now()
        door.close()
    path = heard.path.partition("?")[0]
    return Told(asked=asked, method=heard.method, path=path, noun=noun, now=now)


def names(answer: Answer) -> list[str]:
    """Return every property that an answer tells, and one that it does not."""
    told = {name for row in answer.rows for name in row.get("properties", {})}
    return [*sorted(told), NOT_TOLD]


def histories(answer: Answer) -> list[str]:
    """Return the properties that an answer tells with their history."""
    return sorted({name for row in answer.rows for name in row.get("propertiesWithHistory") or {}})


def _ask(door: HubSpotDoor, answer: Answer, asked: Asked) -> Any:
    try:
        return _QUESTIONS[asked.route](door, answer, asked.kind)
    except ConnectorError as error:
        return error


def _refs(answer: Answer, kind: ObjectType) -> list[Ref]:
    """Return the records that an answer is about, one that it does not name, and refused ones."""
    body = answer.body if isinstance(answer.body, dict) else {}
    rows = [str(row.get("id") or row["from"]["id"]) for row in body.get("results", ())]
    errors = [error.get("context", {}) for error in body.get("errors", ())]
    refused = [one for each in errors for key in ("ids", "fromObjectId") for one in each.get(key, ())]
    return [Ref(kind, one) for one in (*rows, *refused, UNHEARD_OF)]


_QUESTIONS: Final[Mapping[Route, Callable[[HubSpotDoor, Answer, ObjectType], Any]]] = {
    Route.LIST: lambda door, answer, kind: door.page(kind, names(answer)),
    Route.SEARCH: lambda door, answer, kind: door.changed(
        kind, names(answer), since=_NOON, until=_NOON
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
}


def _reply(answer: Answer) -> Reply:
    """Return an answer with its own headers, save those of the connection."""
    body = answer.body.encode() if isinstance(answer.body, str) else orjson.dumps(answer.body)
    own = {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("x-hubspot-") or name in {"date", "content-type", "allow"}
    }
    return Reply(status=answer.status, body=body, headers=own)
