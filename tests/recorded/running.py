"""Run the real connector against the portal of recorded records, and keep what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.core.model import STAGE, STATUS
from connector.sandbox.call import Request
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from tests.recorded.composing import compose
from tests.recorded.ours import Author, Fix
from tests.recorded.recordings import Folder


@dataclass(frozen=True, kw_only=True)
class World:
    """A portal of recorded records with our part in it, and what has to be corrected there."""

    portal: Portal
    author: Author
    fixes: Sequence[Fix]
    others: Sequence[Fix]
    before: dict[str, tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What `pull` and `plan` did."""

    world: World
    document: dict[str, Any]
    writes: Sequence[Request]

    @property
    def fixes(self) -> list[Fix]:
        """Return the corrections of the plan, in the order of their records."""
        rows = [one | {"evidence": tuple(one["evidence"])} for one in self.document["corrections"]]
        return sorted(Fix(**one) for one in rows)


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What two runs of `sync` did, and what the audit tells of the first."""

    world: World
    first: dict[str, Any]
    writes: Sequence[Request]
    audit: Sequence[dict[str, Any]]
    second: dict[str, Any]
    writes_of_second: Sequence[Request]


def settle(folder: Folder) -> World:
    """Return a new portal of recorded records with our part in it."""
    portal = compose(folder)
    author = Author(folder, portal)
    author.write()
    return World(
        portal=portal,
        author=author,
        fixes=author.fixes(),
        others=author.fixes_of_others(),
        before=standing(portal),
    )


def standing(portal: Portal) -> dict[str, tuple[str, str]]:
    """Return the stage and lead status of every contact and company."""
    return {
        f"{kind}/{record.id}": (record.values.get(STAGE, ""), record.values.get(STATUS, ""))
        for kind in ("contacts", "companies")
        for record in portal.records(kind)
    }


def plan(world: World, workplace: Path) -> Planned:
    """Pull and plan."""
    with Sandbox(world.portal) as box:
        connector = Connector(box, "2026-03", workplace)
        connector.run("pull")
        document = json.loads(connector.run("plan", "--json"))
        return Planned(world=world, document=document, writes=box.writes())


def sync(world: World, family: str, workplace: Path) -> Synced:
    """Sync twice."""
    with Sandbox(world.portal) as box:
        connector = Connector(box, family, workplace)
        first = json.loads(connector.run("sync", "--json"))
        writes = box.writes()
        audit = [json.loads(line) for line in connector.run("audit", "--json").splitlines()]
        box.forget()
        return Synced(
            world=world,
            first=first,
            writes=writes,
            audit=audit,
            second=json.loads(connector.run("sync", "--json")),
            writes_of_second=box.writes(),
        )


class Connector:
    """The real command, in processes and a folder of its own."""

    def __init__(self, box: Sandbox, family: str, workplace: Path) -> None:
        self._workplace = workplace
        self._environment = {
            "PATH": os.environ["PATH"],
            "HUBSPOT_ACCESS_TOKEN": box.token,
            "HUBSPOT_PORTAL_ID": str(box.portal.portal_id),
            "HUBSPOT_API_URL": box.url,
            "HUBSPOT_API_VERSION": family,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{workplace / 'connector.db'}",
        }

    def run(self, *arguments: str) -> str:
        """Run one command; return what it wrote."""
        done = subprocess.run(
            [sys.executable, "-m", "connector", *arguments],
            cwd=self._workplace,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
