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
from connector.sandbox.http.call import Request
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from tests.recorded.compose_portal import create_portal
from tests.recorded.recordings import Recordings
from tests.recorded.situations import ExpectedCorrection, SituationWriter


@dataclass(frozen=True, kw_only=True)
class PreparedPortal:
    """A portal of recorded records with our part in it, and what has to be corrected there."""

    portal: Portal
    writer: SituationWriter
    expected_corrections: Sequence[ExpectedCorrection]
    unlisted_corrections: Sequence[ExpectedCorrection]
    stages_before: dict[str, tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class PlanRun:
    """What `pull` and `plan` did."""

    prepared: PreparedPortal
    document: dict[str, Any]
    writes: Sequence[Request]

    @property
    def corrections(self) -> list[ExpectedCorrection]:
        """Return the corrections of the plan, in the order of their records."""
        rows = [row | {"evidence": tuple(row["evidence"])} for row in self.document["corrections"]]
        return sorted(ExpectedCorrection(**row) for row in rows)


@dataclass(frozen=True, kw_only=True)
class SyncRuns:
    """What two runs of `sync` did, and what the audit tells of the first."""

    prepared: PreparedPortal
    first: dict[str, Any]
    writes: Sequence[Request]
    audit: Sequence[dict[str, Any]]
    second: dict[str, Any]
    second_writes: Sequence[Request]


def prepare_portal(recordings: Recordings) -> PreparedPortal:
    """Return a new portal of recorded records with our part in it."""
    portal = create_portal(recordings)
    writer = SituationWriter(recordings, portal)
    writer.apply_changes()
    return PreparedPortal(
        portal=portal,
        writer=writer,
        expected_corrections=writer.expected_corrections(),
        unlisted_corrections=writer.corrections_of_unlisted(),
        stages_before=stages_and_statuses(portal),
    )


def stages_and_statuses(portal: Portal) -> dict[str, tuple[str, str]]:
    """Return the stage and lead status of every contact and company."""
    return {
        f"{object_type}/{record.id}": (record.values.get(STAGE, ""), record.values.get(STATUS, ""))
        for object_type in ("contacts", "companies")
        for record in portal.records(object_type)
    }


def plan(prepared: PreparedPortal, folder: Path) -> PlanRun:
    """Pull and plan."""
    with Sandbox(prepared.portal) as sandbox:
        connector = Connector(sandbox, "2026-03", folder)
        connector.run("pull")
        document = json.loads(connector.run("plan", "--json"))
        return PlanRun(prepared=prepared, document=document, writes=sandbox.write_requests())


def sync(prepared: PreparedPortal, family: str, folder: Path) -> SyncRuns:
    """Sync twice."""
    with Sandbox(prepared.portal) as sandbox:
        connector = Connector(sandbox, family, folder)
        first = json.loads(connector.run("sync", "--json"))
        writes = sandbox.write_requests()
        audit = [json.loads(line) for line in connector.run("audit", "--json").splitlines()]
        sandbox.clear_requests()
        return SyncRuns(
            prepared=prepared,
            first=first,
            writes=writes,
            audit=audit,
            second=json.loads(connector.run("sync", "--json")),
            second_writes=sandbox.write_requests(),
        )


class Connector:
    """The real command, in processes and a folder of its own."""

    def __init__(self, sandbox: Sandbox, family: str, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HUBSPOT_ACCESS_TOKEN": sandbox.token,
            "HUBSPOT_PORTAL_ID": str(sandbox.portal.portal_id),
            "HUBSPOT_API_URL": sandbox.url,
            "HUBSPOT_API_VERSION": family,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'connector.db'}",
        }

    def run(self, *arguments: str) -> str:
        """Run one command; return what it wrote."""
        completed = subprocess.run(
            [sys.executable, "-m", "connector", *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout
