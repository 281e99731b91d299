"""Faults that the box can be told to have: what HubSpot and networks do on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import Final

from connector.sandbox.http.call import Answer, Request
from connector.sandbox.portal import refusals
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
    "429-secondly": lambda wait: refusals.rate_limited("SECONDLY", retry_after=wait),
    "429-ten-secondly": lambda wait: refusals.rate_limited(
        "TEN_SECONDLY_ROLLING", retry_after=wait
    ),
    "429-daily": lambda wait: refusals.rate_limited("DAILY", retry_after=wait),
}
CONNECTION_FAULTS: Final = {"reset": "reset", "timeout": "hang", "truncated": "truncate"}
BODY_FAULTS: Final = ("empty", "html", "empty-results")
BATCH_FAULTS: Final = ("400", "207", "left-out", "ignore")
FAULT_KINDS: Final = (*STATUS_FAULTS, *CONNECTION_FAULTS, *BODY_FAULTS, *BATCH_FAULTS)
_BATCH_ROUTES: Final = frozenset({"batch_update", "batch_read"})
_ROUTES_OF_KIND: Final = {
    "207": _BATCH_ROUTES,
    "left-out": _BATCH_ROUTES,
    "ignore": frozenset({"batch_update", "update"}),
    "empty-results": frozenset({*_BATCH_ROUTES, "list", "search", "associations"}),
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault: which requests it strikes, from the `nth` matching one on, and how often.

    `when` is `before` or `after` a write took effect. With `ids` it strikes only requests
    that name one of them, and for ever unless `times` says otherwise; 0 is for ever.
    The kinds `207` (named in errors) and `left-out` (not named at all) leave the ids out;
    `ignore` answers well and stores nothing.
    """

    kind: str
    route: str = "*"
    nth: int = 1
    times: int | None = None
    when: str = "before"
    ids: Sequence[str] = ()
    retry_after: float | None = None
    _match_count: int = field(default=0, init=False)
    _hit_count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS or self.when not in {"before", "after"}:
            raise ValueError(f"kind is one of {', '.join(FAULT_KINDS)}; when is before or after")

    def hits(self, request: Request) -> bool:
        """Tell whether the fault strikes a request, and count it."""
        if self.route not in {"*", request.route} or not self._matches(request):
            return False
        self._match_count += 1
        limit = self.times if self.times is not None else (0 if self.ids else 1)
        if self._match_count < self.nth or (limit and self._hit_count >= limit):
            return False
        self._hit_count += 1
        return True

    def _matches(self, request: Request) -> bool:
        if request.route not in _ROUTES_OF_KIND.get(self.kind, {request.route}):
            return False
        return not self.ids or bool(set(self.ids) & set(requested_ids(request)))


def requested_ids(request: Request) -> list[str]:
    """Return the record ids that a request names."""
    body = request.body if isinstance(request.body, dict) else {}
    inputs = body.get("inputs")
    items = inputs if isinstance(inputs, list) else []
    ids = [str(item.get("id", "")) for item in items if isinstance(item, dict)]
    return [*ids, request.path.rsplit("/", 1)[-1]]


class Faults:
    """The faults that wait to strike, and those that did."""

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
        """Strike a share of all requests, at random but reproducibly."""
        rng = Random(seed)  # noqa: S311 -- for play, not for secrets

        def pick_fault(request: Request) -> Fault | None:
            if (routes and request.route not in routes) or rng.random() >= rate:
                return None
            return Fault(kind=rng.choice(kinds), when=rng.choice(("before", "after")))

        self._pick_random = pick_fault

    def next_fault(self, request: Request) -> Fault | None:
        """Return the fault that strikes a request."""
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
    return None
