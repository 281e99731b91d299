"""Portal files: what they say, and that a mistake in one stops no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config import settings
from connector.config.open_run import read_policy
from connector.config.portal_files import PortalFolder, read_portal_folder
from connector.config.tokens import token_source
from connector.errors import UserError
from connector.hubspot.oauth_install import App

TOKEN = "pat-eu1-of-acme"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "portals"
    path.mkdir()
    return path


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def read_folder(folder: Path, **environment: str) -> PortalFolder:
    return read_portal_folder(folder, environment)


def read(folder: Path, **environment: str) -> settings.Settings:
    return settings.read(environment, folder=folder.parent)


def test_a_portal_file_says_where_its_token_is_and_what_is_other_in_this_portal(
    folder: Path,
) -> None:
    (folder / "acme.token").write_text(TOKEN + "\n", encoding="utf-8")
    (folder / "acme.yaml").write_text("extends: standard\n", encoding="utf-8")
    write(
        folder,
        "acme",
        'portal_id = 42\ntoken_file = "acme.token"\npolicy = "acme.yaml"\nwrites = "apply"\n'
        'daily_reserve = "50%"\ntime_zone = "Asia/Tokyo"\nalerts = ["mailto://a", "mailto://b"]\n'
        'api_url = "http://127.0.0.1:1234"\ndashboard_users = ["anna:read:h", "bo:operate:h"]\n',
    )
    loaded = read(folder, CONNECTOR_WRITES="review", CONNECTOR_POLICY="standard")
    assert (loaded.access_token, loaded.portal_id, loaded.writes) == (TOKEN, "42", "apply")
    assert loaded.policy == loaded.policy_source.replace("acme.toml", "acme.yaml")
    assert (loaded.reserve_share, loaded.api_url) == (0.5, "http://127.0.0.1:1234")
    assert loaded.portal
    assert loaded.portal.time_zone == "Asia/Tokyo"
    assert loaded.files[0] == folder / "acme.toml"
    values = settings.read_values({}, folder=folder.parent)
    assert values["CONNECTOR_ALERTS"] == "mailto://a mailto://b"
    assert values["CONNECTOR_DASHBOARD_USERS"] == "anna:read:h bo:operate:h"


def test_a_portal_never_uses_a_token_from_elsewhere(folder: Path) -> None:
    write(folder, "acme", 'portal_id = 42\ntoken_env = "ACME"\n')
    elsewhere = {"HUBSPOT_ACCESS_TOKEN": "another", "HUBSPOT_PORTAL_ID": "7"}
    loaded = read(
        folder, CONNECTOR_PORTALS="portals", ACME=TOKEN, HUBSPOT_REFRESH_TOKEN="r", **elsewhere
    )
    assert (loaded.access_token, loaded.portal_id, loaded.oauth) == (TOKEN, "42", None)


def test_one_app_with_many_installs_shares_its_client_and_has_a_token_for_each(
    folder: Path,
) -> None:
    write(folder, "acme", 'portal_id = 42\nrefresh_token = "of-acme"\n')
    loaded = read(folder, HUBSPOT_CLIENT_ID="app", HUBSPOT_CLIENT_SECRET="secret")
    app = App(client_id="app", client_secret="secret", refresh_token="of-acme")
    assert loaded.oauth == app


def test_of_several_portals_one_must_be_named(folder: Path) -> None:
    write(folder, "acme", 'portal_id = 42\ntoken = "a"\n')
    write(folder, "bolt", 'portal_id = 43\ntoken = "b"\n')
    assert read(folder, CONNECTOR_PORTAL="bolt").access_token == "b"
    with pytest.raises(UserError, match=r"several portals \(acme, bolt\): .* `--portal NAME`"):
        token_source(read(folder))
    unnamed = read(folder, CONNECTOR_PORTALS="portals", HUBSPOT_ACCESS_TOKEN="c")
    assert unnamed.access_token == ""
    with pytest.raises(UserError, match=r"no portal 'blot' \(did you mean bolt\?\)"):
        read(folder, CONNECTOR_PORTAL="blot")


def test_without_a_folder_a_single_portal_is_as_before(folder: Path) -> None:
    write(folder, "acme", 'portal_id = 42\ntoken = "a"\n')
    loaded = read(folder, HUBSPOT_ACCESS_TOKEN="c")
    assert (loaded.access_token, loaded.portal) == ("c", None)
    with pytest.raises(UserError, match=r"none at all. `connector portals add NAME`"):
        read(folder, CONNECTOR_PORTAL="acme", CONNECTOR_PORTALS="elsewhere")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('portal_id = 42\ntokn = "a"\n', 2, r"has no tokn \(did you mean token\?\)"),
        ('token = "a"\nportal_id = "x"\n', 2, "the portal's own id"),
        ('token = "a"\n', 1, "the portal's own id"),
        ("portal_id = 42\n", 1, "there is no token"),
        ('portal_id = 42\ntoken = "a"\ntoken_env = "B"\n', 3, "token and token_env say the same"),
        ('portal_id = 42\ntoken_env = "B"\n', 2, "variable B that token_env names is not set"),
        (
            'portal_id = 42\ntoken_file = "none"\n',
            2,
            "the file that token_file names cannot be read",
        ),
        ('portal_id = 42\ntoken = "a"\ntime_zone = "Mars"\n', 3, "'Mars' is no time zone"),
        ('portal_id = 42\ntoken = "a"\nsettings = 3\n', 3, "settings is a table"),
        ("portal_id = 42\ntoken = true\n", 2, "token is a text"),
        ("portal_id = 42\n\ntoken = \n", 3, "not valid TOML"),
        ("\xff", 1, "not a text file in UTF-8"),
    ],
)
def test_a_mistake_is_named_by_file_and_line_and_the_others_go_on(
    folder: Path, text: str, line: int, message: str
) -> None:
    (folder / "acme.toml").write_bytes(text.encode("latin-1"))
    write(folder, "bolt", 'portal_id = 43\ntoken = "b"\n')
    portal_folder = read_folder(folder)
    assert list(portal_folder.portals) == ["bolt"]
    pattern = rf"acme\.toml:{line}: .*{message}|acme\.toml:{line}: {message}"
    with pytest.raises(UserError, match=pattern):
        portal_folder.find("acme")
    assert read(folder, CONNECTOR_PORTAL="bolt").access_token == "b"


@pytest.mark.parametrize(
    ("key", "text"),
    [("writes", "maybe"), ("daily_reserve", "lots"), ("api_url", "ftp://x"), ("token", "a b")],
)
def test_a_value_that_no_setting_takes_is_named_by_its_line(
    folder: Path, key: str, text: str
) -> None:
    token = "" if key == "token" else 'token = "a"\n'
    write(folder, "acme", f'portal_id = 42\n{token}\n{key} = "{text}"\n')
    with pytest.raises(UserError, match=rf"acme\.toml:{4 if token else 3}: "):
        read(folder)


def test_a_name_is_one_that_can_be_typed(folder: Path) -> None:
    write(folder, "Acme Inc", 'portal_id = 42\ntoken = "a"\n')
    assert "small letters" in read_folder(folder).problems["Acme Inc"]


def test_two_files_of_one_portal_are_both_left_out(folder: Path) -> None:
    for name in ("acme", "acme-old"):
        write(folder, name, 'portal_id = 42\ntoken = "a"\n')
    write(folder, "bolt", 'portal_id = 43\ntoken = "b"\n')
    portal_folder = read_folder(folder)
    assert list(portal_folder.portals) == ["bolt"]
    assert portal_folder.names == ("acme", "acme-old", "bolt")
    assert (
        "acme.toml:1: portal 42 has another file, acme-old.toml" in portal_folder.problems["acme"]
    )


def test_the_settings_of_a_policy_may_be_others_in_one_portal(folder: Path) -> None:
    write(
        folder,
        "acme",
        'portal_id = 42\ntoken = "a"\n\n[settings]\nhold_days = 7\n'
        'exclude.domains = ["acme.com"]\n\n[settings.limits]\nalways = 5\nday_share = 0.1\n',
    )
    loaded = read(folder)
    policy = read_policy("standard", loaded)
    assert (policy.number("hold_days"), policy.number("limits.always")) == (7, 5)
    assert policy.number("limits.day_share") == 0.1
    assert policy.texts("exclude.domains") == ("acme.com",)
    assert policy.digest != read_policy("standard").digest


@pytest.mark.parametrize(
    ("line", "message"),
    [("hold_day = 7", "no setting 'hold_day'"), ('hold_days = "x"', "hold_days")],
)
def test_a_mistake_in_such_a_setting_is_named_by_its_line(
    folder: Path, line: str, message: str
) -> None:
    write(folder, "acme", f'portal_id = 42\ntoken = "a"\n\n[settings]\n{line}\n')
    with pytest.raises(UserError, match=rf"acme\.toml:5:\d+: .*{message}"):
        read_policy("standard", read(folder))


def test_no_message_about_a_file_shows_its_secrets(folder: Path) -> None:
    write(folder, "acme", f'portal_id = 42\ntoken = "{TOKEN}"\nclient_secret = [1]\n')
    write(folder, "bolt", f'portal_id = 43\ntoken = "{TOKEN}\n')
    write(folder, "coil", f'portal_id = 44\ntoken_env = "{TOKEN}"\n')
    write(folder, "dyne", f'portal_id = 45\ntoken_file = "{TOKEN}"\n')
    problems = read_folder(folder).problems
    assert set(problems) == {"acme", "bolt", "coil", "dyne"}
    assert TOKEN not in repr(problems)


def test_what_a_file_names_is_never_looked_for_in_the_working_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "elsewhere"
    here.mkdir()
    for name in ("mine.yaml", "token"):
        (here / name).write_text(TOKEN, encoding="utf-8")
    monkeypatch.chdir(here)
    write(folder, "acme", f'portal_id = 42\ntoken = "{TOKEN}"\npolicy = "mine.yaml"\n')
    write(folder, "bolt", 'portal_id = 43\ntoken_file = "token"\n')
    portals = read_folder(folder)
    assert portals.portals["acme"].values["CONNECTOR_POLICY"] == str(folder / "mine.yaml")
    assert "token_file names cannot be read" in portals.problems["bolt"]


def test_what_happens_in_a_portal_is_posted_to_its_own_people_alone(folder: Path) -> None:
    shared = {
        "CONNECTOR_HANDOVER": "1=json://everybody",
        "CONNECTOR_EVENTS": "https://everybody.example",
        "CONNECTOR_EVENTS_SECRET": "whsec_everybody",
    }
    write(folder, "acme", f'portal_id = 42\ntoken = "{TOKEN}"\n')
    values = settings.read_values(shared, folder=folder.parent)
    assert {values[name] for name in shared} == {""}
    lines = 'handover = ["1=json://acme"]\nevents = "https://acme.example"\n'
    (folder / "secret").write_text("whsec_acme\n", encoding="utf-8")
    write(
        folder,
        "acme",
        f'portal_id = 42\ntoken = "{TOKEN}"\n{lines}events_secret_file = "secret"\n',
    )
    values = settings.read_values(shared, folder=folder.parent)
    assert [values[name] for name in shared] == [
        "1=json://acme",
        "https://acme.example",
        "whsec_acme",
    ]
