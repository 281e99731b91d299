"""The body of an answer, taken apart carefully: what is not as documented is a `BadAnswer`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson

from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.response import Answer

Raw = Mapping[str, Any]  # what orjson returns; nothing beyond the codec sees it


@contextmanager
def success_body(request_name: str, answer: Answer) -> Iterator[Raw]:
    """Yield the body of a success; raise `BadAnswer` where it is not as HubSpot documents it."""
    try:
        yield _parse_object(answer)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadAnswer(
            f"HubSpot's answer to the {request_name} request is {_describe_body(answer)} "
            f"({type(error).__name__}): it is asked again later",
            correlation_id=answer.correlation_id(),
        ) from None


def parse_time(text: str) -> datetime:
    """Return the time that HubSpot wrote as ISO 8601, as milliseconds, or as a date.

    >>> parse_time("1741764800000.0") == parse_time("2025-03-12T07:33:20Z")
    True
    """
    if text[-1:] == "Z":
        return datetime.fromisoformat(text)
    try:
        return datetime.fromtimestamp(float(text) / 1000, UTC)
    except ValueError:
        parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def next_cursor(raw: Raw) -> str | None:
    """Return where a list goes on, `None` at its end."""
    after = ((raw.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def _parse_object(answer: Answer) -> Raw:
    body = orjson.loads(answer.body)
    if not isinstance(body, dict):
        raise TypeError("no JSON object")
    return body


def _describe_body(answer: Answer) -> str:
    body = answer.body.lstrip()
    if not body:
        return "empty"
    return "HTML" if body.startswith(b"<") else "not as documented"
