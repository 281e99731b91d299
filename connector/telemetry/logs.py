"""Structured logs: dotted past-tense events, names and ids only, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from connector.core.safe_text import safe_text

# HubSpot's private-app and service-key tokens begin with pat-<data centre>-; OAuth ones are long.
_SECRET_PATTERN = re.compile(r"(pat-[a-z]{2}\d-)[0-9A-Za-z-]{4,}|(Bearer )\S+")
_KNOWN_SECRETS: set[str] = set()
_MIN_LENGTH = 6  # shorter ones would mask words that are no secrets


def configure(*, log_format: str = "auto", stream: TextIO | None = None) -> None:
    """Send logs to `stream` (standard error): pretty on a terminal, JSON lines otherwise."""
    stream = stream or sys.stderr
    pretty = log_format == "console" or (log_format == "auto" and stream.isatty())
    renderer: Any = (
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
            mask_event,
            *([remove_controls] if pretty else []),  # JSON escapes them
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _UnfailingStream(stream))),
        cache_logger_on_first_use=False,
    )


class _UnfailingStream:
    """A stream whose failures stop nothing: a record may stand blank while a line is logged.

    A log on a full disk, or in a pipe that nobody reads any more, loses lines and no stage.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, as far as it is possible."""
        with suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        """Flush, as far as it is possible."""
        with suppress(OSError):
            self._stream.flush()


def add_secrets(*secrets: str) -> None:
    """Mask these texts in all logs and messages from now on."""
    _KNOWN_SECRETS.update(secret for secret in secrets if len(secret) >= _MIN_LENGTH)


def mask_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace known secrets and texts that look like one, anywhere in the event."""
    for name, value in event.items():
        event[name] = _masked_value(value)
    return event


def remove_controls(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace what would control a terminal, in the texts of an event."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = safe_text(value)
    return event


def _masked_value(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(name): _masked_value(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked_value(item) for item in value]
        case _:
            return masked_text(str(value))


def masked_text(text: str) -> str:
    """Return the text without secrets.

    >>> masked_text("token pat-eu1-0123456789abcdef was refused")
    'token pat-eu1-*** was refused'
    """
    for secret in sorted(
        _KNOWN_SECRETS, key=len, reverse=True
    ):  # a short secret may be a part of a longer one
        text = text.replace(secret, "***")
    return _SECRET_PATTERN.sub(lambda match: f"{match.group(1) or match.group(2)}***", text)
