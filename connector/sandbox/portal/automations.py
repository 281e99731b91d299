"""HubSpot's own automations, which move stages forward only, and workflows of the portal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from connector.sandbox.portal import linking, stage_history, writes
from connector.sandbox.portal.associations import Link
from connector.sandbox.portal.object_types import COMPANIES, CONTACTS, OBJECT_TYPES
from connector.sandbox.portal.pipelines import Stage
from connector.sandbox.portal.record import Record, Source
from connector.sandbox.portal.state import PortalState, Reactions

_DEAL_SYNC_SOURCE: Final = Source("PIPELINE_SETTINGS", "LCS-set-on-Deal", "PIPELINE_SETTINGS")
_WORKFLOW_SOURCE: Final = Source(
    "AUTOMATION_PLATFORM", "enrollmentId:71830;actionExecutionIndex:0", "AUTOMATION_PLATFORM"
)
# Seen in recorded histories of companies that HubSpot created for a contact.
_DOMAIN_SOURCE: Final = Source("COMPANIES", "FetchAssociatedCompanyIdStep", "COMPANIES")
_SYNCED_TYPES: Final = ("contacts", "companies")


class Automations(Reactions):
    """What the portal does by itself, when its clock reaches the time of each action."""

    def __init__(self, portal: PortalState) -> None:
        self._portal = portal
        self._scheduled: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._kept_stages: dict[tuple[str, int], str] = {}
        self._gap_fills: Counter[tuple[str, int]] = Counter()

    def run_due(self) -> None:
        """Do what is due by the portal's clock."""
        while self._scheduled and self._scheduled[0][0] <= self._portal.clock.ms():
            heappop(self._scheduled)[2]()

    def on_created(self, record: Record) -> None:
        """React to a new contact: HubSpot may look for the company of its e-mail domain."""
        _, _, domain = record.values.get("email", "").partition("@")
        if record.object_type is CONTACTS and domain and self._portal.switches.company_of_domain:
            self._schedule(
                self._portal.switches.native_sync_delay_seconds,
                lambda: self._link_company_of_domain(record, domain),
            )

    def on_stage_changed(self, record: Record, stage: str) -> None:
        """React to a new stage, or to none."""
        switches = self._portal.switches
        self._start_clear_and_set(record, stage)
        self._restore_kept_stage(record, stage)
        if not stage:
            self._fill_gap(record)
        elif record.object_type is COMPANIES and switches.native_company_sync:
            source = Source(switches.native_sync_source, "", switches.native_sync_source)
            for contact_id, link in self._portal.links.of(
                "companies", record.id, "contacts"
            ).items():
                if link.primary or switches.native_sync_scope == "all":
                    self._schedule_move("contacts", contact_id, stage, source)

    def clear_and_set(self, record: Record, stage: str, minutes: float) -> None:
        """Clear a stage as a workflow does, and set another one after some minutes.

        The set is forward only, as every write of a workflow is: where somebody filled the gap
        with a later stage it does nothing.
        """
        stamp = writes.Stamp(self._portal.clock.ms(), _WORKFLOW_SOURCE)
        writes.write(self._portal, record, {writes.STAGE: ""}, stamp)
        self._schedule(
            60 * minutes,
            lambda: self._move_forward(record.object_type.name, record.id, stage, _WORKFLOW_SOURCE),
        )

    def on_deal_stage_entered(self, deal: Record, stage: Stage) -> None:
        """React to a deal that enters a stage."""
        target_stage = self._portal.switches.native_deal_won if stage.won else None
        for object_type in _SYNCED_TYPES if target_stage else ():
            for linked_id in self._portal.links.of("deals", deal.id, object_type):
                self._schedule_move(object_type, linked_id, target_stage or "", _DEAL_SYNC_SOURCE)

    def on_deal_linked(self, deal: Record, object_type: str, record_id: int) -> None:
        """React to a deal that is linked to a contact or company, as at its creation."""
        deal_stage = self._portal.schema.deal_stage(deal.values.get("dealstage", ""))
        switches = self._portal.switches
        won = deal_stage is not None and deal_stage[1].won
        target_stage = switches.native_deal_won if won else switches.native_deal_created
        closed = deal_stage is not None and bool(deal_stage[1].closed)
        if target_stage and object_type in _SYNCED_TYPES and (won or not closed):
            self._schedule_move(object_type, record_id, target_stage, _DEAL_SYNC_SOURCE)

    def _fill_gap(self, record: Record) -> None:
        switches, key = self._portal.switches, (record.object_type.name, record.id)
        if switches.automation_in_gap and self._gap_fills[key] < switches.automation_in_gap_times:
            self._gap_fills[key] += 1
            self._move_forward(*key, switches.automation_in_gap, _WORKFLOW_SOURCE)

    def keep_stage(self, record: Record, stage: str) -> None:
        """Let a workflow clear and set a stage now, and after every change by anybody else."""
        self._kept_stages[record.object_type.name, record.id] = stage
        self._restore_kept_stage(record, record.values.get(writes.STAGE, ""))

    def _restore_kept_stage(self, record: Record, stage: str) -> None:
        kept_stage = self._kept_stages.get((record.object_type.name, record.id), stage)
        if stage and stage != kept_stage:
            self._schedule(0, lambda: self._clear_and_set_live(record, kept_stage, 0))

    def _link_company_of_domain(self, contact: Record, domain: str) -> None:
        """Link a contact to the company of its e-mail domain, which is created if need be."""
        portal = self._portal
        table = portal.tables[COMPANIES.name]
        company = next(
            (
                company
                for company in table.records.values()
                if company.values.get("domain") == domain and company.archived_at is None
            ),
            None,
        )
        if company is None:
            name = domain.split(".", maxsplit=1)[0].capitalize()
            stamp = writes.Stamp(portal.clock.ms(), _DOMAIN_SOURCE)
            values = {"domain": domain, "name": name, writes.STAGE: "lead"}
            company = writes.add_record(portal, COMPANIES, table.next_id(), values, stamp)
        if contact.archived_at is None:
            linking.link(portal, contact, company, Link(primary=True), portal.clock.ms())

    def _start_clear_and_set(self, record: Record, stage: str) -> None:
        """Let the workflow of the switch `clear_and_set` begin once the present write is done."""
        switches = self._portal.switches
        target = switches.clear_and_set.get(stage)
        if target is not None and record.object_type.name in _SYNCED_TYPES:
            minutes = switches.clear_and_set_minutes
            self._schedule(0, lambda: self._clear_and_set_live(record, target, minutes))

    def _clear_and_set_live(self, record: Record, stage: str, minutes: float) -> None:
        if self._portal.tables[record.object_type.name].find(str(record.id)) is record:
            self.clear_and_set(record, stage, minutes)

    def _schedule(self, seconds: float, action: Callable[[], None]) -> None:
        self._sequence += 1
        due = self._portal.clock.ms() + round(seconds * 1000)
        heappush(self._scheduled, (due, self._sequence, action))

    def _schedule_move(self, object_type: str, record_id: int, stage: str, source: Source) -> None:
        delay = self._portal.switches.native_sync_delay_seconds
        if not delay:
            self._move_forward(object_type, record_id, stage, source)
            return
        self._schedule(delay, lambda: self._move_forward(object_type, record_id, stage, source))

    def _move_forward(self, object_type: str, record_id: int, stage: str, source: Source) -> None:
        portal = self._portal
        record = portal.tables[object_type].records.get(record_id)
        if record is None or record.archived_at is not None:
            return
        current_stage, order = (
            record.values.get(writes.STAGE, ""),
            portal.schema.stage_order(OBJECT_TYPES[object_type]),
        )
        if (
            current_stage != stage
            and stage in order
            and not stage_history.is_backward(order, current_stage, stage)
        ):
            stamp = writes.Stamp(portal.clock.ms(), source)
            writes.write(portal, record, {writes.STAGE: stage}, stamp)
