"""A sheet: what a report says, as rows for people, spreadsheets and scripts alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One report: `rows` have a value for each of `columns`; `more` is told in the JSON alone.

    `notes` are sentences below the table.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    notes: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """Return the report as one JSON document."""
        return {"report": self.name, "rows": list(self.rows), **self.more}
