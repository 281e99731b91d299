"""Two portals that the contract of the door is tried on: one in memory, one over HTTP."""

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
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.door import Door
from connector.hubspot.in_memory import MemoryDoor
from connector.hubspot.retrying import Patience
from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal as Box
from connector.sandbox.server import Sandbox

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


class World(Protocol):
    """A portal as its people see it, and a door to it."""

    door: Door

    def create(self, kind: ObjectType, **properties: str) -> Ref: ...
    def edit(self, ref: Ref, **properties: str) -> None: ...
    def value(self, ref: Ref, name: str) -> str: ...
    def associate(self, one: Ref, other: Ref, *, is_primary: bool = False) -> None: ...
    def archive(self, ref: Ref) -> None: ...
    def merge(self, primary: Ref, other: Ref) -> Ref: ...
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
    known = (definition(STAGE, *STAGES), definition(STATUS, "NEW", "OPEN"), definition("jobtitle"))
    stages = (
        DealStage(id="appointmentscheduled", label="Open", is_closed=False, probability=0.2),
        DealStage(id="closedwon", label="Won", is_closed=True, probability=1.0),
        DealStage(id="closedlost", label="Lost", is_closed=True, probability=0.0),
    )
    return Portal(
        account=Account(portal_id=PORTAL_ID, time_zone="Europe/Oslo"),
        definitions={kind: {one.name: one for one in known} for kind in ObjectType},
        pipelines=(Pipeline(id="default", label="Sales", stages=stages),),
    )


class InMemory:
    """The world behind the door in memory."""

    def __init__(self) -> None:
        self.door = MemoryDoor(portal(), START)
        self._ids = count(98)

    def create(self, kind: ObjectType, **properties: str) -> Ref:
        ref = Ref(kind, str(next(self._ids)))
        self.door.put(ref, properties)
        return ref

    def edit(self, ref: Ref, **properties: str) -> None:
        self.door.put(ref, properties)

    def value(self, ref: Ref, name: str) -> str:
        return self.door.value(ref, name)

    def associate(self, one: Ref, other: Ref, *, is_primary: bool = False) -> None:
        self.door.associate(one, other, is_primary=is_primary)

    def archive(self, ref: Ref) -> None:
        self.door.archive(ref)

    def merge(self, primary: Ref, other: Ref) -> Ref:
        self.door.merge(primary, other)
        return primary

    def advance(self, seconds: float) -> None:
        self.door.advance(seconds)

    def moment(self) -> datetime:
        return self.door.now()


class InABox:
    """The world of the sandbox, its clock standing still until it is moved."""

    def __init__(self, box: Box, door: HubSpotDoor) -> None:
        self.box = box
        self.door = door
        self._ids = count(98)

    def create(self, kind: ObjectType, **properties: str) -> Ref:
        return Ref(kind, self.box.create(kind, properties, id=next(self._ids)))

    def edit(self, ref: Ref, **properties: str) -> None:
        self.box.edit(ref.object_type, ref.id, properties)

    def value(self, ref: Ref, name: str) -> str:
        return self.box.value(ref.object_type, ref.id, name)

    def associate(self, one: Ref, other: Ref, *, is_primary: bool = False) -> None:
        self.box.associate(one.object_type, one.id, other.object_type, other.id, primary=is_primary)

    def archive(self, ref: Ref) -> None:
        self.box.archive(ref.object_type, ref.id)

    def merge(self, primary: Ref, other: Ref) -> Ref:
        return Ref(primary.object_type, self.box.merge(primary.object_type, primary.id, other.id))

    def advance(self, seconds: float) -> None:
        self.box.clock.advance(seconds)

    def moment(self) -> datetime:
        return self.box.clock.now()


@contextmanager
def in_memory() -> Iterator[World]:
    yield InMemory()


@contextmanager
def in_a_box(family: str, **switches: object) -> Iterator[InABox]:
    box = Box(portal_id=int(PORTAL_ID), time_zone="Europe/Oslo", clock=Clock(START, running=False))
    for name, value in switches.items():
        setattr(box.switches, name, value)
    with Sandbox(box, port=0, token="pat-eu1-sandbox") as served:
        # Real time for the pacing, no time for the waits: the contract is not about them.
        door = HubSpotDoor(
            served.token,
            served.url,
            family,
            wait=lambda _: None,
            monotonic=time.monotonic,
            patience=Patience(tries=2),
        )
        try:
            yield InABox(box, door)
        finally:
            door.close()
