"""Faults that the box can be told to have: what HubSpot and networks do on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import Final

from connector.sandbox import refusals
from connector.sandbox.call import Answer, Request
from connector.sandbox.refusals import RefusedError

_GATEWAY: Final = "<p>The server is temporarily unable to answer. Cloudflare Ray ID: 8f1d2</p>"


def _json(status: int, message: str, category: str) -> RefusedError:
    return RefusedError(status, {"status": "error", "message": message, "category": category})


STATUSES: Final[dict[str, Callable[[float | None], RefusedError]]] = {
    "500": lambda _: _json(500, "internal error", "INTERNAL_ERROR"),
    "502": lambda _: refusals.html(502, "Bad Gateway", _GATEWAY),
    "503": lambda _: _json(503, "Service temporarily unavailable", "SERVICE_UNAVAILABLE"),
    "504": lambda _: refusals.html(504, "Gateway Timeout", _GATEWAY),
    "524": lambda _: refusals.html(524, "A timeout occurred", _GATEWAY),
    "423": lambda _: _json(423, "The records are locked; try again in 2 seconds", "LOCKED"),
    "477": lambda wait: RefusedError(
        477,
        {"status": "error", "message": "This account is moving to another data center"},
        {"Retry-After": f"{3600 if wait is None else wait:g}"},
    ),
    "401": lambda _: _json(401, "The OAuth token used expired", "EXPIRED_AUTHENTICATION"),
    "403": lambda _: refusals.missing_scopes(["crm.objects.contacts.write"]),
    "429-secondly": lambda wait: refusals.limited("SECONDLY", retry_after=wait),
    "429-ten-secondly": lambda wait: refusals.limited("TEN_SECONDLY_ROLLING", retry_after=wait),
    "429-daily": lambda wait: refusals.limited("DAILY", retry_after=wait),
}
CUTS: Final = {"reset": "reset", "timeout": "hang", "truncated": "truncate"}
BODIES: Final = ("empty", "html", "empty-results")
BATCHES: Final = ("400", "207", "left-out", "ignore")
KINDS: Final = (*STATUSES, *CUTS, *BODIES, *BATCHES)
_BATCH: Final = frozenset({"batch_update", "batch_read"})
_ONLY: Final = {
    "207": _BATCH,
    "left-out": _BATCH,
    "ignore": frozenset({"batch_update", "update"}),
    "empty-results": frozenset({*_BATCH, "list", "search", "associations"}),
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
    _seen: int = field(default=0, init=False)
    _struck: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.when not in {"before", "after"}:
            raise ValueError(f"kind is one of {', '.join(KINDS)}; when is before or after")

    def strikes(self, request: Request) -> bool:
        """Tell whether the fault strikes a request, and count it."""
        if self.route not in {"*", request.route} or not self._fits(request):
            return False
        self._seen += 1
        most = self.times if self.times is not None else (0 if self.ids else 1)
        if self._seen < self.nth or (most and self._struck >= most):
            return False
        self._struck += 1
        return True

    def _fits(self, request: Request) -> bool:
        if request.route not in _ONLY.get(self.kind, {request.route}):
            return False
        return not self.ids or bool(set(self.ids) & set(ids_of(request)))


def ids_of(request: Request) -> list[str]:
    """Return the record ids that a request names."""
    body = request.body if isinstance(request.body, dict) else {}
    inputs = body.get("inputs")
    listed = inputs if isinstance(inputs, list) else []
    ids = [str(one.get("id", "")) for one in listed if isinstance(one, dict)]
    return [*ids, request.path.rsplit("/", 1)[-1]]


class Faults:
    """The faults that wait to strike, and those that did."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._chance: Callable[[Request], Fault | None] = lambda _: None
        self._lock = Lock()
        self.struck: list[str] = []

    def add(self, fault: Fault) -> Fault:
        """Let a fault wait for its requests."""
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults, the random ones too."""
        with self._lock:
            self._waiting.clear()
            self._chance = lambda _: None

    def random(
        self, *, rate: float, kinds: Sequence[str], seed: int, routes: Sequence[str] = ()
    ) -> None:
        """Strike a share of all requests, at random but reproducibly."""
        dice = Random(seed)  # noqa: S311 -- for play, not for secrets

        def chance(request: Request) -> Fault | None:
            if (routes and request.route not in routes) or dice.random() >= rate:
                return None
            return Fault(kind=dice.choice(kinds), when=dice.choice(("before", "after")))

        self._chance = chance

    def take(self, request: Request) -> Fault | None:
        """Return the fault that strikes a request."""
        with self._lock:
            found = next((one for one in self._waiting if one.strikes(request)), None)
            found = found or self._chance(request)
        if found is not None:
            request.fault = found.kind
            self.struck.append(f"{request.route} {found.kind} {found.when}")
        return found


def answer_of(fault: Fault) -> Answer | None:
    """Return the answer of a fault that needs no other; None for the kinds that change one."""
    if fault.kind in STATUSES:
        raise STATUSES[fault.kind](fault.retry_after)
    if fault.kind in {"reset", "timeout"}:
        return Answer(cut=CUTS[fault.kind])
    if fault.kind == "empty":
        return Answer(status=200)
    if fault.kind == "html":
        return Answer(body="<html><body><h2>We'll be right back</h2></body></html>\n")
    return None
