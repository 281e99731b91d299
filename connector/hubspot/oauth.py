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
import urllib3.exceptions as broken

from connector.errors import ConnectorError, UserError
from connector.hubspot.answer import Answer
from connector.hubspot.faults import BadAnswer, TokenRefused, Unavailable, fault
from connector.hubspot.installation import App
from connector.hubspot.routes import Request, Route, Routes

EARLY: Final = 300.0
"""Seconds before its end (usually 30 minutes after its beginning) that a token is refreshed."""
_AGAIN: Final = 60.0
"""Seconds within which a refused token is refreshed only once: a 401 may have other reasons."""
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


class Grants(Protocol):
    """Where grants are kept, so that other processes and the next start find them."""

    def only_one(self) -> AbstractContextManager[None]:
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

    `ask` exchanges a refresh token for a grant; `now` is in seconds since 1970.
    """

    def __init__(
        self,
        app: App,
        grants: Grants,
        ask: Callable[[App, str], Grant],
        now: Callable[[], float],
    ) -> None:
        self._app = app
        self._grants = grants
        self._ask = ask
        self._now = now
        self._grant: Grant | None = None
        self._forced = 0.0
        self._lock = Lock()

    def __call__(self) -> str:
        """Return a token that holds for a while."""
        with self._lock:
            if self._grant is None or not self._holds(self._grant):
                self._grant = self._fresh(refused="")
            return self._grant.access_token

    def once_more(self, work: Callable[[], Result]) -> Result:
        """Do the work, and once more with another token where this one is refused."""
        used = self()
        try:
            return work()
        except TokenRefused:
            if not self.renew(used):
                raise
            return work()

    def renew(self, refused: str) -> bool:
        """Fetch another token after one was refused; False where that was tried just now."""
        with self._lock:
            if self._grant is not None and self._grant.access_token != refused:
                return True  # another thread was faster
            if self._now() - self._forced < _AGAIN:
                return False
            self._forced = self._now()
            self._grant = self._fresh(refused=refused)
            return True

    def _holds(self, grant: Grant) -> bool:
        return grant.until - EARLY > self._now()

    def _fresh(self, *, refused: str) -> Grant:
        """Return what another process has fetched meanwhile, or fetch it."""
        with self._grants.only_one():
            kept = self._grants.load(self._app)
            if kept and kept.access_token != refused and self._holds(kept):
                return kept
            grant = self._ask(self._app, kept.refresh_token if kept else self._app.refresh_token)
            known = kept.portal_id if kept else ""
            if known and grant.portal_id and grant.portal_id != known:
                raise UserError(
                    f"The refreshed token belongs to portal {grant.portal_id}, not to {known}: it "
                    "is not used. Install the app anew, and set HUBSPOT_REFRESH_TOKEN."
                )
            self._grants.keep(self._app, grant)
        _log.info("token.refreshed", portal=grant.portal_id)
        return grant


def exchange(
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
    asked = now()
    answer = _post(f"{url}{request.path}", form)
    error = fault(answer, request)
    if error:
        raise _told(answer, error)
    return _grant(answer, asked, refresh_token)


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
    except broken.HTTPError as error:
        name = type(error).__name__
        raise Unavailable(f"HubSpot gave no new token ({name}): it is asked again later") from None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, headers=headers, body=response.data)


def _told(answer: Answer, error: ConnectorError) -> ConnectorError:
    """Say of a refusal what the operator must do; what passes by itself stays as it is."""
    if answer.status not in {400, 401, 403}:
        return error
    return TokenRefused(
        f"HubSpot gives no new token ({answer.status}): the app was removed from the portal, or "
        "HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET or HUBSPOT_REFRESH_TOKEN is wrong. Install the "
        "app again, and set the new refresh token.",
        correlation_id=answer.correlation_id(),
    )


def _grant(answer: Answer, asked: float, refresh_token: str) -> Grant:
    told = answer.document()
    token, seconds = told.get("access_token"), told.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(seconds, int | float):
        raise BadAnswer("HubSpot's answer holds no new token: it is asked again later")
    return Grant(
        access_token=token,
        refresh_token=str(told.get("refresh_token") or refresh_token),
        until=asked + seconds,
        portal_id=str(told.get("hub_id") or ""),
    )
