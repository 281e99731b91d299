"""Read the operator's settings: environment first, then `connector.toml`, then the defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from connector.config.setting_files import (
    TOML_FILE,
    SettingsFile,
    database_in_folder,
    path_in_folder,
    settings_files,
)
from connector.core.retention import RetentionPeriods
from connector.errors import UserError
from connector.hubspot.oauth_install import App
from state.db.addresses import password_of

DEFAULTS: Mapping[str, str] = {
    "HUBSPOT_ACCESS_TOKEN": "",
    "HUBSPOT_CLIENT_ID": "",
    "HUBSPOT_CLIENT_SECRET": "",
    "HUBSPOT_REFRESH_TOKEN": "",
    "HUBSPOT_PORTAL_ID": "",
    "HUBSPOT_API_URL": "https://api.hubapi.com",
    "HUBSPOT_API_VERSION": "2026-03",
    "HUBSPOT_WEBHOOK_SECRET": "",
    "CONNECTOR_PUBLIC_URL": "",
    "CONNECTOR_DATABASE_URL": "sqlite:///var/connector.db",
    "CONNECTOR_POLICY": "standard",
    "CONNECTOR_WRITES": "review",
    "CONNECTOR_POLL_SECONDS": "60",
    "CONNECTOR_WEBHOOK_V1": "off",
    "CONNECTOR_TOKEN_KEY": "",
    "CONNECTOR_ALERTS": "",
    "CONNECTOR_ALERT_MINUTES": "60",
    "CONNECTOR_HANDOVER": "",
    "CONNECTOR_EVENTS": "",
    "CONNECTOR_EVENTS_SECRET": "",
    "CONNECTOR_LISTEN": "127.0.0.1:8080",
    "CONNECTOR_DASHBOARD_PASSWORD_HASH": "",
    "CONNECTOR_LOG_FORMAT": "auto",
    "CONNECTOR_OVERLAP_SECONDS": "300",
    "CONNECTOR_RECHECK_SECONDS": "2,30",
    "CONNECTOR_DAILY_RESERVE": "20%",
    "CONNECTOR_KEEP_AUDIT_DAYS": "",
    "CONNECTOR_KEEP_LEDGER_DAYS": "",
    "CONNECTOR_KEEP_RUN_DAYS": "365",
    "CONNECTOR_KEEP_EVENT_DAYS": "3",
    "CONNECTOR_ARCHIVE_FOLDER": "",
}
SECRETS = frozenset(
    {
        "HUBSPOT_ACCESS_TOKEN",
        "HUBSPOT_CLIENT_SECRET",
        "HUBSPOT_REFRESH_TOKEN",
        "HUBSPOT_WEBHOOK_SECRET",
        "CONNECTOR_TOKEN_KEY",
        "CONNECTOR_ALERTS",
        "CONNECTOR_HANDOVER",
        "CONNECTOR_EVENTS",
        "CONNECTOR_EVENTS_SECRET",
        "CONNECTOR_DASHBOARD_PASSWORD_HASH",
    }
)
CHOICES: Mapping[str, tuple[str, ...]] = {
    "HUBSPOT_API_VERSION": ("v3", "2026-03", "2026-09"),
    "CONNECTOR_WRITES": ("review", "apply"),
    "CONNECTOR_WEBHOOK_V1": ("off", "on"),
    "CONNECTOR_LOG_FORMAT": ("auto", "console", "json"),
}


_KNOWN = frozenset({*DEFAULTS, *(f"{name}_FILE" for name in SECRETS)})
_FILE_SETTINGS = frozenset({"CONNECTOR_POLICY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The operator's settings, checked; times in seconds. Secrets stay out of `repr`.

    `secrets` holds the value of every secret that is set, so that logs and messages can mask it.
    `policy_source` names what set the policy (the environment, a file), "" where nothing did.
    `files` are the files that settings were read from.
    """

    access_token: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    portal_id: str
    api_url: str
    api_version: str
    database_url: str = field(repr=False)
    policy: str
    writes: str
    log_format: str
    overlap_seconds: float
    recheck_seconds: tuple[float, ...]
    reserve_share: float
    reserve_number: int | None
    oauth: App | None = None
    token_key: str = field(default="", repr=False)
    retention: RetentionPeriods = field(default_factory=RetentionPeriods)
    policy_source: str = ""
    files: tuple[Path, ...] = ()


def read(environment: Mapping[str, str] | None = None, *, folder: Path | None = None) -> Settings:
    """Return the settings of this process; raise UserError naming the setting that is wrong.

    Without a folder, `connector.toml` and `.env` are found in the working folder or above it.
    """
    sources = _Sources.find(environment, folder)
    values = _checked_values(sources)
    share, number = _reserve(values["CONNECTOR_DAILY_RESERVE"])
    return Settings(
        access_token=_check_token("HUBSPOT_ACCESS_TOKEN", values["HUBSPOT_ACCESS_TOKEN"]),
        secrets=(
            *(values[name] for name in sorted(SECRETS) if values[name]),
            *filter(None, [password_of(values["CONNECTOR_DATABASE_URL"])]),
        ),
        portal_id=_digits("HUBSPOT_PORTAL_ID", values["HUBSPOT_PORTAL_ID"]),
        api_url=_api_url(values["HUBSPOT_API_URL"]),
        api_version=values["HUBSPOT_API_VERSION"],
        database_url=values["CONNECTOR_DATABASE_URL"],
        policy=values["CONNECTOR_POLICY"],
        writes=values["CONNECTOR_WRITES"],
        log_format=values["CONNECTOR_LOG_FORMAT"],
        overlap_seconds=_seconds("CONNECTOR_OVERLAP_SECONDS", values["CONNECTOR_OVERLAP_SECONDS"]),
        recheck_seconds=_recheck_seconds(values["CONNECTOR_RECHECK_SECONDS"]),
        reserve_share=share,
        reserve_number=number,
        oauth=_oauth(values),
        token_key=values["CONNECTOR_TOKEN_KEY"],
        retention=_retention(values),
        policy_source=sources.name_of("CONNECTOR_POLICY"),
        files=tuple(file.path for file in sources.files),
    )


def read_values(
    environment: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> dict[str, str]:
    """Return every setting as it is written; raise UserError where it is no choice."""
    return _checked_values(_Sources.find(environment, folder))


def _checked_values(sources: _Sources) -> dict[str, str]:
    values = {name: sources.value(name) for name in DEFAULTS}
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            raise UserError(f"{name} is {values[name]!r}: it may be {', '.join(choices)}.")
    return values


@dataclass(frozen=True, slots=True)
class _Sources:
    """The environment and the files of settings, the strongest first."""

    environment: Mapping[str, str]
    files: tuple[SettingsFile, ...]

    @classmethod
    def find(cls, environment: Mapping[str, str] | None, folder: Path | None) -> _Sources:
        environment = os.environ if environment is None else environment
        return cls(environment, settings_files(environment, _KNOWN, folder=folder))

    def value(self, name: str) -> str:
        """Return one setting; a secret may also lie in the file that `NAME_FILE` names.

        Relative paths in a file of settings start from that file's folder; the default database
        lies in the folder of `connector.toml`, where there is one.
        """
        if text := _text_or_secret(name, self.environment):
            return text
        for file in self.files:
            if text := _text_or_secret(name, file.values, folder=file.folder):
                return _from_folder(name, text, file.folder)
        if name == "CONNECTOR_DATABASE_URL" and (project := self._project_folder()):
            return database_in_folder(DEFAULTS[name], project)
        return DEFAULTS[name]

    def name_of(self, setting: str) -> str:
        """Return what says a setting, "" where nothing does and the default holds."""
        if self.environment.get(setting):
            return setting
        return next((str(file.path) for file in self.files if file.values.get(setting)), "")

    def _project_folder(self) -> Path | None:
        """Return the folder of `connector.toml`, None where it is the working folder or missing."""
        folders = (file.folder for file in self.files if file.path.name == TOML_FILE)
        return next((folder for folder in folders if folder != Path.cwd()), None)


def _text_or_secret(
    name: str, values: Mapping[str, str], *, folder: Path | None = None
) -> str | None:
    if values.get(name):
        return values[name].strip()
    if name in SECRETS and values.get(f"{name}_FILE"):
        path = values[f"{name}_FILE"]
        return _secret(name, Path(path_in_folder(path, folder) if folder else path))
    return None


def _from_folder(name: str, text: str, folder: Path) -> str:
    if name == "CONNECTOR_DATABASE_URL":
        return database_in_folder(text, folder) if folder != Path.cwd() else text
    return path_in_folder(text, folder) if name in _FILE_SETTINGS else text


def _secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
        raise UserError(message) from error
    except UnicodeDecodeError:
        # Without its cause, which would show what the file holds.
        raise UserError(f"{name}_FILE names {path}, which is not a text file.") from None


def _oauth(values: Mapping[str, str]) -> App | None:
    """Return the OAuth app, None where a part of it is not set."""
    names = ("HUBSPOT_CLIENT_ID", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_REFRESH_TOKEN")
    client_id, client_secret, refresh_token = (_check_token(name, values[name]) for name in names)
    if not (client_id and client_secret and refresh_token):
        return None
    return App(client_id=client_id, client_secret=client_secret, refresh_token=refresh_token)


def is_loopback(url: str) -> bool:
    """Return whether an address is of this very machine."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _api_url(text: str) -> str:
    """Return the address without a slash at its end; UserError where no token may be sent to it."""
    try:
        parts = urlsplit(text)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in {"https", "http"} or parts.query or parts.username:
        raise UserError(
            f"HUBSPOT_API_URL is {text!r}, which is no address of an API: write it as "
            f"{DEFAULTS['HUBSPOT_API_URL']}, or leave it out."
        )
    if parts.scheme == "http" and not is_loopback(text):
        raise UserError(
            f"HUBSPOT_API_URL is {text!r}: over http:// anybody between could read the token. "
            "Write https://; http:// is for a sandbox on this machine."
        )
    return text.rstrip("/")


def _check_token(name: str, text: str) -> str:
    """Return a token; UserError where it holds what no token holds, and no header may."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise UserError(
            f"{name} holds a line break, a space or another character that no token has: set the "
            "token alone, in one line."
        )
    return text


def _digits(name: str, text: str) -> str:
    if text and not (text.isascii() and text.isdigit()):
        raise UserError(f"{name} is {text!r}: a portal id has digits only.")
    return text


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise UserError(f"{name} is {text!r}: write a number of seconds.")
    return value


def _retention(values: Mapping[str, str]) -> RetentionPeriods:
    """Return how long things are kept; limits and undo look at the audit of the last days."""
    return RetentionPeriods(
        audit=_days("CONNECTOR_KEEP_AUDIT_DAYS", values, minimum=7),
        ledger=_days("CONNECTOR_KEEP_LEDGER_DAYS", values, minimum=1),
        runs=_days("CONNECTOR_KEEP_RUN_DAYS", values, minimum=1),
        inbox=_days("CONNECTOR_KEEP_EVENT_DAYS", values, minimum=2),
        folder=values["CONNECTOR_ARCHIVE_FOLDER"],
    )


def _days(name: str, values: Mapping[str, str], *, minimum: int) -> timedelta | None:
    """Read a number of days; `forever`, or nothing where that is the default, keeps all."""
    text = values[name]
    if text in {"", "forever"}:
        return None
    if not (text.isascii() and text.isdigit()) or not minimum <= int(text) <= 36_500:
        raise UserError(f"{name} is {text!r}: write days, at least {minimum}, or forever.")
    return timedelta(days=int(text))


def _reserve(text: str) -> tuple[float, int | None]:
    """Read what is left to other apps a day: `20%`, or a number of requests."""
    digits = text.removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit()) or (text.endswith("%") and int(digits) > 100):
        raise UserError(
            f"CONNECTOR_DAILY_RESERVE is {text!r}: write a share such as 20%, or a number of "
            "requests a day."
        )
    return (int(digits) / 100, None) if text.endswith("%") else (0.0, int(digits))


def _recheck_seconds(text: str) -> tuple[float, ...]:
    numbers = [number for number in text.split(",") if number.strip()]
    return tuple(_seconds("CONNECTOR_RECHECK_SECONDS", number) for number in numbers)
