"""Lay out a picture of the path: stages from top to bottom, and arrows with the rules' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector.core.explain.policy_document import PolicyDocument

_BOX_WIDTH: Final = 190
_BOX_HEIGHT: Final = 34
_ROW_HEIGHT: Final = 58
_LANE_WIDTH: Final = 15
_LETTER_WIDTH: Final = 7.2
_LINE_HEIGHT: Final = 14
_MARGIN: Final = 8
_MAX_LABEL: Final = 26
_NO_STAGE: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBox:
    """A stage in the picture; lengths are in pixels, (x, y) is its upper left corner."""

    label: str
    short_label: str
    x: float
    y: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathArrow:
    """An arrow into a stage: its line, its head, and the rules' names beside it.

    `alternative` says the same in words. `lines` are the texts with their places.
    """

    kind: str
    line: str
    head: str
    anchor: str
    lines: tuple[tuple[str, float, float], ...]
    alternative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPicture:
    """Everything that the template draws, in pixels."""

    width: float
    height: float
    box_width: float
    box_height: float
    boxes: tuple[StageBox, ...]
    arrows: tuple[PathArrow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrow:
    """The moves into one stage from one side."""

    target: str
    sources: tuple[str, ...]
    rules: tuple[str, ...]
    is_down: bool


def path_picture(document: PolicyDocument) -> PathPicture:
    """Return the picture of a policy's path; the arrows down go right, those up go left."""
    # Who has no stage yet is drawn only for the rules that are for them alone.
    moves = [(move, [source for source in move.sources if source]) for move in document.moves]
    has_no_stage = any(not sources for _, sources in moves)
    stages = [*([_NO_STAGE] if has_no_stage else []), *document.labels]
    rows = {stage: row for row, stage in enumerate(stages)}
    arrows = tuple(_arrows(document, rows))
    down = [arrow for arrow in arrows if arrow.is_down]
    up = [arrow for arrow in arrows if not arrow.is_down]
    left = _side_width(up)
    layout = _Layout(rows=rows, labels=document.labels, box_left=left)
    return PathPicture(
        width=left + _BOX_WIDTH + _side_width(down),
        height=len(stages) * _ROW_HEIGHT,
        box_width=_BOX_WIDTH,
        box_height=_BOX_HEIGHT,
        boxes=tuple(
            StageBox(
                label=document.labels.get(stage, "No stage"),
                short_label=_short(document.labels.get(stage, "No stage")),
                x=left,
                y=row * _ROW_HEIGHT + (_ROW_HEIGHT - _BOX_HEIGHT) / 2,
                kind="parked" if stage in document.parked or not stage else "stage",
            )
            for stage, row in rows.items()
        ),
        arrows=tuple(
            layout.arrow(arrow, lane, len(lane_arrows))
            for lane_arrows in (down, up)
            for lane, arrow in enumerate(lane_arrows)
        ),
    )


def _arrows(document: PolicyDocument, rows: Mapping[str, int]) -> Iterator[_Arrow]:
    """Yield one arrow for each stage and side; short arrows first, they lie inside."""
    sources_by_key: dict[tuple[str, bool], dict[str, None]] = {}
    rules_by_key: dict[tuple[str, bool], dict[str, None]] = {}
    for move in document.moves:
        for source in [stage for stage in move.sources if stage] or [_NO_STAGE]:
            if source in rows and move.target in rows:
                key = (move.target, rows[source] < rows[move.target])
                sources_by_key.setdefault(key, {})[source] = None
                rules_by_key.setdefault(key, {})[move.rule] = None
    arrows = [
        _Arrow(
            target=target,
            sources=tuple(sources),
            rules=tuple(rules_by_key[target, is_down]),
            is_down=is_down,
        )
        for (target, is_down), sources in sources_by_key.items()
    ]
    yield from sorted(
        arrows,
        key=lambda arrow: max(abs(rows[arrow.target] - rows[source]) for source in arrow.sources),
    )


def _side_width(arrows: Sequence[_Arrow]) -> float:
    longest = max((len(_short(rule)) for arrow in arrows for rule in arrow.rules), default=0)
    return 2 * _MARGIN + len(arrows) * _LANE_WIDTH + longest * _LETTER_WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the rows are, and the left edge of the stages."""

    rows: Mapping[str, int]
    labels: Mapping[str, str]
    box_left: float

    def arrow(self, arrow: _Arrow, lane: int, lanes: int) -> PathArrow:
        """Return an arrow in its lane; lane 0 is the one beside the stages."""
        sign = 1 if arrow.is_down else -1
        edge = self.box_left + (_BOX_WIDTH if arrow.is_down else 0)
        lane_x = edge + sign * (_MARGIN + (lane + 0.5) * _LANE_WIDTH)
        label_x = edge + sign * (_MARGIN + lanes * _LANE_WIDTH + 4)
        entry_y = self._middle(arrow.target) - 7 * sign
        exits = "".join(
            f"M{edge:g} {self._middle(source) + 7 * sign:g}H{lane_x:g}V{entry_y:g}"
            for source in arrow.sources
        )
        tip = edge + sign * 2
        first_y = entry_y + 4 - (len(arrow.rules) - 1) * _LINE_HEIGHT / 2
        return PathArrow(
            kind="down" if arrow.is_down else "up",
            line=f"{exits}M{label_x:g} {entry_y:g}H{tip:g}",
            head=f"{tip:g},{entry_y:g} {tip + sign * 8:g},{entry_y - 4:g} "
            f"{tip + sign * 8:g},{entry_y + 4:g}",
            anchor="start" if arrow.is_down else "end",
            lines=tuple(
                (_short(rule), label_x + 3 * sign, first_y + number * _LINE_HEIGHT)
                for number, rule in enumerate(arrow.rules)
            ),
            alternative=f"To {self._label(arrow.target)} from "
            f"{', '.join(self._label(source) for source in arrow.sources)}: "
            f"{', '.join(arrow.rules)}.",
        )

    def _middle(self, stage: str) -> float:
        return (self.rows[stage] + 0.5) * _ROW_HEIGHT

    def _label(self, stage: str) -> str:
        return self.labels.get(stage, "no stage")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LABEL else f"{text[: _MAX_LABEL - 1]}…"
