"""The answer to one request, before it is parsed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson


class CutText(str):
    """A text that was cut in the middle of a character (a lone surrogate); the rest is readable."""

    __slots__ = ()


def parse_json(body: bytes) -> object:
    """Return the parsed JSON; raise ValueError where it is none.

    HubSpot may send a text that ends in half an emoji: that is JSON, but no Unicode. Such a
    text becomes a `CutText`, so that only the record that holds it is unreadable.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\\ud" not in body.lower():
            raise
        return json.loads(body, object_pairs_hook=_mark_cut_texts)


def _mark_cut_texts(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {
        name: CutText(value.encode("utf-8", "replace").decode())
        if isinstance(value, str) and not _is_whole(value)
        else value
        for name, value in pairs
    }


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; `headers` are found by their lower-case names.

    `sent_at` and `received_at` are seconds of the monotonic clock.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent_at: float = 0.0
    received_at: float = 0.0

    def json(self) -> object:
        """Return the parsed body, `None` where it is no JSON."""
        try:
            return parse_json(self.body)
        except ValueError:
            return None

    def document(self) -> Mapping[str, object]:
        """Return the parsed body where it is a JSON object, else an empty one."""
        parsed = self.json()
        return parsed if isinstance(parsed, dict) else {}

    def correlation_id(self) -> str:
        """Return the name under which HubSpot's support finds this request."""
        header = self.headers.get("x-hubspot-correlation-id", "")
        return header or str(self.document().get("correlationId") or "")

    def date(self) -> datetime | None:
        """Return the `Date` header, to the second."""
        return http_date(self.headers.get("date", ""))

    def is_json(self) -> bool:
        """Return whether the body is a JSON object, as every answer of the API should be."""
        return isinstance(self.json(), dict)


def http_date(text: str) -> datetime | None:
    """Return the time of an HTTP header, `None` where it is no date.

    >>> http_date("Thu, 12 Mar 2026 07:35:05 GMT")
    datetime.datetime(2026, 3, 12, 7, 35, 5, tzinfo=datetime.timezone.utc)
    """
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
