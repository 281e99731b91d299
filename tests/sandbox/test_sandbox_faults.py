"""Faults over HTTP: which requests they strike, and whether the write took effect."""

from __future__ import annotations

import pytest
import urllib3

from connector.sandbox.faults import KINDS, Fault

STATUSES = {
    "500": 500,
    "502": 502,
    "503": 503,
    "504": 504,
    "524": 524,
    "423": 423,
    "477": 477,
    "401": 401,
    "403": 403,
    "429-secondly": 429,
    "429-ten-secondly": 429,
    "429-daily": 429,
    "empty": 200,
    "html": 200,
    "empty-results": 200,
}
BROKEN = {
    "reset": urllib3.exceptions.ProtocolError,
    "truncated": urllib3.exceptions.ProtocolError,
    "timeout": urllib3.exceptions.ReadTimeoutError,
}


@pytest.fixture(autouse=True)
def _quick(portal):
    portal.switches.hang_seconds = 10


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", STATUSES)
def test_a_fault_strikes_before_or_after_the_write(client, box, contact, portal, kind, when):
    one = contact()
    box.faults.add(Fault(route="batch_update", kind=kind, when=when))
    reply = client.update("contacts", {one: {"firstname": "Kari"}})
    assert reply.status == STATUSES[kind]
    assert portal.value("contacts", one, "firstname") == ("Kari" if when == "after" else "")
    assert client.update("contacts", {one: {"firstname": "Ola"}}).ids == [one]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_connection_leaves_the_write_done_or_not(client, box, contact, portal, kind, when):
    one = contact()
    box.faults.add(Fault(route="batch_update", kind=kind, when=when))
    client._pool.connection_pool_kw["timeout"] = urllib3.Timeout(connect=2, read=0.2)
    with pytest.raises(BROKEN[kind]):
        client.update("contacts", {one: {"firstname": "Kari"}})
    assert portal.value("contacts", one, "firstname") == ("Kari" if when == "after" else "")


def test_every_kind_is_tried_here():
    assert set(KINDS) == {*STATUSES, *BROKEN, "400", "207", "left-out", "ignore"}


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("429-secondly", "SECONDLY"),
        ("429-ten-secondly", "TEN_SECONDLY_ROLLING"),
        ("429-daily", "DAILY"),
    ],
)
def test_a_limit_names_its_policy_and_says_how_long_only_when_told(client, box, kind, policy):
    box.faults.add(Fault(kind=kind))
    box.faults.add(Fault(kind=kind, retry_after=7))
    silent, telling = client.get("contacts"), client.get("contacts")
    assert silent.body["policyName"] == telling.body["policyName"] == policy
    assert "Retry-After" not in silent.headers
    assert telling.headers["Retry-After"] == "7"


def test_a_moving_account_names_its_wait(client, box):
    box.faults.add(Fault(kind="477", retry_after=120))
    reply = client.get("contacts")
    assert (reply.status, reply.headers["Retry-After"]) == (477, "120")


@pytest.mark.parametrize("kind", ["502", "504", "524", "html"])
def test_gateways_answer_in_html(client, box, kind):
    box.faults.add(Fault(kind=kind))
    assert client.get("contacts").body.startswith("<html>")


def test_a_fault_waits_for_the_nth_request_of_its_route_and_strikes_so_often(client, box):
    box.faults.add(Fault(route="list", kind="500", nth=2, times=2))
    assert client.search("contacts").status == 200
    assert [client.get("contacts").status for _ in range(4)] == [200, 500, 500, 200]
    assert box.faults.struck == ["list 500 before"] * 2


def test_a_poisoned_record_fails_every_batch_that_names_it(client, box, contact, portal):
    good, bad = contact(), contact()
    box.faults.add(Fault(route="batch_update", kind="400", ids=[bad]))
    for _ in range(2):
        both = {good: {"firstname": "A"}, bad: {"firstname": "A"}}
        assert client.update("contacts", both).status == 400
    assert portal.value("contacts", good, "firstname") == ""
    assert client.update("contacts", {good: {"firstname": "A"}}).status == 200


@pytest.mark.parametrize(
    ("kind", "status", "named"), [("207", 207, True), ("left-out", 200, False)]
)
def test_ids_may_be_left_out_with_or_without_a_word(
    client, box, contact, portal, kind, status, named
):
    kept, lost = contact(), contact()
    box.faults.add(Fault(route="batch_update", kind=kind, ids=[lost]))
    reply = client.update("contacts", {kept: {"firstname": "A"}, lost: {"firstname": "B"}})
    assert (reply.status, reply.ids) == (status, [kept])
    assert ("errors" in reply.body) is named
    assert portal.value("contacts", lost, "firstname") == ""


def test_an_ignored_write_is_answered_as_if_it_were_done(client, box, contact, portal):
    one = contact()
    box.faults.add(Fault(kind="ignore"))
    reply = client.update("contacts", {one: {"firstname": "Kari"}})
    assert reply.body["results"][0]["properties"]["firstname"] == "Kari"
    assert portal.value("contacts", one, "firstname") == ""


def test_faults_at_random_are_reproducible_and_as_frequent_as_told(client, box, portal):
    def statuses():
        box.faults.random(rate=0.3, kinds=["500", "503"], seed=7)
        return [client.get("contacts").status for _ in range(60)]

    first = statuses()
    assert statuses() == first
    assert 8 <= sum(one != 200 for one in first) <= 30
    box.faults.clear()
    assert {client.get("contacts").status for _ in range(20)} == {200}


def test_an_unknown_kind_is_refused_at_once():
    with pytest.raises(ValueError, match="kind is one of"):
        Fault(kind="gremlins")
