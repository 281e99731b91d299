"""Requests about the portal itself: properties, pipelines, owners, account, usage."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connector.sandbox.http.call import JSON, Answer, Call
from connector.sandbox.http.oddities import make_pipeline_odd, make_property_odd
from connector.sandbox.portal import pipelines, properties, refusals
from connector.sandbox.portal.definitions import Owner
from connector.sandbox.portal.object_types import COMPANIES, CONTACTS, DEALS, LEADS
from connector.sandbox.portal.record import iso, millis

_MAX_OWNERS: Final = 500
_USER_ID: Final = 26_010_777
_APP_ID: Final = 4_718_000


def list_properties(call: Call) -> Answer:
    """Answer all property definitions of an object type."""
    definitions = call.portal.schema.definitions(call.object_type).values()
    return Answer(body={"results": [_property_json(call, row) for row in definitions]})


def read_property(call: Call) -> Answer:
    """Answer one property definition."""
    name = call.path_params["name"]
    definition = call.portal.schema.definitions(call.object_type).get(name)
    if definition is None:
        message = f'Property "{name}" does not exist'
        raise refusals.RefusedError(
            404, {"status": "error", "message": message, "category": "OBJECT_NOT_FOUND"}
        )
    return Answer(body=_property_json(call, definition))


def list_property_rules(call: Call) -> Answer:
    """Answer the validation rules of an object type; they are listed, and not enforced."""
    rules_by_property = call.portal.schema.rules.get(call.object_type.name, {})
    rows = [
        {
            "propertyName": name,
            "propertyValidationRules": [
                {"ruleType": kind, "ruleArguments": arguments, "shouldApplyNormalization": False}
                for kind, arguments in rules.items()
            ],
        }
        for name, rules in rules_by_property.items()
    ]
    return Answer(body={"results": rows})


def _property_json(call: Call, definition: properties.Definition) -> JSON:
    shuffled = call.portal.switches.options_order == "shuffled"
    answer = properties.definition_json(definition, shuffled=shuffled)
    return make_property_odd(call.portal, call.object_type, answer)


def create_property(call: Call) -> Answer:
    """Define a property."""
    body = call.body
    call.portal.define_property(
        call.object_type.name,
        str(body["name"]),
        label=str(body.get("label", body["name"])),
        type=str(body.get("type", "string")),
        field_type=str(body.get("fieldType", "text")),
        group=str(body.get("groupName", "")),
        description=str(body.get("description", "")),
        options=body.get("options") or (),
    )
    definition = call.portal.schema.definitions(call.object_type)[str(body["name"])]
    return Answer(status=201, body=properties.definition_json(definition))


def list_pipelines(call: Call) -> Answer:
    """Answer the pipelines of deals, or the lifecycle stages as one."""
    return Answer(body={"results": _pipeline_list(call)})


def read_pipeline(call: Call) -> Answer:
    """Answer one pipeline."""
    matches = [
        pipeline for pipeline in _pipeline_list(call) if pipeline["id"] == call.path_params["name"]
    ]
    if not matches:
        raise refusals.resource_not_found()
    return Answer(body=matches[0])


def _pipeline_list(call: Call) -> list[JSON]:
    return [
        make_pipeline_odd(call.portal, call.object_type, pipeline)
        for pipeline in _usual_pipelines(call)
    ]


def _usual_pipelines(call: Call) -> list[JSON]:
    object_type, schema = call.object_type, call.portal.schema
    if object_type in {DEALS, LEADS}:
        own_pipelines = schema.pipelines if object_type is DEALS else schema.lead_pipelines
        return [
            pipelines.pipeline_json(pipeline, order)
            for order, pipeline in enumerate(own_pipelines.values())
        ]
    if (
        object_type not in {CONTACTS, COMPANIES}
        or call.portal.switches.pipelines_for_contacts == 400
    ):
        raise refusals.uncategorized(
            400, f"Object type {object_type.type_id} does not have pipelines"
        )
    return [
        pipelines.lifecycle_pipeline_json(
            object_type.pipeline_id, schema.lifecycle_stages[object_type.name]
        )
    ]


def list_owners(call: Call) -> Answer:
    """Answer the owners, a page of them."""
    limit = call.number_param("limit", default=100, maximum=_MAX_OWNERS)
    start = int(call.request.params.get("after") or 0)
    email, archived = call.request.params.get("email", ""), call.bool_param("archived")
    owners = [
        owner
        for owner in call.portal.schema.owners
        if owner.archived is archived and email in {"", owner.email}
    ]
    answer: JSON = {"results": [_owner_json(owner) for owner in owners[start : start + limit]]}
    if start + limit < len(owners):
        answer["paging"] = {"next": {"after": str(start + limit), "link": ""}}
    return Answer(body=answer)


def _owner_json(owner: Owner) -> JSON:
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


def read_account(call: Call) -> Answer:
    """Answer what account this is."""
    portal = call.portal
    offset = portal.clock.now().astimezone(ZoneInfo(portal.time_zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return Answer(
        body={
            "portalId": portal.portal_id,
            "accountType": portal.switches.account_type,
            "timeZone": portal.time_zone,
            "companyCurrency": portal.currency,
            "additionalCurrencies": [],
            "utcOffset": f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": portal.ui_domain,
            "dataHostingLocation": "eu1",
        }
    )


def read_token(call: Call) -> Answer:
    """Answer which scopes a private app's token has."""
    body = {
        "userId": _USER_ID,
        "hubId": call.portal.portal_id,
        "appId": _APP_ID,
        "scopes": sorted(call.portal.switches.scopes),
    }
    return Answer(body=body)


def read_usage(call: Call) -> Answer:
    """Answer how much of the day's requests is used."""
    portal = call.portal
    is_known = portal.switches.usage_known
    row = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": portal.switches.daily_limit if is_known else 0,
        "currentUsage": call.used_today if is_known else 0,
        "collectedAt": iso(portal.clock.ms()),
        "fetchStatus": "SUCCESS" if is_known else "NOTFOUND",
        "resetsAt": iso(millis(next_midnight(portal.clock.now(), portal.time_zone))),
    }
    return Answer(body={"results": [row]})


def next_midnight(now: datetime, time_zone: str) -> datetime:
    """Return when the day ends in a time zone."""
    local = now.astimezone(ZoneInfo(time_zone))
    day = local.date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone))
