"""A workspace for journeys: a portal served on loopback, a store, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from connector.config import settings
from connector.config.open_run import open_context, run_id
from connector.config.run_clock import RunClock
from connector.context import RunContext, RunState
from connector.core.corrections.audit import AuditLine, IntactChain
from connector.core.corrections.moves import Move
from connector.core.model import Outcome, Ref
from connector.operations.sync import SyncResult, sync
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from state import audit, introduced_rules, outbox
from state.db.store import Store
from tests.fakes.introduced import rule_names

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
TOKEN = "pat-eu1-0000-never-to-be-shown"
# The sandbox ends a hanging answer after this: real time, the only one that is waited for. A
# client with a short timeout would also give up answers that are merely slow under load.
_HANG_SECONDS = 0.2


def new_portal(*, running: bool = False) -> Portal:
    """Return an empty portal whose clock stands until something waits, or runs."""
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo", clock=Clock(NOW, running=running))
    portal.switches.hang_seconds = _HANG_SECONDS
    return portal


@dataclass
class Workspace:
    """One sandbox portal with one database; syncs wait by moving the portal's clock."""

    portal: Portal
    sandbox: Sandbox
    folder: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    new_rules: bool = False
    """Return whether the rules are as new as in a portal of which nobody has reviewed a plan."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HUBSPOT_API_URL": self.sandbox.url,
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
            "HUBSPOT_PORTAL_ID": str(self.portal.portal_id),
            "CONNECTOR_DATABASE_URL": f"sqlite:///{self.folder / 'connector.db'}",
            **self.overrides,
        }

    @property
    def settings(self) -> settings.Settings:
        return settings.read(self.environment, folder=self.folder)

    @contextmanager
    def open_context(self) -> Iterator[RunContext]:
        """Open the run context as every command does, with waits that move the portal's clock."""
        clock = RunClock(wait=self.portal.clock.advance, monotonic=self._monotonic)
        with open_context(self.settings, clock) as context:
            if not self.new_rules:
                with context.begin() as session:
                    names = rule_names(context.policy.policy)
                    introduced_rules.add(session, names, run="review", at=NOW)
            yield context

    def sync(self) -> SyncResult:
        with self.open_context() as context:
            return sync(context)

    @contextmanager
    def repeated_syncs(self) -> Iterator[Callable[[], SyncResult]]:
        """Yield a sync to be called again and again, each a run of its own, as a daemon's."""
        with self.open_context() as context:
            yield lambda: sync(replace(context, run=run_id(context.api.now()), state=RunState()))

    def values(self, *names: str) -> dict[str, str]:
        """Return properties of records, asked for as `contacts/1.lifecyclestage`."""
        return {name: self.value(name) for name in names}

    def value(self, name: str) -> str:
        record, _, property_name = name.partition(".")
        object_type, _, record_id = record.partition("/")
        return self.portal.value(object_type, record_id, property_name)

    def blank_records(self) -> list[str]:
        """Return the records without a stage, but for companies that never had one.

        The standard policy gives a company without a deal no stage.
        """
        return [
            f"{object_type}/{record.id}"
            for object_type in ("contacts", "companies")
            for record in self.portal.records(object_type)
            if not record.values.get("lifecyclestage")
            and (object_type == "contacts" or record.history("lifecyclestage"))
        ]

    def audit_lines(self, record: str | None = None) -> list[AuditLine]:
        """Return the audit lines, having verified their chain."""
        portal_id = str(self.portal.portal_id)
        with self.store() as store, store.reading(portal_id) as session:
            assert isinstance(audit.verify(session), IntactChain)
            ref = Ref.parse(record) if record else None
            return list(audit.read(session, record=ref))

    def applied_values(self) -> list[tuple[str, str, str]]:
        """Return what was applied by the audit, sorted: record, property and new value."""
        return applied_values(self.audit_lines())

    def open_moves(self) -> tuple[Move, ...]:
        with self.store() as store, store.reading(str(self.portal.portal_id)) as session:
            return outbox.open_moves(session)

    def store(self) -> Store:
        return Store.open(self.environment["CONNECTOR_DATABASE_URL"])

    def _monotonic(self) -> float:
        return self.portal.clock.ms() / 1000


def applied_values(lines: Iterable[AuditLine]) -> list[tuple[str, str, str]]:
    """Return what was applied by these lines, sorted: record, property and new value."""
    return sorted(
        (str(line.record), line.property_name, line.after)
        for line in lines
        if line.outcome is Outcome.APPLIED
    )


def lines_applied_twice(lines: Iterable[AuditLine]) -> list[AuditLine]:
    """Return the lines that say again what was so already: a change must lie between two."""
    values: dict[tuple[Ref, str], str] = {}
    repeats = []
    for line in lines:
        if line.outcome is Outcome.APPLIED:
            key = (line.record, line.property_name)
            if values.get(key) == line.after:
                repeats.append(line)
            values[key] = line.after
    return repeats
