"""Access tokens of an OAuth app: refreshed in time, and once more where one is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Protocol, TypeVar

import certifi
import structlog
import urllib3
import urllib3.exceptions as urllib3_errors

from connector.errors import ConnectorError, UserError
from connector.hubspot.http.failures import BadAnswer, TokenRefused, Unavailable, failure_of
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request, Route, Routes
from connector.hubspot.oauth_install import App

REFRESH_AHEAD: Final = 300.0
"""Seconds before its end (usually 30 minutes after its beginning) that a token is refreshed."""
_MIN_RENEW_INTERVAL: Final = 60.0
"""Seconds within which a refused token is refreshed only once: a 401 may have other reasons."""
_LONGEST_LIFE: Final = 6 * 3600.0
"""Seconds: HubSpot's tokens live 30 minutes, and six hours before 2022 (its OAuth guide)."""
_TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=30.0)
Result = TypeVar("Result")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What HubSpot granted, and until when, in seconds since 1970.

    `portal_id` is "" where the answer named none.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    until: float
    portal_id: str


class GrantStore(Protocol):
    """Where grants are kept, so that other processes and the next start find them."""

    def refresh_lock(self) -> AbstractContextManager[None]:
        """Let one process at a time refresh."""
        ...

    def load(self, app: App) -> Grant | None:
        """Return the grant that was kept last for this installation."""
        ...

    def keep(self, app: App, grant: Grant) -> None:
        """Keep a grant, before it is used."""
        ...


class Tokens:
    """Returns the token for the next request, as a `TokenSource` does; safe for many threads.

    `refresh` exchanges a refresh token for a grant; `now` is in seconds since 1970.
    """

    def __init__(
        self,
        app: App,
        grants: GrantStore,
        refresh: Callable[[App, str], Grant],
        now: Callable[[], float],
    ) -> None:
        self._app = app
        self._grants = grants
        self._refresh = refresh
        self._now = now
        self._grant: Grant | None = None
        self._renewed_at = 0.0
        self._lock = Lock()

    def __call__(self) -> str:
        """Return a token that holds for a while."""
        with self._lock:
            if self._grant is None or not self._is_fresh(self._grant):
                self._grant = self._fetch(refused="")
            return self._grant.access_token

    def portal_of(self, token: str) -> str:
        """Return the portal that HubSpot named with a token, "" where it named none."""
        grant = self._grant
        return grant.portal_id if grant is not None and grant.access_token == token else ""

    def retry_with_fresh_token(self, work: Callable[[], Result]) -> Result:
        """Do the work, and once more with another token where this one is refused."""
        token = self()
        try:
            return work()
        except TokenRefused:
            if not self.renew(token):
                raise
            return work()

    def renew(self, refused: str) -> bool:
        """Fetch another token after one was refused; False where that was tried just now."""
        with self._lock:
            if self._grant is not None and self._grant.access_token != refused:
                return True  # another thread was faster
            # Either way, since the machine's clock may have been set back.
            if abs(self._now() - self._renewed_at) < _MIN_RENEW_INTERVAL:
                return False
            self._renewed_at = self._now()
            self._grant = self._fetch(refused=refused)
            return True

    def _is_fresh(self, grant: Grant) -> bool:
        """Return whether a token still holds; a life too long for one shows a clock set back."""
        return REFRESH_AHEAD < grant.until - self._now() <= _LONGEST_LIFE

    def _fetch(self, *, refused: str) -> Grant:
        """Return the grant that another process has fetched meanwhile, or fetch one."""
        with self._grants.refresh_lock():
            stored = self._grants.load(self._app)
            if stored and stored.access_token != refused and self._is_fresh(stored):
                return stored
            grant = self._refresh(
                self._app, stored.refresh_token if stored else self._app.refresh_token
            )
            portal_id = stored.portal_id if stored else ""
            if portal_id and grant.portal_id and grant.portal_id != portal_id:
                raise UserError(
                    f"The refreshed token belongs to portal {grant.portal_id}, not to "
                    f"{portal_id}: it "
                    "is not used. Install the app anew, and set HUBSPOT_REFRESH_TOKEN."
                )
            self._grants.keep(self._app, grant)
        _log.info("token.refreshed", portal=grant.portal_id)
        return grant


def refresh_grant(
    app: App, refresh_token: str, *, url: str, family: str, now: Callable[[], float]
) -> Grant:
    """Ask HubSpot for a new grant; TokenRefused where the installation is gone."""
    request = Request(route=Route.TOKEN, path=Routes(family).path(Route.TOKEN), body={})
    form = {
        "grant_type": "refresh_token",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": refresh_token,
    }
    asked_at = now()
    answer = _post(f"{url}{request.path}", form)
    error = failure_of(answer, request)
    if error:
        raise _explain_refusal(answer, error)
    return _parse_grant(answer, asked_at, refresh_token)


def _post(url: str, form: dict[str, str]) -> Answer:
    try:
        with urllib3.PoolManager(ca_certs=certifi.where()) as pool:
            response = pool.request(
                "POST",
                url,
                fields=form,
                encode_multipart=False,
                timeout=_TIMEOUT,
                retries=False,
                redirect=False,
            )
    except urllib3_errors.HTTPError as error:
        name = type(error).__name__
        raise Unavailable(f"HubSpot gave no new token ({name}): it is asked again later") from None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, headers=headers, body=response.data)


def _explain_refusal(answer: Answer, error: ConnectorError) -> ConnectorError:
    """Replace a refusal by what the operator must do; return a passing failure unchanged."""
    if answer.status not in {400, 401, 403}:
        return error
    return TokenRefused(
        f"HubSpot gives no new token ({answer.status}): the app was removed from the portal, or "
        "HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET or HUBSPOT_REFRESH_TOKEN is wrong. Install the "
        "app again, and set the new refresh token.",
        correlation_id=answer.correlation_id(),
    )


def _parse_grant(answer: Answer, asked_at: float, refresh_token: str) -> Grant:
    document = answer.document()
    token, seconds = document.get("access_token"), document.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(seconds, int | float):
        raise BadAnswer("HubSpot's answer holds no new token: it is asked again later")
    return Grant(
        access_token=token,
        refresh_token=str(document.get("refresh_token") or refresh_token),
        until=asked_at + seconds,
        portal_id=str(document.get("hub_id") or ""),
    )
