"""Read the operator's settings: environment first, then `connector.toml`, then the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from connector.config.portal_files import PortalFile, PortalFolder
from connector.config.setting_sources import CHOICES, DEFAULTS, SECRETS, Sources
from connector.core.retention import RetentionPeriods
from connector.errors import UserError
from connector.hubspot.oauth_install import App
from state.db.addresses import password_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The operator's settings, checked; times in seconds. Secrets stay out of `repr`.

    `secrets` holds the value of every secret that is set, so that logs and messages can mask it.
    `policy_source` names what set the policy (the environment, a file), "" where nothing did.
    `files` are the files that settings were read from. `portal` is the portal file that they
    are of, None where there is a single portal without a file; `portal_names` are those to choose
    from where none was chosen, and there is no token then.
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
    portal: PortalFile | None = None
    portal_names: tuple[str, ...] = ()


def read(
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    portal: PortalFile | None = None,
) -> Settings:
    """Return the settings of this process; raise UserError naming the setting that is wrong.

    Without a folder, `connector.toml` and `.env` are found in the working folder or above it.
    With a portal, or where `--portal` names one, the settings of its file are the strongest.
    """
    sources = Sources.find(environment, folder, portal)
    try:
        return _settings(sources)
    except UserError as error:
        setting = str(error).partition(" ")[0]
        if sources.portal is None or setting not in sources.portal.lines:
            raise
        raise sources.portal.error_at(setting, str(error)) from error


def read_shared(
    environment: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Settings:
    """Return the settings that belong to no portal of a fleet: where the database is, the logs.

    Portal files are not looked at, so that a mistake in one of them stops nothing.
    """
    return _settings(Sources.without_portal(environment, folder))


def require_one_portal(settings: Settings) -> None:
    """Raise UserError where there is a folder of several portals, and none was named."""
    if settings.portal_names:
        raise UserError(
            f"There are several portals ({', '.join(settings.portal_names)}): name the one that is "
            "meant by `--portal NAME`."
        )


def read_portals(
    environment: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> PortalFolder:
    """Return the portals of the fleet: those of the folder that CONNECTOR_PORTALS names."""
    return Sources.without_portal(environment, folder).portal_folder()


def _settings(sources: Sources) -> Settings:
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
        files=sources.paths,
        portal=sources.portal,
        portal_names=sources.portal_names,
    )


def read_values(
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    portal: PortalFile | None = None,
) -> dict[str, str]:
    """Return every setting as it is written; raise UserError where it is no choice."""
    return _checked_values(Sources.find(environment, folder, portal))


def _checked_values(sources: Sources) -> dict[str, str]:
    values = {name: sources.value(name) for name in DEFAULTS}
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            raise UserError(f"{name} is {values[name]!r}: it may be {', '.join(choices)}.")
    return values


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
