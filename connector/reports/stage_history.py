"""Read the stays of records in their stages, from mirror and ledger alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.context import DecisionContext
from connector.core.follow_up.overlooked import entered_stage_at
from connector.core.history.stage_periods import Period, build_periods
from connector.core.model import STAGE, ObjectType, Record, Ref, Version
from connector.reports.offline import all_refs
from state import ledger, mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStay:
    """A stay in one stage; `since` is None where its beginning is not known.

    `until` is None while it lasts. A stay whose end is not known is left out altogether.
    """

    stage: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHistory:
    """The stays of one record, oldest first; `is_complete` where HubSpot's history was read."""

    record: Record
    stays: tuple[StageStay, ...]
    is_complete: bool

    def first_entry(self, stage: str) -> datetime | None:
        """Return when the record first entered a stage, None where it never did or is unknown."""
        times = [stay.since for stay in self.stays if stay.stage == stage and stay.since]
        return min(times, default=None)


def stage_histories(context: DecisionContext, kind: ObjectType) -> Iterator[StageHistory]:
    """Yield the history of every live record of a type, in the order of their ids."""
    examined = 0
    for refs in all_refs(context, (kind,)):
        with context.reading() as session:
            records = mirror.get(session, refs)
            versions = ledger.read_versions(session, refs, STAGE)
            read_until = ledger.history_read_until(session, refs)
        examined += len(refs)
        context.progress("read stage histories", examined, None)
        for ref in refs:
            record = records[ref]
            yield StageHistory(
                record=record,
                stays=tuple(_stays(record, versions[ref])),
                is_complete=ref in read_until and read_until[ref] >= record.modified_at,
            )


def incomplete_histories(context: DecisionContext, kind: ObjectType) -> Iterator[Ref]:
    """Yield the live records of which HubSpot's history is not read, or older than the record."""
    for history in stage_histories(context, kind):
        if not history.is_complete:
            yield history.record.ref


def _stays(record: Record, versions: Sequence[Version]) -> Iterator[StageStay]:
    """Yield the stays that versions (newest first) and the present stage tell of."""
    periods = build_periods(versions)
    current = record.value(STAGE)
    since = entered_stage_at(record, versions, mirror_source=ledger.MIRROR)
    for number, period in enumerate(periods):
        is_last = number == len(periods) - 1
        # The ledger's latest stage is the present one: HubSpot's own date may be more exact.
        if is_last and period.until is None and period.stage == current:
            known_since = None if _begins_unseen(number, period) else since
            yield StageStay(stage=current, since=known_since, until=None)
            return
        # A newer stage is mirrored than the ledger knows: the stay ended when that one began.
        until = period.until or since
        if until is not None:
            begin = None if _begins_unseen(number, period) else period.since
            yield StageStay(stage=period.stage, since=begin, until=until)
    if current:
        yield StageStay(stage=current, since=since, until=None)


def _begins_unseen(number: int, period: Period) -> bool:
    """Return whether a stay is older than what is known: the mirror first saw the record in it."""
    return number == 0 and period.source_type == ledger.MIRROR
