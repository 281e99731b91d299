"""What a deal proves: won, lost or open, and since when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from connector.core.model import DealStage, ObjectType, Pipeline, Portal, Record, Ref, Version
from connector.core.values import moment, yes_no


class DealState(StrEnum):
    """What a deal's pipeline says of its stage."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One deal as evidence; `counts` is False where its pipeline does not, or it is archived.

    `entered_at` is when it entered its present stage, as well as we know: `dated` tells
    whether the portal said so itself (history or `hs_v2_date_entered_…`), or whether it is
    the close date of a closed deal or the creation of an open one. `was_won` is True if it
    is won, or was at any time that we know of; `won_at` is when it was won last.
    """

    ref: Ref
    state: DealState
    stage: str
    pipeline: str
    counts: bool = True
    was_won: bool = False
    dated: bool = False
    entered_at: datetime | None = None
    won_at: datetime | None = None
    properties: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def lost_at(self) -> datetime | None:
        """Return when it was lost, None if it is not lost or nobody knows."""
        return self.entered_at if self.state is DealState.LOST else None


def state_of(stage: DealStage) -> DealState:
    """Return what a pipeline's metadata say of one of its stages.

    >>> state_of(DealStage(id="7", label="Vunnet", is_closed=True, probability=1.0))
    <DealState.WON: 'won'>
    >>> state_of(DealStage(id="8", label="Signed", is_closed=False, probability=1.0))
    <DealState.OPEN: 'open'>
    """
    if stage.is_closed is False:
        return DealState.OPEN
    if stage.probability == 1:
        return DealState.WON
    if stage.probability == 0:
        return DealState.LOST
    return DealState.NEITHER if stage.is_closed else DealState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class DealBook:
    """What a portal's pipelines say of deal stages, and which pipelines count.

    `entered` names, for each stage that has one, the property that holds when a deal entered it.
    """

    states: Mapping[tuple[str, str], DealState]
    entered: Mapping[str, str]
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()

    def counts(self, record: Record, pipeline: str) -> bool:
        """Whether a deal counts: it is not archived, and its pipeline is meant."""
        included = not self.include or pipeline in self.include
        return included and pipeline not in self.exclude and not record.archived

    def state(self, pipeline: str, stage: str) -> DealState | None:
        """Return a stage's state, None if no pipeline lists it."""
        return self.states.get((pipeline, stage)) or self.states.get(("", stage))


def deal_book(
    portal: Portal, *, include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> DealBook:
    """Return what a portal says of its deal stages; stage ids are also found without pipeline."""
    states: dict[tuple[str, str], DealState] = {}
    for pipeline in portal.pipelines:
        for stage in pipeline.stages:
            states[pipeline.id, stage.id] = state_of(stage)
            states.setdefault(("", stage.id), state_of(stage))
    return DealBook(
        states=states,
        entered=_entered_properties(portal, portal.pipelines),
        include=frozenset(include),
        exclude=frozenset(exclude),
    )


_ENTERED: Final = "hs_v2_date_entered_"
_NOW_ENTERED: Final = "hs_v2_date_entered_current_stage"


def _entered_properties(portal: Portal, pipelines: Sequence[Pipeline]) -> dict[str, str]:
    """Return the property that dates each stage; its suffix is the id, small, and maybe more."""
    names = sorted(portal.definitions.get(ObjectType.DEALS, {}))
    found: dict[str, str] = {}
    for stage in (one for pipeline in pipelines for one in pipeline.stages):
        suffix = re.escape(stage.id.casefold().replace("-", "_"))
        fitting = re.compile(rf"{_ENTERED}{suffix}(_\d+)?")
        name = next((one for one in names if fitting.fullmatch(one)), None)
        if name:
            found[stage.id] = name
    return found


def read_deal(book: DealBook, record: Record, history: Sequence[Version] = ()) -> Deal:
    """Return a deal as evidence, from its record and the versions of its stage (any order)."""
    properties = record.properties
    stage, pipeline = properties.get("dealstage") or "", properties.get("pipeline") or ""
    state = book.state(pipeline, stage) or _own_word(properties)
    versions = sorted(history, key=lambda one: one.at, reverse=True)
    entered = _entered_at(book, record, stage, versions)
    won_at = _won_at(book, pipeline, versions)
    fallback = record.created_at if state is DealState.OPEN else moment(properties.get("closedate"))
    if state is DealState.WON:
        won_at = entered or fallback
    return Deal(
        ref=record.ref,
        state=state,
        stage=stage,
        pipeline=pipeline,
        counts=book.counts(record, pipeline),
        was_won=state is DealState.WON or won_at is not None,
        dated=entered is not None,
        entered_at=entered or fallback,
        won_at=won_at,
        properties=properties,
    )


def _own_word(properties: Mapping[str, str | None]) -> DealState:
    """Return what a deal itself says where no pipeline lists its stage."""
    closed, won = yes_no(properties.get("hs_is_closed")), yes_no(properties.get("hs_is_closed_won"))
    if won:
        return DealState.WON
    if closed is False:
        return DealState.OPEN
    return DealState.LOST if closed and won is False else DealState.NEITHER


def _entered_at(
    book: DealBook, record: Record, stage: str, versions: Sequence[Version]
) -> datetime | None:
    """Return when a deal entered its present stage, by its history or its own date properties."""
    since: datetime | None = None
    for version in versions:
        if version.value != stage:
            break
        since = version.at
    if since:
        return since
    current = moment(record.properties.get(_NOW_ENTERED))
    return current or moment(record.properties.get(book.entered.get(stage, "")))


def _won_at(book: DealBook, pipeline: str, versions: Sequence[Version]) -> datetime | None:
    won = (one.at for one in versions if book.state(pipeline, one.value) is DealState.WON)
    return next(won, None)
