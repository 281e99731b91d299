"""Show what is wrong in a policy to programs: JSON, GitHub annotations, SARIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, Final

from connector.core.problem import Problem

_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_DISTRIBUTION: Final = "hubspot-lifecycle-connector"
_ERROR_RULE: Final = "policy-error"
_WARNING_RULE: Final = "policy-warning"
# In the order in which GitHub wants them escaped: the escape character itself first.
_PROPERTY_ESCAPES: Final = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"))
_DATA_ESCAPES: Final = _PROPERTY_ESCAPES[:3]


def json_document(
    policy: str, against: str, problems: Sequence[Problem], warnings: Sequence[str]
) -> dict[str, Any]:
    """Return problems and warnings as one JSON document; lines and columns count from 1."""
    return {
        "policy": policy,
        "against": against,
        "problems": [
            {
                "file": problem.place.source,
                "line": problem.place.line,
                "column": problem.place.column,
                "message": problem.message,
            }
            for problem in problems
        ],
        "warnings": list(warnings),
    }


def github_lines(
    source: str, problems: Sequence[Problem], warnings: Sequence[str]
) -> Iterator[str]:
    """Yield workflow commands that GitHub shows as annotations of the changed lines.

    The form is that of GitHub's page "Workflow commands for GitHub Actions".

    >>> list(github_lines("p.yaml", [], ["the rule a, b never holds"]))
    ['::warning file=p.yaml,title=policy::the rule a, b never holds']
    """
    for problem in problems:
        place = problem.place
        yield (
            f"::error file={_escaped(place.source, _PROPERTY_ESCAPES)},line={place.line},"
            f"col={place.column},title=policy::{_escaped(problem.message, _DATA_ESCAPES)}"
        )
    for warning in warnings:
        yield (
            f"::warning file={_escaped(source, _PROPERTY_ESCAPES)},title=policy::"
            f"{_escaped(warning, _DATA_ESCAPES)}"
        )


def sarif_document(
    source: str, problems: Sequence[Problem], warnings: Sequence[str]
) -> dict[str, Any]:
    """Return problems and warnings as a SARIF 2.1.0 log (OASIS), for code scanning."""
    results = [
        _sarif_result(
            _ERROR_RULE,
            "error",
            problem.message,
            problem.place.source,
            {"startLine": problem.place.line, "startColumn": problem.place.column},
        )
        for problem in problems
    ] + [
        _sarif_result(_WARNING_RULE, "warning", warning, source, {"startLine": 1})
        for warning in warnings
    ]
    rules = [
        {"id": _ERROR_RULE, "shortDescription": {"text": "The policy has a mistake"}},
        {"id": _WARNING_RULE, "shortDescription": {"text": "The policy may not mean this"}},
    ]
    driver = {"name": "connector policy check", "version": version(_DISTRIBUTION), "rules": rules}
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _sarif_result(
    rule: str, level: str, message: str, source: str, region: dict[str, int]
) -> dict[str, Any]:
    location = {"artifactLocation": {"uri": source}, "region": region}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [{"physicalLocation": location}],
    }


def _escaped(text: str, escapes: Sequence[tuple[str, str]]) -> str:
    for character, escape in escapes:
        text = text.replace(character, escape)
    return text
