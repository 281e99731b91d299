"""Lay out the charts of the pages; the templates draw them as SVG, with a table behind each.

No library draws them: those that make SVG on a server put styles into it, which the dashboard's
content security policy refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.reports.table import Report

_WIDTH: Final = 480
_HEIGHT: Final = 220
_LEFT: Final = 48
_RIGHT: Final = 12
"""Room for half of the last name."""
_TOP: Final = 12
_BOTTOM: Final = 28
_TICKS: Final = 4
_LABELS: Final = 7
"""So many names fit below the columns; of more, every second or third is written."""
_LABEL_LENGTH: Final = 5
"""Of 2026-11 there is room for 26-11."""
_STEPS: Final = (1, 2, 5, 10)
_ROW: Final = 40
_NAME_WIDTH: Final = 150
_MAX_NAME: Final = 16
_FLOW_HEIGHT: Final = 30
_STAGE_HEIGHT: Final = 26
_AGES: Final = ((7, "0-6"), (30, "7-29"), (90, "30-89"))
_OLDEST: Final = "90+"
Label = Callable[[str | None], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a column: what it counts, how many, and its rectangle in pixels."""

    kind: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column with its name, and what of it is written below, "" for nothing."""

    name: str
    x: float
    segments: tuple[Segment, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChart:
    """Stacked columns; `ticks` are the figures of the axis with their heights in pixels."""

    columns: tuple[Column, ...]
    column_width: float
    ticks: tuple[tuple[int, float], ...]
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStage:
    """A stage of the funnel, and the flow into the next; `flow` are points, "" for the last."""

    name: str
    short_name: str
    count: int
    x: float
    y: float
    width: float
    flow: str
    moved_on: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelChart:
    """The stages from top to bottom, each as wide as the records that ever entered it."""

    stages: tuple[FunnelStage, ...]
    width: int
    height: int
    middle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationRow:
    """The quartiles of a stage; `start`, `median` and `end` are pixels, None where not known."""

    name: str
    short_name: str
    y: float
    days: tuple[float | None, float | None, float | None]
    start: float | None
    median: float | None
    end: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationChart:
    """Quartiles of stages on one axis of days; `ticks` are days with their place in pixels."""

    rows: tuple[DurationRow, ...]
    ticks: tuple[tuple[int, float], ...]
    right: float
    width: int
    height: int


def column_chart(
    counts: Sequence[tuple[str, Mapping[str, int]]], kinds: Sequence[str]
) -> ColumnChart | None:
    """Return columns of counts by kind, the first kind at the bottom; None where all are 0."""
    highest = max((sum(by_kind.values()) for _, by_kind in counts), default=0)
    if not highest:
        return None
    ticks = _round_ticks(highest)
    area, base = _HEIGHT - _TOP - _BOTTOM, _HEIGHT - _BOTTOM
    slot = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    label_step = -(-len(counts) // _LABELS)
    columns = []
    for position, (name, by_kind) in enumerate(counts):
        y, segments = float(base), []
        for kind in kinds:
            height = area * by_kind.get(kind, 0) / ticks[-1]
            y -= height
            segments.append(Segment(kind=kind, count=by_kind.get(kind, 0), y=y, height=height))
        # Counted from the newest, so that the last column always has its name.
        has_label = (len(counts) - 1 - position) % label_step == 0
        x = _LEFT + (position + 0.15) * slot
        label = name[-_LABEL_LENGTH:] if has_label else ""
        columns.append(Column(name=name, x=x, segments=tuple(segments), label=label))
    return ColumnChart(
        columns=tuple(columns),
        column_width=slot * 0.7,
        ticks=tuple((tick, base - area * tick / ticks[-1]) for tick in ticks),
    )


def funnel_chart(report: Report, label: Label) -> FunnelChart | None:
    """Return the funnel of a report's stages with the share that moved on; None without entries."""
    rows = _dicts(report)
    path_length = sum(bool(row["next_stage"]) for row in rows) + 1
    rows = rows[:path_length]
    widest = max((row["ever_entered"] for row in rows), default=0)
    if not widest:
        return None
    middle, scale = _NAME_WIDTH + (_WIDTH - _NAME_WIDTH) / 2, (_WIDTH - _NAME_WIDTH) / widest
    stages = []
    for position, row in enumerate(rows):
        name, width = label(row["stage"]), max(2.0, row["ever_entered"] * scale)
        y = position * (_STAGE_HEIGHT + _FLOW_HEIGHT)
        moved_on = row["moved_on"] or 0
        is_last = position == len(rows) - 1
        stages.append(
            FunnelStage(
                name=name,
                short_name=short_name(name),
                count=row["ever_entered"],
                x=middle - width / 2,
                y=y,
                width=width,
                flow="" if is_last else _flow(middle, y + _STAGE_HEIGHT, width, moved_on * scale),
                moved_on=moved_on,
                share=row["moved_on_share"],
            )
        )
    height = len(rows) * (_STAGE_HEIGHT + _FLOW_HEIGHT) - _FLOW_HEIGHT
    return FunnelChart(stages=tuple(stages), width=_WIDTH, height=height, middle=middle)


def duration_chart(report: Report, label: Label) -> DurationChart | None:
    """Return quartiles by stage; None where no stage's median is known."""
    rows = [row for row in _dicts(report) if row["quarter_days"] is not None]
    longest = max((days for row in rows for days in _quartiles(row) if days is not None), default=0)
    if not longest:
        return None
    ticks = _round_ticks(max(1, round(longest + 0.5)))
    scale = (_WIDTH - _NAME_WIDTH - 24) / ticks[-1]

    def place(days: float | None) -> float | None:
        return None if days is None else _NAME_WIDTH + days * scale

    drawn = []
    for position, row in enumerate(rows):
        start, median, end = map(place, _quartiles(row))
        name = label(row["stage"])
        drawn.append(
            DurationRow(
                name=name,
                short_name=short_name(name),
                y=(position + 0.5) * _ROW,
                days=_quartiles(row),
                start=start,
                median=median,
                end=end,
            )
        )
    return DurationChart(
        rows=tuple(drawn),
        ticks=tuple((tick, _NAME_WIDTH + tick * scale) for tick in ticks),
        right=_WIDTH - 8,
        width=_WIDTH,
        height=len(rows) * _ROW + _BOTTOM,
    )


def month_charts(report: Report, label: Label) -> list[tuple[str, ColumnChart]]:
    """Return for each stage the entries of the last 12 months in which anything entered a stage."""
    rows = _dicts(next(part for part in report.sections if part.name == "months"))
    months = sorted({row["month"] for row in rows})[-12:]
    stages = list(dict.fromkeys(row["stage"] for row in _dicts(report)))
    entered = {(row["stage"], row["month"]): row["entered"] for row in rows}
    charts = [
        (
            label(stage),
            column_chart(
                [(month, {"entered": entered.get((stage, month), 0)}) for month in months],
                ["entered"],
            ),
        )
        for stage in stages
    ]
    return [(name, chart) for name, chart in charts if chart]


def age_chart(report: Report, today: Any) -> ColumnChart | None:
    """Return overlooked contacts by the days that they have waited, with and without an owner."""
    counts: dict[str, Counter[str]] = {name: Counter() for _, name in _AGES}
    counts[_OLDEST] = Counter()
    for row in _dicts(report):
        days = (today - type(today).fromisoformat(row["since"])).days
        age = next((name for limit, name in _AGES if days < limit), _OLDEST)
        counts[age]["owned" if row["owner_id"] else "unowned"] += 1
    return column_chart(list(counts.items()), ["owned", "unowned"])


def short_name(text: str) -> str:
    """Return a name that fits beside a chart."""
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME - 1]}…"


def _dicts(report: Report) -> list[dict[str, Any]]:
    return [dict(zip(report.columns, row, strict=True)) for row in report.rows]


def _quartiles(row: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    return row["quarter_days"], row["median_days"], row["three_quarters_days"]


def _flow(middle: float, y: float, upper: float, lower: float) -> str:
    """Return the points of the flow from a stage to the next."""
    half_upper, half_lower, bottom = upper / 2, max(1.0, lower / 2), y + _FLOW_HEIGHT
    return (
        f"{middle - half_upper:g},{y:g} {middle + half_upper:g},{y:g} "
        f"{middle + half_lower:g},{bottom:g} {middle - half_lower:g},{bottom:g}"
    )


def _round_ticks(highest: int) -> tuple[int, ...]:
    """Return round figures from 0 to at least the highest one."""
    power = 1
    while power * 10 * _TICKS < highest:
        power *= 10
    step = next(power * factor for factor in _STEPS if power * factor * _TICKS >= highest)
    return tuple(range(0, step * -(-highest // step) + 1, step))
