"""Validate an answer against the schema that an OpenAPI file gives for its request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

FORMAT_CHECKER: Final = FormatChecker(formats=())
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@FORMAT_CHECKER.checks("date-time")
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or bool(INSTANT.fullmatch(value))


@FORMAT_CHECKER.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(UUID.fullmatch(value))


@cache
def load(path: Path) -> dict[str, Any]:
    """Read an OpenAPI file, its component schemas closed: a key that they do not name is wrong."""
    spec: dict[str, Any] = json.loads(path.read_text())
    spec["components"]["schemas"] = _closed_schema(spec["components"]["schemas"])
    return spec


def _closed_schema(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed_schema(value) for key, value in node.items() if key != "example"}
    if closed.get("type") == "object" and closed.get("properties"):
        closed.setdefault("additionalProperties", False)
    if closed.pop("nullable", None) is True:
        return {"anyOf": [closed, {"type": "null"}]}
    return closed


def schema_of(spec: dict[str, Any], method: str, template: str, status: int) -> str:
    """Return the name of the component schema for a request's answer; "Error" for a failure."""
    answers = spec["paths"][template][method.lower()]["responses"]
    content = answers.get(str(status), {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return reference.rpartition("/")[2] or "Error"


def violations(spec: dict[str, Any], schema: str, body: object) -> Iterator[tuple[str, str]]:
    """Yield where the body breaks the schema, and how."""
    root_schema = {"components": spec["components"], "$ref": f"#/components/schemas/{schema}"}
    for error in Draft202012Validator(root_schema, format_checker=FORMAT_CHECKER).iter_errors(body):
        location = "$" + "".join(
            "[]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
        )
        yield location, error.message
