"""The shape of every report: a table with named columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Cell: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A table of facts; `name` is what the command calls it, `title` what people read.

    A cell is None where HubSpot has no value, or where the value is not known. `notes` are
    sentences below the table; `json_only` is added to the JSON alone.
    `sections` are further tables, shown below and by their names in the JSON. `bar_column` names
    the column of numbers that a terminal shows as bars, "" for none.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    notes: tuple[str, ...] = ()
    json_only: Mapping[str, Any] = field(default_factory=dict)
    sections: tuple[Report, ...] = ()
    bar_column: str = ""
