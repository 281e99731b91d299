"""The options that every command has: where settings come from, and how much is shown."""

from __future__ import annotations

import os
from typing import Final

import click

_ENV_FILE_VARIABLE: Final = "CONNECTOR_ENV_FILE"  # read by connector.config.setting_files
_PORTAL_VARIABLE: Final = "CONNECTOR_PORTAL"  # read by connector.config.portal_files


def add_common_options(command: click.Command) -> click.Command:
    """Add the common options to a command and to the commands below it; return it."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            add_common_options(subcommand)
        return command
    names = {name for parameter in command.params for name in parameter.opts}
    command.params += [option for option in _OPTIONS if not names & set(option.opts)]
    return command


def is_quiet() -> bool:
    """Return whether the operator asked for results only."""
    return _is_set("quiet")


def is_verbose() -> bool:
    """Return whether the operator asked for every detail."""
    return _is_set("verbose")


def _is_set(name: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and context.find_root().meta.get(name) is True


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    context.find_root().meta[parameter.name or ""] = value


def _use_env_file(context: click.Context, _parameter: click.Parameter, path: str | None) -> None:
    if not path:
        return
    if not os.path.isfile(path):  # noqa: PTH113  this module is loaded by --help: pathlib costs 10 ms
        raise click.BadParameter(f"there is no file {path}", param_hint="--env-file")
    _set_variable(context, _ENV_FILE_VARIABLE, path)


def _use_portal(context: click.Context, _parameter: click.Parameter, name: str | None) -> None:
    if name:
        _set_variable(context, _PORTAL_VARIABLE, name)


def _set_variable(context: click.Context, variable: str, value: str) -> None:
    """Set an environment variable for as long as the command runs."""
    previous = os.environ.get(variable)
    os.environ[variable] = value
    context.call_on_close(lambda: _restore(variable, previous))


def _restore(variable: str, previous: str | None) -> None:
    if previous is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = previous


_OPTIONS: Final = (
    click.Option(
        ["--env-file"],
        metavar="F",
        expose_value=False,
        callback=_use_env_file,
        help="Read settings from this file of NAME=value lines.",
    ),
    click.Option(
        ["--portal"],
        metavar="NAME",
        expose_value=False,
        callback=_use_portal,
        help="Of several portals, the one whose file has this name.",
    ),
    click.Option(
        ["--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Print the result only.",
    ),
    click.Option(
        ["--verbose"],
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Print every detail.",
    ),
)
