"""The operator's commands; what each does lives in the use cases, what it shows in screens."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import click

from connector import logs, settings
from connector.errors import PermanentError, TemporaryError, UserError

DONE, ACT, CORRECTIONS, BUG, LATER, INTERRUPTED = 0, 1, 2, 3, 4, 130

_json = click.option("--json", "as_json", is_flag=True, help="One JSON document, for scripts.")
_policy = click.option("--policy", metavar="F", help="A preset's name or a policy file.")
_no_limits = click.option(
    "--no-limits", is_flag=True, help="Apply whatever the plan holds: for scripts that know."
)


def _examples(*lines: str) -> str:
    """Return the examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hubspot-lifecycle-connector", prog_name="connector")
def cli() -> None:
    r"""Keep every contact's and company's lifecycle stage and lead status true in HubSpot.

    \b
    First look, no account needed:   connector demo
    Your portal, read only:          connector check, then connector pull, connector plan
    Put right what the plan shows:   connector sync
    """


def main() -> None:
    """Run one command, and end with the exit code of the operator's contract."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code, having said what went wrong."""
    try:
        code = cli.main(args=arguments, prog_name="connector", standalone_mode=False)
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads on: not even Python's own complaint about it
        return ACT
    except (Exception, KeyboardInterrupt) as error:
        return _tell(error)
    return code if isinstance(code, int) else DONE


def _tell(error: BaseException) -> int:
    """Say what went wrong, and return the exit code of its family."""
    match error:
        case KeyboardInterrupt() | click.exceptions.Abort():
            return _say("Interrupted. What was open is finished by the next start.", INTERRUPTED)
        case click.ClickException():
            error.show()
            return ACT
        case UserError() | PermanentError():
            return _say(f"Error: {error}", ACT)
        case TemporaryError():
            return _say(f"Not now: {error}", LATER)
        case _:
            traceback.print_exception(error)
            return BUG


def _say(message: str, code: int) -> int:
    click.echo(logs.masked(message), err=True)
    return code


def _ready() -> settings.Settings:
    """Read the settings, and send the logs where they say."""
    found = settings.read()
    logs.configure(form=found.log_format)
    return found


def _clockwork() -> Any:
    """Return the real clock, and real waiting."""
    from connector.opening import Clockwork

    return Clockwork(wait=time.sleep, monotonic=time.monotonic)


def _at_desk(work: Callable[[Any], int], *, policy: str | None = None) -> int:
    """Lay out the desk, show the progress, and do the work."""
    from connector.opening import open_desk
    from connector.screens.output import progress

    with (
        progress() as tell,
        open_desk(_ready(), _clockwork(), tell=tell, policy=policy) as desk,
    ):
        return work(desk)


@cli.command(epilog=_examples("connector check", "connector check --json | jq '.[] | .light'"))
@_policy
@_json
def check(*, policy: str | None, as_json: bool) -> int:
    """Check token, portal, scopes, stages, pipelines and policy; nothing is written."""
    from connector.commands import check_portal

    return check_portal(_ready(), _clockwork(), policy=policy, as_json=as_json)


@cli.command(epilog=_examples("connector pull", "connector pull --full"))
@_policy
@click.option("--full", is_flag=True, help="Read the whole portal again.")
@_json
def pull(*, policy: str | None, full: bool, as_json: bool) -> int:
    """Bring the local mirror up to date; the first pull reads the whole portal."""
    from connector.commands import pull_portal

    return _at_desk(lambda desk: pull_portal(desk, full=full, as_json=as_json), policy=policy)


@cli.command(
    epilog=_examples("connector plan", "connector plan --policy my.yaml --json > plan.json")
)
@_policy
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are corrections.")
@_json
def plan(*, policy: str | None, exit_code: bool, as_json: bool) -> int:
    """Show what is wrong and what would be corrected; never writes to HubSpot."""
    from connector.commands import plan_portal

    def work(desk: Any) -> int:
        found = plan_portal(desk, as_json=as_json)
        return CORRECTIONS if found and exit_code else DONE

    return _at_desk(work, policy=policy)


@cli.command(epilog=_examples("connector apply"))
@_no_limits
@_json
def apply(*, no_limits: bool, as_json: bool) -> int:
    """Correct in HubSpot what the mirror says is wrong."""
    from connector.commands import apply_portal

    return _at_desk(lambda desk: apply_portal(desk, as_json=as_json))


@cli.command(epilog=_examples("connector sync", "connector sync --json | jq .outcomes"))
@_no_limits
@_json
def sync(*, no_limits: bool, as_json: bool) -> int:
    """Pull, plan and apply in one go."""
    from connector.commands import sync_portal

    return _at_desk(lambda desk: sync_portal(desk, as_json=as_json))


@cli.command(
    epilog=_examples("connector explain contact 123", "connector explain companies/45 --json")
)
@click.argument("record", nargs=-1, required=True)
@_policy
@_json
def explain(*, record: tuple[str, ...], policy: str | None, as_json: bool) -> int:
    """Tell what a record is, what it should be, by which rule and on what evidence."""
    from connector.commands import explain_one

    return _at_desk(
        lambda desk: explain_one(desk, " ".join(record), as_json=as_json), policy=policy
    )


@cli.command(
    epilog=_examples(
        "connector audit --record contacts/123",
        "connector audit --since 2026-11-01 --json",
        "connector audit verify",
    )
)
@click.argument("verb", required=False, type=click.Choice(["verify"]))
@click.option("--record", metavar="contacts/ID", help="Only this record.")
@click.option("--run", "run_id", metavar="R", help="Only this run.")
@click.option("--since", metavar="T", help="Only from this day or time on (ISO 8601).")
@_json
def audit(
    *, verb: str | None, record: str | None, run_id: str | None, since: str | None, as_json: bool
) -> int:
    """Show what was written and why; `verify` proves that nothing was changed since."""
    from connector.commands import show_audit, verify_audit

    if verb:
        return verify_audit(_ready(), as_json=as_json)
    return show_audit(_ready(), record=record, run=run_id, since=since, as_json=as_json)


@cli.command(epilog=_examples("connector sandbox", "connector sandbox --port 8765 --contacts 5000"))
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option("--contacts", type=click.IntRange(0, 2_000_000), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def sandbox(*, port: int, contacts: int, seed: int) -> int:
    """Serve a portal in a box with HubSpot's habits, on this machine only."""
    from connector.commands import serve_sandbox

    return serve_sandbox(port=port, contacts=contacts, seed=seed)


@cli.command(epilog=_examples("connector demo", "connector demo --contacts 500 --seed 7"))
@click.option("--contacts", type=click.IntRange(20, 200_000), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def demo(*, contacts: int, seed: int) -> int:
    """Show the main job on a portal in a box; needs no account and no configuration."""
    from connector.demo import run_demo

    return run_demo(_clockwork(), contacts=contacts, seed=seed)
