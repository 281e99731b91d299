"""Faults over HTTP: which requests they strike, and whether the write took effect."""

from __future__ import annotations

import pytest
import urllib3

from connector.sandbox.http.faults import FAULT_KINDS, Fault

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
CONNECTION_ERRORS = {
    "reset": urllib3.exceptions.ProtocolError,
    "truncated": urllib3.exceptions.ProtocolError,
    "timeout": urllib3.exceptions.ReadTimeoutError,
}


@pytest.fixture(autouse=True)
def _shorten_hang(portal):
    portal.switches.hang_seconds = 10


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", STATUSES)
def test_a_fault_strikes_before_or_after_the_write(
    client, sandbox, create_contact, portal, kind, when
):
    contact_id = create_contact()
    sandbox.faults.add(Fault(route="batch_update", kind=kind, when=when))
    reply = client.update("contacts", {contact_id: {"firstname": "Kari"}})
    assert reply.status == STATUSES[kind]
    assert portal.value("contacts", contact_id, "firstname") == ("Kari" if when == "after" else "")
    assert client.update("contacts", {contact_id: {"firstname": "Ola"}}).ids == [contact_id]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", CONNECTION_ERRORS)
def test_a_broken_connection_leaves_the_write_done_or_not(
    client, sandbox, create_contact, portal, kind, when
):
    contact_id = create_contact()
    sandbox.faults.add(Fault(route="batch_update", kind=kind, when=when))
    client._pool.connection_pool_kw["timeout"] = urllib3.Timeout(connect=2, read=0.2)
    with pytest.raises(CONNECTION_ERRORS[kind]):
        client.update("contacts", {contact_id: {"firstname": "Kari"}})
    assert portal.value("contacts", contact_id, "firstname") == ("Kari" if when == "after" else "")


def test_every_kind_is_tried_here():
    assert set(FAULT_KINDS) == {*STATUSES, *CONNECTION_ERRORS, "400", "207", "left-out", "ignore"}


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("429-secondly", "SECONDLY"),
        ("429-ten-secondly", "TEN_SECONDLY_ROLLING"),
        ("429-daily", "DAILY"),
    ],
)
def test_a_limit_names_its_policy_and_says_how_long_only_when_told(client, sandbox, kind, policy):
    sandbox.faults.add(Fault(kind=kind))
    sandbox.faults.add(Fault(kind=kind, retry_after=7))
    without_wait, with_wait = client.get("contacts"), client.get("contacts")
    assert without_wait.body["policyName"] == with_wait.body["policyName"] == policy
    assert "Retry-After" not in without_wait.headers
    assert with_wait.headers["Retry-After"] == "7"


def test_a_moving_account_names_its_wait(client, sandbox):
    sandbox.faults.add(Fault(kind="477", retry_after=120))
    reply = client.get("contacts")
    assert (reply.status, reply.headers["Retry-After"]) == (477, "120")


@pytest.mark.parametrize("kind", ["502", "504", "524", "html"])
def test_gateways_answer_in_html(client, sandbox, kind):
    sandbox.faults.add(Fault(kind=kind))
    assert client.get("contacts").body.startswith("<html>")


def test_a_fault_waits_for_the_nth_request_of_its_route_and_strikes_so_often(client, sandbox):
    sandbox.faults.add(Fault(route="list", kind="500", nth=2, times=2))
    assert client.search("contacts").status == 200
    assert [client.get("contacts").status for _ in range(4)] == [200, 500, 500, 200]
    assert sandbox.faults.injected == ["list 500 before"] * 2


def test_a_poisoned_record_fails_every_batch_that_names_it(client, sandbox, create_contact, portal):
    good_id, bad_id = create_contact(), create_contact()
    sandbox.faults.add(Fault(route="batch_update", kind="400", ids=[bad_id]))
    for _ in range(2):
        changes = {good_id: {"firstname": "A"}, bad_id: {"firstname": "A"}}
        assert client.update("contacts", changes).status == 400
    assert portal.value("contacts", good_id, "firstname") == ""
    assert client.update("contacts", {good_id: {"firstname": "A"}}).status == 200


@pytest.mark.parametrize(
    ("kind", "status", "named"), [("207", 207, True), ("left-out", 200, False)]
)
def test_ids_may_be_left_out_with_or_without_a_word(
    client, sandbox, create_contact, portal, kind, status, named
):
    written_id, left_out_id = create_contact(), create_contact()
    sandbox.faults.add(Fault(route="batch_update", kind=kind, ids=[left_out_id]))
    reply = client.update(
        "contacts", {written_id: {"firstname": "A"}, left_out_id: {"firstname": "B"}}
    )
    assert (reply.status, reply.ids) == (status, [written_id])
    assert ("errors" in reply.body) is named
    assert portal.value("contacts", left_out_id, "firstname") == ""


def test_an_ignored_write_is_answered_as_if_it_were_done(client, sandbox, create_contact, portal):
    contact_id = create_contact()
    sandbox.faults.add(Fault(kind="ignore"))
    reply = client.update("contacts", {contact_id: {"firstname": "Kari"}})
    assert reply.body["results"][0]["properties"]["firstname"] == "Kari"
    assert portal.value("contacts", contact_id, "firstname") == ""


def test_faults_at_random_are_reproducible_and_as_frequent_as_told(client, sandbox, portal):
    def statuses():
        sandbox.faults.add_random(rate=0.3, kinds=["500", "503"], seed=7)
        return [client.get("contacts").status for _ in range(60)]

    first = statuses()
    assert statuses() == first
    assert 8 <= sum(status != 200 for status in first) <= 30
    sandbox.faults.clear()
    assert {client.get("contacts").status for _ in range(20)} == {200}


def test_an_unknown_kind_is_refused_at_once():
    with pytest.raises(ValueError, match="kind is one of"):
        Fault(kind="gremlins")
