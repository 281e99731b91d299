"""The web server accepts only signed deliveries, and answers them after they are stored."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import orjson
import pytest
import structlog

from connector.errors import TemporaryError
from connector.hubspot.webhook_signature import v1_signature
from tests.web.asgi_client import (
    CLIENT_SECRET,
    NOW,
    PORTAL_ID,
    PUBLIC_URL,
    WEBHOOK_PATH,
    FakeDaemon,
    send_request,
    signed_headers,
)

EVENT = {
    "eventId": 1,
    "subscriptionId": 4,
    "portalId": int(PORTAL_ID),
    "occurredAt": 1793611800000,
    "subscriptionType": "contact.propertyChange",
    "objectId": 123,
}
BODY = orjson.dumps([EVENT])


def test_a_signed_delivery_is_stored_and_answered_with_204() -> None:
    daemon = FakeDaemon()
    answer = send_request(
        daemon.app(), "POST", WEBHOOK_PATH, headers=signed_headers(BODY), body=BODY
    )
    assert (answer.status, answer.body) == (204, "")
    assert [str(event.record) for event in daemon.stored_events] == ["contacts/123"]
    assert daemon.delivery_counts == {"accepted": 1, "passed over": 0}


def test_the_query_is_signed_as_hubspot_decodes_it() -> None:
    daemon = FakeDaemon()
    headers = signed_headers(BODY, query="from=a@b")
    answer = send_request(
        daemon.app(), "POST", WEBHOOK_PATH, headers=headers, body=BODY, query=b"from=a%40b"
    )
    assert answer.status == 204


def test_the_host_that_was_asked_does_not_matter_behind_a_proxy() -> None:
    headers = {**signed_headers(BODY), "Host": "10.0.0.1:8080", "X-Forwarded-Host": "evil.example"}
    assert (
        send_request(FakeDaemon().app(), "POST", WEBHOOK_PATH, headers=headers, body=BODY).status
        == 204
    )


def test_v1_is_taken_only_where_it_is_switched_on() -> None:
    headers = {
        "X-HubSpot-Signature": v1_signature(CLIENT_SECRET, BODY),
        "X-HubSpot-Signature-Version": "v1",
    }
    assert (
        send_request(FakeDaemon().app(), "POST", WEBHOOK_PATH, headers=headers, body=BODY).status
        == 401
    )
    assert (
        send_request(
            FakeDaemon(accept_v1=True).app(), "POST", WEBHOOK_PATH, headers=headers, body=BODY
        ).status
        == 204
    )


def test_an_old_delivery_is_refused() -> None:
    daemon = FakeDaemon(now=NOW + timedelta(minutes=6))
    answer = send_request(
        daemon.app(), "POST", WEBHOOK_PATH, headers=signed_headers(BODY), body=BODY
    )
    assert (answer.status, answer.body) == (401, "too old\n")
    assert daemon.delivery_counts == {"refused": 1}


def test_without_a_secret_everything_is_refused_with_the_setting_to_set() -> None:
    answer = send_request(
        FakeDaemon(sign_deliveries=False).app(),
        "POST",
        WEBHOOK_PATH,
        headers=signed_headers(BODY),
        body=BODY,
    )
    assert answer.status == 401
    assert "HUBSPOT_WEBHOOK_SECRET" in answer.body


def test_a_signed_body_that_is_no_list_is_a_400() -> None:
    answer = send_request(
        FakeDaemon().app(), "POST", WEBHOOK_PATH, headers=signed_headers(b"7"), body=b"7"
    )
    assert answer.status == 400


def test_events_that_cannot_be_stored_are_not_taken() -> None:
    daemon = FakeDaemon(storage_error=TemporaryError("the database is locked"))
    answer = send_request(
        daemon.app(), "POST", WEBHOOK_PATH, headers=signed_headers(BODY), body=BODY
    )
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")


def test_a_delivery_before_the_portal_is_known_is_to_be_repeated() -> None:
    answer = send_request(
        FakeDaemon(portal_id="").app(),
        "POST",
        WEBHOOK_PATH,
        headers=signed_headers(BODY),
        body=BODY,
    )
    assert answer.status == 503


def test_a_body_over_one_mebibyte_is_refused_however_it_comes() -> None:
    app, size = FakeDaemon().app(), 2**20 + 1
    headers = {"Content-Length": str(size)}
    assert send_request(app, "POST", WEBHOOK_PATH, headers=headers, body=b"x").status == 413
    assert send_request(app, "POST", WEBHOOK_PATH, body=[b"x" * 2**19] * 3).status == 413
    assert send_request(app, "POST", WEBHOOK_PATH, body=b"x" * 2**20).status == 401


def test_a_client_that_leaves_in_the_middle_stores_nothing() -> None:
    daemon = FakeDaemon()
    answer = send_request(
        daemon.app(),
        "POST",
        WEBHOOK_PATH,
        headers=signed_headers(BODY),
        body=[BODY[:5]],
        disconnects=True,
    )
    assert (answer.status, daemon.stored_events) == (408, [])


def test_too_many_deliveries_in_a_second_are_put_off() -> None:
    daemon = FakeDaemon()
    app = daemon.app()
    statuses = [send_request(app, "POST", WEBHOOK_PATH).status for _ in range(1001)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    daemon.seconds = 1.0
    assert send_request(app, "POST", WEBHOOK_PATH).status == 401


def test_refusals_are_said_with_the_address_that_was_signed_but_not_each() -> None:
    daemon = FakeDaemon()
    app = daemon.app()
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            send_request(
                app, "POST", WEBHOOK_PATH, headers={"X-HubSpot-Signature-v3": "x"}, body=BODY
            )
    assert [entry["reason"] for entry in logs] == ["no time"]
    assert logs[0]["signed_for"] == PUBLIC_URL + WEBHOOK_PATH


def test_healthz_says_that_the_process_lives() -> None:
    assert (
        send_request(FakeDaemon(problems=["token: revoked"]).app(), "GET", "/healthz").status == 200
    )


def test_readyz_says_what_is_wrong() -> None:
    unready = send_request(
        FakeDaemon(problems=["token: revoked", "poll: stale"]).app(), "GET", "/readyz"
    )
    assert (unready.status, unready.body) == (503, "token: revoked\npoll: stale\n")
    ready = send_request(FakeDaemon().app(), "GET", "/readyz")
    assert (ready.status, ready.body) == (200, "ready\n")


def test_metrics_are_told_as_prometheus_reads_them() -> None:
    answer = send_request(FakeDaemon().app(), "GET", "/metrics")
    assert (answer.status, answer.body) == (200, "connector_due 3.0\n")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/redoc", "/webhooks", WEBHOOK_PATH + "/"]
)
def test_there_is_nothing_else(path: str) -> None:
    assert send_request(FakeDaemon().app(), "POST", path).status in {404, 405}


def _mutate_delivery(
    random_source: Random, headers: dict[str, str], body: bytes
) -> tuple[str, str, bytes]:
    """Change one thing of a good delivery; return its path, query and body."""
    path, query, position = WEBHOOK_PATH, "", random_source.randrange(len(body))
    name = random_source.choice(list(headers))
    match random_source.randrange(7):
        case 0:
            body = (
                body[:position]
                + bytes([body[position] ^ (1 << random_source.randrange(8))])
                + body[position + 1 :]
            )
        case 1:
            body = body[:position]
        case 2:
            body += bytes(
                random_source.randrange(256) for _ in range(random_source.randrange(1, 9))
            )
        case 3:
            index = random_source.randrange(len(headers[name]))
            new_character = chr(random_source.randrange(32, 256))
            old_value = headers[name]
            headers[name] = (
                old_value[:index] + new_character + old_value[index + 1 :]
                if new_character != old_value[index]
                else "x"
            )
        case 4:
            headers["X-HubSpot-Request-Timestamp"] = str(random_source.randrange(-(10**17), 10**17))
        case 5:
            path += random_source.choice(["/", "/..", "%00", "//", "/é"])
        case 6:
            query = random_source.choice(["a=b", "%", "?", "%ff=%00", "\x7f"])
    return path, query, body


def _send_mutated_deliveries(delivery_count: int) -> None:
    daemon, random_source = FakeDaemon(), Random(20)
    app, statuses = daemon.app(), set()
    for index in range(delivery_count):
        daemon.seconds = float(index)
        headers = signed_headers(BODY)
        headers.pop("Content-Type")
        path, query, body = _mutate_delivery(random_source, headers, BODY)
        answer = send_request(
            app, "POST", path, headers=headers, body=body, query=query.encode("latin-1")
        )
        statuses.add(answer.status)
    assert statuses <= {400, 401, 404, 405}
    assert daemon.stored_events == []


def test_no_mutated_delivery_is_accepted_and_none_is_an_error_of_ours() -> None:
    _send_mutated_deliveries(500)


@pytest.mark.long
def test_ten_thousand_mutated_deliveries_are_all_refused() -> None:
    _send_mutated_deliveries(10_000)


def test_a_mistake_in_the_policy_leaves_webhooks_their_way_in_and_shows_where_asked() -> None:
    app = FakeDaemon(failures=["policy: line 3"]).app()
    lenient = send_request(app, "GET", "/readyz")
    assert (lenient.status, lenient.body) == (200, "ready\npolicy: line 3\n")
    strict = send_request(app, "GET", "/readyz", query=b"strict=1")
    assert (strict.status, strict.body) == (503, "policy: line 3\n")


def test_a_pause_is_a_remark_and_no_problem() -> None:
    app = FakeDaemon(remarks=["writes are paused"]).app()
    for query in (b"", b"strict=1"):
        answer = send_request(app, "GET", "/readyz", query=query)
        assert (answer.status, answer.body) == (200, "ready\nwrites are paused\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/style.css"])
def test_who_asks_for_the_head_alone_is_answered(path: str) -> None:
    assert (
        send_request(FakeDaemon().app(), "HEAD", path, headers={"Host": "127.0.0.1:8080"}).status
        == 200
    )
