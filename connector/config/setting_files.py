"""Find the files that hold settings (`connector.toml`, `.env`) and read them."""

from __future__ import annotations

import difflib
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connector.errors import UserError

TOML_FILE: Final = "connector.toml"
ENV_FILE: Final = ".env"
ENV_FILE_VARIABLE: Final = "CONNECTOR_ENV_FILE"
"""The environment variable that names a file of settings; `--env-file` sets it."""

_SQLITE: Final = "sqlite:///"
_ENV_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """One file of settings, by the names of the environment variables."""

    path: Path
    values: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Return the folder that relative paths in this file start from."""
        return self.path.parent


def settings_files(
    environment: Mapping[str, str], known: frozenset[str], *, folder: Path | None
) -> tuple[SettingsFile, ...]:
    """Return the files of settings, the strongest first: `--env-file`, `.env`, `connector.toml`.

    Without a folder both are looked for in the working folder and upward from it; with one, in
    that folder alone. `.env` may hold variables of other programs, which are left out. Raises
    UserError where a file cannot be read, or names a setting of ours that does not exist.
    """
    files = []
    named_file = environment.get(ENV_FILE_VARIABLE)
    if named_file:
        files.append(_read_env_file(Path(named_file).absolute(), known))
    env_file, toml_file = (_find(name, folder) for name in (ENV_FILE, TOML_FILE))
    if env_file and not named_file:
        files.append(_read_env_file(env_file, known))
    if toml_file:
        files.append(_read_toml(toml_file, known))
    return tuple(files)


def _find(name: str, folder: Path | None) -> Path | None:
    start = (folder or Path.cwd()).absolute()
    folders = [start] if folder else [start, *start.parents]
    return next((path for path in (part / name for part in folders) if path.is_file()), None)


def path_in_folder(text: str, folder: Path) -> str:
    """Return a relative path of a file as seen from the working folder.

    What is no file beside the settings (a preset's name, a path that does not exist) is returned
    as it is, and so is every path where the settings lie in the working folder.
    """
    if folder == Path.cwd() or Path(text).is_absolute() or not (folder / text).is_file():
        return text
    return str(folder / text)


def database_in_folder(url: str, folder: Path) -> str:
    """Return a relative SQLite URL as an absolute one, below `folder`.

    >>> database_in_folder("sqlite:///var/connector.db", Path("/srv/crm"))
    'sqlite:////srv/crm/var/connector.db'
    >>> database_in_folder("sqlite:////data/connector.db", Path("/srv/crm"))
    'sqlite:////data/connector.db'
    """
    path = url.removeprefix(_SQLITE)
    if not url.startswith(_SQLITE) or not path or Path(path).is_absolute() or path == ":memory:":
        return url
    return f"{_SQLITE}{folder / path}"


def _read_toml(path: Path, known: frozenset[str]) -> SettingsFile:
    try:
        content = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name} is not valid TOML: {error}.") from error
    values = {name.upper(): str(value) for name, value in content.items()}
    for name in values:
        _require_known(name, known, path)
    return SettingsFile(path=path, values=values)


def _read_env_file(path: Path, known: frozenset[str]) -> SettingsFile:
    """Read lines of `NAME=value`, quoted or not; `#` begins a comment."""
    values = {}
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ENV_LINE.fullmatch(line.strip())
        if match is None:
            raise UserError(f"{path}:{number}: write NAME=value, or `#` before a comment.")
        name, text = match.groups()
        if name.startswith("CONNECTOR_"):
            _require_known(name, known, path)
        if name in known:
            values[name] = _unquoted(text, path, number)
    return SettingsFile(path=path, values=values)


def _unquoted(text: str, path: Path, number: int) -> str:
    if text[:1] not in {"'", '"'}:
        return text.partition(" #")[0].strip()
    try:
        return " ".join(shlex.split(text, comments=True))
    except ValueError:
        # Without the value: it may be a secret.
        raise UserError(f"{path}:{number}: a quotation mark is not closed.") from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # Without its cause, which would show what the file holds.
        raise UserError(f"{path} is not a text file in UTF-8.") from None


def _require_known(name: str, known: frozenset[str], path: Path) -> None:
    if name in known:
        return
    matches = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {matches[0]}?)" if matches else ""
    raise UserError(f"{path.name}: there is no setting {name}{hint}.")
