"""Translate the pages: read the catalogues, and choose a reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.pofile import read_po

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "nb": "Norsk",
    "da": "Dansk",
    "sv": "Svenska",
    "fi": "Suomi",
    "de": "Deutsch",
}
DEFAULT: Final = "en"
_NORWEGIAN: Final = frozenset({"no", "nn"})
"""Readers of these are served in Bokmål."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the messages of a language by their English text; English has none."""
    if language == DEFAULT:
        return {}
    package = files("connector.web.dashboard")
    content = package.joinpath(f"locales/{language}.po").read_bytes()
    messages = read_po(BytesIO(content), locale=language)
    return {str(message.id): str(message.string) for message in messages if message.id}


def choose_language(chosen: str, accepted: str) -> str:
    """Return the language that a reader chose, else the first known one that the browser asks for.

    `accepted` is the header Accept-Language (RFC 9110, 12.5.4).
    """
    if chosen in LANGUAGES:
        return chosen
    for name in _by_preference(accepted):
        code = "nb" if name in _NORWEGIAN else name
        if code in LANGUAGES:
            return code
    return DEFAULT


def _by_preference(accepted: str) -> list[str]:
    """Return the languages of the header without their regions, those with more weight first."""
    weights: list[tuple[float, str]] = []
    for entry in accepted.split(","):
        name, _, parameter = entry.strip().partition(";")
        weights.append((_weight(parameter), name.strip().partition("-")[0].lower()))
    return [name for weight, name in sorted(weights, key=lambda item: -item[0]) if weight > 0]


def _weight(parameter: str) -> float:
    key, _, value = parameter.strip().partition("=")
    if key != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
