"""Work on policies: check, test, show, schema, init."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from connector import policies, settings
from connector.commands.frame import REAL, examples, json_option, ready
from connector.core.model import Portal
from connector.core.policy import Policy
from connector.core.portrait import portrait
from connector.core.schema import policy_schema
from connector.errors import UserError
from connector.opening import open_door, pin, read_policy
from connector.policies import Cases
from connector.screens import policies as screens
from connector.screens import trials
from connector.screens.output import console, write_json
from connector.starting import starting_files

offline_option = click.option("--offline", is_flag=True, help="Ask no portal, even with a token.")
_policy = click.argument("policy", metavar="[F]", required=False)


@click.group(epilog=examples("connector policy check", "connector policy test my.yaml"))
def policy() -> None:
    """Check, test, show and begin policies; nothing is written to HubSpot."""


@policy.command(
    epilog=examples("connector policy check my.yaml", "connector policy check my.yaml --offline")
)
@_policy
@offline_option
@json_option
def check(*, policy: str | None, offline: bool, as_json: bool) -> int:
    """Look for mistakes: offline, and against the portal where a token is set."""
    found = ready()
    name = policy or found.policy
    read = read_policy(name)
    portal = _portal(found, offline=offline)
    against = f"portal {portal.account.portal_id}" if portal else "no portal"
    warnings = _warnings(name, read, portal)
    if as_json:
        write_json({"policy": read.name, "against": against, "warnings": warnings})
    else:
        console().print(trials.checked(read, against, warnings))
    return 0


@policy.command(
    epilog=examples("connector policy test my.yaml", "connector policy test my.yaml --cases c.yaml")
)
@_policy
@click.option("--cases", metavar="C", help="The cases; for my.yaml these are my.cases.yaml.")
@json_option
def test(*, policy: str | None, cases: str | None, as_json: bool) -> int:
    """Run a policy's cases: given facts, and the stage and lead status expected of them."""
    name = policy or ready().policy
    read = read_policy(name)
    tried = policies.try_out(read, _cases(name, cases))
    if as_json:
        write_json(trials.document(tried))
    else:
        console().print(trials.screen(tried))
    return int(bool(tried.failed))


@policy.command(
    epilog=examples(
        "connector policy show my.yaml", "connector policy show --format html > policy.html"
    )
)
@_policy
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "html"]),
    default="text",
    show_default=True,
)
@offline_option
def show(*, policy: str | None, form: str, offline: bool) -> int:
    """Print a policy in plain words with the portal's labels."""
    found = ready()
    name = policy or found.policy
    portal = _portal(found, offline=offline)
    portal = portal or policies.offline_portal(policies.cases_of(name))
    shown = portrait(policies.check(read_policy(name), portal, datetime.now(UTC)), portal)
    if form == "text":
        console().print(screens.screen(shown))
    else:
        sys.stdout.write(screens.html(shown) if form == "html" else screens.markdown(shown))
    return 0


@policy.command(epilog=examples("connector policy schema > policy.schema.json"))
def schema() -> int:
    """Print the JSON Schema of policy files, for editors."""
    write_json(policy_schema())
    return 0


@policy.command(
    epilog=examples("connector policy init", "connector policy init fjordkraft.yaml --force")
)
@click.argument("file", metavar="[F]", default="policy.yaml")
@click.option("--force", is_flag=True, help="Replace files that are there.")
def init(*, file: str, force: bool) -> int:
    """Ask the portal what it has, and write a commented policy to start from, with its cases."""
    path = Path(file)
    files = {path: "", policies.cases_path(path): ""}
    taken = [str(one) for one in files if one.exists()]
    if taken and not force:
        raise UserError(f"{' and '.join(taken)} exists: give another name, or `--force`.")
    portal = _portal(ready(), offline=False)
    if portal is None:
        raise UserError("No token is set: `policy init` asks the portal for its stages.")
    for one, text in zip(files, starting_files(portal, path), strict=True):
        one.write_text(text, encoding="utf-8")
    console().print(trials.begun(path))
    return 0


def _portal(found: settings.Settings, *, offline: bool) -> Portal | None:
    """Return the portal behind the token, None where there is none or it is not to be asked."""
    if offline or not found.access_token:
        return None
    portal = open_door(found, REAL).portal()
    pin(portal, found)
    return portal


def _warnings(name: str, read: Policy, portal: Portal | None) -> list[str]:
    """Return what is to be known of a sound policy; raise PolicyError where it is not sound.

    Without a portal, and without cases that describe one, its own words cannot be looked up.
    """
    cases, now = policies.cases_of(name), datetime.now(UTC)
    shadowed = list(policies.shadowed(read))
    unknown = policies.unknown_offline(read) if portal is None and cases is None else ()
    if unknown:
        return [*unknown, *shadowed]
    bound = policies.check(read, portal or policies.offline_portal(cases), now)
    return [*bound.warnings, *policies.held_back(bound, now), *shadowed]


def _cases(name: str, named: str | None) -> Cases:
    cases = policies.cases_of(name, named)
    if cases is None:
        raise UserError(
            f"{name} has no cases: write {policies.cases_path(Path(name)).name} beside it "
            "(`connector policy init` writes both), or name them with `--cases`."
        )
    return cases
