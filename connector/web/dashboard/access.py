"""Decide who a caller of the dashboard is, and what the caller may do."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from starlette.datastructures import Headers

from connector.config.dashboard_access import Account, DashboardAccessSettings, Role
from connector.web.token_bucket import RateLimit

SESSION_SECONDS: Final = 12 * 3600.0
_MAX_SESSIONS: Final = 500
_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_FORWARDING_HEADERS: Final = ("forwarded", "via", "x-real-ip")
_FORWARDING_PREFIX: Final = "x-forwarded-"
_FAILURES_PER_SECOND: Final = 0.2
_FAILURE_BURST: Final = 10
_MAX_FAILING: Final = 1000
"""Addresses and accounts whose wrong passwords are counted; the oldest makes room."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls: the name for the audit, the role, and the session ("" without a login)."""

    name: str
    role: Role
    session: str = ""

    @property
    def may_operate(self) -> bool:
        """Return whether the person may act."""
        return self.role is Role.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a page is not shown: the status, and what to do about it; 401 asks for a login."""

    status: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A request as far as access goes: the address that connected, and the headers."""

    address: str
    headers: Headers
    session: str = ""

    @property
    def host(self) -> str:
        """Return the name by which we are called, with its port."""
        return self.headers.get("host", "").lower()

    @property
    def is_by_loopback_name(self) -> bool:
        """Return whether the name by which we are called is this machine's own."""
        return _host_name(self.host) in _LOOPBACK_NAMES

    @property
    def origin(self) -> str:
        """Return where the page is from that sent a form, as browsers say it; "" where none do."""
        return self.headers.get("origin", "").lower()

    @property
    def is_from_loopback_page(self) -> bool:
        """Return whether a form was sent from a page that was opened by this machine's name."""
        return _host_name(self.origin.partition("://")[2]) in _LOOPBACK_NAMES

    @property
    def is_forwarded(self) -> bool:
        """Return whether a header says that a proxy passed the request on."""
        return any(
            name in _FORWARDING_HEADERS or name.startswith(_FORWARDING_PREFIX)
            for name in self.headers
        )


class DashboardAccess:
    """Knows the sessions, and slows down who guesses passwords.

    Without accounts and proxies only this machine may look, and may act. The Host header must
    then name it, so that no web page that resolves its own name to 127.0.0.1 reads along, and a
    request that a proxy forwarded is refused. Behind a proxy that names people, the Host header
    must name us as well. A session's cookie goes to the name alone by which the person logged in.
    """

    def __init__(self, settings: DashboardAccessSettings, monotonic: Callable[[], float]) -> None:
        self.settings = settings
        self._monotonic = monotonic
        self._failures: dict[tuple[str, str], RateLimit] = {}
        self._nobodys_hash = PasswordHasher().hash(secrets.token_urlsafe(32))
        self._sessions: dict[str, tuple[Identity, float]] = {}

    @property
    def has_login(self) -> bool:
        """Return whether people log in here."""
        return bool(self.settings.accounts)

    def identify(self, caller: Caller) -> Identity | Refusal:
        """Return who calls, or why nothing is shown."""
        if self.settings.is_proxy(caller.address):
            return self._by_proxy(caller)
        if self.has_login:
            identity = self._by_session(caller.session)
            return identity or Refusal(status=401, message="Log in to see the dashboard.")
        if self.settings.proxies:
            return Refusal(status=403, message="The dashboard is shown through its proxy alone.")
        return self._on_this_machine(caller)

    def log_in(self, name: str, password: str, *, address: str) -> Identity | Refusal:
        """Return a new session for the right password.

        Guesses are slowed down for each address and account, so that nobody locks out others.
        """
        account = self._account(name)
        account_name = account.name or "shared password" if account else ""
        failures = self._failures_of(address, account_name)
        if not failures.try_acquire():
            return Refusal(status=429, message="Too many attempts: wait a few seconds.")
        # An unknown name takes as long as a wrong password, so that it tells no names.
        is_right = _is_right(account.password_hash if account else self._nobodys_hash, password)
        if account is None or not is_right:
            _log.warning("login.refused", address=address, account=account_name or "unknown")
            return Refusal(status=401, message="Name or password is wrong.")
        failures.return_token()
        identity = Identity(
            name=account_name,
            role=account.role,
            session=secrets.token_urlsafe(32),
        )
        if len(self._sessions) >= _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[identity.session] = (identity, self._monotonic() + SESSION_SECONDS)
        return identity

    def log_out(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(session, None)

    def is_private(self, caller: Caller) -> bool:
        """Return whether a password reaches us unread: on this machine, or through TLS."""
        # A proxy may call us by this machine's name: the page's own address says who reads.
        if caller.is_by_loopback_name and caller.is_from_loopback_page:
            return True
        is_public = caller.origin == self.settings.public_origin
        is_tls = caller.headers.get("x-forwarded-proto", "").lower() == "https"
        return caller.origin.startswith("https://") and (is_public or is_tls)

    def is_own_origin(self, caller: Caller) -> bool:
        """Return whether a form was sent from a page of ours, as browsers say it."""
        scheme, separator, host = caller.origin.partition("://")
        if not separator or not host:
            return False
        if caller.origin == self.settings.public_origin:
            return True
        # The public name with the other scheme is a page that was not read through TLS.
        is_downgraded = host == self.settings.public_host and scheme != "https"
        return host == caller.host and not is_downgraded

    def _failures_of(self, address: str, account: str) -> RateLimit:
        """Return what slows down the guesses from an address at an account."""
        key = address, account
        if key not in self._failures:
            if len(self._failures) >= _MAX_FAILING:
                del self._failures[next(iter(self._failures))]
            self._failures[key] = RateLimit(
                _FAILURES_PER_SECOND, burst=_FAILURE_BURST, monotonic=self._monotonic
            )
        return self._failures[key]

    def _account(self, name: str) -> Account | None:
        """Return the account of a name, else the shared one."""
        by_name = {account.name: account for account in self.settings.accounts}
        return by_name.get(name) or by_name.get("")

    def _by_session(self, session: str) -> Identity | None:
        identity, ends_at = self._sessions.get(session, (None, 0.0))
        return identity if identity and self._monotonic() < ends_at else None

    def _by_proxy(self, caller: Caller) -> Identity | Refusal:
        if not self._is_known_host(caller):
            return Refusal(
                status=403,
                message="The Host header names no host of this dashboard: set "
                "CONNECTOR_DASHBOARD_HOSTS to the name that the proxy passes on.",
            )
        names = caller.headers.getlist(self.settings.proxy_header)
        if len(names) != 1 or not names[0].strip():
            return Refusal(
                status=403,
                message=f"The proxy must name one person in the header "
                f"{self.settings.proxy_header}: set it there, and remove what callers send.",
            )
        name = names[0].strip()
        identity = Identity(name=name, role=Role.READ)
        is_operator = name in self.settings.operators
        return replace(identity, role=Role.OPERATE) if is_operator else identity

    def _is_known_host(self, caller: Caller) -> bool:
        """Return whether the Host header is ours; a page has no IP address for its own name."""
        own_hosts = {*self.settings.hosts, self.settings.public_host} - {""}
        if caller.is_by_loopback_name or caller.host in own_hosts:
            return True
        try:
            ip_address(_host_name(caller.host).strip("[]"))
        except ValueError:
            return False
        return True

    def _on_this_machine(self, caller: Caller) -> Identity | Refusal:
        if not self.settings.is_loopback:
            return Refusal(
                status=403,
                message="The dashboard is off, because CONNECTOR_LISTEN is not an address of this "
                "machine alone: set CONNECTOR_DASHBOARD_USERS or CONNECTOR_DASHBOARD_PROXY.",
            )
        public_name = _host_name(self.settings.public_host)
        if public_name and public_name not in _LOOPBACK_NAMES:
            return Refusal(
                status=403,
                message="The dashboard is off without users where CONNECTOR_PUBLIC_URL names "
                "another host, since a proxy leads here: set CONNECTOR_DASHBOARD_USERS.",
            )
        if not caller.is_by_loopback_name or caller.is_forwarded:
            return Refusal(
                status=403,
                message="Without users the dashboard is shown at http://127.0.0.1 alone: set "
                "CONNECTOR_DASHBOARD_USERS to see it by another name or through a proxy.",
            )
        return Identity(name="this machine", role=Role.OPERATE)


def _host_name(host: str) -> str:
    """Return a host without its port."""
    return host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host


def _is_right(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False
