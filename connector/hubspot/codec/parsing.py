"""The body of an answer, taken apart carefully: what is not as documented is a `BadAnswer`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson

from connector.hubspot.answer import Answer
from connector.hubspot.faults import BadAnswer

Raw = Mapping[str, Any]  # what orjson returns; nothing beyond the codec sees it


@contextmanager
def expecting(what: str, answer: Answer) -> Iterator[Raw]:
    """Hand out the body of a success; raise `BadAnswer` where it is not what it should be."""
    try:
        yield _document(answer)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadAnswer(
            f"HubSpot's answer to the {what} request is {_looks(answer)} "
            f"({type(error).__name__}): it is asked again later",
            correlation_id=answer.correlation_id(),
        ) from None


def moment(text: str) -> datetime:
    """Return the time that HubSpot wrote as ISO 8601, as milliseconds, or as a date.

    >>> moment("1741764800000.0") == moment("2025-03-12T07:33:20Z")
    True
    """
    if text[-1:] == "Z":
        return datetime.fromisoformat(text)
    try:
        return datetime.fromtimestamp(float(text) / 1000, UTC)
    except ValueError:
        parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def following(raw: Raw) -> str | None:
    """Return where a list goes on, `None` at its end."""
    after = ((raw.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def _document(answer: Answer) -> Raw:
    body = orjson.loads(answer.body)
    if not isinstance(body, dict):
        raise TypeError("no JSON object")
    return body


def _looks(answer: Answer) -> str:
    body = answer.body.lstrip()
    if not body:
        return "empty"
    return "HTML" if body.startswith(b"<") else "not as documented"
