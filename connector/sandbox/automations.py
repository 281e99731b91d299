"""HubSpot's own automations: forward only, at once or after a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from connector.sandbox import stages, writes
from connector.sandbox.kinds import COMPANIES, KINDS
from connector.sandbox.record import Record, Source

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside
    from connector.sandbox.pipelines import Stage

_DEAL_SETTING: Final = Source("PIPELINE_SETTINGS", "LCS-set-on-Deal", "PIPELINE_SETTINGS")
_WORKFLOW: Final = Source(
    "AUTOMATION_PLATFORM", "enrollmentId:71830;actionExecutionIndex:0", "AUTOMATION_PLATFORM"
)
_FOLLOWERS: Final = ("contacts", "companies")


class Automations:
    """What the portal does by itself; actions wait for the portal's clock."""

    def __init__(self, portal: Inside) -> None:
        self._portal = portal
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._filled: Counter[tuple[str, int]] = Counter()

    def run_due(self) -> None:
        """Do what is due by the portal's clock."""
        while self._waiting and self._waiting[0][0] <= self._portal.clock.ms():
            heappop(self._waiting)[2]()

    def stage_changed(self, record: Record, stage: str) -> None:
        """React to a new stage, or to none."""
        switches = self._portal.switches
        if not stage:
            self._fill_gap(record)
        elif record.kind is COMPANIES and switches.native_company_sync:
            source = Source(switches.native_sync_source, "", switches.native_sync_source)
            for contact, link in self._portal.links.of("companies", record.id, "contacts").items():
                if link.primary or switches.native_sync_scope == "all":
                    self._move("contacts", contact, stage, source)

    def deal_entered(self, deal: Record, stage: Stage) -> None:
        """React to a deal that enters a stage."""
        target = self._portal.switches.native_deal_won if stage.won else None
        for kind in _FOLLOWERS if target else ():
            for linked in self._portal.links.of("deals", deal.id, kind):
                self._move(kind, linked, target or "", _DEAL_SETTING)

    def deal_linked(self, deal: Record, kind: str, record_id: int) -> None:
        """React to a deal that is linked to a contact or company, as at its creation."""
        found = self._portal.schema.deal_stage(deal.values.get("dealstage", ""))
        switches = self._portal.switches
        won = found is not None and found[1].won
        target = switches.native_deal_won if won else switches.native_deal_created
        closed = found is not None and bool(found[1].closed)
        if target and kind in _FOLLOWERS and (won or not closed):
            self._move(kind, record_id, target, _DEAL_SETTING)

    def _fill_gap(self, record: Record) -> None:
        switches, key = self._portal.switches, (record.kind.name, record.id)
        if switches.automation_in_gap and self._filled[key] < switches.automation_in_gap_times:
            self._filled[key] += 1
            self._forward(*key, switches.automation_in_gap, _WORKFLOW)

    def _move(self, kind: str, record_id: int, stage: str, source: Source) -> None:
        delay = self._portal.switches.native_sync_delay_seconds
        if not delay:
            self._forward(kind, record_id, stage, source)
            return
        self._count += 1
        due = self._portal.clock.ms() + round(delay * 1000)
        action = (due, self._count, lambda: self._forward(kind, record_id, stage, source))
        heappush(self._waiting, action)

    def _forward(self, kind: str, record_id: int, stage: str, source: Source) -> None:
        portal = self._portal
        record = portal.tables[kind].records.get(record_id)
        if record is None or record.archived_at is not None:
            return
        now, order = record.values.get(writes.STAGE, ""), portal.schema.order(KINDS[kind])
        if now != stage and stage in order and not stages.is_backward(order, now, stage):
            stamp = writes.Stamp(portal.clock.ms(), source)
            writes.write(portal, record, {writes.STAGE: stage}, stamp)
