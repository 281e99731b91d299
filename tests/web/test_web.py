"""What the web promises: nothing unsigned comes in, and nothing is answered before it is stored."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import orjson
import pytest
import structlog

from connector.errors import TemporaryError
from connector.hubspot.signature import v1
from tests.web.asking import NOW, PATH, PORTAL, PUBLIC, SECRET, Daemon, ask, signed

EVENT = {
    "eventId": 1,
    "subscriptionId": 4,
    "portalId": int(PORTAL),
    "occurredAt": 1793611800000,
    "subscriptionType": "contact.propertyChange",
    "objectId": 123,
}
BODY = orjson.dumps([EVENT])


def test_a_signed_delivery_is_stored_and_answered_with_204() -> None:
    daemon = Daemon()
    answer = ask(daemon.app(), "POST", PATH, headers=signed(BODY), body=BODY)
    assert (answer.status, answer.body) == (204, "")
    assert [str(one.record) for one in daemon.received] == ["contacts/123"]
    assert daemon.noted == {"accepted": 1, "passed over": 0}


def test_the_query_is_signed_as_hubspot_decodes_it() -> None:
    daemon = Daemon()
    headers = signed(BODY, query="from=a@b")
    answer = ask(daemon.app(), "POST", PATH, headers=headers, body=BODY, query=b"from=a%40b")
    assert answer.status == 204


def test_the_host_that_was_asked_does_not_matter_behind_a_proxy() -> None:
    headers = {**signed(BODY), "Host": "10.0.0.1:8080", "X-Forwarded-Host": "evil.example"}
    assert ask(Daemon().app(), "POST", PATH, headers=headers, body=BODY).status == 204


def test_v1_is_taken_only_where_it_is_switched_on() -> None:
    headers = {"X-HubSpot-Signature": v1(SECRET, BODY), "X-HubSpot-Signature-Version": "v1"}
    assert ask(Daemon().app(), "POST", PATH, headers=headers, body=BODY).status == 401
    assert ask(Daemon(legacy=True).app(), "POST", PATH, headers=headers, body=BODY).status == 204


def test_an_old_delivery_is_refused() -> None:
    daemon = Daemon(now=NOW + timedelta(minutes=6))
    answer = ask(daemon.app(), "POST", PATH, headers=signed(BODY), body=BODY)
    assert (answer.status, answer.body) == (401, "too old\n")
    assert daemon.noted == {"refused": 1}


def test_without_a_secret_everything_is_refused_with_the_setting_to_set() -> None:
    answer = ask(Daemon(signing=False).app(), "POST", PATH, headers=signed(BODY), body=BODY)
    assert answer.status == 401
    assert "HUBSPOT_WEBHOOK_SECRET" in answer.body


def test_a_signed_body_that_is_no_list_is_a_400() -> None:
    answer = ask(Daemon().app(), "POST", PATH, headers=signed(b"{}"), body=b"{}")
    assert answer.status == 400


def test_events_that_cannot_be_stored_are_not_taken() -> None:
    daemon = Daemon(fails=TemporaryError("the database is locked"))
    answer = ask(daemon.app(), "POST", PATH, headers=signed(BODY), body=BODY)
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")


def test_a_delivery_before_the_portal_is_known_is_to_be_repeated() -> None:
    answer = ask(Daemon(portal_id="").app(), "POST", PATH, headers=signed(BODY), body=BODY)
    assert answer.status == 503


def test_a_body_over_one_mebibyte_is_refused_however_it_comes() -> None:
    app, size = Daemon().app(), 2**20 + 1
    told = {"Content-Length": str(size)}
    assert ask(app, "POST", PATH, headers=told, body=b"x").status == 413
    assert ask(app, "POST", PATH, body=[b"x" * 2**19] * 3).status == 413
    assert ask(app, "POST", PATH, body=b"x" * 2**20).status == 401


def test_a_client_that_leaves_in_the_middle_stores_nothing() -> None:
    daemon = Daemon()
    answer = ask(daemon.app(), "POST", PATH, headers=signed(BODY), body=[BODY[:5]], leaves=True)
    assert (answer.status, daemon.received) == (408, [])


def test_too_many_deliveries_in_a_second_are_put_off() -> None:
    daemon = Daemon()
    app = daemon.app()
    statuses = [ask(app, "POST", PATH).status for _ in range(1001)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    daemon.seconds = 1.0
    assert ask(app, "POST", PATH).status == 401


def test_refusals_are_said_with_the_address_that_was_signed_but_not_each() -> None:
    daemon = Daemon()
    app = daemon.app()
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            ask(app, "POST", PATH, headers={"X-HubSpot-Signature-v3": "x"}, body=BODY)
    assert [one["reason"] for one in logs] == ["no time"]
    assert logs[0]["signed_for"] == PUBLIC + PATH


def test_healthz_says_that_the_process_lives() -> None:
    assert ask(Daemon(wrong=["token: revoked"]).app(), "GET", "/healthz").status == 200


def test_readyz_says_what_is_wrong() -> None:
    bad = ask(Daemon(wrong=["token: revoked", "poll: stale"]).app(), "GET", "/readyz")
    assert (bad.status, bad.body) == (503, "token: revoked\npoll: stale\n")
    good = ask(Daemon().app(), "GET", "/readyz")
    assert (good.status, good.body) == (200, "ready\n")


def test_metrics_are_told_as_prometheus_reads_them() -> None:
    answer = ask(Daemon().app(), "GET", "/metrics")
    assert (answer.status, answer.body) == (200, "connector_due 3.0\n")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/webhooks", PATH + "/"])
def test_there_is_nothing_else(path: str) -> None:
    assert ask(Daemon().app(), "POST", path).status in {404, 405}


def _mutate(dice: Random, headers: dict[str, str], body: bytes) -> tuple[str, str, bytes]:
    """Change one thing of a good delivery; return its path, query and body."""
    path, query, at = PATH, "", dice.randrange(len(body))
    name = dice.choice(list(headers))
    match dice.randrange(7):
        case 0:
            body = body[:at] + bytes([body[at] ^ (1 << dice.randrange(8))]) + body[at + 1 :]
        case 1:
            body = body[:at]
        case 2:
            body += bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9)))
        case 3:
            place = dice.randrange(len(headers[name]))
            new = chr(dice.randrange(32, 256))
            old = headers[name]
            headers[name] = old[:place] + new + old[place + 1 :] if new != old[place] else "x"
        case 4:
            headers["X-HubSpot-Request-Timestamp"] = str(dice.randrange(-(10**17), 10**17))
        case 5:
            path += dice.choice(["/", "/..", "%00", "//", "/é"])
        case 6:
            query = dice.choice(["a=b", "%", "?", "%ff=%00", "\x7f"])
    return path, query, body


def _attack(number: int) -> None:
    daemon, dice = Daemon(), Random(20)
    app, statuses = daemon.app(), set()
    for count in range(number):
        daemon.seconds = float(count)
        good = signed(BODY)
        good.pop("Content-Type")
        path, query, body = _mutate(dice, good, BODY)
        answer = ask(app, "POST", path, headers=good, body=body, query=query.encode("latin-1"))
        statuses.add(answer.status)
    assert statuses <= {400, 401, 404, 405}
    assert daemon.received == []


def test_no_mutated_delivery_is_accepted_and_none_is_an_error_of_ours() -> None:
    _attack(500)


@pytest.mark.long
def test_ten_thousand_mutated_deliveries_are_all_refused() -> None:
    _attack(10_000)
