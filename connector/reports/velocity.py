"""Report how long records stay in each stage, and how long they take from stage to stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from connector.context import DecisionContext
from connector.core.history.survival import Stay, survival_curve, survival_quantile
from connector.core.model import ObjectType
from connector.errors import UserError
from connector.reports.stage_history import StageHistory, stage_histories
from connector.reports.table import Cell, Report

_DAY: Final = timedelta(days=1).total_seconds()
_QUARTILES: Final = (0.25, 0.5, 0.75)
_QUANTILE_COLUMNS: Final = ("quarter_days", "median_days", "three_quarters_days")
COLUMNS: Final = ("group", "stage", "stays", "still_inside", "start_unknown", *_QUANTILE_COLUMNS)
STEP_COLUMNS: Final = ("group", "stage", "next_stage", "entered", "not_yet", *_QUANTILE_COLUMNS)
Group = str | None


@dataclass(slots=True)
class _Durations:
    """The stays of one group in one stage, or on the way from one stage to another."""

    stays: list[Stay] = field(default_factory=list)
    start_unknown: int = 0

    @property
    def lasting(self) -> int:
        """Return how many have not ended yet."""
        return sum(not stay.ended for stay in self.stays)


def velocity_report(
    context: DecisionContext, kind: ObjectType = ObjectType.CONTACTS, by: str | None = None
) -> Report:
    """Return quartiles of the time in each stage and between stages of the path, in days.

    Records that are still inside count with their time so far (Kaplan-Meier), so a stage that
    nobody leaves looks slow, not fast. `by` groups by a mirrored property, such as the owner.
    A figure is None where too few stays have ended to say.
    """
    path = sorted(context.policy.object_policies[kind].path.items(), key=lambda item: item[1])
    stages, now = [stage for stage, _ in path], context.api.now()
    in_stage: dict[tuple[Group, str], _Durations] = defaultdict(_Durations)
    steps: dict[tuple[Group, str, str], _Durations] = defaultdict(_Durations)
    incomplete = 0
    for history in stage_histories(context, kind):
        group = _group(history, by)
        incomplete += not history.is_complete
        _add_stays(in_stage, group, history, now)
        for stage, next_stage in pairwise(stages):
            _add_step(steps[group, stage, next_stage], history, (stage, next_stage), now)
    order = {stage: number for number, stage in enumerate(stages)}
    return Report(
        name="velocity",
        title="Time in each stage (days)",
        columns=COLUMNS,
        rows=list(_stage_rows(in_stage, order)),
        notes=tuple(_notes(incomplete)),
        bar_column="median_days",
        sections=(
            Report(
                name="steps",
                title="Time from stage to stage (days)",
                columns=STEP_COLUMNS,
                rows=list(_step_rows(steps, order)),
            ),
        ),
    )


def _group(history: StageHistory, by: str | None) -> Group:
    if by is None:
        return None
    if by not in history.record.properties:
        mirrored = ", ".join(sorted(history.record.properties))
        raise UserError(
            f"--by {by}: the mirror holds no such property. It holds {mirrored}; a property that a "
            "rule of the policy names is mirrored with the next `connector pull`."
        )
    return history.record.properties[by] or ""


def _add_stays(
    in_stage: Mapping[tuple[Group, str], _Durations],
    group: Group,
    history: StageHistory,
    now: datetime,
) -> None:
    for stay in history.stays:
        durations = in_stage[group, stay.stage]
        if stay.since is None:
            durations.start_unknown += 1
            continue
        seconds = ((stay.until or now) - stay.since).total_seconds()
        durations.stays.append(Stay(seconds=max(0.0, seconds), ended=stay.until is not None))


def _add_step(
    durations: _Durations, history: StageHistory, step: tuple[str, str], now: datetime
) -> None:
    """Add the time from the first entry of a stage to the first entry of the next after it."""
    start, next_entry = (history.first_entry(stage) for stage in step)
    if start is None or (next_entry is not None and next_entry < start):
        return
    seconds = ((next_entry or now) - start).total_seconds()
    durations.stays.append(Stay(seconds=max(0.0, seconds), ended=next_entry is not None))


def _stage_rows(
    in_stage: Mapping[tuple[Group, str], _Durations], order: Mapping[str, int]
) -> Iterator[tuple[Cell, ...]]:
    def sort_key(key: tuple[Group, str]) -> tuple[str, int, str]:
        return key[0] or "", order.get(key[1], len(order)), key[1]

    for group, stage in sorted(in_stage, key=sort_key):
        durations = in_stage[group, stage]
        counts = (len(durations.stays), durations.lasting, durations.start_unknown)
        yield (group, stage, *counts, *_quartile_days(durations.stays))


def _step_rows(
    steps: Mapping[tuple[Group, str, str], _Durations], order: Mapping[str, int]
) -> Iterator[tuple[Cell, ...]]:
    for key in sorted(steps, key=lambda key: (key[0] or "", order[key[1]])):
        durations = steps[key]
        if durations.stays:
            counts = (len(durations.stays), durations.lasting)
            yield (*key, *counts, *_quartile_days(durations.stays))


def _quartile_days(stays: Iterable[Stay]) -> Iterator[float | None]:
    curve = list(survival_curve(stays))
    for share in _QUARTILES:
        seconds = survival_quantile(curve, share)
        yield None if seconds is None else round(seconds / _DAY, 2)


def _notes(incomplete: int) -> Iterator[str]:
    if incomplete:
        yield (
            f"The histories of {incomplete:,} records were not read from HubSpot, so their earlier "
            "stays are missing: `connector history load` reads them."
        )
