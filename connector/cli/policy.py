"""Work on policies: check, test, show, schema, init."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli.policy_questions import ask_proposal
from connector.cli.render import policy as policy_view
from connector.cli.render import policy_findings, policy_results
from connector.cli.render.console import console, echo, write_json
from connector.cli.setup import (
    REAL_CLOCK,
    help_examples,
    json_option,
    load_settings,
    run_in_context,
)
from connector.cli.suggestions import SuggestingGroup
from connector.config import settings
from connector.config.open_run import (
    open_api,
    read_policy,
    remembered_policy,
    require_portal,
)
from connector.context import RunContext
from connector.core.explain.policy_text import describe_policy
from connector.core.model import Portal
from connector.core.policy.json_schema import policy_schema
from connector.core.policy.load import Policy
from connector.core.problem import PolicyError, Problem
from connector.errors import UserError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.http.failures import ScopeMissing
from connector.operations import policy_test
from connector.operations.policy_init import initial_files
from connector.operations.policy_proposal import (
    find_own_domains,
    look_at_portal,
    propose_settings,
)
from connector.operations.policy_test import Cases
from state import portal_policy

offline_option = click.option("--offline", is_flag=True, help="Ask no portal, even with a token.")
_policy_argument = click.argument("policy", metavar="[F]", required=False)


@click.group(
    cls=SuggestingGroup,
    epilog=help_examples("connector policy check", "connector policy test my.yaml"),
)
def policy() -> None:
    """Check, test, show and begin policies; nothing is written to HubSpot."""


@policy.command(
    epilog=help_examples(
        "connector policy check my.yaml",
        "connector policy check my.yaml --offline",
        "connector policy check my.yaml --format github",
        "connector policy check my.yaml --format sarif > policy.sarif",
    )
)
@_policy_argument
@offline_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="github: annotations in a workflow's log; sarif: for code scanning.",
)
@json_option
def check(*, policy: str | None, offline: bool, form: str, as_json: bool) -> int:
    """Look for mistakes: offline, and against the portal where a token is set."""
    loaded_settings = load_settings()
    name = policy or loaded_settings.policy
    portal = _portal(loaded_settings, offline=offline)
    against = f"portal {portal.account.portal_id}" if portal else "no portal"
    form = "json" if as_json else form
    try:
        loaded_policy = read_policy(name, loaded_settings)
        warnings = _warnings(name, loaded_policy, portal)
    except PolicyError as error:
        if form == "text":
            raise
        _write_findings(form, name, against, error.problems, ())
        return 1
    if form == "text":
        console().print(policy_results.check_result(loaded_policy, against, warnings))
    else:
        _write_findings(form, name, against, (), warnings, policy_name=loaded_policy.name)
    return 0


@policy.command(
    epilog=help_examples(
        "connector policy test my.yaml", "connector policy test my.yaml --cases c.yaml"
    )
)
@_policy_argument
@click.option("--cases", metavar="C", help="The cases; for my.yaml these are my.cases.yaml.")
@json_option
def test(*, policy: str | None, cases: str | None, as_json: bool) -> int:
    """Run a policy's cases: given facts, and the stage and lead status expected of them."""
    loaded_settings = load_settings()
    name = policy or loaded_settings.policy
    loaded_policy = read_policy(name, loaded_settings)
    test_run = policy_test.run_cases(loaded_policy, _cases(name, cases))
    if as_json:
        write_json(policy_results.document(test_run))
    else:
        console().print(policy_results.renderable(test_run))
    return int(bool(test_run.failures))


@policy.command(
    epilog=help_examples(
        "connector policy show my.yaml", "connector policy show --format html > policy.html"
    )
)
@_policy_argument
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
    loaded_settings = load_settings()
    name = policy or loaded_settings.policy
    portal = _portal(loaded_settings, offline=offline)
    portal = portal or policy_test.offline_portal(policy_test.find_cases(name))
    bound = policy_test.check_policy(read_policy(name, loaded_settings), portal, datetime.now(UTC))
    if form == "html":
        # Loaded where it is used: the page is one of the dashboard's.
        from connector.web.dashboard.policy_file import policy_html

        sys.stdout.write(policy_html(bound, portal))
    elif form == "markdown":
        sys.stdout.write(policy_view.markdown(describe_policy(bound, portal)))
    else:
        console().print(policy_view.renderable(describe_policy(bound, portal)))
    return 0


@policy.command(epilog=help_examples("connector policy schema > policy.schema.json"))
def schema() -> int:
    """Print the JSON Schema of policy files, for editors."""
    write_json(policy_schema())
    return 0


@policy.command(
    epilog=help_examples(
        "connector policy init",
        "connector policy init fjordkraft.yaml --yes",
        "connector policy init fjordkraft.yaml --force",
    )
)
@click.argument("file", metavar="[F]", default="policy.yaml")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--yes", is_flag=True, help="Take what is proposed without asking.")
def init(*, file: str, force: bool, yes: bool) -> int:
    """Look at the portal and its mirror, and write a commented policy to start from, with cases.

    On a terminal it asks; form names, stages, statuses and pipelines are counted in the mirror.
    The domains of the portal's owners are proposed as those of your own staff.
    """
    path = Path(file)
    targets = (path, policy_test.cases_path(path))
    existing_files = [str(candidate) for candidate in targets if candidate.exists()]
    if existing_files and not force:
        raise UserError(f"{' and '.join(existing_files)} exists: give another name, or `--force`.")
    loaded_settings = load_settings()
    if not loaded_settings.access_token:
        raise UserError("No token is set: `policy init` asks the portal for its stages.")
    with closing(open_api(loaded_settings, REAL_CLOCK)) as api:
        portal = api.portal()
        require_portal(portal, loaded_settings)
        survey, scores = look_at_portal(loaded_settings, api, portal)
        own_domains = _own_domains(api)
    if not survey.stages:
        click.echo(
            "Nothing of this portal is mirrored here: run `connector pull` first, and the file "
            "counts its forms, stages, statuses and pipelines.",
            err=True,
        )
    proposal = propose_settings(portal, survey, scores, own_domains)
    if not yes and sys.stdin.isatty():
        proposal = ask_proposal(portal, survey, proposal)
    for target, text in zip(targets, initial_files(portal, path, survey, proposal), strict=True):
        target.write_text(text, encoding="utf-8")
    console().print(policy_results.init_result(path))
    return 0


def _own_domains(api: HubSpotApi) -> tuple[str, ...]:
    """Return the domains of the portal's owners; none, and say so, where the token may not ask."""
    try:
        return find_own_domains(api)
    except ScopeMissing:
        click.echo(
            "No domain of your own staff is proposed: the token lacks the scope "
            "`crm.objects.owners.read`. Add it to the app and run this again with `--force`, or "
            "fill in `exclude.domains`.",
            err=True,
        )
        return ()


def _write_findings(
    form: str,
    source: str,
    against: str,
    problems: Sequence[Problem],
    warnings: Sequence[str],
    *,
    policy_name: str = "",
) -> None:
    """Write problems and warnings to a program, in the form that it asked for."""
    match form:
        case "github":
            for line in policy_findings.github_lines(source, problems, warnings):
                echo(line)
        case "sarif":
            write_json(policy_findings.sarif_document(source, problems, warnings))
        case _:
            write_json(
                policy_findings.json_document(policy_name or source, against, problems, warnings)
            )


@policy.command(
    epilog=help_examples("connector policy use my.yaml", "connector policy use standard")
)
@click.argument("policy", metavar="F")
def use(*, policy: str) -> int:
    """Set the portal's policy from now on, for every command that names none.

    The policy is checked against the portal first; CONNECTOR_POLICY and --policy still win.
    """

    def work(context: RunContext) -> int:
        remembered = remembered_policy(policy, context.policy.policy)
        with context.begin() as session:
            portal_policy.put_set(session, remembered)
        echo(f"Portal {context.portal_id} is decided by {remembered.name} from now on.")
        return 0

    return run_in_context(work, policy=policy)


def _portal(loaded_settings: settings.Settings, *, offline: bool) -> Portal | None:
    """Return the portal behind the token, None where there is none or it is not to be asked."""
    if offline or not loaded_settings.access_token:
        return None
    portal = open_api(loaded_settings, REAL_CLOCK).portal()
    require_portal(portal, loaded_settings)
    return portal


def _warnings(name: str, loaded_policy: Policy, portal: Portal | None) -> list[str]:
    """Return what is to be known of a sound policy; raise PolicyError where it is not sound.

    Without a portal, and without cases that describe one, its own words cannot be looked up.
    """
    cases, now = policy_test.find_cases(name), datetime.now(UTC)
    shadowed_rules = list(policy_test.shadowed_preset_rules(loaded_policy))
    unknown_names = (
        policy_test.names_to_confirm(loaded_policy) if portal is None and cases is None else ()
    )
    if unknown_names:
        return [*unknown_names, *shadowed_rules]
    bound_policy = policy_test.check_policy(
        loaded_policy, portal or policy_test.offline_portal(cases), now
    )
    return [
        *bound_policy.warnings,
        *policy_test.rules_blocking_deals(bound_policy, now),
        *shadowed_rules,
    ]


def _cases(name: str, cases_file: str | None) -> Cases:
    cases = policy_test.find_cases(name, cases_file)
    if cases is None:
        raise UserError(
            f"{name} has no cases: write {policy_test.cases_path(Path(name)).name} beside it "
            "(`connector policy init` writes both), or name them with `--cases`."
        )
    return cases
