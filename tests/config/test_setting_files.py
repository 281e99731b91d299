"""Files of settings are found from the working folder upward, and their paths hold there."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.open_run import read_policy
from connector.config.settings import read
from connector.errors import UserError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project's folder; the working folder lies two below it."""
    for name in ("HUBSPOT_ACCESS_TOKEN", "CONNECTOR_POLICY", "CONNECTOR_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    working_folder = tmp_path / "reports" / "november"
    working_folder.mkdir(parents=True)
    monkeypatch.chdir(working_folder)
    return tmp_path


def test_the_files_above_the_working_folder_are_found_and_named(project: Path) -> None:
    (project / "connector.toml").write_text('HUBSPOT_PORTAL_ID = "42"\n', encoding="utf-8")
    (project / ".env").write_text("HUBSPOT_ACCESS_TOKEN='pat-1'  # ours\n", encoding="utf-8")
    settings = read()
    assert (settings.portal_id, settings.access_token) == ("42", "pat-1")
    assert settings.files == (project / ".env", project / "connector.toml")


def test_the_default_database_lies_where_the_project_is(project: Path) -> None:
    assert read().database_url == "sqlite:///var/connector.db"
    (project / "connector.toml").write_text("", encoding="utf-8")
    assert read().database_url == f"sqlite:///{project}/var/connector.db"


def test_a_relative_path_in_a_file_starts_from_that_file(project: Path) -> None:
    (project / "ours.yaml").write_text("extends: standard\n", encoding="utf-8")
    (project / "connector.toml").write_text(
        'CONNECTOR_POLICY = "ours.yaml"\nCONNECTOR_DATABASE_URL = "sqlite:///data/c.db"\n',
        encoding="utf-8",
    )
    settings = read()
    assert settings.policy == str(project / "ours.yaml")
    assert settings.policy_source == str(project / "connector.toml")
    assert settings.database_url == f"sqlite:///{project}/data/c.db"


def test_the_environment_wins_over_env_file_and_that_over_toml(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "connector.toml").write_text('CONNECTOR_POLICY = "lead-score"', encoding="utf-8")
    (project / ".env").write_text("export CONNECTOR_POLICY=subscription\n", encoding="utf-8")
    assert read().policy == "subscription"
    monkeypatch.setenv("CONNECTOR_POLICY", "standard")
    settings = read()
    assert (settings.policy, settings.policy_source) == ("standard", "CONNECTOR_POLICY")


def test_a_named_env_file_stands_in_for_the_one_that_would_be_found(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text("HUBSPOT_PORTAL_ID=1\n", encoding="utf-8")
    (project / "production.env").write_text("HUBSPOT_PORTAL_ID=2\n", encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_ENV_FILE", str(project / "production.env"))
    assert read().portal_id == "2"


def test_variables_of_other_programs_are_left_out_and_misspelt_ones_of_ours_are_not(
    project: Path,
) -> None:
    (project / ".env").write_text("PGPASSWORD=x\nHUBSPOT_APP_ID=7\n", encoding="utf-8")
    assert read().portal_id == ""
    (project / ".env").write_text("CONNECTOR_POLICI=standard\n", encoding="utf-8")
    with pytest.raises(UserError, match="did you mean CONNECTOR_POLICY"):
        read()


@pytest.mark.parametrize("line", ["pat-eu1-secret-token", "HUBSPOT_ACCESS_TOKEN='pat-eu1-secret"])
def test_a_broken_line_is_named_by_its_place_and_not_shown(project: Path, line: str) -> None:
    (project / ".env").write_text(f"# ours\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"\.env:2: ") as raised:
        read()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        "HUBSPOT_ACCESS_TOKEN=hidden\n",
        "token: hidden\nother: hidden\n",
        "-----BEGIN PRIVATE KEY-----\nhidden\n",
        'password "hidden"\n',
        '["hidden"]',
    ],
)
def test_a_file_that_is_no_policy_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="is not a policy") as raised:
        read_policy(str(path))
    assert "hidden" not in str(raised.value)


def test_a_misspelt_policy_is_still_answered_with_line_and_word(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("setings:\n  hold_days: 3\n", encoding="utf-8")
    with pytest.raises(UserError, match="did you mean 'settings'"):
        read_policy(str(path))
