"""What a portal defines: properties, lifecycle stages, deal pipelines, owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from zlib import crc32

from connector.sandbox.portal import default_properties, properties
from connector.sandbox.portal.object_types import (
    COMPANIES,
    CONTACTS,
    DEALS,
    LEADS,
    OBJECT_TYPES,
    ObjectType,
)
from connector.sandbox.portal.pipelines import Pipeline, Stage, parse_stages
from connector.sandbox.portal.properties import Definition
from connector.sandbox.portal.switches import Switches

_STANDARD_STAGES: Final = frozenset(
    row[0] for row in (*default_properties.LIFECYCLE_STAGES, *default_properties.SALES_STAGES)
)
_STAGE_PROPERTIES: Final = (
    ("entered", "hs_v2_date_entered_", 'Date entered "{}"', "datetime", "date"),
    ("exited", "hs_v2_date_exited_", 'Date exited "{}"', "datetime", "date"),
    ("latest", "hs_v2_latest_time_in_", 'Latest time in "{}"', "number", "number"),
    ("cumulative", "hs_v2_cumulative_time_in_", 'Cumulative time in "{}"', "number", "number"),
)
_CURRENT_STAGE_PROPERTIES: Final = (
    ("current", "hs_v2_date_entered_current_stage", "Date entered current stage"),
    ("current", "hs_v2_time_in_current_stage", "Time in current stage"),
)


class StageDate(NamedTuple):
    """What a stage property measures: `entered`, `exited`, … of one stage."""

    measure: str
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
        self._definitions = {
            name: properties.default_definitions(object_type)
            for name, object_type in OBJECT_TYPES.items()
        }
        self._cache: dict[tuple[Any, ...], tuple[dict[str, Definition], dict[str, StageDate]]] = {}
        self.lifecycle_stages = {
            object_type.name: tuple(default_properties.LIFECYCLE_STAGES)
            for object_type in (CONTACTS, COMPANIES)
        }
        self.pipelines = {
            "default": Pipeline(
                "default", "Sales Pipeline", parse_stages(default_properties.SALES_STAGES)
            )
        }
        self.lead_pipelines = {
            "lead-pipeline-id": Pipeline(
                "lead-pipeline-id", "Lead pipeline", parse_stages(default_properties.LEAD_STAGES)
            )
        }
        self.owners: list[Owner] = []
        self.rules: dict[str, dict[str, dict[str, list[str]]]] = {}
        """Validation rules: object type, property, kind of rule, and its arguments."""
        self.version = 0
        self._set_lifecycle_options()

    def define(self, object_type: ObjectType, definition: Definition) -> None:
        """Add or replace a property."""
        self._definitions[object_type.name][definition.name] = definition
        self._invalidate()

    def set_options(self, object_type: ObjectType, name: str, rows: Iterable[Any]) -> None:
        """Replace the options of a property."""
        new_options = properties.parse_options(rows)
        self.define(
            object_type,
            properties.with_options(self._definitions[object_type.name][name], new_options),
        )

    def set_stages(self, rows: Iterable[tuple[str, str]], object_types: Iterable[str]) -> None:
        """Replace the lifecycle stages of contacts, of companies, or of both."""
        new_stages = tuple((str(value), label) for value, label in rows)
        self.lifecycle_stages |= dict.fromkeys(object_types, new_stages)
        self._set_lifecycle_options()

    def add_pipeline(self, pipeline: Pipeline) -> None:
        """Add or replace a deal pipeline."""
        self.pipelines[pipeline.id] = pipeline
        self._invalidate()

    def add_lead_pipeline(self, pipeline: Pipeline) -> None:
        """Add or replace a pipeline of leads."""
        self.lead_pipelines[pipeline.id] = pipeline
        self._invalidate()

    def definitions(self, object_type: ObjectType) -> dict[str, Definition]:
        """Return the property definitions of an object type, stage dates included, by name."""
        return self._resolve(object_type)[0]

    def stage_dates(self, object_type: ObjectType) -> dict[str, StageDate]:
        """Return what each stage property of an object type measures."""
        return self._resolve(object_type)[1]

    def stage_order(self, object_type: ObjectType) -> dict[str, int]:
        """Return the place of each lifecycle stage."""
        return {
            stage: position
            for position, (stage, _) in enumerate(self.lifecycle_stages[object_type.name])
        }

    def deal_stage(self, stage_id: str) -> tuple[Pipeline, Stage] | None:
        """Return a deal stage with its pipeline."""
        return self.deal_stages.get(stage_id)

    def lead_pipeline(self, stage_id: str) -> Pipeline | None:
        """Return the pipeline of a lead's stage."""
        stage_ids = {
            stage.id: pipeline
            for pipeline in self.lead_pipelines.values()
            for stage in pipeline.stages
        }
        return stage_ids.get(stage_id)

    def _invalidate(self) -> None:
        self.version += 1
        self._cache.clear()
        self.deal_stages = {
            stage.id: (pipeline, stage)
            for pipeline in self.pipelines.values()
            for stage in pipeline.stages
        }

    def _set_lifecycle_options(self) -> None:
        for name, stage_rows in self.lifecycle_stages.items():
            definitions = self._definitions[name]
            definitions["lifecyclestage"] = properties.with_options(
                definitions["lifecyclestage"], properties.parse_options(stage_rows)
            )
        self._invalidate()

    def _resolve(
        self, object_type: ObjectType
    ) -> tuple[dict[str, Definition], dict[str, StageDate]]:
        key = (
            object_type.name,
            self._switches.legacy_stage_dates,
            self._switches.stage_property_suffix,
        )
        if key not in self._cache:
            stage_properties = (
                list(self._stage_properties(object_type)) if object_type.stage_property else []
            )
            dates = {definition.name: stage_date for definition, stage_date in stage_properties}
            stage_definitions = {definition.name: definition for definition, _ in stage_properties}
            self._cache[key] = ({**self._definitions[object_type.name], **stage_definitions}, dates)
        return self._cache[key]

    def _stage_properties(self, object_type: ObjectType) -> Iterator[tuple[Definition, StageDate]]:
        for measure, name, label in _CURRENT_STAGE_PROPERTIES:
            yield _stage_definition(name, label, "datetime", "date"), StageDate(measure, "")
        for stage, label, pipeline_label in self._stage_rows(object_type):
            for measure, prefix, label_format, type_, field_type in _STAGE_PROPERTIES:
                name = prefix + self._suffix(stage)
                definition = _stage_definition(
                    name, label_format.format(f"{label} ({pipeline_label})"), type_, field_type
                )
                yield definition, StageDate(measure, stage)
            if (
                object_type is CONTACTS
                and stage in _STANDARD_STAGES
                and self._switches.legacy_stage_dates
            ):
                name = f"hs_lifecyclestage_{stage}_date"
                definition = _stage_definition(name, f"Became a {label} Date", "datetime", "date")
                yield definition, StageDate("legacy", stage)

    def _stage_rows(self, object_type: ObjectType) -> Iterator[tuple[str, str, str]]:
        if object_type in {DEALS, LEADS}:
            pipelines = self.pipelines if object_type is DEALS else self.lead_pipelines
            for pipeline in pipelines.values():
                yield from ((stage.id, stage.label, pipeline.label) for stage in pipeline.stages)
        else:
            lifecycle_stages = self.lifecycle_stages[object_type.name]
            yield from (
                (stage, label, "Lifecycle Stage Pipeline") for stage, label in lifecycle_stages
            )

    def _suffix(self, stage: str) -> str:
        lowered = stage.lower().replace("-", "_")
        if stage in _STANDARD_STAGES or self._switches.stage_property_suffix == "plain":
            return lowered
        return f"{lowered}_{crc32(stage.encode()) % 1_000_000_000}"


def _stage_definition(name: str, label: str, type_: str, field_type: str) -> Definition:
    return Definition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group="stage_dates",
        flags=frozenset({"ro", "hubspot"}),
    )
