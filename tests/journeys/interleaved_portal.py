"""Simulate a portal in memory with other writers, and a connector that may die at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from connector.core.history.writers import is_by_person
from connector.core.model import STAGE, STATUS, ObjectType, Outcome, Ref, Version
from connector.errors import ConnectorError
from connector.hubspot.api import AssociationsResult, Page
from connector.hubspot.http.failures import BatchRefused, OutcomeUnknown
from connector.operations.sync import SyncResult, sync
from state.db.errors import DatabaseUnusable
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

OUR_SOURCE, OUR_ID = "INTEGRATION", "1"
_PROGRAM_SOURCES = frozenset({"AUTOMATION_PLATFORM", "IMPORT", "SALESFORCE"})
_BLANK_MINUTES = timedelta(minutes=15)
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
    500 or with a 400 (the third). `lost_links` holds deals that the next association answer
    leaves out, `lost_rows` the records that the next answer with one of them leaves out; with
    `short_pages`, searches leave out the last row of each page.
    """

    step_budget: StepBudget = field(default_factory=StepBudget)
    gap_stage: str = ""
    failing_writes: set[tuple[Ref, str, int]] = field(default_factory=set)
    lost_links: set[Ref] = field(default_factory=set)
    lost_rows: set[Ref] = field(default_factory=set)
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

    def associations(
        self, refs: Sequence[Ref], to: ObjectType, *, rounds: int | None = None
    ) -> AssociationsResult:
        result = HookedHubSpot.associations(self, refs, to)
        lost, self.lost_links = self.lost_links, set()
        links = {
            ref: tuple(link for link in rows if not {ref, link.target} & lost)
            for ref, rows in result.links.items()
        }
        return replace(result, links=links)

    def read(self, refs: Sequence[Ref], properties: Sequence[str], **options: Any) -> Any:
        records = HookedHubSpot.read(self, refs, properties, **options)
        lost = self.lost_rows.intersection(records)
        self.lost_rows -= lost
        return {ref: record for ref, record in records.items() if ref not in lost}

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
                    raise OutcomeUnknown("internal error")
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
        raise DatabaseUnusable("the disk is full: free some space and start again")
        yield


@dataclass
class Scenario:
    """One busy portal and its connector, with what must be true of them at all times."""

    workspace: ConnectedPortal
    step_budget: StepBudget
    held_since: dict[Ref, datetime] = field(default_factory=dict)
    polled: list[tuple[datetime, datetime]] = field(default_factory=list)

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

    def linked_records(self, deal: Ref) -> list[Ref]:
        return sorted(
            ref for (source, _), links in self.api._links.items() if source == deal for ref in links
        )

    def history(self, ref: Ref, name: str) -> tuple[Version, ...]:
        return self.api._records[ref].history.get(name, ())

    def sync(self, **options: Any) -> SyncResult | None:
        """Sync once; None where an error of ours ended it."""
        options = {"max_read_age": timedelta(seconds=10), **options}
        began_at = self.api.current_time
        try:
            return self._run_until_killed(lambda: sync(self.workspace.context(POLICY, **options)))
        finally:
            self.polled.append((began_at, self.api.current_time))

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
        """Return what a person set, as long as nothing may change it.

        A blank that a person made while we polled is none: our write may have gone over it, and
        no blank is put back over a value.
        """
        edits = [version for version in self.history(ref, name) if not is_ours(version)]
        if not edits or not is_by_person(edits[0], imports=False):
            return None
        edit = edits[0]
        if not edit.value and self._was_made_while_polling(edit):
            return None
        is_protected = self.api.current_time < edit.at + timedelta(days=30)
        return edit if is_protected and self.latest_evidence_at(ref) <= edit.at else None

    def _was_made_while_polling(self, version: Version) -> bool:
        return any(began_at <= version.at <= ended_at for began_at, ended_at in self.polled)

    def broken_records(self) -> set[Ref]:
        """Return the records that HubSpot does not read or write now, whatever is asked."""
        return self.api.unreadable | {ref for ref, _, _ in self.api.failing_writes}

    def overwritten_edits(self, left_out: Set[Ref] = frozenset()) -> list[str]:
        """Return what a person set and we did not leave, or put back."""
        return [
            f"{ref} {name}: {edit.value or 'blank'} became {self.api.value(ref, name) or 'blank'}"
            for ref, name in self._properties()
            if ref not in left_out
            if (edit := self.protected_edit(ref, name)) and self.api.value(ref, name) != edit.value
        ]

    def _properties(self) -> Iterator[tuple[Ref, str]]:
        for ref in self.records():
            for name in _PROPERTIES[ref.object_type]:
                yield ref, name

    def restored_over_newer_work(self) -> list[str]:
        """Return what was put back although somebody else had written after it."""
        lines = [line for line in self.workspace.audit_lines() if line.outcome is Outcome.RESTORED]
        return [
            f"{line.record} {line.property_name}={written[0].value} over {replaced[0].value!r}"
            for line in lines
            if line.record in self.api._records
            if (
                written := [
                    version
                    for version in self.history(line.record, line.property_name)
                    if version.at <= line.at
                ]
            )
            # Where the newest is not ours, somebody wrote after us and before the audit.
            if is_ours(written[0]) and written[0].value != line.before
            if (replaced := [version for version in written if not is_ours(version)])
            if written[0].value != replaced[0].value
        ]

    def writes_into_others_moves(self) -> list[str]:
        """Return stages that we set where a program had just cleared, to set it itself.

        A clear that came while we polled may have come after our last reading.
        """
        return [
            f"{ref} {newer.value} at {newer.at} into the clear of {older.at}"
            for ref in self.records()
            for newer, older in pairwise(self.history(ref, STAGE))
            if is_ours(newer) and not older.value and not is_ours(older)
            if older.source_type in _PROGRAM_SOURCES and newer.at < older.at + _BLANK_MINUTES
            if not self._was_made_while_polling(older)
        ]

    def blank_records(self) -> list[Ref]:
        """Return the records whose stage we cleared, and nobody set since."""
        return [
            ref
            for ref in self.records()
            if not self.api.value(ref, STAGE)
            if (history := self.history(ref, STAGE)) and is_ours(history[0])
        ]

    def unaudited_writes(self, left_out: Set[Ref] = frozenset()) -> list[str]:
        """Return values that we wrote, and no line of the audit accounts for."""
        lines: dict[tuple[Ref, str], list[Any]] = {}
        for audit_line in self.workspace.audit_lines():
            lines.setdefault((audit_line.record, audit_line.property_name), []).append(audit_line)
        return [
            f"{ref} {name}={version.value} at {version.at}"
            for ref, name in self._properties()
            if ref not in left_out
            for version in self.history(ref, name)
            if is_ours(version) and (version.value or name == STATUS)
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
                    is_ours(version) and version.at > since for version in self.history(ref, name)
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
            if any(is_ours(version) and version.at > since for version in self.history(ref, name))
        ]


def is_ours(version: Version) -> bool:
    """Return whether the connector under test wrote a version."""
    return (version.source_type, version.source_id) == (OUR_SOURCE, OUR_ID)


def _accounts_for(line: Any, version: Version) -> bool:
    """Return whether a line tells of a write: as its new value, or as one that was put back."""
    matches = line.after == version.value or line.outcome is not Outcome.APPLIED
    return line.at >= version.at and matches
