"""HubSpot's own words about an error, freed of everything that a record holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from connector.hubspot.answer import Answer

LENGTH: Final = 200
_VALUE: Final = re.compile(r"\"[^\"]*\"|'[^']*'|\S+@\S+")
_SCOPES: Final = re.compile(r"requires one of \[([^\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What an answer tells of its error; "" where it does not.

    `policy_name` is the limit that a 429 means; `scopes` are those that a 403 names.
    """

    reason: str
    category: str = ""
    policy_name: str = ""
    scopes: tuple[str, ...] = ()


def complaint(answer: Answer) -> Complaint:
    """Read the error body of an answer, which may as well be HTML or empty."""
    body = answer.document()
    if not body:
        return Complaint(reason="no JSON")
    return Complaint(
        reason=reason(body),
        category=str(body.get("category") or ""),
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
    said = ", ".join(problems) or _cleaned(str(error.get("message") or ""))
    return ", ".join(part for part in (category, said) if part)


def ids(error: Mapping[str, object]) -> list[str]:
    """Return the record ids that one error of a batch names."""
    return _context(error, "ids") + _context(error, "id")


def _scopes(error: Mapping[str, object]) -> tuple[str, ...]:
    named = [
        scope
        for place in (error, *_entries(error))
        for scope in _context(place, "requiredGranularScopes")
    ]
    if not named:
        found = _SCOPES.search(str(error.get("message") or ""))
        named = found[1].split(",") if found else []
    return tuple(dict.fromkeys(one.strip() for one in named))


def _problems(error: Mapping[str, object]) -> Iterator[str]:
    for entry in _entries(error):
        code = entry.get("code") or entry.get("error")
        names = _context(entry, "propertyName") or [str(entry.get("name") or "")]
        if code:
            yield f"{code} {' '.join(names)}".strip()


def _entries(error: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the single errors: a list of their own, or JSON at the end of the message."""
    listed = error.get("errors")
    if not isinstance(listed, list):
        _, bracket, rest = str(error.get("message") or "").partition("[{")
        try:
            listed = orjson.loads(bracket + rest)
        except orjson.JSONDecodeError:
            listed = []
    return [one for one in listed if isinstance(one, dict)]


def _context(entry: Mapping[str, object], name: str) -> list[str]:
    context = entry.get("context")
    listed = context.get(name) if isinstance(context, dict) else None
    return [str(one) for one in listed] if isinstance(listed, list) else []


def _cleaned(message: str) -> str:
    plain = message.partition("[{")[0].rstrip(" :")
    return _VALUE.sub("…", plain)[:LENGTH]
