"""The box as a server: connections, checks in order, counting, hooks, its own endpoints."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Thread

import pytest
import urllib3

from connector.sandbox.clock import Clock
from connector.sandbox.faults import Fault
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from tests.sandbox.asking import Client

SERVE = """
from connector.sandbox.portal import Portal
from connector.sandbox.server import serve
serve(Portal(), 0, "t", lambda box: print(box.url, flush=True))
print("ended", flush=True)
"""


def test_one_connection_serves_many_requests(client):
    for _ in range(5):
        client.get("contacts")
    pool = client._pool.connection_from_url(client.box.url)
    assert pool.num_connections == 1


def test_long_answers_are_zipped_when_asked_for(client, portal):
    for number in range(100):
        portal.create("contacts", {"firstname": f"N{number}"})
    plain = client.get("contacts?limit=100")
    zipped = client.get("contacts?limit=100", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert int(zipped.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 5
    assert zipped.body == plain.body


def test_the_date_of_an_answer_is_the_portals(client, portal):
    portal.clock.set(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    date = parsedate_to_datetime(client.get("contacts").headers["Date"])
    assert date == datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_every_answer_has_a_correlation_id_and_an_error_repeats_it(client):
    reply = client.get("butterflies")
    assert reply.body["correlationId"] == reply.headers["x-hubspot-correlation-id"]
    assert client.get("contacts").headers["x-hubspot-correlation-id"] != ""


@pytest.mark.parametrize("given", ["", "bearer {}", "Bearer  {}", "BEARER {}", "Bearer {}x"])
def test_only_the_exact_scheme_and_token_are_accepted(client, given):
    client.headers = {"Authorization": given.format(client.box.token)} if given else {}
    reply = client.get("contacts")
    assert (reply.status, reply.body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert reply.body["message"] == "Authentication credentials not found."


def test_checks_come_in_hubspots_order(client, portal):
    portal.switches.scopes.clear()
    client.headers = {"Accept": "text/html"}
    path = client.objects("nosuch/batch/read")
    assert client.ask("GET", path).status == 405
    assert client.ask("POST", path, "no").status == 406
    client.headers = {}
    assert client.ask("POST", path, "no").status == 401
    client.headers = {"Authorization": f"Bearer {client.box.token}"}
    assert "Unable to infer" in client.ask("POST", path, "no").body["message"]
    path = client.objects("contacts/batch/read")
    assert client.ask("POST", path, "no").status == 400
    assert client.ask("POST", path, {"inputs": [{}]}).status == 403


def test_a_wrong_method_is_405_in_html_and_names_the_right_ones(client):
    reply = client.get("contacts/search")
    assert (reply.status, reply.headers["allow"]) == (405, "POST,OPTIONS")
    assert "Method Not Allowed" in reply.body


def test_a_path_of_no_family_is_404(client):
    for path in ("/crm/v2/objects/contacts", "/crm/objects/2025-01/contacts", "/nosuch"):
        assert client.ask("GET", path).status == 404


@pytest.mark.parametrize(
    ("scope", "request_", "needed"),
    [
        ("contacts.read", ("GET", "/crm/v3/objects/contacts"), "crm.objects.contacts.read"),
        (
            "contacts.write",
            ("PATCH", "/crm/v3/objects/contacts/1", {}),
            "crm.objects.contacts.write",
        ),
        ("owners.read", ("GET", "/crm/v3/owners"), "crm.objects.owners.read"),
    ],
)
def test_a_missing_scope_is_named(client, portal, scope, request_, needed):
    portal.switches.scopes.discard(f"crm.objects.{scope}")
    reply = client.ask(*request_)
    assert (reply.status, reply.body["category"]) == (403, "MISSING_SCOPES")
    assert needed in reply.body["errors"][0]["context"]["requiredGranularScopes"]


def test_property_definitions_refuse_a_missing_scope_in_words_of_their_own(client, portal):
    portal.switches.scopes.discard("crm.objects.companies.read")
    reply = client.ask("GET", "/crm/v3/properties/companies")
    assert (reply.status, "category" in reply.body) == (403, False)
    assert "requires one of [companies-read]" in reply.body["message"]
    portal.switches.scopes.add("crm.schemas.companies.read")
    assert client.ask("GET", "/crm/v3/properties/companies").status == 200


def test_served_requests_are_counted_in_order(client, box, contact):
    one = contact()
    client.get("contacts")
    client.family = "v3"
    client.update("contacts", {one: {"firstname": "A"}})
    client.ask("GET", "/_sandbox/state")
    assert [(it.method, it.route, it.family, it.status) for it in box.requests] == [
        ("GET", "list", "2026-03", 200),
        ("POST", "batch_update", "v3", 200),
    ]
    assert box.requests[1].body["inputs"][0]["id"] == one
    assert box.requests[1].object_type == "contacts"
    assert [it.route for it in box.writes()] == ["batch_update"]
    assert (box.count(), box.count("list")) == (2, 1)
    box.forget()
    assert box.requests == []


def test_hooks_run_before_a_request_is_handled_and_after_it_is_answered(
    client, box, contact, portal
):
    one, seen = contact(), []
    box.before = lambda request: seen.append(portal.value("contacts", one, "firstname"))
    box.after = lambda request: seen.append((request.route, request.status))
    client.update("contacts", {one: {"firstname": "Kari"}})
    deadline = time.monotonic() + 5
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert seen == ["", ("batch_update", 200)]


def test_latency_is_real_time_and_does_not_hold_other_requests(client, portal):
    portal.switches.latency_seconds = 0.2
    begun = time.monotonic()
    threads = [Thread(target=client.get, args=("contacts",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - begun < 0.7


def test_the_boxs_own_endpoints_move_the_clock_break_things_and_edit(client, portal, contact):
    one = contact("lead")

    def own(method, name, body=None):
        return client.ask(method, f"/_sandbox/{name}", body)

    assert own("POST", "clock", {"advance": 60}).body["now"] == "2026-11-02T09:31:00+00:00"
    own("POST", "faults", {"kind": "500", "route": "list"})
    assert client.get("contacts").status == 500
    own("POST", "faults", {"kind": "500", "times": 0})
    own("DELETE", "faults")
    own("POST", "faults", {"random": {"rate": 1, "kinds": ["503"], "seed": 1}})
    assert client.get("contacts").status == 503
    own("DELETE", "faults")
    assert client.get("contacts").status == 200
    told = own("POST", "clock", {"set": "2026-12-01T00:00:00Z"}).body
    assert told == {"now": "2026-12-01T00:00:00+00:00"}
    own("POST", "switches", {"backward_write": "allowed", "scopes": ["crm.objects.contacts.read"]})
    assert own("GET", "switches").body["backward_write"] == "allowed"
    assert portal.switches.scopes == {"crm.objects.contacts.read"}
    edit = {"type": "contacts", "id": one, "properties": {"lifecyclestage": "subscriber"}}
    assert own("POST", "edit", edit).body == {"lifecyclestage": "subscriber"}
    firm = own("POST", "create", {"type": "companies", "properties": {"name": "AS"}}).body["id"]
    ends = {"from": {"type": "contacts", "id": one}, "to": {"type": "companies", "id": firm}}
    own("POST", "associate", {**ends, "primary": True})
    assert portal.value("contacts", one, "associatedcompanyid") == firm
    own("POST", "archive", {"type": "contacts", "id": one})
    assert own("GET", "state").body["requests"] == {"list": 3}
    assert own("POST", "switches", {"nosuch": 1}).status == 400
    assert own("POST", "switches", {"backward_write": "sideways"}).status == 400
    assert own("POST", "edit", {"type": "contacts", "id": "9", "properties": {}}).status == 400
    assert own("GET", "nosuch").status == 404


def test_a_box_ends_with_its_connections_even_while_an_answer_hangs(portal):
    failed = []

    def wait_for_ever(client):
        try:
            client.get("contacts")
        except urllib3.exceptions.HTTPError as error:
            failed.append(error)

    with Sandbox(portal) as box:
        client = Client(box)
        box.faults.add(Fault(kind="timeout"))
        thread = Thread(target=wait_for_ever, args=(client,))
        thread.start()
        while not box.requests:
            time.sleep(0.001)
        begun = time.monotonic()
    thread.join()
    assert time.monotonic() - begun < 2
    assert len(failed) == 1
    with pytest.raises(urllib3.exceptions.HTTPError):
        client.get("contacts")


def test_two_boxes_serve_two_portals_at_once():
    with Sandbox(Portal(1), token="one") as one, Sandbox(Portal(2), token="two") as two:
        for box, portal_id in ((one, 1), (two, 2)):
            answer = urllib3.request(
                "GET",
                f"{box.url}/account-info/v3/details",
                headers={"Authorization": f"Bearer {box.token}"},
            )
            assert answer.json()["portalId"] == portal_id
        wrong = {"Authorization": f"Bearer {one.token}"}
        answer = urllib3.request("GET", f"{two.url}/account-info/v3/details", headers=wrong)
        assert answer.status == 401


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_served_portal_ends_cleanly_on_a_signal(number):
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stdout.readline().strip()
        assert urllib3.request("GET", f"{url}/_sandbox/state").status == 200
        process.send_signal(number)
        out, error = process.communicate(timeout=10)
    assert (process.returncode, out, error) == (0, "ended\n", "")


def test_a_clock_runs_from_where_it_is_set_unless_it_stands_still():
    real = [100.0]
    running = Clock(datetime(2026, 1, 1, tzinfo=UTC), real=lambda: real[0])
    standing = Clock(datetime(2026, 1, 1, tzinfo=UTC), running=False, real=lambda: real[0])
    real[0] += 5
    assert running.now() == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert standing.now() == datetime(2026, 1, 1, tzinfo=UTC)
    standing.advance(1.5)
    assert standing.now() == datetime(2026, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
