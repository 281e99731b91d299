"""Issue the token that each form carries: it proves our page, the person, and the first sending."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

from connector.errors import UserError

LIFETIME_SECONDS: Final = 12 * 3600.0
_STALE: Final = (
    "This page is too old, or was opened before the connector started again: nothing was done. "
    "Open it anew."
)


class FormRefused(UserError):
    """A form that is not from our page for this person."""


class FormAlreadySent(UserError):
    """A form that was carried out before."""


class FormTokens:
    """Tokens of forms; a token that was spent is known until it expires.

    Any thread may issue tokens; they are checked and spent by one thread at a time.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._spent: dict[str, float] = {}

    def issue(self, owner: str) -> str:
        """Return a new token for the forms of one page; `owner` is the person's session."""
        text = f"{self._monotonic():.0f}.{secrets.token_urlsafe(16)}"
        return f"{text}.{self._signature(text, owner)}"

    def check(self, token: str, owner: str) -> None:
        """Raise FormRefused where the token is not ours, FormAlreadySent where it is spent."""
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text, owner).encode()):
            raise FormRefused(_STALE)
        if self._monotonic() - float(text.partition(".")[0]) > LIFETIME_SECONDS:
            raise FormRefused(_STALE)
        if token in self._spent:
            raise FormAlreadySent(
                "This form was sent already, and was carried out once: nothing more was done."
            )

    def spend(self, token: str) -> None:
        """Remember a token whose form was carried out."""
        now = self._monotonic()
        self._spent = {
            spent: at for spent, at in self._spent.items() if now - at <= LIFETIME_SECONDS
        }
        self._spent[token] = now

    def _signature(self, text: str, owner: str) -> str:
        return hmac.new(self._key, f"{text}\n{owner}".encode(), hashlib.sha256).hexdigest()
