"""Decide who may see the dashboard: this machine alone, or anybody with the password."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from connector.web.token_bucket import RateLimit

_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_FORWARDING_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")
_FAILURES_PER_SECOND: Final = 0.2
_FAILURE_BURST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a page is not shown: the status, and what to do about it."""

    status: int
    message: str


class DashboardAccess:
    """Checks each request; a password that was right once is not hashed again.

    Without a password only this machine may look. The Host header must then name it, so that no
    web page that resolves its own name to 127.0.0.1 reads along, and a request that a proxy
    forwarded is refused.
    """

    def __init__(
        self, *, password_hash: str, is_loopback: bool, monotonic: Callable[[], float]
    ) -> None:
        self._password_hash = password_hash
        self._is_loopback = is_loopback
        self._failures = RateLimit(_FAILURES_PER_SECOND, burst=_FAILURE_BURST, monotonic=monotonic)
        self._key = secrets.token_bytes(32)
        self._accepted = b""

    def refusal(self, headers: Mapping[str, str]) -> Refusal | None:
        """Return why these headers may not see a page, None where they may."""
        if self._password_hash:
            return self._password_refusal(headers.get("authorization", ""))
        if not self._is_loopback:
            return Refusal(
                status=403,
                message="The dashboard is off, because CONNECTOR_LISTEN is not an address of this "
                "machine alone: set CONNECTOR_DASHBOARD_PASSWORD_HASH.",
            )
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        is_forwarded = any(header in headers for header in _FORWARDING_HEADERS)
        if name.lower() not in _LOOPBACK_NAMES or is_forwarded:
            return Refusal(
                status=403,
                message="Without a password the dashboard is shown at http://127.0.0.1 alone: set "
                "CONNECTOR_DASHBOARD_PASSWORD_HASH to see it by another name or through a proxy.",
            )
        return None

    def _password_refusal(self, authorization: str) -> Refusal | None:
        password = _basic_password(authorization)
        if password is None:
            return Refusal(status=401, message="The dashboard asks for its password.")
        digest = hmac.digest(self._key, password, hashlib.sha256)
        if hmac.compare_digest(digest, self._accepted):
            return None
        if not self._failures.try_acquire():
            return Refusal(status=429, message="Too many attempts: wait a few seconds.")
        try:
            PasswordHasher().verify(self._password_hash, password)
        except (Argon2Error, InvalidHashError):
            return Refusal(status=401, message="The password is wrong.")
        self._accepted = digest
        return None


def _basic_password(authorization: str) -> bytes | None:
    """Return the password of an HTTP Basic header, None where there is none; any user name fits."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, separator, password = base64.b64decode(encoded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if separator else None
