"""Structured logs: dotted past-tense events, names and ids only, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

# HubSpot's private-app and service-key tokens begin with pat-<data centre>-; OAuth ones are long.
_SECRET = re.compile(r"(pat-[a-z]{2}\d-)[0-9A-Za-z-]{4,}|(Bearer )\S+")
_HIDDEN: set[str] = set()
_LEAST = 6  # shorter ones would mask words that are no secrets


def configure(*, form: str = "auto", stream: TextIO | None = None) -> None:
    """Send logs to `stream` (standard error): pretty on a terminal, JSON lines otherwise."""
    stream = stream or sys.stderr
    pretty = form == "console" or (form == "auto" and stream.isatty())
    last: Any = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if pretty
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


def hide(*secrets: str) -> None:
    """Mask these texts from now on, wherever they would be shown."""
    _HIDDEN.update(one for one in secrets if len(one) >= _LEAST)


def mask(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace whatever is or looks like a secret, wherever it stands in the event."""
    for name, value in event.items():
        event[name] = _masked(value)
    return event


def _masked(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(name): _masked(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(each) for each in value]
        case _:
            return masked(str(value))


def masked(text: str) -> str:
    """Return the text without secrets.

    >>> masked("token pat-eu1-0123456789abcdef was refused")
    'token pat-eu1-*** was refused'
    """
    for secret in sorted(_HIDDEN, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, "***")
    return _SECRET.sub(lambda found: f"{found.group(1) or found.group(2)}***", text)
