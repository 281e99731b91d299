"""Who may see the dashboard, and who may act: this machine, people who log in, a named proxy."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from starlette.datastructures import Headers
from structlog.testing import capture_logs

from connector.config.dashboard_access import Account, DashboardAccessSettings, Role, read_access
from connector.config.settings import DEFAULTS
from connector.errors import UserError
from connector.web.dashboard.access import (
    SESSION_SECONDS,
    Caller,
    DashboardAccess,
    Identity,
    Refusal,
)
from connector.web.dashboard.form_tokens import (
    LIFETIME_SECONDS,
    FormAlreadySent,
    FormRefused,
    FormTokens,
)

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ANNA = Account(name="anna", role=Role.OPERATE, password_hash=HASHER.hash("right"))
BOB = Account(name="bob", role=Role.READ, password_hash=HASHER.hash("other"))
SHARED = Account(name="", role=Role.READ, password_hash=HASHER.hash("shared"))
PROXY = DashboardAccessSettings(
    proxies=(ip_network("10.0.0.0/24"),),
    operators=frozenset({"anna"}),
    hosts=frozenset({"crm.example"}),
    is_loopback=False,
)


TLS = {"host": "crm.example", "origin": "https://crm.example"}


class FakeClock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def access(
    *accounts: Account, is_loopback: bool = True, clock: FakeClock | None = None
) -> DashboardAccess:
    settings = DashboardAccessSettings(accounts=accounts, is_loopback=is_loopback)
    return DashboardAccess(settings, clock or FakeClock())


def caller(address: str = "127.0.0.1", session: str = "", **headers: str) -> Caller:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Caller(address=address, session=session, headers=Headers(named))


def status(guard: DashboardAccess, asking: Caller) -> int:
    answer = guard.identify(asking)
    return answer.status if isinstance(answer, Refusal) else 200


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "[::1]"]
)
def test_this_machine_sees_and_acts_without_a_password(host: str) -> None:
    identity = access().identify(caller(host=host))
    assert isinstance(identity, Identity)
    assert identity.may_operate


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "127.0.0.1.evil.example", "", "10.0.0.1:8080"]
)
def test_a_page_that_renamed_this_machine_reads_nothing(host: str) -> None:
    assert status(access(), caller(host=host)) == 403


@pytest.mark.parametrize(
    "header", ["forwarded", "x_forwarded_for", "x_forwarded_proto", "x_real_ip", "via"]
)
def test_what_a_proxy_forwards_needs_a_login(header: str) -> None:
    assert status(access(), caller(host="127.0.0.1:8080", **{header: "x"})) == 403


def test_elsewhere_it_is_off_until_users_are_set() -> None:
    refusal = access(is_loopback=False).identify(caller(host="127.0.0.1"))
    assert isinstance(refusal, Refusal)
    assert (refusal.status, "CONNECTOR_DASHBOARD_USERS" in refusal.message) == (403, True)


def test_a_login_opens_a_session_with_the_persons_role() -> None:
    guard = access(ANNA, BOB, is_loopback=False)
    assert status(guard, caller(host="127.0.0.1")) == 401
    for name, password, may_operate in (("anna", "right", True), ("bob", "other", False)):
        session = guard.log_in(name, password, address="10.1.0.1")
        assert isinstance(session, Identity)
        identity = guard.identify(caller(host="crm.example", session=session.session))
        assert isinstance(identity, Identity)
        assert (identity.name, identity.may_operate) == (name, may_operate)


@pytest.mark.parametrize(("name", "password"), [("anna", "other"), ("eve", "right"), ("", "right")])
def test_a_wrong_name_or_password_opens_nothing(name: str, password: str) -> None:
    refusal = access(ANNA, BOB).log_in(name, password, address="10.1.0.1")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 401


def test_the_shared_password_only_reads_whatever_name_is_typed() -> None:
    identity = access(ANNA, SHARED).log_in("director", "shared", address="10.1.0.1")
    assert isinstance(identity, Identity)
    assert (identity.name, identity.role) == ("shared password", Role.READ)


def test_a_session_ends_by_logging_out_and_by_itself() -> None:
    clock = FakeClock()
    guard = access(ANNA, clock=clock)
    first, second = (
        guard.log_in("anna", "right", address="10.1.0.1"),
        guard.log_in("anna", "right", address="10.1.0.1"),
    )
    assert isinstance(first, Identity)
    assert isinstance(second, Identity)
    guard.log_out(first.session)
    assert status(guard, caller(session=first.session)) == 401
    assert status(guard, caller(session=second.session)) == 200
    clock.seconds = SESSION_SECONDS
    assert status(guard, caller(session=second.session)) == 401


def test_the_oldest_session_makes_room() -> None:
    guard = access(ANNA)
    sessions = [guard.log_in("anna", "right", address="10.1.0.1") for _ in range(501)]
    states = [status(guard, caller(session=s.session)) for s in sessions if isinstance(s, Identity)]
    assert (states[0], set(states[1:])) == (401, {200})


def test_guessing_is_slowed_down_and_the_right_password_still_opens_afterwards() -> None:
    clock = FakeClock()
    guard = access(ANNA, clock=clock)
    answers = [guard.log_in("anna", f"guess {number}", address="10.1.0.1") for number in range(12)]
    statuses = [answer.status for answer in answers if isinstance(answer, Refusal)]
    assert statuses == [401] * 10 + [429] * 2
    clock.seconds = 60
    assert isinstance(guard.log_in("anna", "right", address="10.1.0.1"), Identity)


def test_guesses_lock_out_nobody_at_another_address_or_of_another_name() -> None:
    guard = access(ANNA, BOB)
    for number in range(20):
        guard.log_in("anna", f"guess {number}", address="10.6.6.6")
        guard.log_in("nobody", f"guess {number}", address="10.1.0.2")
    assert isinstance(guard.log_in("anna", "right", address="10.1.0.1"), Identity)
    assert isinstance(guard.log_in("bob", "other", address="10.6.6.6"), Identity)
    assert isinstance(guard.log_in("bob", "other", address="10.1.0.2"), Identity)


def test_counted_addresses_are_bounded() -> None:
    guard = access()
    for number in range(1_001):
        guard._failures_of(f"10.0.0.{number}", "")
    assert len(guard._failures) == 1_000


def test_an_unknown_name_takes_as_long_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified: list[str] = []

    def verify(self: PasswordHasher, password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        raise VerifyMismatchError

    guard = access(ANNA)
    monkeypatch.setattr(PasswordHasher, "verify", verify)
    with capture_logs() as logs:
        guard.log_in("eve", "secret", address="10.1.0.1")
    assert len(verified) == 1
    assert [(entry["event"], entry["account"]) for entry in logs] == [("login.refused", "unknown")]
    assert "secret" not in str(logs)


def test_guesses_do_not_lock_out_who_is_in() -> None:
    guard = access(ANNA)
    session = guard.log_in("anna", "right", address="10.1.0.1")
    assert isinstance(session, Identity)
    for number in range(20):
        guard.log_in("anna", f"guess {number}", address="10.1.0.1")
    assert status(guard, caller(session=session.session)) == 200


def test_a_named_proxy_says_who_calls_and_operators_are_named_in_the_settings() -> None:
    guard = DashboardAccess(PROXY, FakeClock())
    for name, role in (("anna", Role.OPERATE), ("bob", Role.READ)):
        identity = guard.identify(caller("10.0.0.5", x_forwarded_user=name, host="crm.example"))
        assert isinstance(identity, Identity)
        assert (identity.name, identity.role) == (name, role)
    mapped = caller("::ffff:10.0.0.5", x_forwarded_user="anna", host="10.0.0.7:8080")
    assert status(guard, mapped) == 200


@pytest.mark.parametrize("address", ["10.0.1.5", "127.0.0.1", "", "unix", "::1"])
def test_the_header_counts_from_a_named_address_alone(address: str) -> None:
    guard = DashboardAccess(PROXY, FakeClock())
    assert status(guard, caller(address, x_forwarded_user="anna", host="127.0.0.1")) == 403


def test_a_proxy_that_names_nobody_or_two_people_is_refused() -> None:
    guard = DashboardAccess(PROXY, FakeClock())
    twice = Headers(raw=[(b"x-forwarded-user", b"bob"), (b"x-forwarded-user", b"anna")])
    answers = [
        guard.identify(Caller(address="10.0.0.5", headers=twice)),
        guard.identify(caller("10.0.0.5", host="localhost")),
        guard.identify(caller("10.0.0.5", x_forwarded_user=" ", host="localhost")),
    ]
    assert all(isinstance(answer, Refusal) for answer in answers)
    assert "one person" in str(answers[1:])


@pytest.mark.parametrize("host", ["evil.example:8080", "localhost.evil.example", "", "x]"])
def test_behind_a_proxy_a_page_that_renamed_the_proxys_machine_reads_nothing(host: str) -> None:
    settings = replace(PROXY, proxies=(ip_network("127.0.0.0/8"),), public_host="public.example")
    guard = DashboardAccess(settings, FakeClock())
    assert status(guard, caller(host=host, x_forwarded_user="anna")) == 403
    for own_host in ("crm.example", "public.example", "127.0.0.1:8080", "[fd00::1]:80"):
        assert status(guard, caller(host=own_host, x_forwarded_user="anna")) == 200


def test_without_users_a_public_name_closes_the_dashboard() -> None:
    for public_host, expected in (("crm.example", 403), ("127.0.0.1:8080", 200), ("", 200)):
        settings = DashboardAccessSettings(public_host=public_host, is_public_tls=True)
        guard = DashboardAccess(settings, FakeClock())
        assert status(guard, caller(host="127.0.0.1:8080")) == expected


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"host": "crm.example", "origin": "https://crm.example"}, True),
        ({"host": "10.0.0.1:80", "origin": "https://public.example"}, True),
        ({"host": "10.0.0.1:80", "origin": "http://public.example"}, False),
        ({"host": "public.example", "origin": "http://public.example"}, False),
        ({"host": "crm.example", "origin": "https://evil.example"}, False),
        ({"host": "crm.example", "origin": "https://crm.example.evil.example"}, False),
        ({"host": "crm.example:8080", "origin": "https://crm.example"}, False),
        ({"host": "crm.example", "origin": "null"}, False),
        ({"host": "crm.example"}, False),
        ({"host": "", "origin": "https://"}, False),
    ],
)
def test_a_form_counts_from_our_own_origin_alone(headers: dict[str, str], is_own: bool) -> None:
    settings = DashboardAccessSettings(public_host="public.example", is_public_tls=True)
    guard = DashboardAccess(settings, FakeClock())
    assert guard.is_own_origin(caller(**headers)) is is_own


@pytest.mark.parametrize(
    ("headers", "is_private"),
    [
        ({"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080"}, True),
        ({"host": "127.0.0.1:8080", "origin": "https://public.example"}, True),
        ({"host": "127.0.0.1:8080", "origin": "http://public.example"}, False),
        ({"host": "127.0.0.1:8080", "origin": "http://crm.example"}, False),
        ({"host": "127.0.0.1:8080"}, False),
        ({"host": "public.example", "origin": "https://public.example"}, True),
        ({"host": "public.example", "origin": "http://public.example"}, False),
        ({**TLS, "x_forwarded_proto": "https"}, True),
        ({**TLS, "x_forwarded_proto": "http"}, False),
        ({"host": "crm.example", "origin": "http://crm.example"}, False),
        (TLS, False),
    ],
)
def test_a_password_is_taken_through_tls_or_on_this_machine(
    headers: dict[str, str], is_private: bool
) -> None:
    settings = DashboardAccessSettings(public_host="public.example", is_public_tls=True)
    assert DashboardAccess(settings, FakeClock()).is_private(caller(**headers)) is is_private


def test_a_forms_token_counts_once_for_one_person_and_not_for_ever() -> None:
    clock = FakeClock()
    tokens = FormTokens(clock)
    token = tokens.issue("anna")
    tokens.check(token, "anna")
    for forged in (token[:-1] + ("0" if token[-1] != "0" else "1"), "", "x", "ü.ü", "1.2.3"):
        with pytest.raises(FormRefused):
            tokens.check(forged, "anna")
    with pytest.raises(FormRefused):
        tokens.check(token, "bob")
    with pytest.raises(FormRefused):
        FormTokens(clock).check(token, "anna")
    tokens.spend(token)
    with pytest.raises(FormAlreadySent):
        tokens.check(token, "anna")
    clock.seconds = LIFETIME_SECONDS + 1
    with pytest.raises(FormRefused):
        tokens.check(token, "anna")


def read(**values: str) -> DashboardAccessSettings:
    return read_access(
        {**DEFAULTS, **{f"CONNECTOR_{name}": value for name, value in values.items()}},
        host="0.0.0.0",
    )


def test_users_proxies_and_operators_come_from_the_settings() -> None:
    settings = read(
        DASHBOARD_USERS=f"anna:operate:{ANNA.password_hash}\nbob:read:{BOB.password_hash}",
        DASHBOARD_PASSWORD_HASH=SHARED.password_hash,
        DASHBOARD_PROXY="10.0.0.5 fd00::/8",
        DASHBOARD_OPERATORS="anna eve",
        DASHBOARD_HOSTS="CRM.internal",
        PUBLIC_URL="https://CRM.example/",
    )
    assert settings.accounts == (ANNA, BOB, SHARED)
    assert settings.operators == {"anna", "eve"}
    assert settings.hosts == {"crm.internal"}
    assert settings.is_proxy("fd12::1")
    assert (settings.public_host, settings.is_public_tls) == ("crm.example", True)
    assert not settings.is_loopback


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DASHBOARD_USERS", "anna:operate:hunter2"),
        ("DASHBOARD_USERS", "anna:admin:$argon2id$x"),
        ("DASHBOARD_USERS", "hunter2"),
        ("DASHBOARD_USERS", "anna:read:$argon2id$x anna:operate:$argon2id$x"),
        ("DASHBOARD_PASSWORD_HASH", "hunter2"),
        ("DASHBOARD_PROXY", "10.0.0.5/8"),
        ("DASHBOARD_PROXY_HEADER", "X User"),
    ],
)
def test_a_mistake_names_its_setting_and_repeats_no_password(name: str, value: str) -> None:
    with pytest.raises(UserError) as error:
        read(**{name: value})
    assert f"CONNECTOR_{name}" in str(error.value)
    assert "hunter2" not in str(error.value)
