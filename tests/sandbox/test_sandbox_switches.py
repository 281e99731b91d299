"""Every habit that HubSpot leaves unsure shows over HTTP, value by value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import orjson
import pytest

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sandbox.switches import UNSURE, Switches
from tests.sandbox.asking import NOW, Client, where

Look = Callable[[Client, Portal, str], Any]
LOOKS: dict[str, Look] = {}


def shows(switch: str, **more: Any) -> Callable[[Look], Look]:
    """Note how a switch is seen; `more` are other switches that it needs."""

    def note(look: Look) -> Look:
        def looked(client: Client, portal: Portal, one: str) -> Any:
            for name, value in more.items():
                portal.switches.put(name, value)
            return look(client, portal, one)

        LOOKS[switch] = looked
        return look

    return note


def backward(client: Client, one: str) -> Any:
    """Move a customer back, beside an id that nobody has."""
    return client.update("contacts", {one: {"lifecyclestage": "lead"}, "999": {}})


def clear_and_set(client: Client, one: str, stage: str) -> None:
    for value in ("", stage):
        client.update("contacts", {one: {"lifecyclestage": value}})


@shows("backward_write")
def _(client, portal, one):
    return backward(client, one).status, portal.value("contacts", one, "lifecyclestage")


@shows("backward_error_scope", backward_write="error")
def _(client, portal, one):
    return backward(client, one).status


@shows("backward_echo")
def _(client, portal, one):
    return backward(client, one).body["results"][0]["properties"]["lifecyclestage"]


@shows("backward_warning")
def _(client, portal, one):
    return "warnings" in backward(client, one).body["results"][0]


@shows("ignored_write_bumps_modified")
def _(client, portal, one):
    backward(client, one)
    return client.get(f"contacts/{one}").body["updatedAt"]


@shows("identical_write_bumps_modified")
def _(client, portal, one):
    client.update("contacts", {one: {"firstname": "Kari"}})
    return client.get(f"contacts/{one}").body["updatedAt"]


@shows("clear_settles_seconds")
def _(client, portal, one):
    clear_and_set(client, one, "lead")
    return client.value("contacts", one, "lifecyclestage")


@shows("clear_refused")
def _(client, portal, one):
    return client.update("contacts", {one: {"lifecyclestage": ""}}).status


@shows("null_clears")
def _(client, portal, one):
    client.update("contacts", {one: {"lifecyclestage": None}})
    return client.value("contacts", one, "lifecyclestage")


@shows("write_validation_2026_09")
def _(client, portal, one):
    statuses = []
    for client.family in ("2026-03", "2026-09"):
        statuses.append(client.update("contacts", {one: {"lifecyclestage": ""}}).status)
    return statuses


@shows("batch_order")
def _(client, portal, one):
    two = portal.create("contacts", {})
    return client.update("contacts", {one: {"city": "Bø"}, two: {"city": "Bø"}}).ids == [one, two]


@shows("legacy_stage_dates")
def _(client, portal, one):
    listed = client.ask("GET", "/crm/v3/properties/contacts").body["results"]
    return "hs_lifecyclestage_lead_date" in {definition["name"] for definition in listed}


@shows("backward_clears_closedate")
def _(client, portal, one):
    clear_and_set(client, one, "lead")
    return client.value("contacts", one, "closedate") is None


def synced(client: Client, portal: Portal) -> list[Any]:
    """Move a company forward; return what became of a primary contact and of a guest."""
    firm = portal.create("companies", {"lifecyclestage": "lead"})
    people = [portal.create("contacts", {}) for _ in range(2)]
    for person, primary in zip(people, (True, False), strict=True):
        portal.associate("contacts", person, "companies", firm, primary=primary)
    client.update("companies", {firm: {"lifecyclestage": "customer"}})
    rows = client.read("contacts", people, history=("lifecyclestage",)).body["results"]
    return [row["propertiesWithHistory"]["lifecyclestage"] for row in rows]


@shows("native_company_sync")
def _(client, portal, one):
    return len(synced(client, portal)[0])


@shows("native_sync_scope", native_company_sync=True)
def _(client, portal, one):
    return len(synced(client, portal)[1])


@shows("native_sync_source", native_company_sync=True)
def _(client, portal, one):
    return synced(client, portal)[0][0]["sourceType"]


def with_deal(client: Client, portal: Portal, stage: str) -> Any:
    person = portal.create("contacts", {"lifecyclestage": "lead"})
    deal = portal.create("deals", {"dealstage": "contractsent"})
    portal.associate("deals", deal, "contacts", person)
    client.update("deals", {deal: {"dealstage": stage}})
    return client.value("contacts", person, "lifecyclestage")


@shows("native_deal_created")
def _(client, portal, one):
    return with_deal(client, portal, "contractsent")


@shows("native_deal_won")
def _(client, portal, one):
    return with_deal(client, portal, "closedwon")


@shows("automation_in_gap")
def _(client, portal, one):
    clear_and_set(client, one, "lead")
    return client.value("contacts", one, "lifecyclestage")


@shows("blank_in_answers")
def _(client, portal, one):
    return "city" in client.get(f"contacts/{one}?properties=city").body["properties"]


@shows("read_lag")
def _(client, portal, one):
    client.update("contacts", {one: {"firstname": "Ola"}})
    return [client.value("contacts", one, "firstname") for _ in range(2)]


@shows("batch_read_missing")
def _(client, portal, one):
    reply = client.read("contacts", [one, "999"])
    return reply.status, "errors" in reply.body


@shows("batch_read_follows_merges")
def _(client, portal, one):
    survivor = portal.merge("contacts", one, portal.create("contacts", {}))
    return client.read("contacts", [one]).ids == [survivor]


@shows("batch_history_max")
def _(client, portal, one):
    ids = [one, *(str(number) for number in range(900_000, 900_060))]
    return client.read("contacts", ids, history=("lifecyclestage",)).status


def versions(client: Client, portal: Portal, one: str) -> list[str]:
    for number in range(30):
        portal.edit("contacts", one, {"city": f"B{number}"})
    row = client.read("contacts", [one], history=("city",)).body["results"][0]
    return [version["value"] for version in row["propertiesWithHistory"]["city"]]


@shows("history_versions_max")
def _(client, portal, one):
    return len(versions(client, portal, one))


@shows("history_order")
def _(client, portal, one):
    return versions(client, portal, one)[0]


@shows("api_source")
def _(client, portal, one):
    client.update("contacts", {one: {"city": "Bø"}})
    row = client.read("contacts", [one], history=("city",)).body["results"][0]
    return row["propertiesWithHistory"]["city"][0]["sourceType"]


@shows("options_order")
def _(client, portal, one):
    options = client.ask("GET", "/crm/v3/properties/contacts/lifecyclestage").body["options"]
    orders = [option["displayOrder"] for option in options]
    return orders == sorted(orders)


@shows("pipelines_for_contacts")
def _(client, portal, one):
    return client.ask("GET", "/crm/v3/pipelines/contacts").status


@shows("search_lag_seconds")
def _(client, portal, one):
    portal.create("contacts", {})
    return client.search("contacts").body["total"]


def window(client: Client, portal: Portal) -> list[str]:
    for _ in range(4):
        portal.clock.advance(1)
        portal.create("contacts", {})
    now = portal.clock.ms()
    between = where("lastmodifieddate", "BETWEEN", now - 2500, highValue=str(now - 500))
    sorts = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    reply = client.search("contacts", between, sorts=sorts)
    return [row["updatedAt"] for row in reply.body["results"]]


@shows("rows_out_of_order")
def _(client, portal, one):
    times = window(client, portal)
    return len(times), times == sorted(times)


@shows("rows_outside_window")
def _(client, portal, one):
    return len(window(client, portal))


@shows("search_rate_scope", enforce_limits=True)
def _(client, portal, one):
    client.box.reception.tokens.add("other")
    statuses = [client.search("contacts").status for _ in range(5)]
    client.headers = {"Authorization": "Bearer other"}
    return [*statuses, client.search("contacts").status]


@shows("search_filter_limits")
def _(client, portal, one):
    return client.search("contacts", *[where("city", "EQ", "bø")] * 10).status


@shows("search_daily_headers")
def _(client, portal, one):
    return "x-hubspot-ratelimit-daily" in client.search("contacts").headers


@shows("list_after")
def _(client, portal, one):
    """Begin a list at an id of one's own: it is on the page, left out, or refused."""
    reply = client.get(f"contacts?after={one}")
    return [row["id"] for row in reply.body["results"]] if reply.status == 200 else reply.status


@shows("association_bumps_modified")
def _(client, portal, one):
    portal.associate("contacts", one, "deals", portal.create("deals", {}))
    return client.get(f"contacts/{one}").body["updatedAt"]


@shows("merge_new_id")
def _(client, portal, one):
    body = {"primaryObjectId": one, "objectIdToMerge": portal.create("contacts", {})}
    return client.post("contacts/merge", body).body["id"] == one


@shows("merge_stage")
def _(client, portal, one):
    """Merge a customer with a lead that was changed later, or cleared later."""
    found = []
    for changes in (("lead",), ("lead", "")):
        pair = [portal.create("contacts", {"lifecyclestage": "customer"}) for _ in range(2)]
        for stage in changes:
            portal.clock.advance(1)
            portal.edit("contacts", pair[1], {"lifecyclestage": stage})
        survivor = portal.merge("contacts", *pair)
        found.append(client.value("contacts", survivor, "lifecyclestage"))
    return found


@shows("webhook_clear")
def _(client, portal, one):
    told: list[dict[str, Any]] = []
    portal.listeners.append(told.append)
    client.update("contacts", {one: {"lifecyclestage": ""}})
    return told[0].get("propertyValue", "absent")


@shows("retry_after_on_429", enforce_limits=True, burst_limit=1)
def _(client, portal, one):
    client.get("contacts")
    return "Retry-After" in client.get("contacts").headers


@shows("usage_known")
def _(client, portal, one):
    path = "/account-info/v3/api-usage/daily/private-apps"
    return client.ask("GET", path).body["results"][0]["fetchStatus"]


def test_every_unsure_switch_is_looked_at():
    assert set(LOOKS) == set(UNSURE)


@pytest.mark.parametrize("switch", UNSURE)
def test_each_value_of_an_unsure_switch_makes_a_difference(switch):
    seen = set()
    for value in UNSURE[switch]:
        fresh = Portal(clock=Clock(NOW, running=False))
        one = fresh.create("contacts", {"lifecyclestage": "customer", "firstname": "Kari"})
        fresh.clock.advance(60)
        fresh.switches.put(switch, value)
        with Sandbox(fresh) as box:
            seen.add(orjson.dumps(LOOKS[switch](Client(box), fresh, one)))
    assert len(seen) == len(UNSURE[switch])


def test_every_switch_says_what_is_known():
    assert [one.name for one in fields(Switches) if not one.metadata.get("says")] == []


@pytest.mark.parametrize(
    ("name", "value"), [("nosuch", 1), ("merge_stage", "newest"), ("backward_write", "")]
)
def test_a_switch_refuses_a_value_that_it_does_not_know(name, value):
    with pytest.raises(ValueError, match=r"there is no switch|is one of"):
        Switches().put(name, value)
