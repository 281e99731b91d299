"""Settings: the environment first, then the file, then the defaults; every mistake is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from connector.config.setting_files import TOML_FILE
from connector.config.setting_sources import CHOICES, DEFAULTS, SECRETS
from connector.config.settings import Settings, read
from connector.errors import UserError

TOKEN = "pat-eu1-0123456789abcdef"


def read_settings(
    folder: Path, environment: Mapping[str, str] | None = None, file: str = ""
) -> Settings:
    """Read the settings from an environment, and from a file if there is one."""
    if file:
        (folder / TOML_FILE).write_text(file, encoding="utf-8")
    return read(environment or {}, folder=folder)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = read_settings(tmp_path)
    assert settings.access_token == ""
    assert settings.api_url == "https://api.hubapi.com"
    assert settings.api_version == "2026-03"
    assert settings.database_url == "sqlite:///var/connector.db"
    assert settings.policy == "standard"
    assert settings.writes == "review"
    assert settings.log_format == "auto"
    assert settings.overlap_seconds == 300
    assert settings.recheck_seconds == (2.0, 30.0)
    assert settings.secrets == ()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = 'CONNECTOR_POLICY = "from-file.yaml"\nHUBSPOT_API_VERSION = "v3"\n'
    settings = read_settings(tmp_path, {"CONNECTOR_POLICY": "from-environment.yaml"}, file)
    assert settings.policy == "from-environment.yaml"
    assert settings.api_version == "v3"


def test_an_empty_variable_counts_as_none(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {"CONNECTOR_POLICY": ""}).policy == "standard"


def test_the_file_may_write_names_small_and_numbers_as_numbers(tmp_path: Path) -> None:
    settings = read_settings(
        tmp_path, file="hubspot_portal_id = 147893286\nconnector_overlap_seconds = 60\n"
    )
    assert settings.portal_id == "147893286"
    assert settings.overlap_seconds == 60


def test_the_file_of_the_working_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / TOML_FILE).write_text('CONNECTOR_POLICY = "mine.yaml"', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBSPOT_PORTAL_ID", "42")
    settings = read()
    assert (settings.policy, settings.portal_id) == ("mine.yaml", "42")


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_every_secret_may_lie_in_a_file_of_its_own(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text(f"{TOKEN}\n", encoding="utf-8")
    settings = read_settings(tmp_path, {f"{name}_FILE": str(tmp_path / "secret")})
    assert settings.secrets == (TOKEN,)


def test_the_secret_itself_wins_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("other-token", encoding="utf-8")
    environment = {
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "HUBSPOT_ACCESS_TOKEN_FILE": str(tmp_path / "secret"),
    }
    assert read_settings(tmp_path, environment).access_token == TOKEN


def test_the_file_may_name_the_file_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(TOKEN, encoding="utf-8")
    file = f'HUBSPOT_ACCESS_TOKEN_FILE = "{tmp_path / "secret"}"'
    assert read_settings(tmp_path, file=file).access_token == TOKEN


def test_only_secrets_may_lie_in_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CONNECTOR_POLICY_FILE"):
        read_settings(tmp_path, file='CONNECTOR_POLICY_FILE = "x"')


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    names = {name: f"{TOKEN}-{number}" for number, name in enumerate(sorted(SECRETS))}
    settings = read_settings(tmp_path, names)
    assert set(settings.secrets) == set(names.values())
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings(tmp_path).policy = "other"  # type: ignore[misc]  # that is the promise


def test_blanks_and_a_slash_at_the_end_do_not_matter(tmp_path: Path) -> None:
    environment = {
        "HUBSPOT_API_URL": " http://127.0.0.1:8765/ ",
        "HUBSPOT_ACCESS_TOKEN": f" {TOKEN}\n",
    }
    settings = read_settings(tmp_path, environment)
    assert settings.api_url == "http://127.0.0.1:8765"
    assert settings.access_token == TOKEN


# What is wrong is named, with what would be right


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_a_wrong_choice_is_told_with_the_right_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as error:
        read_settings(tmp_path, {name: "nonsense"})
    for part in (name, "'nonsense'", *CHOICES[name]):
        assert part in str(error.value)


@pytest.mark.parametrize("choice", CHOICES["HUBSPOT_API_VERSION"])
def test_every_choice_is_taken(tmp_path: Path, choice: str) -> None:
    assert read_settings(tmp_path, {"HUBSPOT_API_VERSION": choice}).api_version == choice


@pytest.mark.parametrize("text", ["abc", "12a", "-5", "１２", "1 2"])
def test_a_portal_id_has_digits_only(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"HUBSPOT_PORTAL_ID .* digits"):
        read_settings(tmp_path, {"HUBSPOT_PORTAL_ID": text})


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1e12", "5 s"])
def test_seconds_are_a_number_of_seconds(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"CONNECTOR_OVERLAP_SECONDS .* seconds"):
        read_settings(tmp_path, {"CONNECTOR_OVERLAP_SECONDS": text})
    with pytest.raises(UserError, match=r"CONNECTOR_RECHECK_SECONDS .* seconds"):
        read_settings(tmp_path, {"CONNECTOR_RECHECK_SECONDS": f"2,{text}"})


@pytest.mark.parametrize(("text", "waits"), [("0.01,0.02", (0.01, 0.02)), ("5", (5,)), (",", ())])
def test_rechecks_are_seconds_with_commas(
    tmp_path: Path, text: str, waits: tuple[float, ...]
) -> None:
    assert read_settings(tmp_path, {"CONNECTOR_RECHECK_SECONDS": text}).recheck_seconds == waits


def test_an_unknown_name_in_the_file_is_told_with_the_nearest_known(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_settings(tmp_path, file='HUBSPOT_ACESS_TOKEN = "x"')
    assert "connector.toml: there is no setting HUBSPOT_ACESS_TOKEN" in str(error.value)
    assert "did you mean HUBSPOT_ACCESS_TOKEN?" in str(error.value)


def test_an_unknown_name_like_no_other_is_told_without_a_guess(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_settings(tmp_path, file="xyz = 1")
    assert "did you mean" not in str(error.value)


@pytest.mark.parametrize("content", [b"= = =", b"\xff\xfe", b"a = [1,"])
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / TOML_FILE).write_bytes(content)
    with pytest.raises(UserError, match=r"connector.toml is not "):
        read_settings(tmp_path)


def test_a_secret_whose_file_is_missing_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_settings(tmp_path, {"HUBSPOT_ACCESS_TOKEN_FILE": str(tmp_path / "none")})
    assert "HUBSPOT_ACCESS_TOKEN_FILE names" in str(error.value)
    assert "No such file" in str(error.value)


def test_a_secret_whose_file_is_no_text_is_told_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe" + TOKEN.encode())
    with pytest.raises(UserError, match="not a text file") as error:
        read_settings(tmp_path, {"HUBSPOT_ACCESS_TOKEN_FILE": str(tmp_path / "secret")})
    assert error.value.__cause__ is None
    assert TOKEN not in str(error.value)


def test_every_setting_of_the_contract_is_known() -> None:
    assert {
        "HUBSPOT_ACCESS_TOKEN",
        "HUBSPOT_CLIENT_ID",
        "HUBSPOT_CLIENT_SECRET",
        "HUBSPOT_REFRESH_TOKEN",
        "HUBSPOT_PORTAL_ID",
        "HUBSPOT_API_URL",
        "HUBSPOT_API_VERSION",
        "HUBSPOT_WEBHOOK_SECRET",
        "CONNECTOR_PUBLIC_URL",
        "CONNECTOR_DATABASE_URL",
        "CONNECTOR_POLICY",
        "CONNECTOR_WRITES",
        "CONNECTOR_POLL_SECONDS",
        "CONNECTOR_LISTEN",
        "CONNECTOR_LOG_FORMAT",
    } <= DEFAULTS.keys()


@pytest.mark.parametrize(
    ("text", "share", "number"), [("", 0.2, None), ("35%", 0.35, None), ("1000", 0.0, 1000)]
)
def test_the_reserve_is_a_share_or_a_number(
    tmp_path: Path, text: str, share: float, number: int | None
) -> None:
    settings = read_settings(tmp_path, {"CONNECTOR_DAILY_RESERVE": text})
    assert (settings.reserve_share, settings.reserve_number) == (share, number)


@pytest.mark.parametrize("text", ["101%", "a lot", "-5", "%"])
def test_a_reserve_that_is_neither_is_refused_with_an_example(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="such as 20%"):
        read_settings(tmp_path, {"CONNECTOR_DAILY_RESERVE": text})


def test_the_audit_and_the_ledger_are_kept_for_ever_unless_told_otherwise(tmp_path: Path) -> None:
    retention = read_settings(tmp_path).retention
    assert (retention.audit, retention.ledger) == (None, None)
    assert (retention.runs, retention.inbox) == (timedelta(days=365), timedelta(days=3))
    days = {"CONNECTOR_KEEP_AUDIT_DAYS": "30", "CONNECTOR_KEEP_RUN_DAYS": "forever"}
    retention = read_settings(tmp_path, {**days, "CONNECTOR_ARCHIVE_FOLDER": "/archive"}).retention
    assert (retention.audit, retention.runs, retention.folder) == (
        timedelta(days=30),
        None,
        "/archive",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CONNECTOR_KEEP_AUDIT_DAYS", "6"),
        ("CONNECTOR_KEEP_EVENT_DAYS", "1"),
        ("CONNECTOR_KEEP_LEDGER_DAYS", "-1"),
        ("CONNECTOR_KEEP_RUN_DAYS", "a year"),
    ],
)
def test_a_time_that_would_forget_too_much_is_no_setting(
    tmp_path: Path, name: str, text: str
) -> None:
    with pytest.raises(UserError, match=f"{name}.*at least"):
        read_settings(tmp_path, {name: text})


def test_the_password_of_a_database_is_a_secret(tmp_path: Path) -> None:
    url = "postgresql+psycopg://connector:pass%20word@host/connector"
    settings = read({"CONNECTOR_DATABASE_URL": url}, folder=tmp_path)
    assert settings.secrets == ("pass word",)
    assert "pass" not in repr(settings)


def test_an_address_that_is_none_has_no_password(tmp_path: Path) -> None:
    assert read({"CONNECTOR_DATABASE_URL": "postgresql://[host/x"}, folder=tmp_path).secrets == ()


@pytest.mark.parametrize(
    "token", ["pat-eu1-a\nb", "pat-eu1-a\rb", "pat-eu1 a", "pat-eu1-ä", "pat-\x00"]
)
@pytest.mark.parametrize("name", ["HUBSPOT_ACCESS_TOKEN", "HUBSPOT_REFRESH_TOKEN"])
def test_a_token_that_no_header_may_hold_is_refused_without_being_shown(
    tmp_path: Path, name: str, token: str
) -> None:
    with pytest.raises(UserError, match=f"{name} holds a line break") as error:
        read_settings(tmp_path, {name: token})
    assert token not in str(error.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.hubapi.com", "could read the token"),
        ("http://10.0.0.7:8080", "could read the token"),
        ("api.hubapi.com", "no address"),
        ("https://", "no address"),
        ("ftp://api.hubapi.com", "no address"),
        ("https://[::1", "no address"),
        ("https://api.hubapi.com:port", "no address"),
        ("https://user@api.hubapi.com", "no address"),
    ],
)
def test_an_address_that_no_token_may_be_sent_to_is_refused(
    tmp_path: Path, url: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_settings(tmp_path, {"HUBSPOT_API_URL": url})


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:1/", "http://[::1]:1"])
def test_a_sandbox_on_this_machine_needs_no_https(tmp_path: Path, url: str) -> None:
    assert read_settings(tmp_path, {"HUBSPOT_API_URL": url}).api_url == url.rstrip("/")
