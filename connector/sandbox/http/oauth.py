"""The portal's token endpoint: it exchanges a refresh token for an access token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from connector.sandbox.http.call import Answer, Request

_TOKEN_SECONDS: Final = 1800
_PATHS: Final = ("/oauth/v3/token", "/oauth/2026-03/token")


@dataclass
class OAuth:
    """An app that is installed in the portal; each refresh may give another refresh token."""

    client_id: str = "app"
    client_secret: str = "secret"  # noqa: S105 -- opens nothing but the sandbox
    refresh_token: str = "refresh-0"  # noqa: S105 -- opens nothing but the sandbox
    rotates_refresh_token: bool = False
    expiries: dict[str, int] = field(default_factory=dict)
    grant_count: int = 0

    def answer(self, request: Request, portal_id: int, now: int) -> Answer | None:
        """Answer a request for a token, None where it is for something else."""
        if request.method != "POST" or request.path not in _PATHS:
            return None
        form = {name: values[-1] for name, values in parse_qs(str(request.body)).items()}
        request.route = "token"
        if not self._is_valid(form):
            body = {"status": "BAD_REFRESH_TOKEN", "message": "missing or unknown refresh token"}
            return Answer(status=400, body=body)
        return Answer(body=self._grant(portal_id, now))

    def _is_valid(self, form: Mapping[str, str]) -> bool:
        return form == {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }

    def _grant(self, portal_id: int, now: int) -> dict[str, Any]:
        self.grant_count += 1
        token = f"access-{self.grant_count}"
        self.expiries[token] = now + _TOKEN_SECONDS * 1000
        if self.rotates_refresh_token:
            self.refresh_token = f"refresh-{self.grant_count}"
        return {
            "access_token": token,
            "refresh_token": self.refresh_token,
            "expires_in": _TOKEN_SECONDS,
            "token_type": "bearer",
            "hub_id": portal_id,
        }

    def accepts(self, token: str, now: int) -> bool:
        """Return whether an access token is valid."""
        return self.expiries.get(token, 0) > now
