"""What every cycle stands on, kept open between them, and renewed when it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from connector import logs
from connector.core.binding import BoundPolicy, bind
from connector.core.model import Portal
from connector.desk import Desk, Tell, silent
from connector.errors import UserError
from connector.granting import token_source
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.door import Door
from connector.hubspot.exchange import Noted
from connector.hubspot.oauth import Tokens
from connector.hubspot.transport import TokenSource
from connector.opening import Clockwork, mismatch, open_door, read_policy, reserve_of, run_id
from connector.settings import Settings
from state import portals
from state.store import Store

PORTAL_SECONDS: Final = 900.0
"""How often stages, statuses and pipelines are asked for anew; it takes five requests."""

_log = structlog.get_logger()


class Ground:
    """Store, door, portal and policy; `read` reads the settings anew, secret files included.

    `door`, `portal` and `policy` are there once `open` has succeeded.
    """

    door: Door
    portal: Portal
    policy: BoundPolicy

    def __init__(
        self,
        read: Callable[[], Settings],
        clockwork: Clockwork,
        *,
        store: Store,
        tell: Tell = silent,
        noted: Noted = lambda _route, _status, _seconds: None,
    ) -> None:
        self._read = read
        self._clockwork = clockwork
        self._tell = tell
        self._noted = noted
        self._checked = ""
        self._asked = 0.0
        self._text = ""
        self._pinned = ""
        self._wrong: UserError | None = None
        self._oauth: Tokens | None = None
        self.settings = read()
        self.store = store

    def open(self) -> None:
        """Open the door and learn whose it is; UserError where it is another portal's."""
        door = open_door(self.settings, self._clockwork, token=self._source())
        door.note_answers(self._noted)
        try:
            self.door = door
            self.renew_token()
            self.renew_portal()
            self.renew_policy()
        except BaseException:
            door.close()
            raise
        door.live_within(reserve_of(self.settings), self.store.turns(self.portal_id))

    def close(self) -> None:
        """Let go of the connections."""
        door = getattr(self, "door", None)
        if isinstance(door, HubSpotDoor):
            door.close()

    @property
    def is_open(self) -> bool:
        """Whether the portal is known, and the policy was read; from any thread."""
        return hasattr(self, "policy")

    @property
    def portal_id(self) -> str:
        """Return the portal that all this is about."""
        return self.portal.account.portal_id

    def renew_settings(self) -> None:
        """Read the settings again; what cannot be read leaves them as they were."""
        found = self._read()
        logs.hide(*found.secrets)
        self.settings = found

    def renew_token(self) -> None:
        """Ask once for each token whose it is, before anything else is asked with it."""
        token = hashlib.sha256(self._token().encode()).hexdigest()
        if token == self._checked:
            return
        found = self.door.account().portal_id
        wanted = self._pinned or self.settings.portal_id
        if wanted and wanted != found:
            raise mismatch(found, wanted)
        self._checked, self._pinned = token, found

    def renew_portal(self) -> None:
        """Ask now and then for the stages, statuses and pipelines."""
        now = self._clockwork.monotonic()
        if self._asked and now - self._asked < PORTAL_SECONDS:
            return
        found = self.door.portal()
        self._asked = now
        if found == getattr(self, "portal", None):
            return
        self.portal, self._text = found, ""
        with self.store.begin() as session:
            portals.save(session, found, self.door.now())

    def renew_policy(self) -> None:
        """Read the policy again where its file has changed; a bad one leaves the last good one."""
        name = self.settings.policy
        text = f"{name}\n{_content(name)}"
        if text == self._text:
            if self._wrong is not None:
                raise self._wrong
            return
        self._text, self._wrong = text, None
        try:
            bound = bind(read_policy(name), self.portal)
        except UserError as error:
            self._wrong = error
            raise
        for warning in bound.warnings:
            _log.warning("policy.asleep", policy=bound.name, warning=warning)
        _log.info("policy.read", policy=bound.name, digest=bound.digest)
        self.policy = bound

    def desk(self) -> Desk:
        """Lay out the desk for one cycle, a run of its own."""
        return Desk(
            run=run_id(self.door.now()),
            door=self.door,
            store=self.store,
            portal=self.portal,
            policy=self.policy,
            wait=self._clockwork.wait,
            overlap=timedelta(seconds=self.settings.overlap_seconds),
            rechecks=self.settings.recheck_seconds,
            tell=self._tell,
            keep=self.settings.keep,
        )

    def _source(self) -> TokenSource:
        """Return the OAuth app's tokens, or the token that the settings have at that moment."""
        if self._oauth is None:
            source = token_source(self.settings)
            self._oauth = source if isinstance(source, Tokens) else None
        return self._oauth or self._token

    def _token(self) -> str:
        return self._oauth() if self._oauth else self.settings.access_token


def _content(name: str) -> str:
    """Return what a policy file holds, "" for a preset and for what cannot be read."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
