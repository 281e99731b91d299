"""Stored tokens are encrypted on disk, and only the right key opens them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connector.config import settings
from connector.config.tokens import token_source
from connector.errors import UserError
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Portal()) as running_sandbox:
        yield running_sandbox


def settings_for(sandbox: Sandbox, folder: Path, **overrides: str) -> settings.Settings:
    environment = {
        "HUBSPOT_API_URL": sandbox.url,
        "HUBSPOT_CLIENT_ID": "app",
        "HUBSPOT_CLIENT_SECRET": "secret",
        "HUBSPOT_REFRESH_TOKEN": "refresh-0",
        "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'connector.db'}",
    }
    return settings.read(environment | overrides, folder=folder)


def test_a_kept_token_is_found_by_the_next_start_and_lies_sealed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.dispatcher.oauth.rotates_refresh_token = True
    key = Fernet.generate_key().decode()
    first = token_source(settings_for(sandbox, tmp_path, CONNECTOR_TOKEN_KEY=key))()
    assert token_source(settings_for(sandbox, tmp_path, CONNECTOR_TOKEN_KEY=key))() == first
    assert sandbox.dispatcher.oauth.grant_count == 1
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("connector.db*"))
    assert b"access-1" not in stored
    assert b"refresh-1" not in stored


def test_keys_can_be_changed_with_the_old_one_behind_the_new(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    first = token_source(settings_for(sandbox, tmp_path, CONNECTOR_TOKEN_KEY=old))()
    with_both_keys = settings_for(sandbox, tmp_path, CONNECTOR_TOKEN_KEY=f"{new},{old}")
    assert token_source(with_both_keys)() == first


def test_another_key_opens_nothing_and_begins_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    for number in (1, 2):
        key = Fernet.generate_key().decode()
        token = token_source(settings_for(sandbox, tmp_path, CONNECTOR_TOKEN_KEY=key))()
        assert token == f"access-{number}"


def test_without_a_key_nothing_is_written(sandbox: Sandbox, tmp_path: Path) -> None:
    source = token_source(settings_for(sandbox, tmp_path))
    assert source() == source()
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_says_how_to_make_one(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Fernet\.generate_key"):
        token_source(settings_for(sandbox, tmp_path, CONNECTOR_TOKEN_KEY="short"))


def test_a_fixed_token_is_used_as_it_is(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (
        token_source(settings_for(sandbox, tmp_path, HUBSPOT_ACCESS_TOKEN="pat-eu1-x"))()
        == "pat-eu1-x"
    )


def test_half_an_app_names_what_it_takes(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="HUBSPOT_CLIENT_SECRET"):
        token_source(settings_for(sandbox, tmp_path, HUBSPOT_CLIENT_SECRET=""))


def test_no_token_at_all_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="HUBSPOT_ACCESS_TOKEN"):
        token_source(settings.read({}, folder=tmp_path))
