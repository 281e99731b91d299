"""Commands that write nothing to HubSpot: check, explain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from connector.cli.common_options import is_quiet, is_verbose
from connector.cli.render import check_up, explanation
from connector.cli.render.console import console, echo, write_json
from connector.cli.render.context_line import context_document, context_line
from connector.cli.setup import (
    REAL_CLOCK,
    context_labels,
    help_examples,
    json_option,
    labels_of,
    load_settings,
    parse_record,
    policy_option,
    run_in_context,
)
from connector.config.known_database import is_new_database
from connector.config.open_run import (
    full_database_url,
    open_api,
    policy_memory,
    read_policy,
    run_origin,
)
from connector.config.policy_choice import PolicyMemory, Purpose, policy_to_show
from connector.config.settings import Settings, read_values
from connector.context import RunContext
from connector.core.model import Portal
from connector.core.policy.load import Policy
from connector.errors import ConnectorError, UserError
from connector.hubspot.api import HubSpotApi
from connector.operations.check import REQUESTS_AT_MOST, refused_token
from connector.operations.check import check as check_portal
from connector.operations.check_store import check_store, check_trials
from connector.operations.check_up import store_check_up
from connector.operations.check_webhooks import check_address, check_arrivals
from connector.operations.explain import RecordExplanation, explain_facts, explain_record
from connector.operations.finding import CheckResult, Finding
from state import portals
from state.db.store import Store


@click.command(
    epilog=help_examples(
        "connector check",
        "connector check --json | jq '.[] | .light'",
        "connector check --format markdown > check.md",
        "connector check --trial --out trial.json",
        "connector check --trial --clean",
    )
)
@policy_option
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="For people, for scripts, for a ticket.",
)
@click.option(
    "--trial",
    "is_trial",
    is_flag=True,
    help="In a test account only: try what is assumed about HubSpot, on records that are removed.",
)
@click.option("--clean", is_flag=True, help="Remove what a trial that was killed has left.")
@click.option("--out", metavar="FILE", help="Where a trial writes its result, for a bug report.")
def check(
    *,
    policy: str | None,
    as_json: bool,
    form: str,
    is_trial: bool,
    clean: bool,
    out: str | None,
) -> int:
    """Check token, portal, scopes, stages, pipelines and policy; only --trial writes."""
    if (clean or out) and not is_trial:
        raise click.UsageError("--clean and --out belong to `connector check --trial`.")
    if is_trial and form == "markdown":
        raise click.UsageError("A trial has no markdown: take its JSON file, or --format json.")
    as_json = as_json or form == "json"
    if not is_trial:
        return _show_check(load_settings(), policy=policy, form="json" if as_json else form)
    # Loaded here: no other command needs a trial.
    from connector.cli.trial import clean_after_trial, try_assumptions

    if clean:
        return clean_after_trial(load_settings(), REAL_CLOCK, as_json=as_json)
    return try_assumptions(load_settings(), REAL_CLOCK, out=out, as_json=as_json)


@click.command(
    epilog=help_examples(
        "connector explain contact 123",
        "connector explain companies/45 --json",
        "connector explain https://app.hubspot.com/contacts/147893286/record/0-1/123",
        "connector explain contacts/123 --verbose",
        "connector explain --facts facts.yaml",
    )
)
@click.argument("record", nargs=-1)
@click.option("--facts", metavar="FILE", help="Explain the facts of a file; needs no portal.")
@policy_option
@json_option
def explain(
    *, record: tuple[str, ...], facts: str | None, policy: str | None, as_json: bool
) -> int:
    """Show what a record is, what it should be, by which rule and on what evidence."""
    if bool(facts) == bool(record):
        raise click.UsageError("Name a record, such as `contact 123`, or `--facts FILE`.")
    if facts:
        settings = load_settings()
        portal, record_explanation = explain_facts(
            Path(facts), read_policy(policy or settings.policy, settings)
        )
        return _show_explained_facts(record_explanation, portal, as_json=as_json)
    name = " ".join(record)
    return run_in_context(
        lambda context: _explain(context, name, as_json=as_json),
        policy=policy,
        purpose=Purpose.LOOK,
        as_json=as_json,
    )


def _show_check(settings: Settings, *, policy: str | None, form: str) -> int:
    """Show the check-up; return 1 where something must be corrected first."""
    if not is_quiet():
        echo(
            f"The check-up costs at most {REQUESTS_AT_MOST} requests and writes nothing.", err=True
        )
    results = _check_and_store(settings, policy=policy, form=form)
    if form == "json":
        write_json(
            [
                {
                    "name": result.name,
                    "light": result.result,
                    "message": result.message,
                    "section": result.section,
                }
                for result in results
            ]
        )
    elif form == "markdown":
        echo(check_up.markdown(results))
    else:
        console().print(check_up.renderable(results))
    return int(any(result.result is CheckResult.FAIL for result in results))


def _check_and_store(settings: Settings, *, policy: str | None, form: str) -> list[Finding]:
    """Say what the check-up rests on, check the portal and the database, and store the result."""
    refusal = None
    with closing(open_api(settings, REAL_CLOCK)) as api:
        api.limit_requests(REQUESTS_AT_MOST)
        try:
            account = api.account()
            portal_id = account.portal_id
        except ConnectorError as error:
            account, portal_id, refusal = None, settings.portal_id, refused_token(error)
        choice = policy_to_show(settings, policy, _remembered_policies(settings, portal_id))
        loaded_policy = read_policy(choice.name, settings)
        if form != "json" and not is_quiet():
            origin = run_origin(settings, choice)
            echo(context_line(portal_id or "unknown", origin, writes="nothing"), err=True)
        findings = (
            [refusal]
            if refusal
            else list(
                check_portal(api, loaded_policy, portal_id=settings.portal_id, account=account)
            )
        )
        findings += _check_what_is_remembered(settings, loaded_policy, api)
    _store(settings, settings.portal_id or portal_id, findings)
    return findings


def _store(settings: Settings, portal_id: str, findings: list[Finding]) -> None:
    """Store the check-up for the dashboard, where the database has the portal already."""
    if is_new_database(settings.database_url):
        return
    try:
        with Store.open(settings.database_url) as store:
            with store.reading_all_portals() as session:
                is_known = portal_id in portals.ids(session)
            if is_known:
                with store.begin(portal_id) as session:
                    store_check_up(session, findings, at=datetime.now(UTC))
    except ConnectorError:
        return  # why the database cannot be used is a finding already


def _remembered_policies(settings: Settings, portal_id: str) -> PolicyMemory:
    """Return what is remembered of a portal's policies; nothing where it cannot be read.

    Why it cannot be read is a finding of its own.
    """
    if not portal_id or is_new_database(settings.database_url):
        return PolicyMemory()
    try:
        with Store.open(settings.database_url) as store:
            return policy_memory(store, portal_id)
    except ConnectorError:
        return PolicyMemory()


def _check_what_is_remembered(
    settings: Settings, policy: Policy, api: HubSpotApi
) -> Iterator[Finding]:
    """Yield the findings of the portals in the database; nothing where there is none yet."""
    values = read_values()
    has_secret = bool(values["HUBSPOT_WEBHOOK_SECRET"])
    yield check_address(values["CONNECTOR_PUBLIC_URL"], has_secret=has_secret)
    where = full_database_url(settings.database_url)
    if is_new_database(settings.database_url):
        message = f"{where}: not there yet, `connector pull` creates it"
        yield Finding(name="database", result=CheckResult.OK, message=message, section="database")
        return
    try:
        with Store.open(settings.database_url) as store:
            with store.reading_all_portals() as session:
                portal_ids = portals.ids(session)
            owners = ", ".join(f"portal {portal_id}" for portal_id in portal_ids)
            message = f"{where}: of {owners or 'no portal yet'}"
            yield Finding(
                name="database", result=CheckResult.OK, message=message, section="database"
            )
            for portal_id in portal_ids:
                if settings.portal_id in {"", portal_id}:
                    yield from check_store(store, portal_id, policy)
                    if has_secret:
                        yield from _check_arrivals(store, portal_id, api)
            yield from check_trials(store, settings.portal_id)
    except ConnectorError as error:
        yield Finding(
            name="database", result=CheckResult.FAIL, message=str(error), section="database"
        )


def _check_arrivals(store: Store, portal_id: str, api: HubSpotApi) -> Iterator[Finding]:
    """Yield what webhooks brought; nothing where HubSpot's time is not known either."""
    try:
        now = api.now()
    except ConnectorError:
        return
    yield from check_arrivals(store, portal_id, now=now)


def _explain(context: RunContext, name: str, *, as_json: bool) -> int:
    """Explain one record."""
    try:
        ref = parse_record(name)
    except UserError as error:
        raise UserError(f"{error}, or `connector explain contact 123`.") from error
    explained = explain_record(context, ref)
    if as_json:
        where = context_document(context.portal_id, context.origin, writes="nothing")
        write_json({**explanation.document(explained), "context": where})
        return 0
    zone, labels = context.policy.zone, context_labels(context)
    console().print(
        explanation.renderable(
            explained, labels, zone, portal_id=context.portal_id, is_whole=is_verbose()
        )
    )
    return 0


def _show_explained_facts(
    record_explanation: RecordExplanation, portal: Portal, *, as_json: bool
) -> int:
    if as_json:
        write_json(explanation.document(record_explanation))
    else:
        zone = ZoneInfo(portal.account.time_zone)
        console().print(
            explanation.renderable(
                record_explanation, labels_of(portal), zone, is_whole=is_verbose()
            )
        )
    return 0
