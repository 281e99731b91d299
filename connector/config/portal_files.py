"""Read the portal files of a fleet: one TOML file for each portal, named by its stem."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.config import presets
from connector.errors import UserError

PORTAL_VARIABLE: Final = "CONNECTOR_PORTAL"
"""The environment variable that names the portal file of a command; `--portal` sets it."""

_SUFFIX: Final = ".toml"
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TOML_LINE: Final = re.compile(r"at line (\d+)")
_SECRETS: Final[Mapping[str, str]] = {
    "token": "HUBSPOT_ACCESS_TOKEN",
    "client_secret": "HUBSPOT_CLIENT_SECRET",
    "refresh_token": "HUBSPOT_REFRESH_TOKEN",
    "events_secret": "CONNECTOR_EVENTS_SECRET",
}
_SETTINGS: Final[Mapping[str, str]] = {
    "portal_id": "HUBSPOT_PORTAL_ID",
    "client_id": "HUBSPOT_CLIENT_ID",
    "api_url": "HUBSPOT_API_URL",
    "policy": "CONNECTOR_POLICY",
    "writes": "CONNECTOR_WRITES",
    "alerts": "CONNECTOR_ALERTS",
    "handover": "CONNECTOR_HANDOVER",
    "events": "CONNECTOR_EVENTS",
    "dashboard_users": "CONNECTOR_DASHBOARD_USERS",
    "daily_reserve": "CONNECTOR_DAILY_RESERVE",
}
_KEYS: Final = frozenset(
    {*_SETTINGS, "time_zone", "settings"}
    | {f"{name}{suffix}" for name in _SECRETS for suffix in ("", "_file", "_env")}
)
# A file's portal is reached by the file's own token: one from elsewhere may be another portal's.
OWN_SETTINGS: Final = frozenset(
    {"HUBSPOT_PORTAL_ID", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_REFRESH_TOKEN"}
)

# What happens in a portal is posted to its own people: those of the environment may be another's.
OWN_TARGETS: Final = frozenset(
    {"CONNECTOR_HANDOVER", "CONNECTOR_EVENTS", "CONNECTOR_EVENTS_SECRET"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFile:
    """One portal as its file describes it.

    `values` are settings by the names of their environment variables, secrets among them, and
    `lines` says where each stands. `time_zone` is "" where HubSpot's own holds. `policy_settings`
    are the settings of the policy that are others in this portal: YAML, each on its line of the
    file, "" for none.
    """

    name: str
    path: Path
    portal_id: str
    values: Mapping[str, str] = field(repr=False)
    lines: Mapping[str, int]
    time_zone: str = ""
    policy_settings: str = ""

    def error_at(self, setting: str, message: str) -> UserError:
        """Return an error about a setting of this file, with its line."""
        return UserError(f"{self.path}:{self.lines.get(setting, 1)}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFolder:
    """The portals of a fleet that can be used, by name, and what is wrong with the other files."""

    path: Path
    portals: Mapping[str, PortalFile]
    problems: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of every file, good or bad, in alphabetical order."""
        return tuple(sorted({*self.portals, *self.problems}))

    def find(self, name: str) -> PortalFile:
        """Return the portal of a name; raise UserError where its file is wrong or missing."""
        if name in self.portals:
            return self.portals[name]
        if name in self.problems:
            raise UserError(self.problems[name])
        if not self.names:
            raise UserError(
                f"There is no portal file {self.path / name}{_SUFFIX}: the folder {self.path} has "
                "none at all. `connector portals add NAME` begins one; CONNECTOR_PORTALS names "
                "another folder."
            )
        matches = get_close_matches(name, self.names, n=1)
        hint = f" (did you mean {matches[0]}?)" if matches else ""
        raise UserError(
            f"There is no portal {name!r}{hint}: {self.path} has {', '.join(self.names)}."
        )


def read_portal_folder(path: Path, environment: Mapping[str, str]) -> PortalFolder:
    """Return the portals of a folder; a file with a mistake stops no other.

    Two files of the same portal are both left out: which of them is meant, nobody can know.
    """
    portals: dict[str, PortalFile] = {}
    problems: dict[str, str] = {}
    # Whoever mistypes one file still wants the work on all other portals to go on.
    for file in sorted(path.glob(f"*{_SUFFIX}")):
        try:
            portals[file.stem] = read_portal_file(file, environment)
        except UserError as error:
            problems[file.stem] = str(error)
    file_counts = Counter(portal.portal_id for portal in portals.values())
    # A file was copied for a new portal, and its portal_id left as it was.
    for name, portal in list(portals.items()):
        if file_counts[portal.portal_id] > 1:
            file_names = (
                twin.path.name
                for twin in portals.values()
                if twin.portal_id == portal.portal_id and twin.name != name
            )
            problems[name] = str(
                portal.error_at(
                    "HUBSPOT_PORTAL_ID",
                    f"portal {portal.portal_id} has another file, {', '.join(file_names)}: none of "
                    "them is used; remove what is too much",
                )
            )
    usable = {name: portal for name, portal in portals.items() if name not in problems}
    return PortalFolder(path=path, portals=usable, problems=problems)


def read_portal_file(path: Path, environment: Mapping[str, str]) -> PortalFile:
    """Return the portal of a file; raise UserError with file and line, never with a secret."""
    return parse_portal_file(_read_text(path), path, environment)


def parse_portal_file(text: str, path: Path, environment: Mapping[str, str]) -> PortalFile:
    """Return the portal that the text of a file describes; the path need not exist."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _TOML_LINE.search(str(error))
        place = f"{path}:{line[1]}" if line else str(path)
        raise UserError(f"{place}: this is not valid TOML") from error
    return _Reader(path, text, content).read(environment)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file; every error has the line of the key that it is about."""

    path: Path
    text: str
    content: Mapping[str, Any]

    def read(self, environment: Mapping[str, str]) -> PortalFile:
        """Return the portal that the file describes; raise UserError with the line of a mistake.

        `environment` holds the secrets that the file names as variables.
        """
        # What can be typed after `--portal`, and what the file may say at all.
        self._refuse_unknown_keys()
        if not _NAME.fullmatch(self.path.stem):
            raise self._error(
                "", "a portal's name is the file's: small letters, digits and hyphens"
            )
        # What is said by the file itself, and then where its secrets lie.
        values = {
            setting: self._text(key) for key, setting in _SETTINGS.items() if key in self.content
        }
        if not values.get("HUBSPOT_PORTAL_ID", "").isdigit():
            raise self._error("portal_id", "write portal_id = 12345678, the portal's own id")
        if "policy" in self.content:
            policy = values["CONNECTOR_POLICY"]
            is_preset = policy in presets.names()
            values["CONNECTOR_POLICY"] = policy if is_preset else self._beside(policy)
        for name, setting in _SECRETS.items():
            if secret := self._secret(name, environment):
                values[setting] = secret
        if not {"HUBSPOT_ACCESS_TOKEN", "HUBSPOT_REFRESH_TOKEN"} & set(values):
            raise self._error(
                "",
                "there is no token: write token_file, token_env or token, or refresh_token_file "
                "and client_id of an OAuth app",
            )
        return PortalFile(
            name=self.path.stem,
            path=self.path,
            portal_id=values["HUBSPOT_PORTAL_ID"],
            values=values,
            lines=self._lines_of_settings(),
            time_zone=self._time_zone(),
            policy_settings=self._policy_settings(),
        )

    def _refuse_unknown_keys(self) -> None:
        for key in self.content:
            if key not in _KEYS:
                matches = get_close_matches(key, _KEYS, n=1)
                hint = f" (did you mean {matches[0]}?)" if matches else ""
                raise self._error(key, f"a portal file has no {key}{hint}")

    def _text(self, key: str) -> str:
        value = self.content[key]
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return " ".join(value)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise self._error(key, f"{key} is a text")
        return str(value).strip()

    def _secret(self, name: str, environment: Mapping[str, str]) -> str:
        """Return a secret: written here, in a file beside, or in an environment variable.

        Return "" where the file names none. Raise UserError where it names two, or one that
        cannot be read; no message repeats what may be a secret.
        """
        keys = [key for key in (name, f"{name}_file", f"{name}_env") if key in self.content]
        # Two places for one secret: it could not be told which is meant.
        if len(keys) > 1:
            raise self._error(keys[1], f"{' and '.join(keys)} say the same: keep one of them")
        if not keys:
            return ""
        text = self._text(keys[0])
        if keys[0] == f"{name}_env":
            if not environment.get(text):
                # A secret that was written here by mistake is no name, and is not repeated.
                shown = f" {text}" if _VARIABLE.fullmatch(text) else ""
                raise self._error(
                    keys[0], f"the environment variable{shown} that {keys[0]} names is not set"
                )
            return environment[text].strip()
        if keys[0] == f"{name}_file":
            try:
                return Path(self._beside(text)).read_text(encoding="utf-8").strip()
            except (OSError, ValueError):
                # Without its cause and its name: a secret may stand in place of the name.
                raise self._error(
                    keys[0], f"the file that {keys[0]} names cannot be read"
                ) from None
        return text

    def _beside(self, text: str) -> str:
        """Return a path as seen from here: one that is not absolute begins beside this file."""
        return str(self.path.parent / text)

    def _time_zone(self) -> str:
        if "time_zone" not in self.content:
            return ""
        name = self._text("time_zone")
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self._error(
                "time_zone", f"{name!r} is no time zone: write one as Europe/Oslo"
            ) from None

    def _policy_settings(self) -> str:
        """Return [settings] as YAML, each setting on its line, so that messages name that line."""
        settings = self.content.get("settings", {})
        if not isinstance(settings, dict):
            raise self._error("settings", "settings is a table: write [settings]")
        if not settings:
            return ""
        # JSON is YAML as well; a mapping in braces may go over many lines.
        lines = ['{"settings": ' if number == 0 else "" for number in range(self._line_count + 2)]
        last_line = 0
        for name, part in _parts(settings, "settings"):
            # A part stays behind the parts before it, wherever its key stands.
            last_line = max(last_line, self._line(name) - 1) if name else last_line
            lines[last_line] += part
        return "\n".join((*lines, "}"))

    @property
    def _line_count(self) -> int:
        return len(self.text.splitlines())

    def _lines_of_settings(self) -> dict[str, int]:
        keys = {**_SETTINGS, **{key: _SECRETS[key] for key in _SECRETS}}
        lines = {setting: self._line(key) for key, setting in keys.items() if key in self.content}
        for name, setting in _SECRETS.items():
            for key in (f"{name}_file", f"{name}_env"):
                if key in self.content:
                    lines[setting] = self._line(key)
        return lines

    def _error(self, key: str, message: str) -> UserError:
        return UserError(f"{self.path}:{self._line(key) if key else 1}: {message}")

    def _line(self, dotted_name: str) -> int:
        """Return the line on which a key stands; 1 where it cannot be found."""
        table = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            text = line.strip()
            if text.startswith("["):
                table = text.strip("[]").strip() + "."
            key = text.partition("=")[0].strip().replace('"', "").replace("'", "")
            if dotted_name in {table + key, table.rstrip(".")}:
                return number
        return 1


def _parts(table: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Yield a table as parts of JSON, each with the dotted name of its key, "" for a bracket."""
    yield "", "{"
    for key, value in table.items():
        dotted_name = f"{name}.{key}"
        if isinstance(value, dict):
            yield dotted_name, f"{json.dumps(key)}: "
            yield from _parts(value, dotted_name)
            yield "", ", "
        else:
            yield dotted_name, f"{json.dumps(key)}: {json.dumps(value, default=str)}, "
    yield "", "}"


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}:1: this cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UserError(f"{path}:1: this is not a text file in UTF-8") from None
