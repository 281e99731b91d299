"""Get access tokens: a fixed one, or those of an OAuth app, whose grants are stored encrypted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson
import structlog

from connector.config.settings import Settings, require_one_portal
from connector.errors import StorageError, UserError
from connector.hubspot.http.token_refresh import Grant, Tokens, refresh_grant
from connector.hubspot.http.transport import TokenSource
from connector.hubspot.oauth_install import App
from connector.telemetry import logs
from state import tokens
from state.db.store import Store

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_NO_PORTAL: Final = "0"  # the portal is known only once a token is there
_KEY_COMMAND: Final = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)
_log = structlog.get_logger()


def token_source(settings: Settings) -> TokenSource:
    """Return the source of the token of each request; raise UserError where none is set."""
    if settings.access_token:
        return lambda: settings.access_token
    require_one_portal(settings)
    if settings.oauth is None:
        raise UserError(
            "No token is set: export HUBSPOT_ACCESS_TOKEN (a private-app or service-key token), or "
            "HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and HUBSPOT_REFRESH_TOKEN of an OAuth app. "
            "To try everything without an account, run `connector demo`."
        )
    return Tokens(
        settings.oauth,
        _grant_store(settings),
        lambda *arguments: _request_grant(settings, *arguments),
        time.time,
    )


def _request_grant(settings: Settings, app: App, refresh_token: str) -> Grant:
    family = settings.api_version
    grant = refresh_grant(app, refresh_token, url=settings.api_url, family=family, now=time.time)
    logs.add_secrets(grant.access_token, grant.refresh_token)
    return grant


def _grant_store(settings: Settings) -> EncryptedGrants | InMemoryGrants:
    if settings.token_key:
        return EncryptedGrants(settings.database_url, _cipher(settings.token_key))
    _log.warning(
        "token.not_kept",
        message="CONNECTOR_TOKEN_KEY is not set, so refreshed tokens are kept in memory alone; "
        f"make a key with: {_KEY_COMMAND}",
    )
    return InMemoryGrants()


def _cipher(keys: str) -> MultiFernet:
    """Return a cipher: the first key encrypts, every key decrypts, so that keys can change."""
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError:
        raise UserError(
            f"CONNECTOR_TOKEN_KEY is no key, nor several with commas; make one with: {_KEY_COMMAND}"
        ) from None


@dataclass(frozen=True, slots=True)
class EncryptedGrants:
    """Grants in the database, encrypted with the key from the environment."""

    database_url: str
    cipher: MultiFernet

    @contextmanager
    def refresh_lock(self) -> Iterator[None]:
        """Let one process at a time refresh: a refresh token may be valid for one use only."""
        with Store.open(self.database_url) as store, store.writer_lock("tokens", wait=60):
            yield

    def load(self, app: App) -> Grant | None:
        """Return the grant of this installation; None where the key does not decrypt it."""
        from cryptography.fernet import InvalidToken

        with Store.open(self.database_url) as store, store.reading(_NO_PORTAL) as session:
            encrypted = tokens.get(session, app.digest)
        if encrypted is None:
            return None
        try:
            return Grant(**orjson.loads(self.cipher.decrypt(encrypted.encode())))
        except InvalidToken:
            _log.warning(
                "token.not_opened",
                message="the stored token was sealed with another CONNECTOR_TOKEN_KEY; "
                "it is refreshed anew",
            )
            return None

    def keep(self, app: App, grant: Grant) -> None:
        """Encrypt and store a grant."""
        document = {
            "access_token": grant.access_token,
            "refresh_token": grant.refresh_token,
            "until": grant.until,
            "portal_id": grant.portal_id,
        }
        encrypted = self.cipher.encrypt(orjson.dumps(document)).decode()
        try:
            with Store.open(self.database_url) as store, store.begin(_NO_PORTAL) as session:
                tokens.put(session, app.digest, encrypted, at=datetime.now(UTC))
        except StorageError as error:
            # This process has the grant, and a record may stand blank: the requests go on.
            _log.error("token.not_stored", message=str(error))


class InMemoryGrants:
    """Grants in memory, for this process only."""

    def __init__(self) -> None:
        self._grant: Grant | None = None

    def refresh_lock(self) -> AbstractContextManager[None]:
        """Return no lock: no other process has these grants."""
        return nullcontext()

    def load(self, app: App) -> Grant | None:
        """Return the grant that was kept, None before the first."""
        return self._grant

    def keep(self, app: App, grant: Grant) -> None:
        """Keep a grant while the process lives."""
        self._grant = grant
