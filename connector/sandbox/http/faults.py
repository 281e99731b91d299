"""Faults on request: what HubSpot and networks do on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import Any, Final

from connector.sandbox.http.call import JSON, Answer, Request
from connector.sandbox.portal import refusals
from connector.sandbox.portal.object_types import OBJECT_TYPES_BY_NAME
from connector.sandbox.portal.refusals import RefusedError

_GATEWAY_MESSAGE: Final = (
    "<p>The server is temporarily unable to answer. Cloudflare Ray ID: 8f1d2</p>"
)


def _json_error(status: int, message: str, category: str) -> RefusedError:
    return RefusedError(status, {"status": "error", "message": message, "category": category})


STATUS_FAULTS: Final[dict[str, Callable[[float | None], RefusedError]]] = {
    "500": lambda _: _json_error(500, "internal error", "INTERNAL_ERROR"),
    "502": lambda _: refusals.html_page(502, "Bad Gateway", _GATEWAY_MESSAGE),
    "503": lambda _: _json_error(503, "Service temporarily unavailable", "SERVICE_UNAVAILABLE"),
    "504": lambda _: refusals.html_page(504, "Gateway Timeout", _GATEWAY_MESSAGE),
    "524": lambda _: refusals.html_page(524, "A timeout occurred", _GATEWAY_MESSAGE),
    "423": lambda _: _json_error(423, "The records are locked; try again in 2 seconds", "LOCKED"),
    "477": lambda wait: RefusedError(
        477,
        {"status": "error", "message": "This account is moving to another data center"},
        {"Retry-After": f"{3600 if wait is None else wait:g}"},
    ),
    "401": lambda _: _json_error(401, "The OAuth token used expired", "EXPIRED_AUTHENTICATION"),
    "403": lambda _: refusals.missing_scopes(["crm.objects.contacts.write"]),
    "403-html": lambda _: refusals.html_page(403, "Forbidden", _GATEWAY_MESSAGE),
    "404-html": lambda _: refusals.resource_not_found(),
    "302": lambda _: refusals.html_page(
        302, "Found", _GATEWAY_MESSAGE, Location="https://status.hubspot.com/"
    ),
    "400-bare": lambda _: refusals.uncategorized(400, "There was a problem with the request."),
    "429-secondly": lambda wait: refusals.rate_limited("SECONDLY", retry_after=wait),
    "429-ten-secondly": lambda wait: refusals.rate_limited(
        "TEN_SECONDLY_ROLLING", retry_after=wait
    ),
    "429-daily": lambda wait: refusals.rate_limited("DAILY", retry_after=wait),
}
CONNECTION_FAULTS: Final = {"reset": "reset", "timeout": "hang", "truncated": "truncate"}
BODY_FAULTS: Final = (
    "empty",
    "html",
    "not-json",
    "empty-results",
    "standing-cursor",
    "empty-cursor",
    "lost-links",
)
BATCH_FAULTS: Final = ("400", "207", "left-out", "ignore")
FAULT_KINDS: Final = (*STATUS_FAULTS, *CONNECTION_FAULTS, *BODY_FAULTS, *BATCH_FAULTS)
_BATCH_ROUTES: Final = frozenset({"batch_update", "batch_read", "associations"})
_PAGED_ROUTES: Final = frozenset({"list", "search", "associations", "owners", "flows"})
_ROUTES_OF_KIND: Final = {
    "207": _BATCH_ROUTES,
    "left-out": _BATCH_ROUTES,
    "ignore": frozenset({"batch_update", "update"}),
    "empty-results": frozenset({*_BATCH_ROUTES, "list", "search"}),
    "standing-cursor": _PAGED_ROUTES,
    "empty-cursor": _PAGED_ROUTES,
    "lost-links": frozenset({"associations"}),
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault: which requests it meets, from the `nth` matching one on, and how often.

    `when` is `before` or `after` a write took effect. With `ids` (`123`, or `contacts/123`) it
    meets only requests that name one of them, and for ever unless `times` says otherwise; 0 is
    for ever. `writes` narrows it to updates that write these values into one of the ids, or into
    any record where `ids` is empty: "" is a clear, `*` any other value. So one record whose set
    never works is `Fault(kind="500", route="batch_update", ids=["300"],
    writes={"lifecyclestage": "*"})`.

    The kinds `207` (named in errors) and `left-out` (not named at all) leave the ids out of a
    batch; `ignore` answers well and stores nothing. `lost-links` leaves links to the ids, or the
    last link of each record, out of association answers. `standing-cursor` and `empty-cursor`
    answer `paging.next.after` with the cursor that was sent, or with an empty one.
    """

    kind: str
    route: str = "*"
    nth: int = 1
    times: int | None = None
    when: str = "before"
    ids: Sequence[str] = ()
    writes: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    _match_count: int = field(default=0, init=False)
    _hit_count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS or self.when not in {"before", "after"}:
            raise ValueError(f"kind is one of {', '.join(FAULT_KINDS)}; when is before or after")

    def hits(self, request: Request) -> bool:
        """Return whether a request meets the fault, and count it."""
        if self.route not in {"*", request.route} or not self._matches(request):
            return False
        self._match_count += 1
        limit = self.times if self.times is not None else (0 if self.ids else 1)
        if self._match_count < self.nth or (limit and self._hit_count >= limit):
            return False
        self._hit_count += 1
        return True

    def _matches(self, request: Request) -> bool:
        """Return whether a request has the route, the ids and the values of the fault."""
        if request.route not in _ROUTES_OF_KIND.get(self.kind, {request.route}):
            return False
        if self.kind in {"207", "left-out"} and not _inputs(request):
            return False
        if self.writes:
            return any(
                (not self.ids or self.names(request, record_id)) and self._is_written(properties)
                for record_id, properties in _written_properties(request)
            )
        # The ids of lost links stand in the answer, not in the request.
        if not self.ids or self.kind == "lost-links":
            return True
        return any(self.names(request, record_id) for record_id in requested_ids(request))

    def names(self, request: Request, record_id: str) -> bool:
        """Return whether a record of the request's object type is one of the fault's ids."""
        object_type = OBJECT_TYPES_BY_NAME.get(request.object_type)
        full_name = f"{object_type.name if object_type else request.object_type}/{record_id}"
        return record_id in self.ids or full_name in self.ids

    def _is_written(self, properties: Mapping[str, Any]) -> bool:
        return all(
            name in properties
            and (bool(properties[name]) if value == "*" else (properties[name] or "") == value)
            for name, value in self.writes.items()
        )


def requested_ids(request: Request) -> list[str]:
    """Return the record ids that a request names."""
    ids = [str(item.get("id", "")) for item in _inputs(request)]
    return [*ids, *request.path.split("/")[-3:]]


def _inputs(request: Request) -> list[dict[str, Any]]:
    body = request.body if isinstance(request.body, dict) else {}
    inputs = body.get("inputs")
    items = inputs if isinstance(inputs, list) else []
    return [item for item in items if isinstance(item, dict)]


def _written_properties(request: Request) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the records that a request updates, with the values that it writes."""
    if request.route == "update" and isinstance(request.body, dict):
        return [(request.path.rsplit("/", 1)[-1], request.body.get("properties") or {})]
    if request.route != "batch_update":
        return []
    return [(str(item.get("id", "")), item.get("properties") or {}) for item in _inputs(request)]


class Faults:
    """The faults that requests may meet, and those that they met."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self._pick_random: Callable[[Request], Fault | None] = lambda _: None
        self._lock = Lock()
        self.injected: list[str] = []

    def add(self, fault: Fault) -> Fault:
        """Let a fault wait for its requests."""
        with self._lock:
            self._pending.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults, the random ones too."""
        with self._lock:
            self._pending.clear()
            self._pick_random = lambda _: None

    def add_random(
        self, *, rate: float, kinds: Sequence[str], seed: int, routes: Sequence[str] = ()
    ) -> None:
        """Let a share of all requests meet a fault, at random but the same for the same seed."""
        rng = Random(seed)  # noqa: S311 -- for play, not for secrets

        def pick_fault(request: Request) -> Fault | None:
            if (routes and request.route not in routes) or rng.random() >= rate:
                return None
            return Fault(kind=rng.choice(kinds), when=rng.choice(("before", "after")))

        self._pick_random = pick_fault

    def next_fault(self, request: Request) -> Fault | None:
        """Return the fault that a request meets."""
        with self._lock:
            fault = next(
                (candidate for candidate in self._pending if candidate.hits(request)), None
            )
            fault = fault or self._pick_random(request)
        if fault is not None:
            request.fault = fault.kind
            self.injected.append(f"{request.route} {fault.kind} {fault.when}")
        return fault


def fault_answer(fault: Fault) -> Answer | None:
    """Return the answer of a fault that needs no other; None for the kinds that change one."""
    if fault.kind in STATUS_FAULTS:
        raise STATUS_FAULTS[fault.kind](fault.retry_after)
    if fault.kind in {"reset", "timeout"}:
        return Answer(connection_fault=CONNECTION_FAULTS[fault.kind])
    if fault.kind == "empty":
        return Answer(status=200)
    if fault.kind == "html":
        return Answer(body="<html><body><h2>We'll be right back</h2></body></html>\n")
    if fault.kind == "not-json":
        return Answer(body='{"status": "COMPLETE", "results": [')
    return None


def change_body(fault: Fault, request: Request, body: JSON) -> None:
    """Change the body of an answer as the kind of fault has it; most kinds change nothing."""
    if fault.kind == "empty-results":
        body["results"] = []
        body.pop("paging", None)
    elif fault.kind == "lost-links":
        _drop_links(fault, body)
    elif fault.kind in {"standing-cursor", "empty-cursor"} and "paging" in body:
        body["paging"]["next"]["after"] = (
            _sent_cursor(request) if fault.kind == "standing-cursor" else ""
        )


def _drop_links(fault: Fault, body: JSON) -> None:
    rows = body.get("results", [])
    # A single read answers the links themselves, a batch read a row for each record.
    containers = [row["to"] for row in rows if "to" in row] if rows and "to" in rows[0] else [rows]
    for links in containers:
        if fault.ids:
            links[:] = [link for link in links if str(link["toObjectId"]) not in fault.ids]
        else:
            del links[-1:]


def _sent_cursor(request: Request) -> str:
    body = request.body if isinstance(request.body, dict) else {}
    return str(request.params.get("after") or body.get("after") or "0")
