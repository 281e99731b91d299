"""Know which tokens belong to the portal of a client, so that no other one is used."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Final

from connector.hubspot.http.failures import NotSent, TokenRefused
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request

_KEPT: Final = 16
"""Tokens that are remembered; an OAuth app has another one each half hour."""


class WrongPortal(TokenRefused):
    """The token that is to be used now belongs to another portal."""

    def __init__(self, *, actual: str, wanted: str) -> None:
        super().__init__(
            f"This token belongs to portal {actual}, not to {wanted}: nothing is sent with it. "
            "Use the right token, or the right portal id."
        )


class OwnTokens:
    """What HubSpot's account information said of the tokens that were used.

    A token belongs to one portal for good, so each is asked about once. Only digests of tokens are
    kept. Until `pin` every token may be used.
    """

    def __init__(self) -> None:
        self._portal_ids: dict[bytes, str] = {}
        self._pinned_portal_id = ""
        self._account_request: Request | None = None

    def pin(self, portal_id: str, account_request: Request) -> None:
        """Let only tokens of this portal be used; the request asks whose token it is."""
        self._account_request = account_request
        self._pinned_portal_id = portal_id

    def request_about(self, token: str) -> Request | None:
        """Return the request to send before this token is used, None where it is known."""
        if self._portal_ids.get(_digest(token)) == self._pinned_portal_id:
            return None
        return self._account_request

    def note(self, token: str, answer: Answer) -> None:
        """Note whose token it is, as the answer with the account information says."""
        self.note_portal(token, str(answer.document().get("portalId") or ""))

    def note_portal(self, token: str, portal_id: str) -> None:
        """Note whose token it is, as HubSpot said when it granted it."""
        # A new mapping each time: several threads may use tokens at once.
        kept = dict(islice(reversed(self._portal_ids.items()), _KEPT - 1))
        self._portal_ids = {**dict(reversed(kept.items())), _digest(token): portal_id}

    def is_foreign(self, token: str) -> bool:
        """Return whether the token is known to belong to another portal."""
        actual = self._portal_ids.get(_digest(token), "")
        return bool(self._pinned_portal_id and actual and actual != self._pinned_portal_id)

    def require(self, token: str) -> None:
        """Raise WrongPortal for a token of another portal, NotSent where no answer named any."""
        actual = self._portal_ids.get(_digest(token), "")
        if self._pinned_portal_id and not actual:
            raise NotSent("HubSpot's account information names no portal: it is asked again later")
        if self.is_foreign(token):
            raise WrongPortal(actual=actual, wanted=self._pinned_portal_id)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
