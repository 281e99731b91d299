"""Pipelines and their stages: those of deals, and the lifecycle stages as a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connector.sandbox.portal.record import iso


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage; `closed` and `probability` are None where its metadata lack them."""

    id: str
    label: str
    closed: bool | None = None
    probability: float | None = None

    @property
    def won(self) -> bool:
        """Return whether a deal in it is won."""
        return bool(self.closed) and self.probability == 1.0

    @property
    def lost(self) -> bool:
        """Return whether a deal in it is lost."""
        return bool(self.closed) and self.probability == 0.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline with its stages in their order."""

    id: str
    label: str
    stages: tuple[Stage, ...]
    created: int = 0


def parse_stages(rows: Iterable[tuple[Any, ...]]) -> tuple[Stage, ...]:
    """Read stages from (id, label) or (id, label, is_closed, probability)."""
    return tuple(Stage(*row) for row in rows)


def pipeline_json(pipeline: Pipeline, order: int) -> dict[str, Any]:
    """Write a deal pipeline as HubSpot answers it; metadata values are text."""
    stage_list = [_deal_stage_json(pipeline, position) for position in range(len(pipeline.stages))]
    return _pipeline_body(pipeline.label, order, pipeline.id, stage_list, pipeline.created)


def lifecycle_pipeline_json(
    pipeline_id: str, lifecycle_stages: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Write the lifecycle stages as HubSpot answers them as a pipeline."""
    stage_list = [
        _lifecycle_stage_json(position, *stage) for position, stage in enumerate(lifecycle_stages)
    ]
    return _pipeline_body("Lifecycle Stage Pipeline", 0, pipeline_id, stage_list, 0)


def _pipeline_body(
    label: str, order: int, pipeline_id: str, stage_list: list[dict[str, Any]], created: int
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": order,
        "id": pipeline_id,
        "stages": stage_list,
        "createdAt": iso(created),
        "updatedAt": iso(created),
        "archived": False,
    }


def _deal_stage_json(pipeline: Pipeline, position: int) -> dict[str, Any]:
    stage = pipeline.stages[position]
    metadata = {
        "isClosed": None if stage.closed is None else str(stage.closed).lower(),
        "probability": None if stage.probability is None else str(float(stage.probability)),
    }
    known_metadata = {name: value for name, value in metadata.items() if value is not None}
    return _stage_json(stage.id, stage.label, position, known_metadata, pipeline.created)


def _lifecycle_stage_json(position: int, stage_id: str, label: str) -> dict[str, Any]:
    is_closed = stage_id == "other"
    metadata = {"isClosed": str(is_closed).lower(), "state": "CLOSED" if is_closed else "OPEN"}
    return _stage_json(stage_id, label, position, metadata, 0)


def _stage_json(
    stage_id: str, label: str, position: int, metadata: dict[str, str], created: int
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": position,
        "metadata": metadata,
        "id": stage_id,
        "createdAt": iso(created),
        "updatedAt": iso(created),
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
    }
