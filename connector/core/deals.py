"""Derive from a deal whether it is won, lost or open, and since when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from connector.core.conditions.text_patterns import TextPattern
from connector.core.conditions.values import parse_time, parse_yes_no
from connector.core.model import DealStage, ObjectType, Pipeline, Portal, Record, Ref, Version


class DealState(StrEnum):
    """The state of a deal by the pipeline of its stage."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    NEITHER = "neither"


class DateSource(StrEnum):
    """The source of the time at which a deal entered its present stage.

    A close date is typed by people or proposed by HubSpot, and HubSpot updates it only where a
    user moves the deal in the app (knowledge base on deal properties). So it does not prove when
    the stage changed, and a date in the future proves nothing. The creation is the earliest
    possible time.
    """

    STAGE = "stage history"
    CLOSE_DATE = "close date"
    CREATION = "creation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One deal as evidence.

    `counts` is False where the deal is archived or its pipeline is excluded. `entered_at` is the
    best known time at which it entered its present stage, and `date_source` the source of that
    time. `was_won` is True if it is won, or was won at any known time; `won_at` is the last time.
    """

    ref: Ref
    state: DealState
    stage: str
    pipeline: str
    counts: bool = True
    was_won: bool = False
    date_source: DateSource = DateSource.STAGE
    entered_at: datetime | None = None
    won_at: datetime | None = None
    properties: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def date_is_known(self) -> bool:
        """Return whether the portal itself says when it entered its present stage."""
        return self.date_source is DateSource.STAGE

    @property
    def lost_at(self) -> datetime | None:
        """Return when the deal was lost, None if it is not lost or the date is unknown."""
        return self.entered_at if self.state is DealState.LOST else None


_NO_SALES_WORDS: Final = (
    "recruiting recruitment recruiter hiring candidates applicants applications talent careers "
    "jobs hr people rekruttering rekrytering rekrytointi ansættelse bewerber bewerbungen "
    "onboarding implementation delivery deliveries project projects leveranse leveranser prosjekt "
    "prosjekter projekt projekter käyttöönotto toimitus support ticket tickets helpdesk "
    "complaints claims service kundeservice kundtjänst asiakaspalvelu reklamationen partner "
    "partners partnership partnerships partnere alliances resellers investor investors "
    "fundraising procurement purchasing vendor vendors supplier suppliers innkjøp inköp einkauf "
    "hankinta internal intern test"
)
_NO_SALES: Final = TextPattern(_NO_SALES_WORDS.split())
_SALES: Final = TextPattern(("sale", "sales", "salg", "försäljning", "myynti", "verkauf"))


def sounds_like_no_sales(pipeline_label: str) -> bool:
    """Return whether a deal pipeline's name says that its deals sell nothing.

    >>> labels = ("Rekruttering 2026", "Sales", "Partners", "Partner sales")
    >>> [sounds_like_no_sales(label) for label in labels]
    [True, False, True, False]
    """
    return _NO_SALES.fits(pipeline_label) and not _SALES.fits(pipeline_label)


def deal_state(stage: DealStage) -> DealState:
    """Return what a pipeline's metadata say of one of its stages.

    >>> deal_state(DealStage(id="7", label="Vunnet", is_closed=True, probability=1.0))
    <DealState.WON: 'won'>
    >>> deal_state(DealStage(id="8", label="Signed", is_closed=False, probability=1.0))
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
class DealPipelines:
    """The state of every deal stage of a portal, and the pipelines that count.

    `entered_properties` names, for each stage that has one, the property with the time of entry.
    """

    states: Mapping[tuple[str, str], DealState]
    entered_properties: Mapping[str, str]
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()

    def counts(self, record: Record, pipeline: str) -> bool:
        """Return whether a deal counts: it is not archived, and its pipeline is included."""
        included = not self.include or pipeline in self.include
        return included and pipeline not in self.exclude and not record.archived

    def state(self, pipeline: str, stage: str) -> DealState | None:
        """Return a stage's state, None if no pipeline lists it."""
        return self.states.get((pipeline, stage)) or self.states.get(("", stage))


def read_deal_pipelines(
    portal: Portal, *, include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> DealPipelines:
    """Return the deal stages of a portal; a stage id is also found without its pipeline."""
    states: dict[tuple[str, str], DealState] = {}
    for pipeline in portal.pipelines:
        for stage in pipeline.stages:
            states[pipeline.id, stage.id] = deal_state(stage)
            states.setdefault(("", stage.id), deal_state(stage))
    return DealPipelines(
        states=states,
        entered_properties=_entered_properties(portal, portal.pipelines),
        include=frozenset(include),
        exclude=frozenset(exclude),
    )


_ENTERED_PREFIX: Final = "hs_v2_date_entered_"
_ENTERED_CURRENT: Final = "hs_v2_date_entered_current_stage"


def _entered_properties(portal: Portal, pipelines: Sequence[Pipeline]) -> dict[str, str]:
    """Return the property that dates each stage.

    Its suffix is the stage's id in small letters, sometimes with a number after it.
    """
    names = sorted(portal.definitions.get(ObjectType.DEALS, {}))
    properties: dict[str, str] = {}
    for stage in (deal_stage for pipeline in pipelines for deal_stage in pipeline.stages):
        suffix = re.escape(stage.id.casefold().replace("-", "_"))
        pattern = re.compile(rf"{_ENTERED_PREFIX}{suffix}(_\d+)?")
        name = next((candidate for candidate in names if pattern.fullmatch(candidate)), None)
        if name:
            properties[stage.id] = name
    return properties


def read_deal(
    deal_pipelines: DealPipelines,
    record: Record,
    history: Sequence[Version] = (),
    *,
    now: datetime,
) -> Deal:
    """Return a deal as evidence, from its record and the versions of its stage (any order).

    The time of the present stage comes from the history, or else from `hs_v2_date_entered_…`.
    Where neither is known, it is the creation of an open deal and the close date of a closed
    one. Where that close date is blank or lies after `now`, it is the creation of a won deal,
    and unknown for a lost deal.
    """
    properties = record.properties
    stage, pipeline = properties.get("dealstage") or "", properties.get("pipeline") or ""
    state = deal_pipelines.state(pipeline, stage) or _state_from_properties(properties)
    versions = sorted(history, key=lambda version: version.at, reverse=True)
    entered_at = _entered_at(deal_pipelines, record, stage, versions)
    won_at = _won_at(deal_pipelines, pipeline, versions)
    source = DateSource.STAGE
    if entered_at is None:
        entered_at, source = _undated_entry(record, state, now)
    if state is DealState.WON:
        won_at = entered_at
    return Deal(
        ref=record.ref,
        state=state,
        stage=stage,
        pipeline=pipeline,
        counts=deal_pipelines.counts(record, pipeline),
        was_won=state is DealState.WON or won_at is not None,
        date_source=source,
        entered_at=entered_at,
        won_at=won_at,
        properties=properties,
    )


def _undated_entry(
    record: Record, state: DealState, now: datetime
) -> tuple[datetime | None, DateSource]:
    """Return the time, and its source, for a deal without a recorded entry into its stage."""
    closed_at = parse_time(record.properties.get("closedate"))
    if state is not DealState.OPEN and closed_at is not None and closed_at <= now:
        return closed_at, DateSource.CLOSE_DATE
    # A deal that was lost at an unknown time must not look older than it is.
    is_lost = state is DealState.LOST
    return (None if is_lost else record.created_at), DateSource.CREATION


def _state_from_properties(properties: Mapping[str, str | None]) -> DealState:
    """Return the state by the deal's own properties, where no pipeline lists its stage."""
    closed, won = (
        parse_yes_no(properties.get("hs_is_closed")),
        parse_yes_no(properties.get("hs_is_closed_won")),
    )
    if won:
        return DealState.WON
    if closed is False:
        return DealState.OPEN
    return DealState.LOST if closed and won is False else DealState.NEITHER


def _entered_at(
    deal_pipelines: DealPipelines, record: Record, stage: str, versions: Sequence[Version]
) -> datetime | None:
    """Return when a deal entered its present stage, by its history or its own date properties."""
    since: datetime | None = None
    for version in versions:
        if version.value != stage:
            break
        since = version.at
    if since:
        return since
    current = parse_time(record.properties.get(_ENTERED_CURRENT))
    return current or parse_time(
        record.properties.get(deal_pipelines.entered_properties.get(stage, ""))
    )


def _won_at(
    deal_pipelines: DealPipelines, pipeline: str, versions: Sequence[Version]
) -> datetime | None:
    won_times = (
        version.at
        for version in versions
        if deal_pipelines.state(pipeline, version.value) is DealState.WON
    )
    return next(won_times, None)
