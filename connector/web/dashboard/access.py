"""Decide who a caller of the dashboard is, and what the caller may do."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from starlette.datastructures import Headers

from connector.config.dashboard_access import Account, DashboardAccessSettings, Role
from connector.web.token_bucket import RateLimit

SESSION_SECONDS: Final = 12 * 3600.0
_MAX_SESSIONS: Final = 500
_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_FORWARDING_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")
_FAILURES_PER_SECOND: Final = 0.2
_FAILURE_BURST: Final = 10


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
        host = self.host
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        return name in _LOOPBACK_NAMES


class DashboardAccess:
    """Knows the sessions, and slows down who guesses passwords.

    Without accounts and proxies only this machine may look, and may act. The Host header must
    then name it, so that no web page that resolves its own name to 127.0.0.1 reads along, and a
    request that a proxy forwarded is refused.
    """

    def __init__(self, settings: DashboardAccessSettings, monotonic: Callable[[], float]) -> None:
        self.settings = settings
        self._monotonic = monotonic
        self._failures = RateLimit(_FAILURES_PER_SECOND, burst=_FAILURE_BURST, monotonic=monotonic)
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

    def log_in(self, name: str, password: str) -> Identity | Refusal:
        """Return a new session for the right password; guesses are slowed down."""
        if not self._failures.try_acquire():
            return Refusal(status=429, message="Too many attempts: wait a few seconds.")
        account = self._account(name)
        if account is None or not _is_right(account, password):
            return Refusal(status=401, message="Name or password is wrong.")
        self._failures.return_token()
        identity = Identity(
            name=account.name or "shared password",
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
        settings = self.settings
        is_public_name = settings.is_public_tls and caller.host == settings.public_host
        is_tls = caller.headers.get("x-forwarded-proto", "").lower() == "https"
        return caller.is_by_loopback_name or is_public_name or is_tls

    def is_own_origin(self, caller: Caller) -> bool:
        """Return whether a form was sent from a page of ours, as browsers say it."""
        _, separator, origin = caller.headers.get("origin", "").lower().partition("://")
        return bool(separator) and origin in {caller.host, self.settings.public_host} - {""}

    def _account(self, name: str) -> Account | None:
        """Return the account of a name, else the shared one."""
        by_name = {account.name: account for account in self.settings.accounts}
        return by_name.get(name) or by_name.get("")

    def _by_session(self, session: str) -> Identity | None:
        identity, ends_at = self._sessions.get(session, (None, 0.0))
        return identity if identity and self._monotonic() < ends_at else None

    def _by_proxy(self, caller: Caller) -> Identity | Refusal:
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

    def _on_this_machine(self, caller: Caller) -> Identity | Refusal:
        if not self.settings.is_loopback:
            return Refusal(
                status=403,
                message="The dashboard is off, because CONNECTOR_LISTEN is not an address of this "
                "machine alone: set CONNECTOR_DASHBOARD_USERS or CONNECTOR_DASHBOARD_PROXY.",
            )
        is_forwarded = any(header in caller.headers for header in _FORWARDING_HEADERS)
        if not caller.is_by_loopback_name or is_forwarded:
            return Refusal(
                status=403,
                message="Without users the dashboard is shown at http://127.0.0.1 alone: set "
                "CONNECTOR_DASHBOARD_USERS to see it by another name or through a proxy.",
            )
        return Identity(name="this machine", role=Role.OPERATE)


def _is_right(account: Account, password: str) -> bool:
    try:
        return PasswordHasher().verify(account.password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False
