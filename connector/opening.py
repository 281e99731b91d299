"""Lay out the desk: settings → door, portal, store and policy, each checked before use."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from connector import presets
from connector.core.binding import bind
from connector.core.model import Portal
from connector.core.policy import Policy, load
from connector.desk import Desk, Tell, silent
from connector.errors import UserError
from connector.granting import token_source
from connector.hubspot.budget import Reserve
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.transport import TokenSource
from connector.settings import Settings
from state import portals
from state.store import Store

LOCK_SECONDS: Final = 5.0
"""An operator's command waits so long for a daemon's cycle to end; most take less."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clockwork:
    """How to wait, and a clock that never goes back, both in seconds."""

    wait: Callable[[float], None]
    monotonic: Callable[[], float]


def open_door(
    settings: Settings, clockwork: Clockwork, *, token: TokenSource | None = None
) -> HubSpotDoor:
    """Return the door that the settings name; raise UserError without a token.

    `token` returns the token of each request, where it may change while the door is open.
    """
    door = HubSpotDoor(
        token or token_source(settings),
        url=settings.api_url,
        family=settings.api_version,
        wait=clockwork.wait,
        monotonic=clockwork.monotonic,
    )
    door.live_within(reserve_of(settings))
    return door


def reserve_of(settings: Settings) -> Reserve:
    """Return what these settings leave to the portal's other apps."""
    return Reserve(share=settings.reserve_share, number=settings.reserve_number)


def read_policy(name: str) -> Policy:
    """Load a preset by its name, or a policy file by its path."""
    if name in presets.names():
        return presets.policy(name)
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(presets.names())
        raise UserError(
            f"There is no policy {name!r}: it is neither a preset ({known}) nor a file that can "
            f"be read ({error.strerror})."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not a text file in UTF-8.") from error
    return load(text, source=name, preset=presets.preset)


def pin(portal: Portal, settings: Settings) -> None:
    """Raise UserError where the token belongs to another portal than the one it must."""
    found = portal.account.portal_id
    if settings.portal_id and settings.portal_id != found:
        raise mismatch(found, settings.portal_id)


def mismatch(found: str, wanted: str) -> UserError:
    """Return the error of a token that belongs to another portal."""
    return UserError(
        f"This token belongs to portal {found}, but HUBSPOT_PORTAL_ID is {wanted}. Nothing was "
        "read or written: use the right token, or the right portal id."
    )


@contextmanager
def open_desk(
    settings: Settings,
    clockwork: Clockwork,
    *,
    tell: Tell = silent,
    policy: str | None = None,
) -> Iterator[Desk]:
    """Open everything that a run needs, and close it again."""
    read = read_policy(policy or settings.policy)
    with closing(open_door(settings, clockwork)) as door:
        portal = door.portal()
        pin(portal, settings)
        bound = bind(read, portal)
        for warning in bound.warnings:
            _log.warning("policy.asleep", policy=bound.name, warning=warning)
        with Store.open(settings.database_url, lock_wait=LOCK_SECONDS) as store:
            with store.begin() as session:
                portals.save(session, portal, door.now())
            door.live_within(reserve_of(settings), store.turns(portal.account.portal_id))
            yield Desk(
                run=run_id(door.now()),
                door=door,
                store=store,
                portal=portal,
                policy=bound,
                wait=clockwork.wait,
                overlap=timedelta(seconds=settings.overlap_seconds),
                rechecks=settings.recheck_seconds,
                tell=tell,
            )


def run_id(at: datetime) -> str:
    """Return a run's id: when it began by the portal's clock, and four letters against chance."""
    return f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
