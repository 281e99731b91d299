"""One program: finds the command, runs it, and ends with the exit code of the contract."""

from __future__ import annotations

import gc
import sys
import traceback
from importlib import import_module
from typing import Final

import click

from connector import logs
from connector.errors import PermanentError, TemporaryError, UserError

DONE, ACT, BUG, LATER, INTERRUPTED = 0, 1, 3, 4, 130

# In the order of the help; each command is loaded only when it is called.
COMMANDS: Final = {
    "demo": "boxes",
    "sandbox": "boxes",
    "check": "looking",
    "pull": "cycle",
    "plan": "cycle",
    "apply": "cycle",
    "sync": "cycle",
    "backfill": "whole",
    "run": "running",
    "mirror": "whole",
    "explain": "looking",
    "policy": "policies",
    "audit": "auditing",
    "report": "reports",
    "undo": "guards",
    "hold": "guards",
    "pause": "guards",
    "resume": "guards",
}


class Commands(click.Group):
    """Commands that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"connector.commands.{COMMANDS[cmd_name]}"), cmd_name)
        return found if isinstance(found, click.Command) else None


_HELP: Final = """Keep each contact's and company's lifecycle stage and lead status true in HubSpot.

\b
First look, no account needed:  connector demo
Your portal, read only:         connector check, then connector pull, connector plan
Put right what the plan shows:  connector sync
"""


@click.command(
    cls=Commands,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="hubspot-lifecycle-connector", prog_name="connector")
def cli() -> None:
    """Hold the commands together."""


def main() -> None:
    """Run one command, and end with the exit code of the operator's contract."""
    # Thousands of records come and go, none in a cycle: looking for cycles every 700 objects,
    # as Python does, costs a sixth of a pull.
    gc.set_threshold(50_000)
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
            return _say("".join(traceback.format_exception(error)), BUG)


def _say(message: str, code: int) -> int:
    click.echo(logs.masked(message), err=True)
    return code
