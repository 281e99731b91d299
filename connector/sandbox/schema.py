"""What a portal defines: properties, lifecycle stages, deal pipelines, owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from zlib import crc32

from connector.sandbox import catalogue, properties
from connector.sandbox.kinds import COMPANIES, CONTACTS, DEALS, KINDS, Kind
from connector.sandbox.pipelines import Pipeline, Stage, stages
from connector.sandbox.properties import Definition
from connector.sandbox.switches import Switches

_PLAIN: Final = frozenset(one[0] for one in (*catalogue.STAGES, *catalogue.SALES))
_DATES: Final = (
    ("entered", "hs_v2_date_entered_", 'Date entered "{}"', "datetime", "date"),
    ("exited", "hs_v2_date_exited_", 'Date exited "{}"', "datetime", "date"),
    ("latest", "hs_v2_latest_time_in_", 'Latest time in "{}"', "number", "number"),
    ("cumulative", "hs_v2_cumulative_time_in_", 'Cumulative time in "{}"', "number", "number"),
)
_CURRENT: Final = (
    ("current", "hs_v2_date_entered_current_stage", "Date entered current stage"),
    ("current", "hs_v2_time_in_current_stage", "Time in current stage"),
)


class StageDate(NamedTuple):
    """What a stage property tells: `entered`, `exited`, … of one stage."""

    what: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One owner of records."""

    id: str
    email: str
    first_name: str
    last_name: str
    user_id: int
    archived: bool = False


class Schema:
    """The definitions of one portal; every change counts up `version`."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._given = {name: properties.defaults(kind) for name, kind in KINDS.items()}
        self._cache: dict[tuple[Any, ...], tuple[dict[str, Definition], dict[str, StageDate]]] = {}
        self.lifecycle = {kind.name: tuple(catalogue.STAGES) for kind in (CONTACTS, COMPANIES)}
        self.pipelines = {"default": Pipeline("default", "Sales Pipeline", stages(catalogue.SALES))}
        self.owners: list[Owner] = []
        self.version = 0
        self._set_lifecycle_options()

    def define(self, kind: Kind, definition: Definition) -> None:
        """Add or replace a property."""
        self._given[kind.name][definition.name] = definition
        self._changed()

    def set_options(self, kind: Kind, name: str, rows: Iterable[Any]) -> None:
        """Replace the options of a property."""
        chosen = properties.options(rows)
        self.define(kind, properties.with_options(self._given[kind.name][name], chosen))

    def set_stages(self, rows: Iterable[tuple[str, str]], kinds: Iterable[str]) -> None:
        """Replace the lifecycle stages of contacts, of companies, or of both."""
        chosen = tuple((str(value), label) for value, label in rows)
        self.lifecycle |= dict.fromkeys(kinds, chosen)
        self._set_lifecycle_options()

    def add_pipeline(self, pipeline: Pipeline) -> None:
        """Add or replace a deal pipeline."""
        self.pipelines[pipeline.id] = pipeline
        self._changed()

    def definitions(self, kind: Kind) -> dict[str, Definition]:
        """Return the property definitions of a kind, stage dates included, by name."""
        return self._resolved(kind)[0]

    def stage_dates(self, kind: Kind) -> dict[str, StageDate]:
        """Return what each stage property of a kind tells."""
        return self._resolved(kind)[1]

    def order(self, kind: Kind) -> dict[str, int]:
        """Return the place of each lifecycle stage."""
        return {stage: place for place, (stage, _) in enumerate(self.lifecycle[kind.name])}

    def deal_stage(self, stage_id: str) -> tuple[Pipeline, Stage] | None:
        """Return a deal stage with its pipeline."""
        return self.deal_stages.get(stage_id)

    def _changed(self) -> None:
        self.version += 1
        self._cache.clear()
        self.deal_stages = {
            one.id: (line, one) for line in self.pipelines.values() for one in line.stages
        }

    def _set_lifecycle_options(self) -> None:
        for name, chosen in self.lifecycle.items():
            given = self._given[name]
            given["lifecyclestage"] = properties.with_options(
                given["lifecyclestage"], properties.options(chosen)
            )
        self._changed()

    def _resolved(self, kind: Kind) -> tuple[dict[str, Definition], dict[str, StageDate]]:
        key = (kind.name, self._switches.legacy_stage_dates, self._switches.stage_property_suffix)
        if key not in self._cache:
            dated = list(self._stage_properties(kind)) if kind.stage else []
            dates = {definition.name: what for definition, what in dated}
            added = {definition.name: definition for definition, _ in dated}
            self._cache[key] = ({**self._given[kind.name], **added}, dates)
        return self._cache[key]

    def _stage_properties(self, kind: Kind) -> Iterator[tuple[Definition, StageDate]]:
        for what, name, label in _CURRENT:
            yield _dated(name, label, "datetime", "date"), StageDate(what, "")
        for stage, label, line in self._stages(kind):
            for what, prefix, text, type_, field_type in _DATES:
                name = prefix + self._suffix(stage)
                definition = _dated(name, text.format(f"{label} ({line})"), type_, field_type)
                yield definition, StageDate(what, stage)
            if kind is CONTACTS and stage in _PLAIN and self._switches.legacy_stage_dates:
                name = f"hs_lifecyclestage_{stage}_date"
                definition = _dated(name, f"Became a {label} Date", "datetime", "date")
                yield definition, StageDate("legacy", stage)

    def _stages(self, kind: Kind) -> Iterator[tuple[str, str, str]]:
        if kind is DEALS:
            for line in self.pipelines.values():
                yield from ((one.id, one.label, line.label) for one in line.stages)
        else:
            chosen = self.lifecycle[kind.name]
            yield from ((stage, label, "Lifecycle Stage Pipeline") for stage, label in chosen)

    def _suffix(self, stage: str) -> str:
        plain = stage.lower().replace("-", "_")
        if stage in _PLAIN or self._switches.stage_property_suffix == "plain":
            return plain
        return f"{plain}_{crc32(stage.encode()) % 1_000_000_000}"


def _dated(name: str, label: str, type_: str, field_type: str) -> Definition:
    return Definition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group="stage_dates",
        marks=frozenset({"ro", "hubspot"}),
    )
