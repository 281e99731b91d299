"""Open a run: settings → API, portal, store and policy, each checked before use."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from connector.config import presets
from connector.config.settings import Settings
from connector.config.tokens import token_source
from connector.context import Progress, RunContext, no_progress
from connector.core.binding.bind import bind
from connector.core.model import Portal
from connector.core.policy.load import Policy, load_policy
from connector.errors import UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.daily_budget import Reserve
from connector.hubspot.http.transport import TokenSource
from state import portals
from state.db.store import Store

LOCK_SECONDS: Final = 5.0
"""An operator's command waits so long for a daemon's cycle to end; most cycles take less."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClock:
    """How to wait, and a clock that never goes back, both in seconds."""

    wait: Callable[[float], None]
    monotonic: Callable[[], float]


def open_api(
    settings: Settings, clock: RunClock, *, token: TokenSource | None = None
) -> HubSpotClient:
    """Return the API client that the settings describe; raise UserError without a token.

    `token` returns the token of each request, where it may change while the client is open.
    """
    api = HubSpotClient(
        token or token_source(settings),
        url=settings.api_url,
        family=settings.api_version,
        wait=clock.wait,
        monotonic=clock.monotonic,
    )
    api.configure_limits(reserve_from_settings(settings))
    return api


def reserve_from_settings(settings: Settings) -> Reserve:
    """Return how many requests these settings leave to the portal's other apps."""
    return Reserve(share=settings.reserve_share, number=settings.reserve_number)


def read_policy(name: str) -> Policy:
    """Load a preset by its name, or a policy file by its path."""
    if name in presets.names():
        return presets.load_preset(name)
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        preset_names = ", ".join(presets.names())
        raise UserError(
            f"There is no policy {name!r}: it is neither a preset ({preset_names}) nor a file "
            "that can "
            f"be read ({error.strerror})."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not a text file in UTF-8.") from error
    return load_policy(text, source=name, preset_text=presets.policy_text)


def require_portal(portal: Portal, settings: Settings) -> None:
    """Raise UserError where the token belongs to another portal than the one it must."""
    actual = portal.account.portal_id
    if settings.portal_id and settings.portal_id != actual:
        raise wrong_portal_error(actual, settings.portal_id)


def wrong_portal_error(actual: str, wanted: str) -> UserError:
    """Return the error of a token that belongs to another portal."""
    return UserError(
        f"This token belongs to portal {actual}, but HUBSPOT_PORTAL_ID is {wanted}. Nothing was "
        "read or written: use the right token, or the right portal id."
    )


@contextmanager
def open_context(
    settings: Settings,
    clock: RunClock,
    *,
    progress: Progress = no_progress,
    policy: str | None = None,
) -> Iterator[RunContext]:
    """Open everything that a run needs, and close it at the end.

    Reads the account, the property definitions and the pipelines from HubSpot; raises UserError
    where the policy or a setting is wrong, or the token belongs to another portal, before
    anything is stored.
    """
    loaded = read_policy(policy or settings.policy)
    with closing(open_api(settings, clock)) as api:
        portal = api.portal()
        require_portal(portal, settings)
        bound = bind(loaded, portal)
        for warning in bound.warnings:
            _log.warning("policy.asleep", policy=bound.name, warning=warning)
        with Store.open(settings.database_url, lock_wait=LOCK_SECONDS) as store:
            with store.begin(portal.account.portal_id) as session:
                portals.save(session, portal, api.now())
            api.configure_limits(
                reserve_from_settings(settings), store.rate_slots(portal.account.portal_id)
            )
            yield RunContext(
                run=run_id(api.now()),
                api=api,
                store=store,
                portal=portal,
                policy=bound,
                wait=clock.wait,
                overlap=timedelta(seconds=settings.overlap_seconds),
                recheck_seconds=settings.recheck_seconds,
                progress=progress,
            )


def run_id(at: datetime) -> str:
    """Return a run's id: when it began by the portal's clock, and four letters against chance."""
    return f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
