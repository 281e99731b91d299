"""Pipelines and their stages: those of deals, and the lifecycle stages as a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connector.sandbox.record import iso


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage; `closed` and `probability` are None where its metadata say nothing."""

    id: str
    label: str
    closed: bool | None = None
    probability: float | None = None

    @property
    def won(self) -> bool:
        """Tell whether a deal in it is won."""
        return bool(self.closed) and self.probability == 1.0

    @property
    def lost(self) -> bool:
        """Tell whether a deal in it is lost."""
        return bool(self.closed) and self.probability == 0.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline with its stages in their order."""

    id: str
    label: str
    stages: tuple[Stage, ...]
    created: int = 0


def stages(rows: Iterable[tuple[Any, ...]]) -> tuple[Stage, ...]:
    """Read stages from (id, label) or (id, label, is_closed, probability)."""
    return tuple(Stage(*row) for row in rows)


def shown(pipeline: Pipeline, order: int) -> dict[str, Any]:
    """Write a deal pipeline as HubSpot answers it; metadata values are text."""
    listed = [_shown_stage(pipeline, place) for place in range(len(pipeline.stages))]
    return _framed(pipeline.label, order, pipeline.id, listed, pipeline.created)


def shown_lifecycle(pipeline_id: str, chosen: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Write the lifecycle stages as HubSpot answers them as a pipeline."""
    listed = [_lifecycle_stage(place, *stage) for place, stage in enumerate(chosen)]
    return _framed("Lifecycle Stage Pipeline", 0, pipeline_id, listed, 0)


def _framed(
    label: str, order: int, pipeline_id: str, listed: list[dict[str, Any]], created: int
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": order,
        "id": pipeline_id,
        "stages": listed,
        "createdAt": iso(created),
        "updatedAt": iso(created),
        "archived": False,
    }


def _shown_stage(pipeline: Pipeline, place: int) -> dict[str, Any]:
    stage = pipeline.stages[place]
    metadata = {
        "isClosed": None if stage.closed is None else str(stage.closed).lower(),
        "probability": None if stage.probability is None else str(float(stage.probability)),
    }
    said = {name: value for name, value in metadata.items() if value is not None}
    return _stage(stage.id, stage.label, place, said, pipeline.created)


def _lifecycle_stage(place: int, stage_id: str, label: str) -> dict[str, Any]:
    closed = stage_id == "other"
    metadata = {"isClosed": str(closed).lower(), "state": "CLOSED" if closed else "OPEN"}
    return _stage(stage_id, label, place, metadata, 0)


def _stage(
    stage_id: str, label: str, place: int, metadata: dict[str, str], created: int
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": place,
        "metadata": metadata,
        "id": stage_id,
        "createdAt": iso(created),
        "updatedAt": iso(created),
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
    }
