"""Requests about the portal itself: properties, pipelines, owners, account, usage."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connector.sandbox import pipelines, properties, refusals
from connector.sandbox.call import JSON, Answer, Call
from connector.sandbox.kinds import COMPANIES, CONTACTS, DEALS
from connector.sandbox.record import iso, millis
from connector.sandbox.schema import Owner

_OWNERS: Final = 500


def list_properties(call: Call) -> Answer:
    """Answer all property definitions of a kind."""
    shuffled = call.portal.switches.options_order == "shuffled"
    defined = call.portal.schema.definitions(call.kind).values()
    return Answer(body={"results": [properties.shown(one, shuffled=shuffled) for one in defined]})


def read_property(call: Call) -> Answer:
    """Answer one property definition."""
    name = call.names["name"]
    definition = call.portal.schema.definitions(call.kind).get(name)
    if definition is None:
        message = f'Property "{name}" does not exist'
        raise refusals.RefusedError(
            404, {"status": "error", "message": message, "category": "OBJECT_NOT_FOUND"}
        )
    shuffled = call.portal.switches.options_order == "shuffled"
    return Answer(body=properties.shown(definition, shuffled=shuffled))


def create_property(call: Call) -> Answer:
    """Define a property."""
    body = call.body
    call.portal.define_property(
        call.kind.name,
        str(body["name"]),
        label=str(body.get("label", body["name"])),
        type=str(body.get("type", "string")),
        field_type=str(body.get("fieldType", "text")),
        group=str(body.get("groupName", "")),
        description=str(body.get("description", "")),
        options=body.get("options") or (),
    )
    defined = call.portal.schema.definitions(call.kind)[str(body["name"])]
    return Answer(status=201, body=properties.shown(defined))


def list_pipelines(call: Call) -> Answer:
    """Answer the pipelines of deals, or the lifecycle stages as one."""
    return Answer(body={"results": _pipelines(call)})


def read_pipeline(call: Call) -> Answer:
    """Answer one pipeline."""
    found = [one for one in _pipelines(call) if one["id"] == call.names["name"]]
    if not found:
        raise refusals.missing()
    return Answer(body=found[0])


def _pipelines(call: Call) -> list[JSON]:
    kind, schema = call.kind, call.portal.schema
    if kind is DEALS:
        return [
            pipelines.shown(line, order) for order, line in enumerate(schema.pipelines.values())
        ]
    if kind not in {CONTACTS, COMPANIES} or call.portal.switches.pipelines_for_contacts == 400:
        raise refusals.plain(400, f"Object type {kind.type_id} does not have pipelines")
    return [pipelines.shown_lifecycle(kind.pipeline, schema.lifecycle[kind.name])]


def list_owners(call: Call) -> Answer:
    """Answer the owners, a page of them."""
    limit = call.number("limit", otherwise=100, most=_OWNERS)
    start = int(call.request.params.get("after") or 0)
    email, archived = call.request.params.get("email", ""), call.flag("archived")
    chosen = [
        one
        for one in call.portal.schema.owners
        if one.archived is archived and email in {"", one.email}
    ]
    answer: JSON = {"results": [_owner(one) for one in chosen[start : start + limit]]}
    if start + limit < len(chosen):
        answer["paging"] = {"next": {"after": str(start + limit), "link": ""}}
    return Answer(body=answer)


def _owner(owner: Owner) -> JSON:
    return {
        "id": owner.id,
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userId": None if owner.archived else owner.user_id,
        "userIdIncludingInactive": owner.user_id,
        "createdAt": iso(1_700_000_000_123),
        "updatedAt": iso(1_700_000_000_123),
        "archived": owner.archived,
    }


def account(call: Call) -> Answer:
    """Answer what account this is."""
    portal = call.portal
    offset = portal.clock.now().astimezone(ZoneInfo(portal.time_zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return Answer(
        body={
            "portalId": portal.portal_id,
            "accountType": "STANDARD",
            "timeZone": portal.time_zone,
            "companyCurrency": portal.currency,
            "additionalCurrencies": [],
            "utcOffset": f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": portal.ui_domain,
            "dataHostingLocation": "eu1",
        }
    )


def usage(call: Call) -> Answer:
    """Answer how much of the day's requests is used."""
    portal = call.portal
    known = portal.switches.usage_known
    row = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": portal.switches.daily_limit if known else 0,
        "currentUsage": call.used_today if known else 0,
        "collectedAt": iso(portal.clock.ms()),
        "fetchStatus": "SUCCESS" if known else "NOTFOUND",
        "resetsAt": iso(millis(next_midnight(portal.clock.now(), portal.time_zone))),
    }
    return Answer(body={"results": [row]})


def next_midnight(now: datetime, time_zone: str) -> datetime:
    """Return when the day ends in a time zone."""
    local = now.astimezone(ZoneInfo(time_zone))
    day = local.date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone))
