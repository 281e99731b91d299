"""Read what HubSpot says about an error, without any value of a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from connector.hubspot.http.response import Answer

MAX_LENGTH: Final = 200
_VALUE: Final = re.compile(r"\"[^\"]*\"|'[^']*'|\S+@\S+")
_SCOPES: Final = re.compile(r"requires one of \[([^\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """What the body of an error says; "" where it says nothing.

    `policy_name` is the limit that a 429 means; `scopes` are those that a 403 names, and
    `property_names` the properties that a refusal names.
    """

    reason: str
    category: str = ""
    property_names: tuple[str, ...] = ()
    policy_name: str = ""
    scopes: tuple[str, ...] = ()


def parse_error_body(answer: Answer) -> ErrorBody:
    """Read the error body of an answer, which may as well be HTML or empty."""
    body = answer.document()
    if not body:
        return ErrorBody(reason="no JSON")
    return ErrorBody(
        reason=reason(body),
        category=str(body.get("category") or ""),
        property_names=property_names(body),
        policy_name=str(body.get("policyName") or ""),
        scopes=_scopes(body),
    )


def reason(error: Mapping[str, object]) -> str:
    """Say why, by codes and property names where there are any, else by the cleaned message.

    >>> reason({"message": "Email bob@example.com is invalid", "category": "VALIDATION_ERROR"})
    'VALIDATION_ERROR, Email … is invalid'
    """
    category = str(error.get("category") or "")
    problems = sorted(set(_problems(error)))
    detail = ", ".join(problems) or _clean_message(str(error.get("message") or ""))
    return ", ".join(part for part in (category, detail) if part)


def property_names(error: Mapping[str, object]) -> tuple[str, ...]:
    """Return the properties that an error names, in order."""
    names = {name for entry in _entries(error) for name in _property_names(entry)}
    return tuple(sorted(names - {""}))


def record_ids(error: Mapping[str, object]) -> list[str]:
    """Return the record ids that one error of a batch names."""
    return _context_values(error, "ids") + _context_values(error, "id")


def _scopes(error: Mapping[str, object]) -> tuple[str, ...]:
    scopes = [
        scope
        for entry in (error, *_entries(error))
        for scope in _context_values(entry, "requiredGranularScopes")
    ]
    if not scopes:
        match = _SCOPES.search(str(error.get("message") or ""))
        scopes = match[1].split(",") if match else []
    return tuple(dict.fromkeys(text.strip() for text in scopes))


def _problems(error: Mapping[str, object]) -> Iterator[str]:
    for entry in _entries(error):
        code = entry.get("code") or entry.get("error")
        if code:
            yield f"{code} {' '.join(_property_names(entry))}".strip()


def _property_names(entry: Mapping[str, object]) -> list[str]:
    return _context_values(entry, "propertyName") or [str(entry.get("name") or "")]


def _entries(error: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the single errors: a list of their own, or JSON at the end of the message."""
    entries = error.get("errors")
    if not isinstance(entries, list):
        _, bracket, tail = str(error.get("message") or "").partition("[{")
        try:
            entries = orjson.loads(bracket + tail)
        except orjson.JSONDecodeError:
            entries = []
    return [entry for entry in entries if isinstance(entry, dict)]


def _context_values(entry: Mapping[str, object], name: str) -> list[str]:
    context = entry.get("context")
    values = context.get(name) if isinstance(context, dict) else None
    return [str(value) for value in values] if isinstance(values, list) else []


def _clean_message(message: str) -> str:
    text = message.partition("[{")[0].rstrip(" :")
    return _VALUE.sub("…", text)[:MAX_LENGTH]
