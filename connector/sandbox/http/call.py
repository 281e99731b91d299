"""One request to the sandbox, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from connector.sandbox.portal import refusals
from connector.sandbox.portal.object_types import ObjectType

if TYPE_CHECKING:
    from connector.sandbox.portal.portal import Portal

JSON = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Request:
    """One served request; `status` is 0 until it is answered."""

    method: str
    path: str
    params: Mapping[str, str]
    body: Any
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    family: str = ""
    route: str = ""
    object_type: str = ""
    status: int = 0
    fault: str = ""
    local: bool = False


@dataclass(slots=True, kw_only=True)
class Answer:
    """An answer; a body that is text is HTML, None is no body.

    `connection_fault` ends the connection early: `reset`, `hang` or `truncate`.
    """

    status: int = 200
    body: JSON | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    connection_fault: str = ""


@dataclass(slots=True, kw_only=True)
class Call:
    """What a handler needs: the portal, the request, and the names in its path.

    With `persist` false nothing is written, although the answer looks as if it were.
    """

    portal: Portal
    request: Request
    path_params: Mapping[str, str]
    started_at: int
    used_today: int = 0
    persist: bool = True

    @property
    def family(self) -> str:
        """Return the API family of the request."""
        return self.request.family

    @property
    def object_type(self) -> ObjectType:
        """Return the object type that the path names."""
        return self.portal.resolve_type(self.path_params["type"])

    @property
    def body(self) -> JSON:
        """Return the body as an object; refuse anything else."""
        if not isinstance(self.request.body, dict):
            raise refusals.invalid("Invalid input JSON on line 1, column 1: expected an object")
        return self.request.body

    def bool_param(self, name: str) -> bool:
        """Return a boolean parameter; any text but `true` is false."""
        return self.request.params.get(name, "").lower() == "true"

    def list_param(self, name: str) -> list[str]:
        """Return a parameter that lists names."""
        return [part for part in self.request.params.get(name, "").split(",") if part]

    def number_param(self, name: str, *, default: int, maximum: int) -> int:
        """Return a parameter that is a number from 1 to `maximum`."""
        text = self.request.params.get(name, "") or str(default)
        if not text.isdigit() or not 1 <= int(text) <= maximum:
            raise refusals.invalid(f"{name} must be a number from 1 to {maximum}, not {text}")
        return int(text)

    def inputs(self, maximum: int) -> list[JSON]:
        """Return the inputs of a batch; refuse too many."""
        items = self.body.get("inputs", [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise refusals.invalid("Invalid input JSON on line 1, column 11: inputs is no list")
        if len(items) > maximum:
            message = f"The maximum number of inputs supported in a batch request is {maximum}."
            raise refusals.invalid(f"{message} Received {len(items)}.")
        return items
