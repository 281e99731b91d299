"""The sandbox's own endpoints under /_sandbox/: look, move the clock, break things, edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from connector.sandbox.http.call import JSON, Answer, Request
from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.faults import Fault
from connector.sandbox.http.served_portal import ServedPortal
from connector.sandbox.portal.triggers import trigger

_PREFIX: Final = "/_sandbox/"


def is_admin_request(request: Request) -> bool:
    """Return whether a request is for the sandbox itself."""
    return request.path.startswith(_PREFIX)


def answer(served: ServedPortal, request: Request) -> Answer:
    """Answer a request to the sandbox itself; only this machine may ask."""
    name = request.path.removeprefix(_PREFIX)
    action = ENDPOINTS.get((request.method, name))
    if not request.local or action is None:
        known_actions = ", ".join(
            f"{method} {_PREFIX}{action_name}" for method, action_name in ENDPOINTS
        )
        return Answer(status=404, body={"message": f"There is: {known_actions}"})
    try:
        return Answer(body=action(served, request.body if isinstance(request.body, dict) else {}))
    except KeyError as error:
        return Answer(status=400, body={"message": f"there is no {error.args[0]}"})
    except (TypeError, ValueError) as error:
        return Answer(status=400, body={"message": str(error)})


def _read_state(served: ServedPortal, _: JSON) -> JSON:
    portal = served.portal
    return {
        "portalId": portal.portal_id,
        "now": portal.clock.now().isoformat(),
        "records": {name: len(table.ids) for name, table in portal.tables.items()},
        "requests": dict(Counter(request.route for request in served.requests)),
        "struck": list(served.faults.injected),
    }


def _move_clock(served: ServedPortal, body: JSON) -> JSON:
    if "set" in body:
        served.portal.clock.set(datetime.fromisoformat(body["set"]))
    served.portal.clock.advance(float(body.get("advance", 0)))
    return {"now": served.portal.clock.now().isoformat()}


def _add_faults(served: ServedPortal, body: JSON) -> JSON:
    if "random" in body:
        served.faults.add_random(**body["random"])
    else:
        served.faults.add(Fault(**body))
    return {}


def _clear_faults(served: ServedPortal, _: JSON) -> JSON:
    served.faults.clear()
    return {}


def _put_switches(served: ServedPortal, body: JSON) -> JSON:
    for name, value in body.items():
        served.portal.switches.put(name, value)
    return asdict(served.portal.switches, dict_factory=_json_dict)


def _json_dict(pairs: list[tuple[str, Any]]) -> JSON:
    return {name: sorted(value) if isinstance(value, set) else value for name, value in pairs}


def _edit(served: ServedPortal, body: JSON) -> JSON:
    source = {name: body[name] for name in ("source", "source_id", "user_id") if name in body}
    served.portal.edit(body["type"], str(body["id"]), body["properties"], **source)
    return {
        name: served.portal.value(body["type"], str(body["id"]), name)
        for name in body["properties"]
    }


def _create(served: ServedPortal, body: JSON) -> JSON:
    return {"id": served.portal.create(body["type"], body["properties"])}


def _associate(served: ServedPortal, body: JSON) -> JSON:
    association = (body["from"]["type"], body["from"]["id"], body["to"]["type"], body["to"]["id"])
    served.portal.associate(*association, primary=bool(body.get("primary", False)))
    return {}


def _trigger(served: ServedPortal, body: JSON) -> JSON:
    return {"happened": trigger(served.portal, body["event"], str(body.get("record") or ""))}


def _archive(served: ServedPortal, body: JSON) -> JSON:
    served.portal.archive(body["type"], str(body["id"]))
    return {}


def _set_deliveries(served: ServedPortal, body: JSON) -> JSON:
    if body:
        served.set_deliveries(DeliverySettings(**body))
    return dict(served.deliveries.counts) if served.deliveries else {}


ENDPOINTS: Final[dict[tuple[str, str], Callable[[ServedPortal, JSON], JSON]]] = {
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
    ("POST", "trigger"): _trigger,
    ("GET", "webhooks"): _set_deliveries,
    ("POST", "webhooks"): _set_deliveries,
}
