"""Make the two portals that the API contract is tested with: in memory, and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

from connector.core.model import (
    STAGE,
    STATUS,
    Account,
    DealStage,
    ObjectType,
    Option,
    Pipeline,
    Portal,
    PropertyDefinition,
    Ref,
)
from connector.hubspot.api import HubSpotApi
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.retry import RetryLimits
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal as SimulatedPortal
from tests.fakes.portal import FakeHubSpot

STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
START = datetime(2026, 3, 12, 12, tzinfo=UTC)
PORTAL_ID = "147893286"


class PortalUnderTest(Protocol):
    """A portal as its people see it, and an API to it."""

    api: HubSpotApi

    def create(self, kind: ObjectType, **properties: str) -> Ref: ...
    def edit(self, ref: Ref, **properties: str) -> None: ...
    def value(self, ref: Ref, name: str) -> str: ...
    def associate(self, first: Ref, second: Ref, *, is_primary: bool = False) -> None: ...
    def archive(self, ref: Ref) -> None: ...
    def merge(self, primary: Ref, merged: Ref) -> Ref: ...
    def advance(self, seconds: float) -> None: ...
    def moment(self) -> datetime: ...


def definition(name: str, *values: str) -> PropertyDefinition:
    return PropertyDefinition(
        name=name,
        label=name,
        type="enumeration" if values else "string",
        options=tuple(
            Option(value=value, label=value.title(), order=order)
            for order, value in enumerate(values)
        ),
    )


def portal() -> Portal:
    """Return the part of a usual portal that the contract speaks of."""
    definitions = (
        definition(STAGE, *STAGES),
        definition(STATUS, "NEW", "OPEN"),
        definition("jobtitle"),
    )
    stages = (
        DealStage(id="appointmentscheduled", label="Open", is_closed=False, probability=0.2),
        DealStage(id="closedwon", label="Won", is_closed=True, probability=1.0),
        DealStage(id="closedlost", label="Lost", is_closed=True, probability=0.0),
    )
    return Portal(
        account=Account(portal_id=PORTAL_ID, time_zone="Europe/Oslo"),
        definitions={kind: {item.name: item for item in definitions} for kind in ObjectType},
        pipelines=(Pipeline(id="default", label="Sales", stages=stages),),
    )


class FakePortal:
    """A portal in memory."""

    def __init__(self) -> None:
        self.api = FakeHubSpot(portal(), START)
        self._ids = count(98)

    def create(self, kind: ObjectType, **properties: str) -> Ref:
        ref = Ref(kind, str(next(self._ids)))
        self.api.put(ref, properties)
        return ref

    def edit(self, ref: Ref, **properties: str) -> None:
        self.api.put(ref, properties)

    def value(self, ref: Ref, name: str) -> str:
        return self.api.value(ref, name)

    def associate(self, first: Ref, second: Ref, *, is_primary: bool = False) -> None:
        self.api.associate(first, second, is_primary=is_primary)

    def archive(self, ref: Ref) -> None:
        self.api.archive(ref)

    def merge(self, primary: Ref, merged: Ref) -> Ref:
        self.api.merge(primary, merged)
        return primary

    def advance(self, seconds: float) -> None:
        self.api.advance(seconds)

    def moment(self) -> datetime:
        return self.api.now()


class SandboxPortal:
    """The world of the sandbox, its clock standing still until it is moved."""

    def __init__(self, sandbox: SimulatedPortal, api: HubSpotClient) -> None:
        self.sandbox = sandbox
        self.api = api
        self._ids = count(98)

    def create(self, kind: ObjectType, **properties: str) -> Ref:
        return Ref(kind, self.sandbox.create(kind, properties, id=next(self._ids)))

    def edit(self, ref: Ref, **properties: str) -> None:
        self.sandbox.edit(ref.object_type, ref.id, properties)

    def value(self, ref: Ref, name: str) -> str:
        return self.sandbox.value(ref.object_type, ref.id, name)

    def associate(self, first: Ref, second: Ref, *, is_primary: bool = False) -> None:
        self.sandbox.associate(
            first.object_type, first.id, second.object_type, second.id, primary=is_primary
        )

    def archive(self, ref: Ref) -> None:
        self.sandbox.archive(ref.object_type, ref.id)

    def merge(self, primary: Ref, merged: Ref) -> Ref:
        return Ref(
            primary.object_type, self.sandbox.merge(primary.object_type, primary.id, merged.id)
        )

    def advance(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def moment(self) -> datetime:
        return self.sandbox.clock.now()


@contextmanager
def fake_portal() -> Iterator[PortalUnderTest]:
    yield FakePortal()


@contextmanager
def sandbox_portal(family: str, **switches: object) -> Iterator[SandboxPortal]:
    sandbox = SimulatedPortal(
        portal_id=int(PORTAL_ID), time_zone="Europe/Oslo", clock=Clock(START, running=False)
    )
    for name, value in switches.items():
        setattr(sandbox.switches, name, value)
    with Sandbox(sandbox, port=0, token="pat-eu1-sandbox") as server:
        # Real time for the pacing, no time for the waits: the contract is not about them.
        api = HubSpotClient(
            server.token,
            server.url,
            family,
            wait=lambda _: None,
            monotonic=time.monotonic,
            retry_limits=RetryLimits(tries=2),
        )
        try:
            yield SandboxPortal(sandbox, api)
        finally:
            api.close()
