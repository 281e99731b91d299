"""Every uncertain behaviour of HubSpot is visible over HTTP, value by value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import orjson
import pytest

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.switches import UNCERTAIN, Switches
from tests.sandbox.http_client import NOW, Client, search_filter

Observation = Callable[[Client, Portal, str], Any]
OBSERVATIONS: dict[str, Observation] = {}


def observes(switch: str, **other_switches: Any) -> Callable[[Observation], Observation]:
    """Register how a switch shows; `other_switches` are those that it needs."""

    def register(observe: Observation) -> Observation:
        def observe_with_switches(client: Client, portal: Portal, contact_id: str) -> Any:
            for name, value in other_switches.items():
                portal.switches.put(name, value)
            return observe(client, portal, contact_id)

        OBSERVATIONS[switch] = observe_with_switches
        return observe

    return register


def move_backward(client: Client, contact_id: str) -> Any:
    """Move a customer back, beside an id that nobody has."""
    return client.update("contacts", {contact_id: {"lifecyclestage": "lead"}, "999": {}})


def clear_and_set(client: Client, contact_id: str, stage: str) -> None:
    for value in ("", stage):
        client.update("contacts", {contact_id: {"lifecyclestage": value}})


@observes("backward_write")
def _(client, portal, contact_id):
    return move_backward(client, contact_id).status, portal.value(
        "contacts", contact_id, "lifecyclestage"
    )


@observes("backward_error_scope", backward_write="error")
def _(client, portal, contact_id):
    return move_backward(client, contact_id).status


@observes("backward_echo")
def _(client, portal, contact_id):
    return move_backward(client, contact_id).body["results"][0]["properties"]["lifecyclestage"]


@observes("backward_warning")
def _(client, portal, contact_id):
    return "warnings" in move_backward(client, contact_id).body["results"][0]


@observes("ignored_write_bumps_modified")
def _(client, portal, contact_id):
    move_backward(client, contact_id)
    return client.get(f"contacts/{contact_id}").body["updatedAt"]


@observes("identical_write_bumps_modified")
def _(client, portal, contact_id):
    client.update("contacts", {contact_id: {"firstname": "Kari"}})
    return client.get(f"contacts/{contact_id}").body["updatedAt"]


@observes("clear_delay_seconds")
def _(client, portal, contact_id):
    clear_and_set(client, contact_id, "lead")
    return client.value("contacts", contact_id, "lifecyclestage")


@observes("clear_refused")
def _(client, portal, contact_id):
    return client.update("contacts", {contact_id: {"lifecyclestage": ""}}).status


@observes("null_clears")
def _(client, portal, contact_id):
    client.update("contacts", {contact_id: {"lifecyclestage": None}})
    return client.value("contacts", contact_id, "lifecyclestage")


@observes("write_validation_2026_09")
def _(client, portal, contact_id):
    statuses = []
    for client.family in ("2026-03", "2026-09"):
        statuses.append(client.update("contacts", {contact_id: {"lifecyclestage": ""}}).status)
    return statuses


@observes("batch_order")
def _(client, portal, contact_id):
    other_id = portal.create("contacts", {})
    return client.update(
        "contacts", {contact_id: {"city": "Bø"}, other_id: {"city": "Bø"}}
    ).ids == [contact_id, other_id]


@observes("legacy_stage_dates")
def _(client, portal, contact_id):
    definitions = client.ask("GET", "/crm/v3/properties/contacts").body["results"]
    return "hs_lifecyclestage_lead_date" in {definition["name"] for definition in definitions}


@observes("backward_clears_closedate")
def _(client, portal, contact_id):
    clear_and_set(client, contact_id, "lead")
    return client.value("contacts", contact_id, "closedate") is None


def sync_company_stage(client: Client, portal: Portal) -> list[Any]:
    """Move a company forward; return the stages of a primary contact and of another one."""
    company_id = portal.create("companies", {"lifecyclestage": "lead"})
    contact_ids = [portal.create("contacts", {}) for _ in range(2)]
    for contact_id, primary in zip(contact_ids, (True, False), strict=True):
        portal.associate("contacts", contact_id, "companies", company_id, primary=primary)
    client.update("companies", {company_id: {"lifecyclestage": "customer"}})
    rows = client.read("contacts", contact_ids, history=("lifecyclestage",)).body["results"]
    return [row["propertiesWithHistory"]["lifecyclestage"] for row in rows]


@observes("native_company_sync")
def _(client, portal, contact_id):
    return len(sync_company_stage(client, portal)[0])


@observes("native_sync_scope", native_company_sync=True)
def _(client, portal, contact_id):
    return len(sync_company_stage(client, portal)[1])


@observes("native_sync_source", native_company_sync=True)
def _(client, portal, contact_id):
    return sync_company_stage(client, portal)[0][0]["sourceType"]


def stage_after_deal(client: Client, portal: Portal, stage: str) -> Any:
    contact_id = portal.create("contacts", {"lifecyclestage": "lead"})
    deal_id = portal.create("deals", {"dealstage": "contractsent"})
    portal.associate("deals", deal_id, "contacts", contact_id)
    client.update("deals", {deal_id: {"dealstage": stage}})
    return client.value("contacts", contact_id, "lifecyclestage")


@observes("native_deal_created")
def _(client, portal, contact_id):
    return stage_after_deal(client, portal, "contractsent")


@observes("native_deal_won")
def _(client, portal, contact_id):
    return stage_after_deal(client, portal, "closedwon")


@observes("automation_in_gap")
def _(client, portal, contact_id):
    clear_and_set(client, contact_id, "lead")
    return client.value("contacts", contact_id, "lifecyclestage")


@observes("blank_in_answers")
def _(client, portal, contact_id):
    return "city" in client.get(f"contacts/{contact_id}?properties=city").body["properties"]


@observes("read_lag")
def _(client, portal, contact_id):
    client.update("contacts", {contact_id: {"firstname": "Ola"}})
    return [client.value("contacts", contact_id, "firstname") for _ in range(2)]


@observes("batch_read_missing")
def _(client, portal, contact_id):
    reply = client.read("contacts", [contact_id, "999"])
    return reply.status, "errors" in reply.body


@observes("batch_read_follows_merges")
def _(client, portal, contact_id):
    survivor = portal.merge("contacts", contact_id, portal.create("contacts", {}))
    return client.read("contacts", [contact_id]).ids == [survivor]


@observes("batch_history_max")
def _(client, portal, contact_id):
    contact_ids = [contact_id, *(str(number) for number in range(900_000, 900_060))]
    return client.read("contacts", contact_ids, history=("lifecyclestage",)).status


def version_values(client: Client, portal: Portal, contact_id: str) -> list[str]:
    for number in range(30):
        portal.edit("contacts", contact_id, {"city": f"B{number}"})
    row = client.read("contacts", [contact_id], history=("city",)).body["results"][0]
    return [version["value"] for version in row["propertiesWithHistory"]["city"]]


@observes("history_versions_max")
def _(client, portal, contact_id):
    return len(version_values(client, portal, contact_id))


@observes("history_order")
def _(client, portal, contact_id):
    return version_values(client, portal, contact_id)[0]


@observes("api_source")
def _(client, portal, contact_id):
    client.update("contacts", {contact_id: {"city": "Bø"}})
    row = client.read("contacts", [contact_id], history=("city",)).body["results"][0]
    return row["propertiesWithHistory"]["city"][0]["sourceType"]


@observes("options_order")
def _(client, portal, contact_id):
    options = client.ask("GET", "/crm/v3/properties/contacts/lifecyclestage").body["options"]
    orders = [option["displayOrder"] for option in options]
    return orders == sorted(orders)


@observes("pipelines_for_contacts")
def _(client, portal, contact_id):
    return client.ask("GET", "/crm/v3/pipelines/contacts").status


@observes("search_lag_seconds")
def _(client, portal, contact_id):
    portal.create("contacts", {})
    return client.search("contacts").body["total"]


def search_window(client: Client, portal: Portal) -> list[str]:
    for _ in range(4):
        portal.clock.advance(1)
        portal.create("contacts", {})
    now = portal.clock.ms()
    window_filter = search_filter(
        "lastmodifieddate", "BETWEEN", now - 2500, highValue=str(now - 500)
    )
    sorts = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    reply = client.search("contacts", window_filter, sorts=sorts)
    return [row["updatedAt"] for row in reply.body["results"]]


@observes("rows_out_of_order")
def _(client, portal, contact_id):
    times = search_window(client, portal)
    return len(times), times == sorted(times)


@observes("rows_outside_window")
def _(client, portal, contact_id):
    return len(search_window(client, portal))


@observes("search_rate_scope", enforce_limits=True)
def _(client, portal, contact_id):
    client.sandbox.dispatcher.tokens.add("other")
    statuses = [client.search("contacts").status for _ in range(5)]
    client.headers = {"Authorization": "Bearer other"}
    return [*statuses, client.search("contacts").status]


@observes("search_filter_limits")
def _(client, portal, contact_id):
    return client.search("contacts", *[search_filter("city", "EQ", "bø")] * 10).status


@observes("search_daily_headers")
def _(client, portal, contact_id):
    return "x-hubspot-ratelimit-daily" in client.search("contacts").headers


@observes("list_after")
def _(client, portal, contact_id):
    """Begin a list at an id of one's own: it is on the page, left out, or refused."""
    reply = client.get(f"contacts?after={contact_id}")
    return [row["id"] for row in reply.body["results"]] if reply.status == 200 else reply.status


@observes("association_bumps_modified")
def _(client, portal, contact_id):
    portal.associate("contacts", contact_id, "deals", portal.create("deals", {}))
    return client.get(f"contacts/{contact_id}").body["updatedAt"]


@observes("search_pages")
def _(client, portal, contact_id):
    """Walk four records in pages of three; then ask for the first page again."""
    for _ in range(3):
        portal.create("contacts", {})
    pages, after = [], "0"
    while after and len(pages) < 5:
        body = client.search("contacts", limit=3, after=after).body
        assert body["total"] == 4
        pages.append(len(body["results"]))
        after = body.get("paging", {}).get("next", {}).get("after", "")
    return pages, len(client.search("contacts", limit=3).body["results"])


@observes("archiving_bumps_linked")
def _(client, portal, contact_id):
    deal_id = portal.create("deals", {})
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.clock.advance(60)
    portal.archive("deals", deal_id)
    return client.get(f"contacts/{contact_id}").body["updatedAt"]


@observes("archived_links")
def _(client, portal, contact_id):
    deal_id = portal.create("deals", {})
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.archive("deals", deal_id)
    reply = client.associations("contacts", "deals", {"id": contact_id})
    return len(reply.body["results"])


@observes("merge_new_id")
def _(client, portal, contact_id):
    body = {"primaryObjectId": contact_id, "objectIdToMerge": portal.create("contacts", {})}
    return client.post("contacts/merge", body).body["id"] == contact_id


@observes("merge_stage")
def _(client, portal, contact_id):
    """Merge a customer with a lead that was changed later, or cleared later."""
    stages = []
    for changes in (("lead",), ("lead", "")):
        contact_ids = [portal.create("contacts", {"lifecyclestage": "customer"}) for _ in range(2)]
        for stage in changes:
            portal.clock.advance(1)
            portal.edit("contacts", contact_ids[1], {"lifecyclestage": stage})
        survivor = portal.merge("contacts", *contact_ids)
        stages.append(client.value("contacts", survivor, "lifecyclestage"))
    return stages


@observes("webhook_clear")
def _(client, portal, contact_id):
    events: list[dict[str, Any]] = []
    portal.listeners.append(events.append)
    client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    return events[0].get("propertyValue", "absent")


@observes("retry_after_on_429", enforce_limits=True, burst_limit=1)
def _(client, portal, contact_id):
    client.get("contacts")
    return "Retry-After" in client.get("contacts").headers


@observes("usage_known")
def _(client, portal, contact_id):
    path = "/account-info/v3/api-usage/daily/private-apps"
    return client.ask("GET", path).body["results"][0]["fetchStatus"]


def test_every_uncertain_switch_is_observed():
    assert set(OBSERVATIONS) == set(UNCERTAIN)


@pytest.mark.parametrize("switch", UNCERTAIN)
def test_each_value_of_an_uncertain_switch_makes_a_difference(switch):
    observed = set()
    for value in UNCERTAIN[switch]:
        portal = Portal(clock=Clock(NOW, running=False))
        contact_id = portal.create("contacts", {"lifecyclestage": "customer", "firstname": "Kari"})
        portal.clock.advance(60)
        portal.switches.put(switch, value)
        with Sandbox(portal) as sandbox:
            observed.add(orjson.dumps(OBSERVATIONS[switch](Client(sandbox), portal, contact_id)))
    assert len(observed) == len(UNCERTAIN[switch])


def test_every_switch_says_what_is_known():
    assert [
        switch_field.name
        for switch_field in fields(Switches)
        if not switch_field.metadata.get("says")
    ] == []


@pytest.mark.parametrize(
    ("name", "value"), [("nosuch", 1), ("merge_stage", "newest"), ("backward_write", "")]
)
def test_a_switch_refuses_a_value_that_it_does_not_know(name, value):
    with pytest.raises(ValueError, match=r"there is no switch|is one of"):
        Switches().put(name, value)
