"""Read what a portal defines: its properties, and the pipelines of deals and leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from connector.core.model import (
    ALWAYS_READ_TYPES,
    Account,
    ObjectType,
    Pipeline,
    Portal,
    PropertyDefinition,
)
from connector.hubspot.codec import portal
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request, Route, Routes
from connector.hubspot.http.side_by_side import SideBySide

Send = Callable[[Request, Callable[[Answer], Any]], Any]


def read(send: Send, routes: Routes, side_by_side: SideBySide, account: Account) -> Portal:
    """Return the portal of an account; one request for each object type and one for pipelines."""
    pipelines: list[Pipeline] = []
    definitions: dict[ObjectType, Mapping[str, PropertyDefinition]] = {}
    unreadable: dict[str, str] = {}

    def read_pipelines() -> None:
        path = routes.path(Route.PIPELINES, ObjectType.DEALS)
        pipelines.extend(send(Request(route=Route.PIPELINES, path=path), portal.parse_pipelines))

    def read_definitions(object_type: ObjectType) -> None:
        path = routes.path(Route.PROPERTIES, object_type)
        request = Request(route=Route.PROPERTIES, path=path)
        definitions[object_type], reasons = send(request, portal.parse_definitions)
        unreadable.update({f"{object_type}.{name}": reason for name, reason in reasons.items()})

    calls: list[Callable[[], None]] = [
        partial(read_definitions, kind) for kind in ALWAYS_READ_TYPES
    ]
    side_by_side.run([*calls, read_pipelines])
    return Portal(
        account=account,
        definitions=definitions,
        pipelines=tuple(pipelines),
        unreadable=unreadable,
    )


def read_leads(send: Send, routes: Routes, portal_info: Portal) -> Portal:
    """Return a portal with the properties and pipelines of its leads; two requests."""
    leads = ObjectType.LEADS
    definitions, unreadable = send(
        Request(route=Route.PROPERTIES, path=routes.path(Route.PROPERTIES, leads)),
        portal.parse_definitions,
    )
    pipelines = send(
        Request(route=Route.PIPELINES, path=routes.path(Route.PIPELINES, leads)),
        portal.parse_pipelines,
    )
    return replace(
        portal_info,
        definitions={**portal_info.definitions, leads: definitions},
        lead_pipelines=pipelines,
        unreadable={
            **portal_info.unreadable,
            **{f"{leads}.{name}": why for name, why in unreadable.items()},
        },
    )
