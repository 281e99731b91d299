"""Faults over HTTP: which requests they affect, and whether the write took effect."""

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
    "403-html": 403,
    "404-html": 404,
    "302": 302,
    "400-bare": 400,
    "429-secondly": 429,
    "429-ten-secondly": 429,
    "429-daily": 429,
    "empty": 200,
    "html": 200,
    "not-json": 200,
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
    elsewhere = {"standing-cursor", "empty-cursor", "lost-links"}
    batch_kinds = {"400", "207", "left-out", "ignore"}
    assert set(FAULT_KINDS) == {*STATUSES, *CONNECTION_ERRORS, *batch_kinds, *elsewhere}


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


@pytest.mark.parametrize("kind", ["502", "504", "524", "html", "403-html", "404-html", "302"])
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


def test_a_set_can_fail_for_good_while_the_clear_and_other_records_work(
    client, sandbox, create_contact, portal
):
    failing_id, other_id = create_contact("customer"), create_contact("customer")
    fault = Fault(
        kind="500", route="batch_update", ids=[failing_id], writes={"lifecyclestage": "lead"}
    )
    sandbox.faults.add(fault)

    def write(*record_ids, stage):
        changes = {record_id: {"lifecyclestage": stage} for record_id in record_ids}
        return client.update("contacts", changes).status

    assert write(failing_id, other_id, stage="") == 200
    assert [write(failing_id, other_id, stage="lead") for _ in range(3)] == [500] * 3
    assert write(other_id, stage="lead") == 200
    assert write(failing_id, stage="customer") == 200
    assert portal.value("contacts", failing_id, "lifecyclestage") == "customer"


@pytest.mark.parametrize(
    ("value", "statuses"), [("", [500, 200]), ("*", [200, 500]), ("lead", [200, 500])]
)
def test_a_fault_meets_only_the_writes_that_it_names(
    client, sandbox, create_contact, value, statuses
):
    contact_id = create_contact("customer")
    sandbox.faults.add(Fault(kind="500", times=0, writes={"lifecyclestage": value}))
    assert [
        client.update("contacts", {contact_id: {"lifecyclestage": stage}}).status
        for stage in ("", "lead")
    ] == statuses
    assert client.update("contacts", {contact_id: {"firstname": "Kari"}}).status == 200


@pytest.mark.parametrize("ids_format", ["{}", "contacts/{}"])
def test_a_record_that_cannot_be_served_fails_every_read_that_names_it(
    client, sandbox, create_contact, ids_format
):
    good_id, bad_id = create_contact(), create_contact()
    sandbox.faults.add(Fault(kind="500", ids=[ids_format.format(bad_id)]))
    reads = (
        lambda *ids: client.read("contacts", ids),
        lambda *ids: client.get(f"contacts/{ids[-1]}"),
        lambda *ids: client.associations("contacts", "deals", *({"id": name} for name in ids)),
    )
    assert [read(good_id, bad_id).status for read in reads] == [500] * 3
    assert all(read(good_id).status < 300 for read in reads)


def test_an_id_with_its_type_means_no_record_of_another_type(client, sandbox, portal):
    contact_id = portal.create("contacts", {}, id=77)
    portal.create("companies", {}, id=77)
    sandbox.faults.add(Fault(kind="500", ids=["companies/77"]))
    assert client.get(f"contacts/{contact_id}").status == 200
    assert client.get("companies/77").status == 500


def test_association_answers_may_lack_links(client, sandbox, portal, create_contact):
    contact_id = create_contact()
    deal_ids = [portal.create("deals", {}) for _ in range(3)]
    for deal_id in deal_ids:
        portal.associate("deals", deal_id, "contacts", contact_id)

    def listed_ids():
        rows = client.associations("contacts", "deals", {"id": contact_id}).body["results"]
        return [str(link["toObjectId"]) for link in rows[0]["to"]]

    sandbox.faults.add(Fault(kind="lost-links", ids=[deal_ids[1]], times=1))
    assert listed_ids() == [deal_ids[0], deal_ids[2]]
    sandbox.faults.add(Fault(kind="lost-links"))
    assert listed_ids() == deal_ids[:2]
    assert listed_ids() == deal_ids


def test_associations_may_refuse_one_id_and_answer_the_others(
    client, sandbox, portal, create_contact
):
    contact_id, refused_id = create_contact(), create_contact()
    deal_id = portal.create("deals", {})
    portal.associate("deals", deal_id, "contacts", contact_id)
    sandbox.faults.add(Fault(kind="207", route="associations", ids=[refused_id]))
    reply = client.associations("contacts", "deals", {"id": contact_id}, {"id": refused_id})
    assert [row["from"]["id"] for row in reply.body["results"]] == [contact_id]
    refusal = reply.body["errors"][0]
    assert refusal["subCategory"] == "crm.associations.INVALID_IDENTIFIER"
    assert (reply.status, refusal["context"]) == (207, {"id": [refused_id]})


@pytest.mark.parametrize(("kind", "cursor"), [("standing-cursor", "100"), ("empty-cursor", "")])
def test_a_cursor_may_stand_still_or_be_empty(client, sandbox, create_contact, kind, cursor):
    for _ in range(3):
        create_contact()
    sandbox.faults.add(Fault(kind=kind))
    reply = client.get("contacts?limit=1&after=100")
    assert reply.body["paging"]["next"]["after"] == cursor
