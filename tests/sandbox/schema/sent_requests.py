"""Validate a request against the OpenAPI file that describes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

from connector.sandbox.http.call import Request
from tests.sandbox.schema import openapi

# HubSpot publishes no file of these paths in a dated version: their shape is that of the version
# before, which is what its guides show.
_OLDER_PATHS: Final = (
    (r"/2026-09(?=/|$)", "/2026-03"),
    (r"^/crm/associations/2026-03/", "/crm/v4/associations/"),
    (r"^/crm/(properties|pipelines|owners)/2026-03", r"/crm/v3/\1"),
    (r"^/account-info/2026-03/", "/account-info/v3/"),
    (r"^/oauth/2026-03/", "/oauth/v3/"),
    # The files of deals have the id of the object type in their paths.
    (r"(/objects/(?:2026-03/)?)deals(?=/|$)", r"\g<1>0-3"),
)
_FORM: Final = "application/x-www-form-urlencoded"
_TEXT_TYPES: Final = {"boolean": r"true|false", "integer": r"\d+"}


class Operation(NamedTuple):
    """One request of an OpenAPI file."""

    file: str
    spec: dict[str, Any]
    method: str
    template: str

    @property
    def definition(self) -> dict[str, Any]:
        """Return what the file says of the request."""
        definition: dict[str, Any] = self.spec["paths"][self.template][self.method.lower()]
        return definition


@cache
def _operations(folder: Path) -> tuple[Operation, ...]:
    """Return every request of every file, those with the fewest names in their paths first."""
    operations = [
        Operation(path.stem, spec, method.upper(), template)
        for path in sorted(folder.glob("*.json"))
        for spec in [openapi.load(path)]
        for template, methods in spec["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    return tuple(sorted(operations, key=lambda operation: operation.template.count("{")))


def find_operation(folder: Path, request: Request) -> Operation | None:
    """Return what describes a request, None where no file has its path."""
    path = request.path
    for pattern, older in _OLDER_PATHS:
        path = re.sub(pattern, older, path)
    for operation in _operations(folder):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.template))
        if operation.method == request.method and re.fullmatch(pattern, path):
            return operation
    return None


def violations(operation: Operation, request: Request) -> Iterator[str]:
    """Yield where a request breaks what the file says of it: its query, or its body."""
    parameters = {
        parameter["name"]: parameter
        for parameter in operation.definition.get("parameters", ())
        if parameter["in"] == "query"
    }
    for name, text in request.params.items():
        if name not in parameters:
            yield f"?{name}: no such parameter"
        elif not re.fullmatch(
            _TEXT_TYPES.get(parameters[name]["schema"].get("type"), r"(?s).*"), text
        ):
            yield f"?{name}: {text!r} is no {parameters[name]['schema']['type']}"
    for name, parameter in parameters.items():
        if parameter.get("required") and name not in request.params:
            yield f"?{name}: it is missing"
    yield from _body_violations(operation, request.body)


def _body_violations(operation: Operation, body: object) -> Iterator[str]:
    content = operation.definition.get("requestBody", {}).get("content", {})
    if not content:
        if body is not None:
            yield "body: there is none"
        return
    if _FORM in content:
        body = dict(parse_qsl(str(body), strict_parsing=True))
    (media,) = content.values()
    # A form is described in its place, and so is not closed with the components.
    schema = (
        {"unevaluatedProperties": False} | media["schema"] if _FORM in content else media["schema"]
    )
    root_schema = {"components": operation.spec["components"], **schema}
    for error in Draft202012Validator(root_schema).iter_errors(body):
        location = "".join(
            "[]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
        )
        yield f"${location}: {error.message}"
