"""Report the funnel: records in each stage, entries by month, conversion by cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from connector.context import DecisionContext
from connector.core.model import STAGE, ObjectType
from connector.reports.stage_history import StageHistory, stage_histories
from connector.reports.table import Cell, Report

COLUMNS: Final = (
    "stage",
    "records",
    "share",
    "ever_entered",
    "next_stage",
    "moved_on",
    "moved_on_share",
)
MONTH_COLUMNS: Final = ("month", "stage", "entered")
COHORT_COLUMNS: Final = ("month", "stage", "entered", "next_stage", "moved_on", "moved_on_share")


@dataclass(slots=True)
class _Counts:
    """What is counted over all records; months are as 2026-03 in the portal's time zone.

    `moved_on` counts, of the records that entered a stage in a month, those that have been in a
    later stage of the path since then.
    """

    present: Counter[str] = field(default_factory=Counter)
    entered: Counter[tuple[str, str]] = field(default_factory=Counter)
    cohorts: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved_on: Counter[tuple[str, str]] = field(default_factory=Counter)
    incomplete: int = 0


def funnel_report(context: DecisionContext, kind: ObjectType = ObjectType.CONTACTS) -> Report:
    """Return how records are spread over the stages, and how they move along the path.

    A record counts once in the cohort of the month in which it first entered a stage. It has
    moved on where it entered any later stage of the path afterwards, skipped stages included.
    """
    object_policy, zone = context.policy.object_policies[kind], context.policy.zone
    path = dict(sorted(object_policy.path.items(), key=lambda item: item[1]))
    counts = _Counts()
    for history in stage_histories(context, kind):
        _count(counts, history, path, zone)
    next_stages = dict(pairwise(path))
    shown = [*path, *sorted(set(counts.present) - set(path))]
    return Report(
        name="funnel",
        title="Records in each stage",
        columns=COLUMNS,
        rows=[_stage_row(counts, stage, next_stages) for stage in shown],
        notes=tuple(_notes(counts)),
        bar_column="records",
        sections=(
            Report(
                name="months",
                title="Records that entered a stage, by month",
                columns=MONTH_COLUMNS,
                rows=[(*key, count) for key, count in _in_order(counts.entered, shown)],
                bar_column="entered",
            ),
            Report(
                name="cohorts",
                title="Of the records that first entered a stage in a month, how many moved on",
                columns=COHORT_COLUMNS,
                rows=list(_cohort_rows(counts, next_stages)),
            ),
        ),
    )


def _count(counts: _Counts, history: StageHistory, path: Mapping[str, int], zone: ZoneInfo) -> None:
    counts.present[history.record.value(STAGE)] += 1
    counts.incomplete += not history.is_complete
    # A record that enters a stage twice in a month counts once for that month.
    entries = {(_month(stay.since, zone), stay.stage) for stay in history.stays if stay.since}
    counts.entered.update(entries)
    for stage, position in path.items():
        first = history.first_entry(stage)
        if first is None:
            continue
        key = (_month(first, zone), stage)
        counts.cohorts[key] += 1
        counts.moved_on[key] += any(
            stay.since is not None and stay.since >= first and path.get(stay.stage, -1) > position
            for stay in history.stays
        )


def _month(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m}"


def _stage_row(counts: _Counts, stage: str, next_stages: Mapping[str, str]) -> tuple[Cell, ...]:
    entered = sum(count for (_, name), count in counts.cohorts.items() if name == stage)
    moved_on = sum(count for (_, name), count in counts.moved_on.items() if name == stage)
    present, total = counts.present[stage], counts.present.total()
    next_stage = next_stages.get(stage)
    moves = (next_stage, moved_on, _share(moved_on, entered)) if next_stage else (None, None, None)
    return (stage or None, present, _share(present, total), entered, *moves)


def _cohort_rows(counts: _Counts, next_stages: Mapping[str, str]) -> Iterator[tuple[Cell, ...]]:
    for (month, stage), entered in _in_order(counts.cohorts, list(next_stages)):
        moved_on = counts.moved_on[month, stage]
        yield (month, stage, entered, next_stages[stage], moved_on, _share(moved_on, entered))


def _in_order(
    counts: Counter[tuple[str, str]], stages: Sequence[str]
) -> list[tuple[tuple[str, str], int]]:
    """Return the counts of these stages, the newest month first, in the order of the stages."""
    position = {stage: number for number, stage in enumerate(stages)}
    entries = [(key, count) for key, count in counts.items() if key[1] in position]
    by_stage = sorted(entries, key=lambda entry: position[entry[0][1]])
    return sorted(by_stage, key=lambda entry: entry[0][0], reverse=True)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _notes(counts: _Counts) -> Iterator[str]:
    if counts.incomplete:
        yield (
            f"The histories of {counts.incomplete:,} records were not read from HubSpot: entries "
            "before the first pull may be missing. `connector history load` reads them."
        )
