"""The box's own endpoints under /_sandbox/: look, move the clock, break things, edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox.http.call import JSON, Answer, Request
from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.faults import Fault

if TYPE_CHECKING:
    from connector.sandbox.http.server import Sandbox

_PREFIX: Final = "/_sandbox/"


def is_admin_request(request: Request) -> bool:
    """Tell whether a request is for the box itself."""
    return request.path.startswith(_PREFIX)


def answer(sandbox: Sandbox, request: Request) -> Answer:
    """Answer a request to the box itself; only this machine may ask."""
    name = request.path.removeprefix(_PREFIX)
    action = _ACTIONS.get((request.method, name))
    if not request.local or action is None:
        known_actions = ", ".join(
            f"{method} {_PREFIX}{action_name}" for method, action_name in _ACTIONS
        )
        return Answer(status=404, body={"message": f"There is: {known_actions}"})
    try:
        return Answer(body=action(sandbox, request.body if isinstance(request.body, dict) else {}))
    except (KeyError, TypeError, ValueError) as error:
        return Answer(status=400, body={"message": str(error)})


def _read_state(sandbox: Sandbox, _: JSON) -> JSON:
    portal = sandbox.portal
    return {
        "portalId": portal.portal_id,
        "now": portal.clock.now().isoformat(),
        "records": {name: len(table.ids) for name, table in portal.tables.items()},
        "requests": dict(Counter(request.route for request in sandbox.requests)),
        "struck": list(sandbox.faults.injected),
    }


def _move_clock(sandbox: Sandbox, body: JSON) -> JSON:
    if "set" in body:
        sandbox.portal.clock.set(datetime.fromisoformat(body["set"]))
    sandbox.portal.clock.advance(float(body.get("advance", 0)))
    return {"now": sandbox.portal.clock.now().isoformat()}


def _add_faults(sandbox: Sandbox, body: JSON) -> JSON:
    if "random" in body:
        sandbox.faults.add_random(**body["random"])
    else:
        sandbox.faults.add(Fault(**body))
    return {}


def _clear_faults(sandbox: Sandbox, _: JSON) -> JSON:
    sandbox.faults.clear()
    return {}


def _put_switches(sandbox: Sandbox, body: JSON) -> JSON:
    for name, value in body.items():
        sandbox.portal.switches.put(name, value)
    return asdict(sandbox.portal.switches, dict_factory=_json_dict)


def _json_dict(pairs: list[tuple[str, Any]]) -> JSON:
    return {name: sorted(value) if isinstance(value, set) else value for name, value in pairs}


def _edit(sandbox: Sandbox, body: JSON) -> JSON:
    source = {name: body[name] for name in ("source", "source_id", "user_id") if name in body}
    sandbox.portal.edit(body["type"], str(body["id"]), body["properties"], **source)
    return {
        name: sandbox.portal.value(body["type"], str(body["id"]), name)
        for name in body["properties"]
    }


def _create(sandbox: Sandbox, body: JSON) -> JSON:
    return {"id": sandbox.portal.create(body["type"], body["properties"])}


def _associate(sandbox: Sandbox, body: JSON) -> JSON:
    association = (body["from"]["type"], body["from"]["id"], body["to"]["type"], body["to"]["id"])
    sandbox.portal.associate(*association, primary=bool(body.get("primary", False)))
    return {}


def _archive(sandbox: Sandbox, body: JSON) -> JSON:
    sandbox.portal.archive(body["type"], str(body["id"]))
    return {}


def _set_deliveries(sandbox: Sandbox, body: JSON) -> JSON:
    if body:
        sandbox.set_deliveries(DeliverySettings(**body))
    return dict(sandbox.deliveries.counts) if sandbox.deliveries else {}


_ACTIONS: Final[dict[tuple[str, str], Callable[[Sandbox, JSON], JSON]]] = {
    ("GET", "state"): _read_state,
    ("POST", "clock"): _move_clock,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "switches"): _put_switches,
    ("POST", "switches"): _put_switches,
    ("POST", "edit"): _edit,
    ("POST", "create"): _create,
    ("POST", "associate"): _associate,
    ("POST", "archive"): _archive,
    ("GET", "webhooks"): _set_deliveries,
    ("POST", "webhooks"): _set_deliveries,
}
