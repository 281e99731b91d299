"""Validate an answer against the schema that an OpenAPI file gives for its request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

CHECKER: Final = FormatChecker(formats=())
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@CHECKER.checks("date-time")
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or bool(INSTANT.fullmatch(value))


@CHECKER.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(UUID.fullmatch(value))


@cache
def load(path: Path) -> dict[str, Any]:
    """Read an OpenAPI file, its component schemas closed: a key that they do not name is wrong."""
    spec: dict[str, Any] = json.loads(path.read_text())
    spec["components"]["schemas"] = _closed(spec["components"]["schemas"])
    return spec


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _closed(value) for key, value in node.items() if key != "example"}
    if kept.get("type") == "object" and kept.get("properties"):
        kept.setdefault("additionalProperties", False)
    if kept.pop("nullable", None) is True:
        return {"anyOf": [kept, {"type": "null"}]}
    return kept


def schema_of(spec: dict[str, Any], method: str, template: str, status: int) -> str:
    """Return the name of the component schema for a request's answer; "Error" for a failure."""
    answers = spec["paths"][template][method.lower()]["responses"]
    content = answers.get(str(status), {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return reference.rpartition("/")[2] or "Error"


def violations(spec: dict[str, Any], schema: str, body: object) -> Iterator[tuple[str, str]]:
    """Yield where the body breaks the schema, and how."""
    whole = {"components": spec["components"], "$ref": f"#/components/schemas/{schema}"}
    for error in Draft202012Validator(whole, format_checker=CHECKER).iter_errors(body):
        place = "$" + "".join("[]" if isinstance(k, int) else f".{k}" for k in error.absolute_path)
        yield place, error.message
