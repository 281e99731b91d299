"""What every cycle stands on, kept open between them, and renewed when it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from connector.config.open_run import (
    RunClock,
    open_api,
    read_policy,
    reserve_from_settings,
    run_id,
    wrong_portal_error,
)
from connector.config.settings import Settings
from connector.config.tokens import token_source
from connector.context import Progress, RunContext, no_progress
from connector.core.binding.bind import BoundPolicy, bind
from connector.core.model import Portal
from connector.errors import UserError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.oauth import Tokens
from connector.hubspot.http.requester import OnAnswer
from connector.hubspot.http.transport import TokenSource
from connector.telemetry import logs
from state import portals
from state.db.store import Store

PORTAL_SECONDS: Final = 900.0
"""How often stages, statuses and pipelines are asked for anew; it takes five requests."""

_log = structlog.get_logger()


class Environment:
    """Store, door, portal and policy; `read` reads the settings anew, secret files included.

    `door`, `portal` and `policy` are there once `open` has succeeded.
    """

    api: HubSpotApi
    portal: Portal
    policy: BoundPolicy

    def __init__(
        self,
        read_settings: Callable[[], Settings],
        clock: RunClock,
        *,
        store: Store,
        progress: Progress = no_progress,
        on_answer: OnAnswer = lambda _route, _status, _seconds: None,
    ) -> None:
        self._read_settings = read_settings
        self._clock = clock
        self._progress = progress
        self._on_answer = on_answer
        self._checked_token_hash = ""
        self._portal_read_at = 0.0
        self._policy_text = ""
        self._pinned_portal_id = ""
        self._policy_error: UserError | None = None
        self._oauth: Tokens | None = None
        self.settings = read_settings()
        self.store = store

    def open(self) -> None:
        """Open the door and learn whose it is; UserError where it is another portal's."""
        api = open_api(self.settings, self._clock, token=self._token_source())
        api.observe_answers(self._on_answer)
        try:
            self.api = api
            self.renew_token()
            self.renew_portal()
            self.renew_policy()
        except BaseException:
            api.close()
            raise
        api.configure_limits(
            reserve_from_settings(self.settings), self.store.rate_slots(self.portal_id)
        )

    def close(self) -> None:
        """Let go of the connections."""
        api = getattr(self, "api", None)
        if isinstance(api, HubSpotClient):
            api.close()

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
        settings = self._read_settings()
        logs.add_secrets(*settings.secrets)
        self.settings = settings

    def renew_token(self) -> None:
        """Ask once for each token whose it is, before anything else is asked with it."""
        token_hash = hashlib.sha256(self._token().encode()).hexdigest()
        if token_hash == self._checked_token_hash:
            return
        portal_id = self.api.account().portal_id
        expected = self._pinned_portal_id or self.settings.portal_id
        if expected and expected != portal_id:
            raise wrong_portal_error(portal_id, expected)
        self._checked_token_hash, self._pinned_portal_id = token_hash, portal_id

    def renew_portal(self) -> None:
        """Ask now and then for the stages, statuses and pipelines."""
        now = self._clock.monotonic()
        if self._portal_read_at and now - self._portal_read_at < PORTAL_SECONDS:
            return
        portal = self.api.portal()
        self._portal_read_at = now
        if portal == getattr(self, "portal", None):
            return
        self.portal, self._policy_text = portal, ""
        with self.store.begin(portal.account.portal_id) as session:
            portals.save(session, portal, self.api.now())

    def renew_policy(self) -> None:
        """Read the policy again where its file has changed; a bad one leaves the last good one."""
        name = self.settings.policy
        text = f"{name}\n{_file_text(name)}"
        if text == self._policy_text:
            if self._policy_error is not None:
                raise self._policy_error
            return
        self._policy_text, self._policy_error = text, None
        try:
            bound = bind(read_policy(name), self.portal)
        except UserError as error:
            self._policy_error = error
            raise
        for warning in bound.warnings:
            _log.warning("policy.asleep", policy=bound.name, warning=warning)
        _log.info("policy.read", policy=bound.name, digest=bound.digest)
        self.policy = bound

    def new_context(self) -> RunContext:
        """Lay out the desk for one cycle, a run of its own."""
        return RunContext(
            run=run_id(self.api.now()),
            api=self.api,
            store=self.store,
            portal=self.portal,
            policy=self.policy,
            wait=self._clock.wait,
            overlap=timedelta(seconds=self.settings.overlap_seconds),
            recheck_seconds=self.settings.recheck_seconds,
            progress=self._progress,
            retention=self.settings.retention,
        )

    def _token_source(self) -> TokenSource:
        """Return the OAuth app's tokens, or the token that the settings have at that moment."""
        if self._oauth is None:
            source = token_source(self.settings)
            self._oauth = source if isinstance(source, Tokens) else None
        return self._oauth or self._token

    def _token(self) -> str:
        return self._oauth() if self._oauth else self.settings.access_token


def _file_text(name: str) -> str:
    """Return what a policy file holds, "" for a preset and for what cannot be read."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
