"""Serve a small portal with a stopped clock on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from tests.sandbox.http_client import NOW, Client


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
