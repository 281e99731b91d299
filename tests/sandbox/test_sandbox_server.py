"""The sandbox as a server: connections, order of checks, counting, hooks, its own endpoints."""

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

from connector.sandbox.http.faults import Fault
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from tests.sandbox.http_client import Client

SERVE_SCRIPT = """
from connector.sandbox.portal.portal import Portal
from connector.sandbox.http.server import serve
serve(Portal(), 0, "t", lambda sandbox: print(sandbox.url, flush=True))
print("ended", flush=True)
"""


def test_one_connection_serves_many_requests(client):
    for _ in range(5):
        client.get("contacts")
    pool = client._pool.connection_from_url(client.sandbox.url)
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
    client.headers = {"Authorization": given.format(client.sandbox.token)} if given else {}
    reply = client.get("contacts")
    assert (reply.status, reply.body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert reply.body["message"] == "Authentication credentials not found."


def test_checks_come_in_hubspots_order(client, portal):
    portal.switches.scopes.clear()
    client.headers = {"Accept": "text/html"}
    path = client.objects_path("nosuch/batch/read")
    assert client.ask("GET", path).status == 405
    assert client.ask("POST", path, "no").status == 406
    client.headers = {}
    assert client.ask("POST", path, "no").status == 401
    client.headers = {"Authorization": f"Bearer {client.sandbox.token}"}
    assert "Unable to infer" in client.ask("POST", path, "no").body["message"]
    path = client.objects_path("contacts/batch/read")
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


def test_served_requests_are_counted_in_order(client, sandbox, create_contact):
    contact_id = create_contact()
    client.get("contacts")
    client.family = "v3"
    client.update("contacts", {contact_id: {"firstname": "A"}})
    client.ask("GET", "/_sandbox/state")
    assert [
        (request.method, request.route, request.family, request.status)
        for request in sandbox.requests
    ] == [
        ("GET", "list", "2026-03", 200),
        ("POST", "batch_update", "v3", 200),
    ]
    assert sandbox.requests[1].body["inputs"][0]["id"] == contact_id
    assert sandbox.requests[1].object_type == "contacts"
    assert [request.route for request in sandbox.write_requests()] == ["batch_update"]
    assert (sandbox.request_count(), sandbox.request_count("list")) == (2, 1)
    sandbox.clear_requests()
    assert sandbox.requests == []


def test_hooks_run_before_a_request_is_handled_and_after_it_is_answered(
    client, sandbox, create_contact, portal
):
    contact_id, observed = create_contact(), []
    sandbox.before_answer = lambda request: observed.append(
        portal.value("contacts", contact_id, "firstname")
    )
    sandbox.after_answer = lambda request: observed.append((request.route, request.status))
    client.update("contacts", {contact_id: {"firstname": "Kari"}})
    deadline = time.monotonic() + 5
    while len(observed) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert observed == ["", ("batch_update", 200)]


def test_latency_is_real_time_and_does_not_hold_other_requests(client, portal):
    portal.switches.latency_seconds = 0.2
    started = time.monotonic()
    threads = [Thread(target=client.get, args=("contacts",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - started < 0.7


def test_the_sandboxs_own_endpoints_move_the_clock_break_things_and_edit(
    client, portal, create_contact
):
    contact_id = create_contact("lead")

    def call_admin(method, name, body=None):
        return client.ask(method, f"/_sandbox/{name}", body)

    assert call_admin("POST", "clock", {"advance": 60}).body["now"] == "2026-11-02T09:31:00+00:00"
    call_admin("POST", "faults", {"kind": "500", "route": "list"})
    assert client.get("contacts").status == 500
    call_admin("POST", "faults", {"kind": "500", "times": 0})
    call_admin("DELETE", "faults")
    call_admin("POST", "faults", {"random": {"rate": 1, "kinds": ["503"], "seed": 1}})
    assert client.get("contacts").status == 503
    call_admin("DELETE", "faults")
    assert client.get("contacts").status == 200
    clock_state = call_admin("POST", "clock", {"set": "2026-12-01T00:00:00Z"}).body
    assert clock_state == {"now": "2026-12-01T00:00:00+00:00"}
    call_admin(
        "POST", "switches", {"backward_write": "allowed", "scopes": ["crm.objects.contacts.read"]}
    )
    assert call_admin("GET", "switches").body["backward_write"] == "allowed"
    assert portal.switches.scopes == {"crm.objects.contacts.read"}
    edit = {"type": "contacts", "id": contact_id, "properties": {"lifecyclestage": "subscriber"}}
    assert call_admin("POST", "edit", edit).body == {"lifecyclestage": "subscriber"}
    company_id = call_admin(
        "POST", "create", {"type": "companies", "properties": {"name": "AS"}}
    ).body["id"]
    link = {
        "from": {"type": "contacts", "id": contact_id},
        "to": {"type": "companies", "id": company_id},
    }
    call_admin("POST", "associate", {**link, "primary": True})
    assert portal.value("contacts", contact_id, "associatedcompanyid") == company_id
    call_admin("POST", "archive", {"type": "contacts", "id": contact_id})
    assert call_admin("GET", "state").body["requests"] == {"list": 3}
    assert call_admin("POST", "switches", {"nosuch": 1}).status == 400
    assert call_admin("POST", "switches", {"backward_write": "sideways"}).status == 400
    assert (
        call_admin("POST", "edit", {"type": "contacts", "id": "9", "properties": {}}).status == 400
    )
    assert call_admin("GET", "nosuch").status == 404


def test_a_sandbox_ends_with_its_connections_even_while_an_answer_hangs(portal):
    errors = []

    def get_contacts(client):
        try:
            client.get("contacts")
        except urllib3.exceptions.HTTPError as error:
            errors.append(error)

    with Sandbox(portal) as sandbox:
        client = Client(sandbox)
        sandbox.faults.add(Fault(kind="timeout"))
        thread = Thread(target=get_contacts, args=(client,))
        thread.start()
        while not sandbox.requests:
            time.sleep(0.001)
        started = time.monotonic()
    thread.join()
    assert time.monotonic() - started < 2
    assert len(errors) == 1
    with pytest.raises(urllib3.exceptions.HTTPError):
        client.get("contacts")


def test_two_sandboxes_serve_two_portals_at_once():
    with (
        Sandbox(Portal(1), token="one") as first_sandbox,
        Sandbox(Portal(2), token="two") as second_sandbox,
    ):
        for sandbox, portal_id in ((first_sandbox, 1), (second_sandbox, 2)):
            response = urllib3.request(
                "GET",
                f"{sandbox.url}/account-info/v3/details",
                headers={"Authorization": f"Bearer {sandbox.token}"},
            )
            assert response.json()["portalId"] == portal_id
        headers = {"Authorization": f"Bearer {first_sandbox.token}"}
        response = urllib3.request(
            "GET", f"{second_sandbox.url}/account-info/v3/details", headers=headers
        )
        assert response.status == 401


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_served_portal_ends_cleanly_on_a_signal(number):
    with subprocess.Popen(
        [sys.executable, "-c", SERVE_SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        url = process.stdout.readline().strip()
        assert urllib3.request("GET", f"{url}/_sandbox/state").status == 200
        process.send_signal(number)
        out, error = process.communicate(timeout=10)
    assert (process.returncode, out, error) == (0, "ended\n", "")


def test_a_clock_runs_from_where_it_is_set_unless_it_stands_still():
    real_time = [100.0]
    running = Clock(datetime(2026, 1, 1, tzinfo=UTC), real_time=lambda: real_time[0])
    stopped = Clock(datetime(2026, 1, 1, tzinfo=UTC), running=False, real_time=lambda: real_time[0])
    real_time[0] += 5
    assert running.now() == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert stopped.now() == datetime(2026, 1, 1, tzinfo=UTC)
    stopped.advance(1.5)
    assert stopped.now() == datetime(2026, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
