"""A small portal with a standing clock, served on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from tests.sandbox.asking import NOW, Client


@pytest.fixture
def portal() -> Portal:
    return Portal(clock=Clock(NOW, running=False))


@pytest.fixture
def sandbox(portal: Portal) -> Iterator[Sandbox]:
    with Sandbox(portal) as server:
        yield server


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)


@pytest.fixture
def create_contact(portal: Portal) -> Callable[..., str]:
    def create(stage: str = "", **properties: str) -> str:
        return portal.create("contacts", {"lifecyclestage": stage, **properties})

    return create
