"""Open a run: settings → API, portal, store and policy, each checked before use."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import structlog

from connector.config import presets
from connector.config.known_database import (
    is_new_database,
    require_database,
    require_mirrored_portal,
)
from connector.config.policy_choice import (
    DEFAULT,
    LAST,
    PolicyChoice,
    PolicyMemory,
    Purpose,
    named_policy,
    remembered_name,
    require_last_policy,
    unnamed_policy,
)
from connector.config.run_clock import RunClock
from connector.config.settings import Settings, is_loopback
from connector.config.tokens import token_source
from connector.context import Progress, RunContext, RunOrigin, no_progress
from connector.core.binding.bind import bind
from connector.core.binding.bound_policy import BoundPolicy
from connector.core.model import Portal
from connector.core.policy.document import read_document
from connector.core.policy.load import Policy, load_policy, with_settings
from connector.errors import StorageError, UserError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.daily_budget import Reserve
from connector.hubspot.http.failures import ScopeMissing
from connector.hubspot.http.transport import TokenSource
from state import portal_policy, portals
from state.db.store import Store
from state.portal_policy import RememberedPolicy

_POLICY_KEYS: Final = ("extends:", "settings:", "rules:", "lead_status:", "lists:", "name:")
_KEY: Final = re.compile(r"""[{"']*([A-Za-z_]+)["']?\s*:""")
LOCK_SECONDS: Final = 5.0
"""An operator's command waits so long for a daemon's cycle to end; most cycles take less."""

_log = structlog.get_logger()


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
    # A sandbox on this machine may live in another time.
    if clock.wall_clock and not is_loopback(settings.api_url):
        api.compare_clocks(clock.wall_clock)
    api.configure_limits(reserve_from_settings(settings))
    return api


def reserve_from_settings(settings: Settings) -> Reserve:
    """Return how many requests these settings leave to the portal's other apps."""
    return Reserve(share=settings.reserve_share, number=settings.reserve_number)


def read_policy(name: str, settings: Settings | None = None) -> Policy:
    """Load a preset by its name, or a policy file by its path.

    Where the settings are of a portal file, its `[settings]` replace those of the policy.
    """
    return with_portal_settings(_read_shared_policy(name), settings)


def with_portal_settings(policy: Policy, settings: Settings | None) -> Policy:
    """Return a policy with the `[settings]` of the portal file, where there is one."""
    portal = settings.portal if settings else None
    if portal is None or not portal.policy_settings:
        return policy
    own_settings = read_document(portal.policy_settings, source=str(portal.path), own=True).settings
    return with_settings(policy, own_settings)


def _read_shared_policy(name: str) -> Policy:
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
    return load_policy_text(text, source=name)


def load_policy_text(text: str, *, source: str) -> Policy:
    """Load a policy from the text of a file; `source` is what its mistakes call it."""
    if not looks_like_policy(text):
        raise UserError(
            f"{source} is not a policy: none of its lines begins with {', '.join(_POLICY_KEYS)}. "
            "Nothing of it is shown here, as it may hold secrets. `connector policy init` writes "
            "a policy to start from."
        )
    return load_policy(text, source=source, preset_text=presets.policy_text)


def looks_like_policy(text: str) -> bool:
    """Return whether a file has a key of a policy, perhaps misspelt, or nothing at all.

    Any other file may hold secrets, and a message about a mistake in it would quote them.

    >>> looks_like_policy("extends: standard"), looks_like_policy("setings: {}")
    (True, True)
    >>> looks_like_policy("HUBSPOT_ACCESS_TOKEN=pat-eu1-…"), looks_like_policy("token: abc")
    (False, False)
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    keys = [f"{match.group(1)}:" for line in lines if (match := _KEY.match(line))]
    return not lines or any(get_close_matches(key, _POLICY_KEYS, cutoff=0.8) for key in keys)


def read_portal(api: HubSpotApi, settings: Settings) -> Portal:
    """Read a portal's definitions; a portal file may name another time zone than HubSpot does."""
    portal = api.portal()
    if settings.portal is None or not settings.portal.time_zone:
        return portal
    account = replace(portal.account, time_zone=settings.portal.time_zone)
    return replace(portal, account=account)


def with_leads(api: HubSpotApi, portal: Portal, policy: Policy) -> Portal:
    """Return the portal with its leads, where the policy rests on them.

    Raise UserError where the token may not read them: what is not known is not absent.
    """
    if not policy.uses_leads or portal.lead_pipelines is not None:
        return portal
    try:
        return api.with_leads(portal)
    except ScopeMissing as error:
        raise UserError(
            f"The policy {policy.name} rests on HubSpot's leads, and this token may not read them. "
            "Nothing was decided or written: give the token the scope `crm.objects.leads.read`, or "
            f"set `lead_status.from: rules` in the policy. HubSpot says: {error}"
        ) from error


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
    purpose: Purpose = Purpose.DECIDE,
    creates_database: bool = True,
) -> Iterator[RunContext]:
    """Open everything that a run needs, and close it at the end.

    `policy` is the one that the operator named for this command. Without `creates_database`, a
    database that never mirrored the portal is refused. Reads the account, the property
    definitions and the pipelines from HubSpot. Raises UserError where the policy or a setting
    is wrong, the token belongs to another portal, or the policy is neither named nor the
    portal's last one, before anything about the portal is stored.
    """
    _note_database(settings, creates_database=creates_database)
    named = named_policy(settings, policy)
    # A mistake in a policy that is named is reported before HubSpot is asked for anything.
    loaded = read_policy(named.name, settings) if named else None
    with closing(open_api(settings, clock)) as api:
        portal = read_portal(api, settings)
        require_portal(portal, settings)
        portal_id = portal.account.portal_id
        api.require_portal(portal_id)
        bound: BoundPolicy | None = None
        if loaded:
            portal, bound = _bind(api, portal, loaded)
        with Store.open(settings.database_url, lock_wait=LOCK_SECONDS) as store:
            if not creates_database:
                require_mirrored_portal(store, portal_id, settings.database_url)
            memory = policy_memory(store, portal_id)
            choice = named or unnamed_policy(settings, memory, purpose)
            if purpose is not Purpose.OPERATE:
                require_last_policy(choice, loaded or read_policy(choice.name, settings), memory)
            if bound is None:
                choice, portal, bound = _bind_or_default(api, portal, choice, settings)
            for warning in bound.warnings:
                _log.warning("policy.asleep", policy=bound.name, warning=warning)
            last_policy = remembered_policy(choice.name, bound.policy)
            _remember(store, portal, api.now(), last_policy if purpose is Purpose.DECIDE else None)
            api.configure_limits(reserve_from_settings(settings), store.rate_slots(portal_id))
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
                origin=run_origin(settings, choice),
            )


def _note_database(settings: Settings, *, creates_database: bool) -> None:
    """Refuse a database that is not there, or say that it is created."""
    if not creates_database:
        require_database(settings.database_url)
    elif is_new_database(settings.database_url):
        _log.info("database.created", database=full_database_url(settings.database_url))


def _bind(api: HubSpotApi, portal: Portal, policy: Policy) -> tuple[Portal, BoundPolicy]:
    """Bind a policy to a portal; return the portal with its leads, where the policy wants them."""
    portal = with_leads(api, portal, policy)
    return portal, bind(policy, portal)


def _bind_or_default(
    api: HubSpotApi, portal: Portal, choice: PolicyChoice, settings: Settings
) -> tuple[PolicyChoice, Portal, BoundPolicy]:
    """Bind a policy; the default in place of the portal's last one where that cannot be used.

    Only commands that decide nothing take the last one. They must work without its file: a record
    that stands without a stage is finished, a hold is set, and writing is paused, whatever became
    of a policy.
    """
    try:
        return choice, *_bind(api, portal, read_policy(choice.name, settings))
    except UserError as error:
        if choice.source != LAST:
            raise
        default = PolicyChoice(name=settings.policy, source=DEFAULT)
        _log.warning(
            "policy.last_unusable", policy=choice.name, instead=default.name, message=str(error)
        )
        return default, *_bind(api, portal, read_policy(default.name, settings))


def _remember(
    store: Store, portal: Portal, now: datetime, last_policy: RememberedPolicy | None
) -> None:
    """Store what the portal is, and the policy of a run that decides.

    On a full disk, open moves are finished all the same, and what follows fails by itself.
    """
    portal_id = portal.account.portal_id
    try:
        with store.begin(portal_id) as session:
            portals.save(session, portal, now)
            if last_policy:
                portal_policy.put_last(session, last_policy)
    except StorageError as error:
        _log.error("portal.not_stored", portal=portal_id, message=str(error))


def policy_memory(store: Store, portal_id: str) -> PolicyMemory:
    """Return what is remembered of a portal's policies."""
    with store.reading(portal_id) as session:
        return PolicyMemory(
            set_policy=portal_policy.read_set(session),
            last_policy=portal_policy.read_last(session),
        )


def choose_policy(store: Store, settings: Settings, portal_id: str) -> PolicyChoice:
    """Return the policy that the settings name, else the portal's own."""
    named = named_policy(settings, None)
    return named or unnamed_policy(settings, policy_memory(store, portal_id), Purpose.DECIDE)


def require_own_policy(
    store: Store, settings: Settings, portal_id: str, choice: PolicyChoice
) -> None:
    """Raise UserError where the default would silently replace the portal's last policy."""
    policy = read_policy(choice.name, settings)
    require_last_policy(choice, policy, policy_memory(store, portal_id))


def remembered_policy(name: str, policy: Policy) -> RememberedPolicy:
    """Return a policy as it is remembered."""
    return RememberedPolicy(name=remembered_name(name), digest=policy.digest)


def run_origin(settings: Settings, choice: PolicyChoice) -> RunOrigin:
    """Return what the operator is told that a command rests on."""
    return RunOrigin(
        policy=choice.name,
        policy_source=choice.source,
        database=full_database_url(settings.database_url),
        settings_files=tuple(map(str, settings.files)),
    )


def full_database_url(url: str) -> str:
    """Return where a database is: the full path of a file, or a URL without its password."""
    if url.startswith("sqlite:///"):
        return str(Path(url.removeprefix("sqlite:///")).absolute())
    return re.sub(r"(//[^:/@]*):[^@]*@", r"\1:***@", url)


def run_id(at: datetime) -> str:
    """Return a run's id: when it began by the portal's clock, and four letters against chance."""
    return f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
