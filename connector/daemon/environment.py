"""Keep one portal open between cycles, and renew what changed: settings, token, policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from connector.config.open_run import (
    choose_policy,
    open_api,
    read_policy,
    read_portal,
    require_own_policy,
    reserve_from_settings,
    run_id,
    with_leads,
    wrong_portal_error,
)
from connector.config.policy_choice import PolicyChoice
from connector.config.run_clock import RunClock
from connector.config.setting_sources import DEFAULTS
from connector.config.settings import Settings
from connector.config.tokens import token_source
from connector.context import Progress, RunContext, no_progress
from connector.core.binding.bind import BoundPolicy, bind
from connector.core.model import Portal
from connector.errors import StorageError, UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.requester import OnAnswer
from connector.hubspot.http.token_refresh import Tokens
from connector.hubspot.http.transport import TokenSource
from connector.push.recover_open_moves import recover
from connector.telemetry import logs
from state import outbox, portal_policy, portals
from state.db.store import Store

PORTAL_SECONDS: Final = 900.0
"""Seconds between two readings of stages, statuses and pipelines; a reading takes five requests."""

_log = structlog.get_logger()


class CurrentSettings:
    """The settings as they were last read, and the token that belongs to them.

    An OAuth app renews its tokens itself. Any other token is the one in the settings at the
    moment of the request, so that a replaced secret file counts at once.
    """

    def __init__(self, read_settings: Callable[[], Settings]) -> None:
        self._read_settings = read_settings
        self.settings = read_settings()
        source = token_source(self.settings)
        self._oauth = source if isinstance(source, Tokens) else None

    def renew(self) -> None:
        """Read the settings again; settings that cannot be read leave the last ones in place."""
        settings = self._read_settings()
        logs.add_secrets(*settings.secrets)
        self.settings = settings

    @property
    def token_source(self) -> TokenSource:
        """Return what gives the token of each request; an OAuth app's is renewed after a 401."""
        return self._oauth or self.token

    def token(self) -> str:
        """Return the token for the next request."""
        return self._oauth() if self._oauth else self.settings.access_token


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSources:
    """What an environment is opened from, and what hears of its progress and requests."""

    current: CurrentSettings
    clock: RunClock
    store: Store
    progress: Progress = no_progress
    on_answer: OnAnswer = lambda _route, _status, _seconds: None


class Environment:
    """One open portal: API, portal definition and policy are there from the beginning."""

    def __init__(self, sources: EnvironmentSources, api: HubSpotClient) -> None:
        """Read portal and policy.

        Raises UserError where the token belongs to another portal, the policy does not fit, or no
        policy is named and the default would replace the portal's last one: open moves are
        finished before. Raises TemporaryError where HubSpot does not answer.
        """
        self._sources = sources
        self._current = sources.current
        self._client = api
        self._pinned_portal_id = ""
        self._policy_error: UserError | None = None
        self._portal_read_at = sources.clock.monotonic()
        self._is_portal_stored = False
        self.api = api
        self.store = sources.store
        self.renew_token()
        self.portal = self._read_portal()
        api.configure_limits(
            reserve_from_settings(self.settings), self.store.rate_slots(self.portal_id)
        )
        try:
            self.policy = self._open_policy()
        except UserError:
            # A policy that is refused must leave no record without a stage.
            self._finish_open_moves()
            raise

    @property
    def settings(self) -> Settings:
        """Return the settings as they were last read."""
        return self._current.settings

    @property
    def portal_id(self) -> str:
        """Return the id of the open portal."""
        return self.portal.account.portal_id

    def close(self) -> None:
        """Close the connections to HubSpot."""
        self._client.close()

    def renew_settings(self) -> None:
        """Read the settings again; settings that cannot be read leave the last ones in place."""
        self._current.renew()

    def renew_token(self) -> None:
        """Ask once for each new token which portal it belongs to, before anything else uses it.

        A token that changes later, in the middle of a cycle, the client asks about by itself.
        """
        if not self._pinned_portal_id:
            portal_id, expected = self.api.account().portal_id, self.settings.portal_id
            if expected and expected != portal_id:
                raise wrong_portal_error(portal_id, expected)
            self._pinned_portal_id = portal_id
        self._client.require_portal(self._pinned_portal_id)

    def renew_portal(self) -> None:
        """Read stages, statuses and pipelines again where `PORTAL_SECONDS` have passed."""
        if self._sources.clock.monotonic() - self._portal_read_at < PORTAL_SECONDS:
            return
        previous = self.portal
        self.portal = self._read_portal(known=previous)
        if self.portal is not previous:
            self._policy_text = ""

    def expire_portal(self) -> None:
        """Let the next cycle read stages, statuses and pipelines again."""
        self._portal_read_at = self._sources.clock.monotonic() - PORTAL_SECONDS

    def renew_policy(self) -> None:
        """Read the policy again where it was edited, or another one is set for the portal.

        A bad one leaves the last good one.
        """
        # A command that decided by another policy since then has not set it for the daemon.
        self._policy_name = self._choose_policy().name
        text = self._current_policy_text()
        if text == self._policy_text:
            if self._policy_error is not None:
                raise self._policy_error
            return
        self._policy_text, self._policy_error = text, None
        try:
            self.policy = self._bind_policy()
        except UserError as error:
            self._policy_error = error
            raise

    def new_context(self) -> RunContext:
        """Return the context of one cycle, which is a run of its own."""
        return RunContext(
            run=run_id(self.api.now()),
            api=self.api,
            store=self.store,
            portal=self.portal,
            policy=self.policy,
            wait=self._sources.clock.wait,
            overlap=timedelta(seconds=self.settings.overlap_seconds),
            recheck_seconds=self.settings.recheck_seconds,
            progress=self._sources.progress,
            retention=self.settings.retention,
            follows_review_only=True,
        )

    def _read_portal(self, known: Portal | None = None) -> Portal:
        """Return the portal's definition, stored where it changed; `known` where it did not."""
        portal = read_portal(self.api, self.settings)
        if known is not None:
            portal = with_leads(self.api, portal, self.policy.policy)
        self._portal_read_at = self._sources.clock.monotonic()
        if known == portal and self._is_portal_stored:
            return portal
        self._store_portal(portal)
        return portal

    def _store_portal(self, portal: Portal) -> None:
        try:
            with self.store.begin(portal.account.portal_id) as session:
                portals.save(session, portal, self.api.now())
            self._is_portal_stored = True
        except StorageError as error:
            # A full disk, say: open moves are finished first, and the cycle's steps say the rest.
            _log.error("portal.not_stored", portal=portal.account.portal_id, message=str(error))

    def _open_policy(self) -> BoundPolicy:
        """Return the policy to begin with; UserError where it is wrong, or not the portal's."""
        choice = self._choose_policy()
        require_own_policy(self.store, self.settings, self.portal_id, choice)
        self._policy_name = choice.name
        self._policy_text = self._current_policy_text()
        return self._bind_policy()

    def _finish_open_moves(self) -> None:
        """Finish what a stopped process left open, by a policy that can be used."""
        with self.store.reading(self.portal_id) as session:
            if not outbox.open_moves(session):
                return
            last_policy = portal_policy.read_last(session)
        policy = self._usable_policy(last_policy.name if last_policy else "")
        if policy is None:
            return
        self.policy = policy
        with self.store.writer_lock(self.portal_id, holder_name="connector run"):
            # It is tried again with each start: what HubSpot does not take waits for its time.
            recover(self.new_context(), only_due=True)

    def _usable_policy(self, last_name: str) -> BoundPolicy | None:
        """Return the portal's last policy, else the standard one; None where neither fits."""
        for name, settings in ((last_name, self.settings), (DEFAULTS["CONNECTOR_POLICY"], None)):
            try:
                return bind(read_policy(name, settings), self.portal)
            except UserError:
                continue
        return None

    def _choose_policy(self) -> PolicyChoice:
        return choose_policy(self.store, self.settings, self.portal_id)

    def _bind_policy(self) -> BoundPolicy:
        policy = read_policy(self._policy_name, self.settings)
        portal = with_leads(self.api, self.portal, policy)
        if portal is not self.portal:
            self._store_portal(portal)
            self.portal = portal
        bound = bind(policy, portal)
        for warning in bound.warnings:
            _log.warning("policy.asleep", policy=bound.name, warning=warning)
        _log.info("policy.read", policy=bound.name, digest=bound.digest)
        return bound

    def _current_policy_text(self) -> str:
        """Return name and text of the policy, and what the portal's file changes of it.

        A preset's text never changes.
        """
        name, portal_file = self._policy_name, self.settings.portal
        title = f"{name}\n{portal_file.policy_settings if portal_file else ''}\n"
        try:
            return title + Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return title


def open_environment(sources: EnvironmentSources) -> Environment:
    """Open the portal that the settings name; on an error the connections are closed again.

    Raises UserError where a setting, the token or the policy is wrong, TemporaryError where
    HubSpot does not answer.
    """
    settings = sources.current.settings
    api = open_api(settings, sources.clock, token=sources.current.token_source)
    api.observe_answers(sources.on_answer)
    try:
        return Environment(sources, api)
    except BaseException:
        api.close()
        raise
