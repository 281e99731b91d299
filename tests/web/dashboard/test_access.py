"""Who may see the dashboard: this machine, or anybody with the password."""

from __future__ import annotations

import base64

import pytest
from argon2 import PasswordHasher

from connector.web.dashboard.access import DashboardAccess

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")


class FakeClock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def access(*, password_hash: str = "", is_loopback: bool = True) -> DashboardAccess:
    return DashboardAccess(
        password_hash=password_hash, is_loopback=is_loopback, monotonic=FakeClock()
    )


def status(guard: DashboardAccess, **headers: str) -> int:
    refusal = guard.refusal({name.replace("_", "-"): value for name, value in headers.items()})
    return refusal.status if refusal else 200


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "[::1]"]
)
def test_this_machine_sees_it_without_a_password(host: str) -> None:
    assert status(access(), host=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "127.0.0.1.evil.example", "", "10.0.0.1:8080"]
)
def test_a_page_that_renamed_this_machine_reads_nothing(host: str) -> None:
    assert status(access(), host=host) == 403


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_forwarded_host", "via"])
def test_what_a_proxy_forwards_needs_a_password(header: str) -> None:
    assert status(access(), host="127.0.0.1:8080", **{header: "x"}) == 403


def test_elsewhere_it_is_off_until_a_password_is_set() -> None:
    refusal = access(is_loopback=False).refusal({"host": "127.0.0.1"})
    assert refusal is not None
    assert (refusal.status, "CONNECTOR_DASHBOARD_PASSWORD_HASH" in refusal.message) == (403, True)


def test_a_password_opens_it_by_any_name_and_is_asked_for_on_this_machine_too() -> None:
    guard = access(password_hash=HASH, is_loopback=False)
    assert status(guard, host="crm.example", authorization=basic("right")) == 200
    assert status(guard, host="crm.example", authorization=basic("wrong")) == 401
    assert status(access(password_hash=HASH), host="127.0.0.1") == 401


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !!", "Bearer right", "Basic cmlnaHQ="]
)
def test_a_header_that_is_none_is_asked_again(authorization: str) -> None:
    assert status(access(password_hash=HASH), authorization=authorization) == 401


def test_guessing_is_slowed_down_and_the_right_password_still_opens_afterwards() -> None:
    clock = FakeClock()
    guard = DashboardAccess(password_hash=HASH, is_loopback=False, monotonic=clock)
    statuses = [status(guard, authorization=basic(f"guess {number}")) for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    clock.seconds = 60
    assert status(guard, authorization=basic("right")) == 200


def test_guesses_do_not_lock_out_who_is_in() -> None:
    guard = access(password_hash=HASH)
    assert status(guard, authorization=basic("right")) == 200
    for number in range(20):
        status(guard, authorization=basic(f"guess {number}"))
    assert status(guard, authorization=basic("right")) == 200
