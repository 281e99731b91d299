"""Request limits by the portal's clock, and what an answer says of them."""

from __future__ import annotations

import pytest

from tests.sandbox.http_client import Client


@pytest.fixture(autouse=True)
def switches(portal):
    portal.switches.enforce_limits = True
    return portal.switches


def test_the_burst_limit_holds_over_ten_seconds_of_the_portals_clock(client, portal, switches):
    switches.burst_limit = 3
    assert [client.get("contacts").status for _ in range(4)] == [200, 200, 200, 429]
    body = client.get("contacts").body
    assert (body["policyName"], body["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    portal.clock.advance(10)
    assert client.get("contacts").status == 200


def test_the_headers_count_down(client, switches):
    switches.burst_limit = 3
    remaining = [client.get("contacts").headers["x-hubspot-ratelimit-remaining"] for _ in range(3)]
    assert remaining == ["2", "1", "0"]


def test_five_searches_a_second_are_the_most_and_are_counted_apart(client, portal, switches):
    switches.burst_limit = 5
    statuses = [client.search("contacts").status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert client.search("contacts").body["policyName"] == "SECONDLY"
    assert client.get("contacts").status == 200
    portal.clock.advance(1)
    assert client.search("contacts").status == 200


def test_the_day_ends_at_midnight_of_the_portals_time_zone(client, portal, switches):
    switches.daily_limit = 2
    assert [client.get("contacts").status for _ in range(3)] == [200, 200, 429]
    reply = client.get("contacts")
    assert reply.body["policyName"] == "DAILY"
    assert reply.body["message"] == "You have reached your daily limit."
    assert reply.headers["x-hubspot-ratelimit-daily-remaining"] == "0"
    portal.clock.advance(13.4 * 3600)  # 23:54 in Oslo
    assert client.get("contacts").status == 429
    portal.clock.advance(0.2 * 3600)
    assert client.get("contacts").status == 200


def test_oauth_apps_have_no_daily_limit(client, switches):
    switches.app_kind, switches.daily_limit = "oauth", 1
    replies = [client.get("contacts") for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert "x-hubspot-ratelimit-daily" not in replies[0].headers


def test_nothing_is_refused_while_nothing_is_enforced(client, switches):
    switches.enforce_limits, switches.burst_limit, switches.search_limit = False, 1, 1
    assert {client.search("contacts").status for _ in range(3)} == {200}
    assert {client.get("contacts").status for _ in range(3)} == {200}
    assert int(client.get("contacts").headers["x-hubspot-ratelimit-max"]) > 100_000


def test_the_search_limit_may_be_counted_for_each_token(client, sandbox, switches):
    switches.search_rate_scope = "token"
    sandbox.dispatcher.tokens.add("pat-eu1-other")
    other_client = Client(sandbox)
    other_client.headers = {"Authorization": "Bearer pat-eu1-other"}
    assert [client.search("contacts").status for _ in range(5)] == [200] * 5
    assert other_client.search("contacts").status == 200
