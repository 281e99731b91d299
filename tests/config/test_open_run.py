"""Opening a run: everything is checked before anything is asked or written."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.config import settings
from connector.config.open_run import open_api, open_context, read_policy, run_id
from connector.config.run_clock import RunClock
from connector.errors import UserError
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state import portals

CLOCK = RunClock(wait=lambda _: None, monotonic=time.monotonic)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Portal(portal_id=147893286)) as running_sandbox:
        yield running_sandbox


def sandbox_settings(sandbox: Sandbox, folder: Path, **overrides: str) -> settings.Settings:
    environment = {
        "HUBSPOT_API_URL": sandbox.url,
        "HUBSPOT_ACCESS_TOKEN": sandbox.token,
        "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'deep' / 'connector.db'}",
    }
    return settings.read({**environment, **overrides}, folder=folder)


@pytest.mark.network
def test_a_context_knows_the_portal_and_the_store_remembers_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    loaded_settings = sandbox_settings(
        sandbox, tmp_path, CONNECTOR_OVERLAP_SECONDS="60", CONNECTOR_RECHECK_SECONDS="1"
    )
    with open_context(loaded_settings, CLOCK) as context:
        assert context.portal_id == "147893286"
        assert context.policy.name == "standard"
        assert (context.overlap.total_seconds(), context.recheck_seconds) == (60, (1.0,))
        with context.reading() as session:
            assert portals.ids(session) == ("147893286",)


@pytest.mark.network
def test_a_token_of_another_portal_opens_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    loaded_settings = sandbox_settings(sandbox, tmp_path, HUBSPOT_PORTAL_ID="42")
    with (
        pytest.raises(UserError, match="belongs to portal 147893286, but HUBSPOT_PORTAL_ID is 42"),
        open_context(loaded_settings, CLOCK),
    ):
        raise AssertionError("it was opened")
    assert not (tmp_path / "deep").exists()
    assert sandbox.write_requests() == []


def test_without_a_token_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"HUBSPOT_ACCESS_TOKEN.*connector demo"):
        open_api(settings.read({}, folder=tmp_path), CLOCK)


@pytest.mark.network
def test_the_policy_is_read_before_hubspot_is_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    with (
        pytest.raises(UserError),
        open_context(sandbox_settings(sandbox, tmp_path), CLOCK, policy="nonsense"),
    ):
        raise AssertionError("it was opened")
    assert sandbox.requests == []


def test_a_policy_is_a_preset_or_a_file(tmp_path: Path) -> None:
    assert read_policy("standard").name == "standard"
    file = tmp_path / "mine.yaml"
    file.write_text("extends: standard\nname: mine\n", encoding="utf-8")
    assert read_policy(str(file)).name == "mine"


def test_an_unknown_policy_is_told_with_the_presets(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no policy 'standart'.*standard"):
        read_policy("standart")
    with pytest.raises(UserError, match="Is a directory"):
        read_policy(str(tmp_path))


def test_a_policy_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a text file in UTF-8"):
        read_policy(str(file))


def test_a_runs_id_tells_when_it_began_and_no_two_are_the_same() -> None:
    at = datetime(2026, 3, 12, 12, 30, 5, tzinfo=UTC)
    assert re.fullmatch(r"20260312T123005-[0-9a-f]{4}", run_id(at))
    assert len({run_id(at) for _ in range(20)}) > 1
