"""A portal in memory that others write into while we do, and a connector that may die any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connector.core.history.writers import is_by_person
from connector.core.model import STAGE, STATUS, ObjectType, Outcome, Ref, Version
from connector.errors import ConnectorError, UserError
from connector.hubspot.api import AssociationsResult, Page
from connector.hubspot.http.failures import BatchRefused, Unavailable
from connector.operations.sync import SyncResult, sync
from state.db.store import Store
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DEALS,
    START,
    ConnectedPortal,
    HookedHubSpot,
    example_portal,
)
from tests.fakes.portal import FakeHubSpot

OUR_SOURCE = "INTEGRATION"
# Fewer than there are records of a type, so that plans do come over it.
ALWAYS_ALLOWED = 4
POLICY = f"""
extends: standard
settings:
  limits: {{always: {ALWAYS_ALLOWED}, day_share: 0.1, day_backward_share: 0.1}}
"""
_PROPERTIES = {CONTACTS: (STAGE, STATUS), COMPANIES: (STAGE,)}


class KilledError(BaseException):
    """The process is dead: nothing of it runs any more, its `finally` blocks included."""


@dataclass
class StepBudget:
    """How many steps a process still has to live; None: as many as it likes."""

    steps_left: int | None = None

    def count_step(self) -> None:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise KilledError


@dataclass(slots=True)
class CrashingPortal(HookedHubSpot):
    """Time passes with every request, and every request may be the process's last.

    `failing_writes` holds records whose clears or sets (the second part) fail for good, with a
    500 or with a 400 (the third). `lost_links` holds deals that the next association answers
    leave out; with `short_pages`, searches leave out the last row of each page.
    """

    step_budget: StepBudget = field(default_factory=StepBudget)
    gap_stage: str = ""
    failing_writes: set[tuple[Ref, str, int]] = field(default_factory=set)
    lost_links: set[Ref] = field(default_factory=set)
    short_pages: bool = False

    def _start_request(self, method: str) -> ConnectorError | None:
        self.step_budget.count_step()
        self.current_time += timedelta(milliseconds=40)
        return FakeHubSpot._start_request(self, method)

    def search_changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        page = HookedHubSpot.search_changed(
            self, object_type, properties, since=since, until=until, after_id=after_id
        )
        if not self.short_pages or len(page.records) < 2:
            return page
        return replace(page, records=page.records[:-1], after=str(len(page.records) - 1))

    def associations(self, refs: Sequence[Ref], to: ObjectType) -> AssociationsResult:
        result = HookedHubSpot.associations(self, refs, to)
        lost, self.lost_links = self.lost_links, set()
        links = {
            ref: tuple(link for link in rows if not {ref, link.target} & lost)
            for ref, rows in result.links.items()
        }
        return replace(result, links=links)

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> Any:
        self._fail_writes(changes)
        answer = HookedHubSpot.update(self, changes)
        if self.gap_stage:
            self._fill_gap(changes)
        self.step_budget.count_step()  # it may die before the answer arrives, too
        return answer

    def _fail_writes(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        for ref, kind, status in self.failing_writes:
            values = changes.get(ref, {})
            if any((kind == "clear") == (value == "") for value in values.values()):
                self.requests["update"] += 1
                self.step_budget.count_step()
                if status == 500:
                    raise Unavailable("internal error")
                raise BatchRefused("HubSpot refused the batch", category="VALIDATION_ERROR")

    def _fill_gap(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        """Let an automation of the portal write into the gap between a clear and a set."""
        for ref, values in changes.items():
            if values.get(STAGE) == "":
                stage, self.gap_stage = self.gap_stage, ""
                self.put(ref, {STAGE: stage}, source_type="AUTOMATION_PLATFORM", source_id="7")
                return


class CrashingStore(Store):
    """A store whose every writing transaction may be the process's last, or meet a full disk.

    The disk is full after `writes_left` more transactions; None: it is not.
    """

    step_budget = StepBudget()
    writes_left: int | None = None

    def begin(self, portal_id: str) -> Any:
        self.step_budget.count_step()
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                return self._refuse()
        return super().begin(portal_id)

    @contextmanager
    def _refuse(self) -> Any:
        raise UserError("the disk is full: free some space and start again")
        yield


@dataclass
class Scenario:
    """One busy portal and its connector, with what must be true of them at all times."""

    workspace: ConnectedPortal
    step_budget: StepBudget
    held_since: dict[Ref, datetime] = field(default_factory=dict)
    blanked_by_others: set[Ref] = field(default_factory=set)

    @classmethod
    def create(cls, url: str) -> Scenario:
        step_budget = StepBudget()
        store = CrashingStore.open(url)
        assert isinstance(store, CrashingStore)
        store.step_budget = step_budget
        return cls(
            workspace=ConnectedPortal(
                api=CrashingPortal(example_portal(), START, step_budget=step_budget), store=store
            ),
            step_budget=step_budget,
        )

    @property
    def api(self) -> CrashingPortal:
        assert isinstance(self.workspace.api, CrashingPortal)
        return self.workspace.api

    def records(self) -> list[Ref]:
        return sorted(ref for ref in self.api._records if ref.object_type is not DEALS)

    def deals(self) -> list[Ref]:
        return sorted(ref for ref in self.api._records if ref.object_type is DEALS)

    def history(self, ref: Ref, name: str) -> tuple[Version, ...]:
        return self.api._records[ref].history.get(name, ())

    def sync(self, **options: Any) -> SyncResult | None:
        """Sync once; None where an error of ours ended it."""
        options = {"max_read_age": timedelta(seconds=10), **options}
        return self._run_until_killed(lambda: sync(self.workspace.context(POLICY, **options)))

    def _run_until_killed(self, action: Callable[[], SyncResult]) -> SyncResult | None:
        try:
            return action()
        except (ConnectorError, KilledError):
            return None
        finally:
            self.step_budget.steps_left = None

    def kill_within(self, steps: int) -> None:
        self.step_budget.steps_left = steps

    # What must be true

    def latest_evidence_at(self, ref: Ref) -> datetime:
        """Return when the newest evidence of a record came up."""
        links = self.api._links.get((ref, DEALS), {})
        times = [self.history(deal, "dealstage")[0].at for deal in links]
        return max(times, default=START)

    def protected_edit(self, ref: Ref, name: str) -> Version | None:
        """Return what a person set, as long as nothing may change it."""
        edits = [
            version for version in self.history(ref, name) if version.source_type != OUR_SOURCE
        ]
        if not edits or not is_by_person(edits[0], imports=False):
            return None
        edit = edits[0]
        is_protected = self.api.current_time < edit.at + timedelta(days=30)
        return edit if is_protected and self.latest_evidence_at(ref) <= edit.at else None

    def overwritten_edits(self) -> list[str]:
        """Return what a person set and we did not leave, or put back."""
        return [
            f"{ref} {name}: {edit.value or 'blank'} became {self.api.value(ref, name) or 'blank'}"
            for ref in self.records()
            for name in _PROPERTIES[ref.object_type]
            if (edit := self.protected_edit(ref, name)) and self.api.value(ref, name) != edit.value
        ]

    def blank_records(self) -> list[str]:
        """Return the records whose stage we cleared, and nobody set since."""
        return [
            str(ref)
            for ref in self.records()
            if not self.api.value(ref, STAGE)
            and (history := self.history(ref, STAGE))
            and history[0].source_type == OUR_SOURCE
            and ref not in self.blanked_by_others
        ]

    def unaudited_writes(self) -> list[str]:
        """Return values that we wrote, and no line of the audit accounts for."""
        lines: dict[tuple[Ref, str], list[Any]] = {}
        for audit_line in self.workspace.audit_lines():
            lines.setdefault((audit_line.record, audit_line.property_name), []).append(audit_line)
        return [
            f"{ref} {name}={version.value} at {version.at}"
            for ref in self.records()
            for name in _PROPERTIES[ref.object_type]
            for version in self.history(ref, name)
            if version.source_type == OUR_SOURCE and (version.value or name == STATUS)
            if not any(_accounts_for(line, version) for line in lines.get((ref, name), ()))
        ]

    def types_over_limit(self) -> list[str]:
        """Return the types of which more records were written within a day than may be."""
        since = self.api.current_time - timedelta(hours=24)
        types = []
        for object_type, names in _PROPERTIES.items():
            refs = [ref for ref in self.records() if ref.object_type is object_type]
            written = {
                ref
                for ref in refs
                for name in names
                if any(
                    version.source_type == OUR_SOURCE and version.at > since
                    for version in self.history(ref, name)
                )
            }
            if len(written) > ALWAYS_ALLOWED:
                types.append(f"{len(written)} {object_type}")
        return types

    def writes_while_held(self) -> list[str]:
        """Return records that the operator holds, and that were written all the same."""
        return [
            f"{ref} {name}={self.history(ref, name)[0].value}"
            for ref, since in self.held_since.items()
            for name in _PROPERTIES[ref.object_type]
            if any(
                version.source_type == OUR_SOURCE and version.at > since
                for version in self.history(ref, name)
            )
        ]


def _accounts_for(line: Any, version: Version) -> bool:
    """Whether a line tells of a write: as its new value, or as one that was put back."""
    matches = line.after == version.value or line.outcome is not Outcome.APPLIED
    return line.at >= version.at and matches
