"""The client over HTTP: what is sent, how answers are read, and what failures mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import TemporaryError
from connector.hubspot.http.daily_budget import uninterruptible
from connector.hubspot.http.failures import (
    BadAnswer,
    ClocksDisagree,
    LimitReached,
    RequestsUsedUp,
    TokenRefused,
    Unavailable,
)
from tests.hubspot.conftest import TOKEN, FakeTimer
from tests.hubspot.raw_answers import (
    CONTACTS,
    EMPTY_PAGE,
    FIRST,
    NOON,
    REPLY_NAMES,
    UNKNOWN_OUTCOMES,
    OpenClient,
    raw_record,
)
from tests.hubspot.scripted_server import Reply, serve_by_rule, serve_replies

pytestmark = pytest.mark.network


@pytest.mark.parametrize("reply", UNKNOWN_OUTCOMES, ids=REPLY_NAMES)
def test_a_read_survives_the_same_and_is_asked_again(
    reply: Reply, open_client: OpenClient, timer: FakeTimer
) -> None:
    good = Reply(body={"results": [raw_record("1", email="a")]})
    with serve_replies(reply, reply, good) as server:
        records = open_client(server.url, read=0.5).read([FIRST], ["email"])
    assert records[FIRST].value("email") == "a"
    # On a busy machine the good answer may come too late, too.
    assert len(timer.waits) == len(server.requests) - 1 >= 2


def test_a_read_gives_up_after_its_tries(open_client: OpenClient) -> None:
    with serve_replies(Reply(status=500)) as server, pytest.raises(Unavailable):
        open_client(server.url, tries=4).read([FIRST], [])
    # The last two ask whether HubSpot answers for a record that does not exist.
    assert len(server.requests) == 4 + 2


def test_the_daily_limit_is_raised_with_the_wait_until_the_portals_midnight(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    account = {"portalId": 1, "timeZone": "Europe/Oslo"}
    daily = Reply(
        status=429,
        body={"policyName": "DAILY"},
        headers={"Date": "Thu, 12 Mar 2026 22:00:00 GMT"},
    )
    with serve_replies(Reply(body=account), daily) as server:
        client = open_client(server.url)
        client.account()
        with pytest.raises(LimitReached) as error:
            client.list_page(CONTACTS, [])
    assert (error.value.policy_name, error.value.retry_after) == ("DAILY", 3600.0)
    assert timer.waits == []


def test_a_migrating_account_is_left_alone_for_as_long_as_it_says(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    reply = Reply(status=477, headers={"Retry-After": "86400"})
    with serve_replies(reply) as server, pytest.raises(TemporaryError) as error:
        open_client(server.url).list_page(CONTACTS, [])
    assert (error.value.retry_after, timer.waits) == (86400, [])


def test_a_refused_token_is_never_repeated_in_the_message(open_client: OpenClient) -> None:
    reply = Reply(status=401, body={"message": f"The token {TOKEN} is unknown"})
    with serve_replies(reply) as server, pytest.raises(TokenRefused) as error:
        open_client(server.url).account()
    assert TOKEN not in str(error.value)
    assert "HUBSPOT_ACCESS_TOKEN" in str(error.value)


def test_now_is_the_portals_time_and_costs_one_request_at_most(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    with serve_replies(Reply(body={"portalId": 1})) as server:
        client = open_client(server.url)
        start = client.now()
        timer.wait(60)
        assert client.now() - start == timedelta(seconds=60)
        client.account()
    assert start == datetime(2026, 3, 12, 7, 35, 5, tzinfo=UTC)
    assert len(server.requests) == 2


@pytest.mark.parametrize("days", [-365, -2, 2, 365])
def test_where_the_clocks_are_days_apart_there_is_no_time_to_work_by(
    open_client: OpenClient, days: int
) -> None:
    machine_time = datetime(2026, 3, 12, 7, 35, 5, tzinfo=UTC) + timedelta(days=days)
    with serve_replies(Reply(body={"portalId": 1})) as server:
        client = open_client(server.url)
        client.compare_clocks(machine_time.timestamp)
        with pytest.raises(ClocksDisagree, match="2026-03-12 07:35 UTC") as error:
            client.now()
        with uninterruptible(), pytest.raises(ClocksDisagree):
            client.now()  # no earlier answer tells the time
    assert error.value.machine_time == machine_time


def test_a_single_answer_with_an_odd_date_changes_nothing(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    odd = Reply(body={"portalId": 1}, headers={"Date": "Fri, 12 Mar 2027 07:35:05 GMT"})
    sound = Reply(body={"portalId": 1})
    start = datetime(2026, 3, 12, 7, 35, 5, tzinfo=UTC)
    with serve_replies(sound, odd, sound, odd) as server:
        client = open_client(server.url)
        client.compare_clocks(start.timestamp)
        client.account()
        client.account()
        assert client.now() == start  # asked once more
        client.account()
        with uninterruptible():
            assert client.now() == start  # a write that was begun is finished
        with pytest.raises(ClocksDisagree):
            client.now()


def test_a_server_without_a_date_is_not_taken_for_hubspot(open_client: OpenClient) -> None:
    reply = Reply(body={"portalId": 1}, headers={"Date": ""})
    with serve_replies(reply) as server, pytest.raises(BadAnswer, match="HUBSPOT_API_URL"):
        open_client(server.url).now()


def test_searches_keep_to_four_a_second(open_client: OpenClient, timer: FakeTimer) -> None:
    with serve_replies(Reply(body=EMPTY_PAGE)) as server:
        client = open_client(server.url)
        for _ in range(9):
            client.search_changed(CONTACTS, [], since=NOON, until=NOON)
    assert timer.time - 1000 == 2.0


def test_a_limit_of_requests_counts_those_that_are_sent_again(open_client: OpenClient) -> None:
    failure = Reply(status=503, body={"status": "error", "message": "no"})
    with serve_by_rule(lambda _: failure) as server:
        client = open_client(server.url, tries=3)
        client.limit_requests(4)
        with pytest.raises(Unavailable):
            client.account()
        with pytest.raises(RequestsUsedUp, match="the budget of 4 requests is used"):
            client.account()
        with pytest.raises(RequestsUsedUp):
            client.account()
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_scopes_are_unknown_where_hubspot_does_not_know_the_kind_of_token(
    status: int, open_client: OpenClient
) -> None:
    refusal = Reply(status=status, body={"status": "error", "message": "no", "category": "X"})
    with serve_replies(refusal) as server:
        token = open_client(server.url).token_info()
    assert token.scopes is None
    (request,) = server.requests
    assert request.path == "/oauth/v2/private-apps/get/access-token-info"
    assert request.body == {"tokenKey": TOKEN}
