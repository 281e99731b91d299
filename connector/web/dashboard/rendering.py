"""Render the templates: every value is escaped, and each page has the same frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from connector.core.model import (
    DECIDED_TYPES,
    Ref,
)
from connector.web.dashboard import pages
from connector.web.dashboard.access import Identity
from connector.web.dashboard.source import DashboardSource
from connector.web.dashboard.translations import DEFAULT, LANGUAGES, catalogue

_BAR_WIDTH: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who looks at which page, in which language; `token` goes into the forms of the page."""

    path: str
    identity: Identity
    language: str
    token: str = ""


def render(template: str, page: pages.Page, source: DashboardSource, visit: Visit) -> str:
    """Return a page within the frame."""
    labels, environment = source.labels(), _environment(visit.language)
    blank = catalogue(visit.language).get("blank", "blank")
    return environment.get_template(template).render(
        page,
        path=visit.path,
        source=source,
        identity=visit.identity,
        token=visit.token,
        label=lambda value: labels.get(value, value) if value else blank,
        local=lambda at: pages.local_time(at, source),
        is_record=_is_record,
        bar=_bar_width,
        reports=pages.REPORTS,
    )


def render_alone(template: str, language: str = DEFAULT, **values: Any) -> str:
    """Return a page without the frame: it says nothing of the portal."""
    return _environment(language).get_template(template).render(values)


@cache
def _environment(language: str) -> Environment:
    """Return what renders pages in a language."""
    environment = Environment(
        loader=PackageLoader("connector.web.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        partial(_word, language), partial(_plural, language), newstyle=True
    )
    word = partial(_word, language)
    environment.globals.update(language=language, languages=LANGUAGES, word=word)
    return environment


def _word(language: str, text: Any) -> str:
    """Return a text in a language; English where the catalogue does not have it."""
    return catalogue(language).get(str(text), str(text))


def _plural(language: str, singular: str, plural: str, count: int) -> str:
    return _word(language, singular if count == 1 else plural)


def _is_record(cell: Any) -> bool:
    """Return whether a cell names a contact or a company, so that it can be a link."""
    try:
        ref = Ref.parse(cell) if isinstance(cell, str) else None
    except ValueError:
        return False
    return ref is not None and ref.object_type in DECIDED_TYPES


def _bar_width(value: Any, values: list[Any]) -> int:
    """Return the width of a bar in pixels, the largest of the values taking all of it."""
    numbers = [float(number) for number in values if isinstance(number, int | float)]
    largest = max(numbers, default=0.0)
    is_number = isinstance(value, int | float)
    return round(_BAR_WIDTH * float(value) / largest) if is_number and largest > 0 else 0
