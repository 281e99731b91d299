"""The commands about the portals of a fleet: `connector portals …`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from connector.cli.common_options import is_quiet
from connector.cli.render import portals as portals_view
from connector.cli.render.console import console, echo, open_private, write_json
from connector.cli.render.context_line import context_line
from connector.cli.setup import REAL_CLOCK, help_examples, json_option, load_shared_settings
from connector.cli.suggestions import SuggestingGroup
from connector.config import presets, settings
from connector.config.known_database import is_new_database, open_known_store
from connector.config.open_run import (
    choose_policy,
    open_api,
    read_policy,
    require_own_policy,
    run_origin,
)
from connector.config.policy_choice import PolicyChoice, named_policy
from connector.config.portal_files import PortalFolder, parse_portal_file
from connector.errors import ConnectorError, UserError
from connector.operations.check import check as check_portal
from connector.operations.finding import CheckResult, Finding
from connector.operations.portal_status import read_portal_status, require_no_open_moves
from connector.telemetry import logs
from state.db.store import Store

_REMOVED: Final = ".removed"


@click.group(
    cls=SuggestingGroup,
    epilog=help_examples(
        "connector portals list",
        "connector portals add acme --token-file /run/secrets/acme",
        "connector portals check",
        "connector portals status --json",
    ),
)
def portals() -> None:
    """List, add, check and remove the portals of a fleet: one TOML file for each."""
    load_shared_settings()


@portals.command("list", epilog=help_examples("connector portals list --json"))
@json_option
def list_portals(*, as_json: bool) -> int:
    """List the portal files, and what is wrong with those that cannot be used."""
    folder = settings.read_portals()
    documents = [_document(folder, name) for name in folder.names]
    if as_json:
        write_json(documents)
    elif documents:
        console().print(portals_view.list_table(documents))
    else:
        echo(f"There is no portal file in {folder.path}: `connector portals add NAME` begins one.")
    return 0


@portals.command(
    epilog=help_examples("connector portals status", "connector portals status --json")
)
@json_option
def status(*, as_json: bool) -> int:
    """Show what waits in each portal, from the database alone."""
    folder = settings.read_portals()
    now = datetime.now(UTC)
    with open_known_store(load_shared_settings()) as store:
        statuses = {
            name: read_portal_status(store, portal.portal_id, now=now)
            for name, portal in folder.portals.items()
        }
    documents = [portals_view.status_document(name, statuses[name]) for name in statuses]
    if as_json:
        write_json(documents)
    else:
        console().print(portals_view.status_table(documents))
    return 0


@portals.command(
    epilog=help_examples("connector portals check", "connector portals check acme --json")
)
@click.argument("name", required=False)
@json_option
def check(*, name: str | None, as_json: bool) -> int:
    """Check every portal, or one: its file, token, scopes and policy; nothing is written."""
    folder = settings.read_portals()
    names = (name,) if name else folder.names
    if name:
        folder.find(name)
    announces = not as_json and not is_quiet()
    findings = {
        checked_name: list(_findings(folder, checked_name, announces=announces))
        for checked_name in names
    }
    if as_json:
        write_json(portals_view.findings_document(findings))
    else:
        console().print(portals_view.findings_table(findings))
    return int(
        any(finding.result is CheckResult.FAIL for part in findings.values() for finding in part)
    )


@portals.command(
    epilog=help_examples(
        "connector portals add acme --token-file /run/secrets/acme",
        "connector portals add acme --token-env ACME_TOKEN --policy acme.yaml",
    )
)
@click.argument("name")
@click.option("--token-file", metavar="F", help="The file that holds the token.")
@click.option("--token-env", metavar="VARIABLE", help="The environment variable of the token.")
@click.option("--policy", metavar="F", help="A preset's name or a policy file, for this portal.")
@click.option("--api-url", metavar="URL", help="Another address than HubSpot's: a sandbox's.")
def add(*, name: str, **options: str | None) -> int:
    """Write the file of a new portal, once its token has said which portal it is."""
    given = {key: _absolute(key, value) for key, value in options.items() if value}
    if len({"token_file", "token_env"} & set(given)) != 1:
        raise UserError("Say where the token is: by --token-file F or by --token-env VARIABLE.")
    folder = settings.read_portals()
    path = folder.path / f"{name}.toml"
    if path.exists():
        raise UserError(f"{path} exists: edit it, or choose another name.")
    portal_id = _portal_of_token(path, given)
    known = [known for known, file in folder.portals.items() if file.portal_id == portal_id]
    if known:
        raise UserError(f"Portal {portal_id} has a file already: {known[0]}. Nothing was written.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_private(path) as file:
        file.write(_file_text(portal_id, given))
    echo(
        f"{path}: portal {portal_id}. Next: `connector pull --portal {name}`, then "
        f"`connector plan --portal {name}`."
    )
    return 0


@portals.command(epilog=help_examples("connector portals remove acme"))
@click.argument("name")
def remove(*, name: str) -> int:
    """Take a portal out of the fleet; its file is renamed, and what is remembered stays."""
    folder = settings.read_portals()
    path = folder.path / f"{name}.toml"
    # A file with a mistake is refused: whose records may be blank is not known.
    loaded_settings = settings.read(portal=folder.find(name))
    if is_new_database(loaded_settings.database_url):
        path.rename(path.with_name(path.name + _REMOVED))
    else:
        with (
            open_known_store(loaded_settings) as store,
            store.writer_lock(loaded_settings.portal_id, holder_name="connector portals remove"),
        ):
            require_no_open_moves(store, loaded_settings.portal_id, name)
            path.rename(path.with_name(path.name + _REMOVED))
    echo(
        f"{path} is now {path.name}{_REMOVED}: nobody works on this portal any more. Its audit "
        "and mirror stay in the database."
    )
    return 0


def _document(folder: PortalFolder, name: str) -> dict[str, Any]:
    """Return a portal as the list shows it; `problem` is null where it can be used."""
    try:
        loaded_settings = settings.read(portal=folder.find(name))
    except UserError as error:
        return {"name": name, "portal_id": None, "problem": str(error)}
    return {
        "name": name,
        "portal_id": loaded_settings.portal_id,
        "policy": loaded_settings.policy,
        "writes": loaded_settings.writes,
        "problem": None,
    }


def _findings(folder: PortalFolder, name: str, *, announces: bool) -> Iterator[Finding]:
    """Yield what a check of one portal finds; no mistake of one stops another's check.

    With `announces`, the line of portal, policy and database goes before it.
    """
    try:
        loaded_settings = settings.read(portal=folder.find(name))
        logs.add_secrets(*loaded_settings.secrets)
        choice = _choose_policy(loaded_settings)
        policy = read_policy(choice.name, loaded_settings)
        if announces:
            origin = run_origin(loaded_settings, choice)
            echo(context_line(loaded_settings.portal_id, origin, writes="nothing"), err=True)
        with closing(open_api(loaded_settings, REAL_CLOCK)) as api:
            yield from check_portal(api, policy, portal_id=loaded_settings.portal_id)
    except ConnectorError as error:
        yield Finding(name="file", result=CheckResult.FAIL, message=str(error))


def _choose_policy(loaded_settings: settings.Settings) -> PolicyChoice:
    """Return the policy by which a worker decides in a portal; UserError where it refuses to."""
    if is_new_database(loaded_settings.database_url):
        default = PolicyChoice(name=loaded_settings.policy, source="default")
        return named_policy(loaded_settings, None) or default
    with Store.open(loaded_settings.database_url) as store:
        portal_id = loaded_settings.portal_id
        choice = choose_policy(store, loaded_settings, portal_id)
        require_own_policy(store, loaded_settings, portal_id, choice)
    return choice


def _portal_of_token(path: Path, given: Mapping[str, str]) -> str:
    """Return the portal of a new file's token, as HubSpot says."""
    portal = parse_portal_file(_file_text("0", given), path, os.environ)
    loaded_settings = settings.read(portal=portal)
    logs.add_secrets(*loaded_settings.secrets)
    with closing(open_api(loaded_settings, REAL_CLOCK)) as api:
        return api.account().portal_id


def _absolute(key: str, text: str) -> str:
    """Return a file's name as it is found from every folder; anything else as it is."""
    names_file = key == "token_file" or (key == "policy" and text not in presets.names())
    return str(Path(text).absolute()) if names_file else text


def _file_text(portal_id: str, given: Mapping[str, str]) -> str:
    """Return a portal file; JSON's texts are TOML's as well."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in given.items()]
    return "\n".join((f"portal_id = {portal_id}", *lines, ""))
