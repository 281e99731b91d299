"""Where a setting comes from: a portal's file, the environment, a file of settings, the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from connector.config.portal_files import (
    OWN_SETTINGS,
    OWN_TARGETS,
    PORTAL_VARIABLE,
    PortalFile,
    PortalFolder,
    read_portal_folder,
)
from connector.config.setting_files import (
    TOML_FILE,
    SettingsFile,
    database_in_folder,
    path_in_folder,
    settings_files,
)
from connector.errors import UserError

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
    "CONNECTOR_PORTALS": "portals",
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
    "CONNECTOR_DASHBOARD_USERS": "",
    "CONNECTOR_DASHBOARD_PASSWORD_HASH": "",
    "CONNECTOR_DASHBOARD_PROXY": "",
    "CONNECTOR_DASHBOARD_PROXY_HEADER": "X-Forwarded-User",
    "CONNECTOR_DASHBOARD_OPERATORS": "",
    "CONNECTOR_DASHBOARD_HOSTS": "",
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
        "CONNECTOR_DASHBOARD_USERS",
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


@dataclass(frozen=True, slots=True)
class Sources:
    """The portal's file, the environment and the files of settings, the strongest first.

    `portal_names` are the portals to choose from, where none was chosen.
    """

    environment: Mapping[str, str]
    files: tuple[SettingsFile, ...]
    folder: Path
    portal: PortalFile | None = None
    portal_names: tuple[str, ...] = ()

    @classmethod
    def without_portal(cls, environment: Mapping[str, str] | None, folder: Path | None) -> Sources:
        """Return the environment and the files, of no portal of a fleet."""
        environment = os.environ if environment is None else environment
        files = settings_files(environment, _KNOWN, folder=folder)
        return cls(environment, files, folder or Path.cwd())

    @classmethod
    def find(
        cls, environment: Mapping[str, str] | None, folder: Path | None, portal: PortalFile | None
    ) -> Sources:
        """Return the sources with the portal that is given, named, or the folder's only one."""
        sources = cls.without_portal(environment, folder)
        if portal is not None:
            return replace(sources, portal=portal)
        name = sources.environment.get(PORTAL_VARIABLE)
        if name:
            return replace(sources, portal=sources.portal_folder().find(name))
        # Who has a token of a single portal and names no folder has no fleet.
        if not sources.name_of("CONNECTOR_PORTALS") and any(map(sources.value, OWN_SETTINGS)):
            return sources
        portal_folder = sources.portal_folder()
        if len(portal_folder.names) == 1:
            return replace(sources, portal=portal_folder.find(portal_folder.names[0]))
        return replace(sources, portal_names=portal_folder.names)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the files that settings come from, the strongest first."""
        paths = tuple(file.path for file in self.files)
        return (self.portal.path, *paths) if self.portal else paths

    def portal_folder(self) -> PortalFolder:
        """Return the portals in the folder that CONNECTOR_PORTALS names."""
        path = Path(self.value("CONNECTOR_PORTALS"))
        return read_portal_folder(self.folder / path, self.environment)

    def value(self, name: str) -> str:
        """Return one setting; a secret may also lie in the file that `NAME_FILE` names.

        Relative paths in a file of settings start from that file's folder; the default database
        lies in the folder of `connector.toml`, where there is one, and so does the default folder
        of portals.
        """
        if self.portal and name in self.portal.values:
            return self.portal.values[name]
        is_own = name in OWN_SETTINGS or name in OWN_TARGETS
        if is_own and (self.portal or self.portal_names):
            return DEFAULTS[name]
        return self._shared_value(name) or self._default(name)

    def _shared_value(self, name: str) -> str | None:
        """Return a setting of the environment or of a file, None where nothing sets it."""
        if text := _text_or_secret(name, self.environment):
            return text
        for file in self.files:
            if text := _text_or_secret(name, file.values, folder=file.folder):
                return _from_folder(name, text, file.folder)
        return None

    def _default(self, name: str) -> str:
        project = self._project_folder()
        if project and name == "CONNECTOR_DATABASE_URL":
            return database_in_folder(DEFAULTS[name], project)
        if project and name == "CONNECTOR_PORTALS":
            return str(project / DEFAULTS[name])
        return DEFAULTS[name]

    def name_of(self, setting: str) -> str:
        """Return what says a setting, "" where nothing does and the default holds."""
        if self.portal and setting in self.portal.values:
            return str(self.portal.path)
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
    if name == "CONNECTOR_PORTALS":
        return str(folder / text)
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
