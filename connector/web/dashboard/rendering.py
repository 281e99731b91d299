"""Render the templates: every value is escaped, and each page has the same frame."""

from __future__ import annotations

from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from connector.core.model import ObjectType, Ref
from connector.web.dashboard import pages
from connector.web.dashboard.access import Identity
from connector.web.dashboard.source import DashboardSource

_BAR_WIDTH: Final = 160


class PageTemplates:
    """The templates of the dashboard."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("connector.web.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(
        self,
        template: str,
        page: pages.Page,
        source: DashboardSource,
        *,
        path: str,
        identity: Identity,
        token: str,
    ) -> str:
        """Return a page within the frame; `token` goes into its forms."""
        labels = source.labels()
        return self._environment.get_template(template).render(
            page,
            path=path,
            source=source,
            identity=identity,
            token=token,
            label=lambda value: labels.get(value, value) if value else "blank",
            local=lambda at: pages.local_time(at, source),
            is_record=_is_record,
            bar=_bar_width,
            reports=pages.REPORTS,
        )

    def render_alone(self, template: str, **values: Any) -> str:
        """Return a page without the frame: it says nothing of the portal."""
        return self._environment.get_template(template).render(values)


def _is_record(cell: Any) -> bool:
    """Return whether a cell names a contact or a company, so that it can be a link."""
    try:
        ref = Ref.parse(cell) if isinstance(cell, str) else None
    except ValueError:
        return False
    return ref is not None and ref.object_type is not ObjectType.DEALS


def _bar_width(value: Any, values: list[Any]) -> int:
    """Return the width of a bar in pixels, the largest of the values taking all of it."""
    numbers = [float(number) for number in values if isinstance(number, int | float)]
    largest = max(numbers, default=0.0)
    is_number = isinstance(value, int | float)
    return round(_BAR_WIDTH * float(value) / largest) if is_number and largest > 0 else 0
