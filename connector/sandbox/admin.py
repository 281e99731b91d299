"""The box's own endpoints under /_sandbox/: look, move the clock, break things, edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox.call import JSON, Answer, Request
from connector.sandbox.deliveries import Manner
from connector.sandbox.faults import Fault

if TYPE_CHECKING:
    from connector.sandbox.server import Sandbox

_PREFIX: Final = "/_sandbox/"


def is_for(request: Request) -> bool:
    """Tell whether a request is for the box itself."""
    return request.path.startswith(_PREFIX)


def answer(box: Sandbox, request: Request) -> Answer:
    """Answer a request to the box itself; only this machine may ask."""
    name = request.path.removeprefix(_PREFIX)
    action = _ACTIONS.get((request.method, name))
    if not request.local or action is None:
        listed = ", ".join(f"{method} {_PREFIX}{one}" for method, one in _ACTIONS)
        return Answer(status=404, body={"message": f"There is: {listed}"})
    try:
        return Answer(body=action(box, request.body if isinstance(request.body, dict) else {}))
    except (KeyError, TypeError, ValueError) as error:
        return Answer(status=400, body={"message": str(error)})


def _state(box: Sandbox, _: JSON) -> JSON:
    portal = box.portal
    return {
        "portalId": portal.portal_id,
        "now": portal.clock.now().isoformat(),
        "records": {name: len(table.ids) for name, table in portal.tables.items()},
        "requests": dict(Counter(one.route for one in box.requests)),
        "struck": list(box.faults.struck),
    }


def _clock(box: Sandbox, body: JSON) -> JSON:
    if "set" in body:
        box.portal.clock.set(datetime.fromisoformat(body["set"]))
    box.portal.clock.advance(float(body.get("advance", 0)))
    return {"now": box.portal.clock.now().isoformat()}


def _faults(box: Sandbox, body: JSON) -> JSON:
    if "random" in body:
        box.faults.random(**body["random"])
    else:
        box.faults.add(Fault(**body))
    return {}


def _calm(box: Sandbox, _: JSON) -> JSON:
    box.faults.clear()
    return {}


def _switches(box: Sandbox, body: JSON) -> JSON:
    for name, value in body.items():
        box.portal.switches.put(name, value)
    return asdict(box.portal.switches, dict_factory=_plain)


def _plain(pairs: list[tuple[str, Any]]) -> JSON:
    return {name: sorted(one) if isinstance(one, set) else one for name, one in pairs}


def _edit(box: Sandbox, body: JSON) -> JSON:
    source = {name: body[name] for name in ("source", "source_id", "user_id") if name in body}
    box.portal.edit(body["type"], str(body["id"]), body["properties"], **source)
    return {
        name: box.portal.value(body["type"], str(body["id"]), name) for name in body["properties"]
    }


def _create(box: Sandbox, body: JSON) -> JSON:
    return {"id": box.portal.create(body["type"], body["properties"])}


def _associate(box: Sandbox, body: JSON) -> JSON:
    ends = (body["from"]["type"], body["from"]["id"], body["to"]["type"], body["to"]["id"])
    box.portal.associate(*ends, primary=bool(body.get("primary", False)))
    return {}


def _archive(box: Sandbox, body: JSON) -> JSON:
    box.portal.archive(body["type"], str(body["id"]))
    return {}


def _webhooks(box: Sandbox, body: JSON) -> JSON:
    if body:
        box.deliver(Manner(**body))
    return dict(box.deliveries.counts) if box.deliveries else {}


_ACTIONS: Final[dict[tuple[str, str], Callable[[Sandbox, JSON], JSON]]] = {
    ("GET", "state"): _state,
    ("POST", "clock"): _clock,
    ("POST", "faults"): _faults,
    ("DELETE", "faults"): _calm,
    ("GET", "switches"): _switches,
    ("POST", "switches"): _switches,
    ("POST", "edit"): _edit,
    ("POST", "create"): _create,
    ("POST", "associate"): _associate,
    ("POST", "archive"): _archive,
    ("GET", "webhooks"): _webhooks,
    ("POST", "webhooks"): _webhooks,
}
