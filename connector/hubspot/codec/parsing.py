"""Parse the parts that all answers share; raise `BadAnswer` where they are not as documented."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from connector.core.model import ObjectType, Ref
from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.response import Answer, CutText, parse_json

Raw = Mapping[str, Any]  # a parsed JSON object; nothing beyond the codec sees it
Row = TypeVar("Row")
ODD_ANSWER_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""The errors that parsing raises where an answer is not as documented."""


@contextmanager
def success_body(request_name: str, answer: Answer) -> Iterator[Raw]:
    """Yield the body of a success; raise `BadAnswer` where it is not as HubSpot documents it."""
    try:
        yield _parse_object(answer)
    except ODD_ANSWER_ERRORS as error:
        raise BadAnswer(
            f"HubSpot's answer to the {request_name} request is {_describe_body(answer)} "
            f"({odd_answer_reason(error)}): it is asked again later",
            correlation_id=answer.correlation_id(),
        ) from None


class OddValue(ValueError):
    """A value that is not as HubSpot documents it; the message names it without its content."""


def parse_rows(
    rows: Iterable[Raw], object_type: ObjectType, parse: Callable[[Raw], Row]
) -> tuple[list[Row], dict[Ref, str]]:
    """Parse the rows of an answer; return them, and by record why another row is unreadable.

    A row without an id names no record: it makes the whole answer unreadable.
    """
    parsed: list[Row] = []
    unreadable: dict[Ref, str] = {}
    for raw in rows:
        try:
            parsed.append(parse(raw))
        except ODD_ANSWER_ERRORS as error:
            unreadable[Ref(object_type, parse_id(raw["id"]))] = odd_answer_reason(error)
    return parsed, unreadable


def parse_id(value: object) -> str:
    """Return a record id as text; raise OddValue for anything that is not a number."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise OddValue("an id is no number")
    return text


def parse_text(name: str, value: object) -> str | None:
    """Return a property's value as text, None for blank; numbers are read as text.

    >>> parse_text("score", 30), parse_text("score", 0), parse_text("score", "")
    ('30', '0', None)
    """
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case CutText():
            raise OddValue(f"the text of {name} is cut in the middle of a character")
        case str():
            return value
    raise OddValue(f"the value of {name} is no text")


def parse_time(value: object) -> datetime:
    """Return the time that HubSpot wrote as ISO 8601, as milliseconds, or as a date.

    >>> parse_time("1741764800000.0") == parse_time("2025-03-12T07:33:20Z")
    True
    >>> parse_time(1741764800000.0) == parse_time("2025-03-12T07:33:20Z")
    True
    """
    text = value if isinstance(value, str) else str(value)
    if text[-1:] == "Z":
        return datetime.fromisoformat(text)
    try:
        return datetime.fromtimestamp(float(text) / 1000, UTC)
    except ValueError:
        parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def next_cursor(raw: Raw) -> str | None:
    """Return the cursor of the next page of a list, `None` at its end."""
    after = ((raw.get("paging") or {}).get("next") or {}).get("after")
    if after is None:
        return None
    if not str(after):
        raise OddValue("the cursor of the next page is empty")
    return str(after)


def _parse_object(answer: Answer) -> Raw:
    body = parse_json(answer.body)
    if not isinstance(body, dict):
        raise TypeError("no JSON object")
    return body


def odd_answer_reason(error: Exception) -> str:
    """Return what is odd about an answer, without any value of a record."""
    if isinstance(error, OddValue):
        return str(error)
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"{error.args[0]} is missing"
    return type(error).__name__


def _describe_body(answer: Answer) -> str:
    body = answer.body.lstrip()
    if not body:
        return "empty"
    return "HTML" if body.startswith(b"<") else "not as documented"
