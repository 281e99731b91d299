"""The reception: checks a request in HubSpot's order, and gets it answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from connector.sandbox import refusals
from connector.sandbox.call import Answer, Call, Request
from connector.sandbox.faults import Fault, Faults, answer_of, ids_of
from connector.sandbox.kinds import KINDS
from connector.sandbox.limits import Limits
from connector.sandbox.oauth import OAuth
from connector.sandbox.refusals import RefusedError
from connector.sandbox.routes import Match, match

if TYPE_CHECKING:
    from connector.sandbox.portal import Portal

_DRY: Final = frozenset({"batch_update", "update"})


class Reception:
    """Answers the requests to one portal."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal = portal
        self.tokens = {token}
        self.oauth = OAuth()
        self.faults = Faults()
        self.limits = Limits(portal)

    def receive(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """Read a request and find its route."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        found, _ = match(method, path)
        return Request(
            method=method,
            path=path,
            params=dict(parse_qsl(parts.query, keep_blank_values=True)),
            body=_parsed(body),
            at=self.portal.clock.now(),
            headers=headers,
            family=found.family if found else "",
            route=found.route.name if found else "",
            object_type=_type(found.names) if found else "",
        )

    def answer(self, request: Request) -> Answer:
        """Answer a request, or refuse it."""
        with self.portal.lock:
            self.portal.automations.run_due()
            try:
                return self._answer(request)
            except RefusedError as refused:
                return Answer(status=refused.status, body=refused.body, headers=refused.headers)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                body = {"status": "error", "message": f"Invalid input JSON: {error!r}"}
                return Answer(status=400, body=body | {"category": "VALIDATION_ERROR"})

    def _answer(self, request: Request) -> Answer:
        now = self.portal.clock.ms()
        granted = self.oauth.answer(request, self.portal.portal_id, now)
        if granted is not None:
            return granted
        found, allowed = match(request.method, request.path)
        _check_method(found, allowed, request.headers)
        if found is None:
            raise refusals.missing()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = token in self.tokens or self.oauth.takes(token, now)
        if scheme != "Bearer" or not known:
            raise refusals.unauthorized()
        self.limits.count(request.route, token)
        call = self._call(request, found)
        if "type" in found.names:
            self.portal.kind(found.names["type"])
        _check_body(request)
        self._check_scopes(found)
        fault = self.faults.take(request)
        return found.route.handler(call) if fault is None else self._struck(fault, call, found)

    def _call(self, request: Request, found: Match) -> Call:
        return Call(
            portal=self.portal,
            request=request,
            names=found.names,
            started=self.portal.clock.ms(),
            used_today=self.limits.used_today,
        )

    def _check_scopes(self, found: Match) -> None:
        wanted = _scopes(found)
        if not wanted or wanted & self.portal.switches.scopes:
            return
        if found.route.access == "schema":
            kind = self.portal.kind(found.names["type"])
            message = (
                "You do not have permissions to view object type ObjectTypeId{legacyObjectType="
                f"{kind.singular.upper()}}} in portal {self.portal.portal_id}"
                f" (requires one of [{kind.scope}-read])"
            )
            raise refusals.plain(403, message)
        raise refusals.missing_scopes(wanted)

    def _struck(self, fault: Fault, call: Call, found: Match) -> Answer:
        handler, done = found.route.handler, fault.when == "after" or not found.route.writes
        if fault.kind in {"207", "left-out"}:
            return _without(fault, call, found)
        if fault.kind == "400":
            raise refusals.invalid("Property values were not valid: [{}]", errors=[])
        call.store = done and fault.kind != "ignore"
        runs = call.store or call.request.route in _DRY
        answer = handler(call) if runs else Answer(body={"status": "COMPLETE", "results": []})
        if fault.kind == "truncated":
            answer.cut = "truncate"
        elif fault.kind == "empty-results" and isinstance(answer.body, dict):
            answer.body["results"] = []
            answer.body.pop("paging", None)
        return answer_of(fault) or answer


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


def _type(names: Mapping[str, str]) -> str:
    return names.get("type") or names.get("from", "")


def _check_method(found: Match | None, allowed: list[str], headers: Mapping[str, str]) -> None:
    if found is None and allowed:
        reason = "<p>Reason:\n<pre>    Method Not Allowed</pre></p>"
        allow = ",".join([*sorted(set(allowed)), "OPTIONS"])
        raise refusals.html(405, "Method Not Allowed", reason, allow=allow)
    accept = headers.get("accept", "*/*")
    if not any(one in accept for one in ("application/json", "application/*", "*/*")):
        raise refusals.html(406, "Not Acceptable", "<p>HTTP 406 Not Acceptable</p>")


def _check_body(request: Request) -> None:
    if request.method in {"POST", "PATCH"} and not isinstance(request.body, dict | list):
        raise refusals.invalid("Invalid input JSON on line 1, column 1: no content to map")


def _scopes(found: Match) -> set[str]:
    """Return the scopes of which the token must have one."""
    access, name = found.route.access, _type(found.names)
    if access == "owners":
        return {"crm.objects.owners.read"}
    if access == "automation":
        return {"automation"}
    if access == "any":
        return {f"crm.objects.{kind.scope}.read" for kind in KINDS.values()}
    if not access:
        return set()
    scopes = {
        kind.scope for kind in KINDS.values() if name in {kind.name, kind.singular, kind.type_id}
    }
    if access == "schema":
        return {f"crm.{area}.{one}.read" for one in scopes for area in ("objects", "schemas")}
    return {f"crm.objects.{one}.{access}" for one in scopes}


def _without(fault: Fault, call: Call, found: Match) -> Answer:
    """Leave the ids of a fault out of a batch, named in the errors or not."""
    out = set(fault.ids or ids_of(call.request)[:1])
    kept = [one for one in call.body["inputs"] if str(one["id"]) not in out]
    request, asked = call.request, call.request.body
    request.body = {**asked, "inputs": kept}
    answer = found.route.handler(call)
    request.body = asked
    if fault.kind == "207" and isinstance(answer.body, dict):
        entry = refusals.not_found(sorted(out), call.kind.singular)
        errors = [*answer.body.get("errors", []), entry]
        answer.body |= {"errors": errors, "numErrors": len(errors)}
        answer.status = 200 if call.family == "2026-09" else 207
    return answer
