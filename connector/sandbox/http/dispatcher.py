"""Dispatch a request: check it in HubSpot's order, then let the handler of its route answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from connector.sandbox.http.call import Answer, Call, Request
from connector.sandbox.http.faults import Fault, Faults, change_body, fault_answer, requested_ids
from connector.sandbox.http.limits import Limits
from connector.sandbox.http.oauth import OAuth
from connector.sandbox.http.routes import RouteMatch, find_route
from connector.sandbox.portal import refusals
from connector.sandbox.portal.object_types import OBJECT_TYPES
from connector.sandbox.portal.refusals import RefusedError

if TYPE_CHECKING:
    from connector.sandbox.portal.portal import Portal

_DRY_RUN_ROUTES: Final = frozenset({"batch_update", "update"})


class Dispatcher:
    """Answers the requests to one portal."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal = portal
        self.tokens = {token}
        self.oauth = OAuth()
        self.faults = Faults()
        self.limits = Limits(portal)

    def parse_request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Request:
        """Read a request and find its route."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        route_match, _ = find_route(method, path)
        return Request(
            method=method,
            path=path,
            params=dict(parse_qsl(parts.query, keep_blank_values=True)),
            body=_parse_body(body),
            at=self.portal.clock.now(),
            headers=headers,
            family=route_match.family if route_match else "",
            route=route_match.route.name if route_match else "",
            object_type=_object_type_name(route_match.path_params) if route_match else "",
        )

    def answer(self, request: Request) -> Answer:
        """Answer a request, or refuse it."""
        with self.portal.lock:
            self.portal.automations.run_due()
            try:
                return self._dispatch(request)
            except RefusedError as refused:
                return Answer(status=refused.status, body=refused.body, headers=refused.headers)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                body = {"status": "error", "message": f"Invalid input JSON: {error!r}"}
                return Answer(status=400, body=body | {"category": "VALIDATION_ERROR"})

    def _dispatch(self, request: Request) -> Answer:
        now = self.portal.clock.ms()
        token_answer = self.oauth.answer(request, self.portal.portal_id, now)
        if token_answer is not None:
            return token_answer
        route_match, allowed_methods = find_route(request.method, request.path)
        _check_method(route_match, allowed_methods, request.headers)
        if route_match is None:
            raise refusals.resource_not_found()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        is_known_token = token in self.tokens or self.oauth.accepts(token, now)
        if scheme != "Bearer" or not is_known_token:
            raise refusals.unauthorized()
        self.limits.count(request.route, token)
        call = self._make_call(request, route_match)
        if "type" in route_match.path_params:
            self.portal.resolve_type(route_match.path_params["type"])
        _check_body(request)
        self._check_scopes(route_match)
        fault = self.faults.next_fault(request)
        return (
            route_match.route.handler(call)
            if fault is None
            else self._answer_with_fault(fault, call, route_match)
        )

    def _make_call(self, request: Request, route_match: RouteMatch) -> Call:
        return Call(
            portal=self.portal,
            request=request,
            path_params=route_match.path_params,
            started_at=self.portal.clock.ms(),
            used_today=self.limits.used_today,
        )

    def _check_scopes(self, route_match: RouteMatch) -> None:
        accepted_scopes = _accepted_scopes(route_match)
        if not accepted_scopes or accepted_scopes & self.portal.switches.scopes:
            return
        if route_match.route.access == "schema":
            object_type = self.portal.resolve_type(route_match.path_params["type"])
            message = (
                "You do not have permissions to view object type ObjectTypeId{legacyObjectType="
                f"{object_type.singular.upper()}}} in portal {self.portal.portal_id}"
                f" (requires one of [{object_type.scope}-read])"
            )
            raise refusals.uncategorized(403, message)
        raise refusals.missing_scopes(accepted_scopes)

    def _answer_with_fault(self, fault: Fault, call: Call, route_match: RouteMatch) -> Answer:
        handler, takes_effect = (
            route_match.route.handler,
            fault.when == "after" or not route_match.route.is_write,
        )
        if fault.kind in {"207", "left-out"}:
            return _answer_without_ids(fault, call, route_match)
        if fault.kind == "400":
            raise refusals.invalid("Property values were not valid: [{}]", errors=[])
        call.persist = takes_effect and fault.kind != "ignore"
        runs_handler = call.persist or call.request.route in _DRY_RUN_ROUTES
        answer = (
            handler(call) if runs_handler else Answer(body={"status": "COMPLETE", "results": []})
        )
        if fault.kind == "truncated":
            answer.connection_fault = "truncate"
        elif isinstance(answer.body, dict):
            change_body(fault, call.request, answer.body)
        return fault_answer(fault) or answer


def _parse_body(body: bytes) -> Any:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


def _object_type_name(path_params: Mapping[str, str]) -> str:
    return path_params.get("type") or path_params.get("from", "")


def _check_method(
    route_match: RouteMatch | None, allowed_methods: list[str], headers: Mapping[str, str]
) -> None:
    if route_match is None and allowed_methods:
        reason = "<p>Reason:\n<pre>    Method Not Allowed</pre></p>"
        allow = ",".join([*sorted(set(allowed_methods)), "OPTIONS"])
        raise refusals.html_page(405, "Method Not Allowed", reason, allow=allow)
    accept = headers.get("accept", "*/*")
    if not any(media_type in accept for media_type in ("application/json", "application/*", "*/*")):
        raise refusals.html_page(406, "Not Acceptable", "<p>HTTP 406 Not Acceptable</p>")


def _check_body(request: Request) -> None:
    if request.method in {"POST", "PATCH"} and not isinstance(request.body, dict | list):
        raise refusals.invalid("Invalid input JSON on line 1, column 1: no content to map")


def _accepted_scopes(route_match: RouteMatch) -> set[str]:
    """Return the scopes of which the token must have one."""
    access, type_name = route_match.route.access, _object_type_name(route_match.path_params)
    # Requests that are not about one object type.
    if access == "owners":
        return {"crm.objects.owners.read"}
    if access == "automation":
        return {"automation"}
    if access == "any":
        return {f"crm.objects.{object_type.scope}.read" for object_type in OBJECT_TYPES.values()}
    if not access:
        return set()
    # Requests about an object type, which the path names in one of three ways.
    scopes = {
        object_type.scope
        for object_type in OBJECT_TYPES.values()
        if type_name in {object_type.name, object_type.singular, object_type.type_id}
    }
    if access == "schema":
        return {f"crm.{area}.{scope}.read" for scope in scopes for area in ("objects", "schemas")}
    return {f"crm.objects.{scope}.{access}" for scope in scopes}


def _answer_without_ids(fault: Fault, call: Call, route_match: RouteMatch) -> Answer:
    """Leave the ids of a fault out of a batch, named in the errors or not."""
    requested = requested_ids(call.request)
    left_out = {
        record_id for record_id in requested if fault.names(call.request, record_id)
    } or set(requested[:1])
    inputs = [item for item in call.body["inputs"] if str(item["id"]) not in left_out]
    request, full_body = call.request, call.request.body
    request.body = {**full_body, "inputs": inputs}
    answer = route_match.route.handler(call)
    request.body = full_body
    if fault.kind == "207" and isinstance(answer.body, dict):
        errors = [*answer.body.get("errors", []), *_left_out_entries(call, sorted(left_out))]
        answer.body |= {"errors": errors, "numErrors": len(errors)}
        answer.status = 200 if call.family == "2026-09" else 207
    return answer


def _left_out_entries(call: Call, record_ids: list[str]) -> list[dict[str, Any]]:
    if call.request.route == "associations":
        return [refusals.invalid_identifier_entry(record_id) for record_id in record_ids]
    return [refusals.not_found_entry(record_ids, call.object_type.singular)]
