"""The daemon's settings have sound defaults, and a mistake is named with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.daemon.daemon_settings import DaemonSettings, read
from connector.errors import UserError

WEBHOOK_VARIABLES = {
    "HUBSPOT_WEBHOOK_SECRET": "s3cret",
    "CONNECTOR_PUBLIC_URL": "https://a.example/",
}


def read_settings(folder: Path, **variables: str) -> DaemonSettings:
    return read(variables, folder=folder)


def test_without_any_setting_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    settings = read_settings(tmp_path)
    assert (settings.host, settings.port, settings.poll_seconds) == ("127.0.0.1", 8080, 60)
    assert (settings.webhook_secret, settings.webhook_v1, settings.alerts) == ("", False, ())
    assert settings.alert_seconds == 3600


def test_what_is_set_is_read_and_secrets_are_not_shown(tmp_path: Path) -> None:
    listen_variables = {"CONNECTOR_LISTEN": "[::1]:9000", "CONNECTOR_WEBHOOK_V1": "on"}
    alert_variables = {
        "CONNECTOR_ALERTS": "slack://a/b/c  mailto://x:y@z",
        "CONNECTOR_ALERT_MINUTES": "5",
    }
    settings = read_settings(tmp_path, **WEBHOOK_VARIABLES, **listen_variables, **alert_variables)
    assert (settings.host, settings.port, settings.webhook_v1) == ("::1", 9000, True)
    assert settings.public_url == "https://a.example"
    assert (len(settings.alerts), settings.alert_seconds) == (2, 300)
    assert not {"s3cret", "slack", "mailto"} & set(repr(settings).replace("'", " ").split())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNECTOR_LISTEN", "8080"),
        ("CONNECTOR_LISTEN", "127.0.0.1:http"),
        ("CONNECTOR_LISTEN", "127.0.0.1:70000"),
        ("CONNECTOR_POLL_SECONDS", "0"),
        ("CONNECTOR_POLL_SECONDS", "soon"),
        ("CONNECTOR_ALERT_MINUTES", "-1"),
        ("CONNECTOR_WEBHOOK_V1", "yes"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UserError, match=name):
        read_settings(tmp_path, **{name: value})


def test_a_secret_without_the_address_that_hubspot_signs_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CONNECTOR_PUBLIC_URL"):
        read_settings(tmp_path, HUBSPOT_WEBHOOK_SECRET="s3cret")
