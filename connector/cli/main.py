"""Find the command, run it, and end with the exit code of the operator's contract."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Final

import click

from connector import __version__
from connector.cli.command_summaries import SUMMARIES
from connector.cli.common_options import add_common_options
from connector.cli.suggestions import SuggestingGroup
from connector.errors import PermanentError, TemporaryError, UserError

SUCCESS, ACTION_NEEDED, BUG, TRY_LATER, INTERRUPTED = 0, 1, 3, 4, 130

# In the order of the help; each command is loaded only when it is called.
COMMANDS: Final = {
    "demo": "sandbox",
    "sandbox": "sandbox",
    "check": "check_explain",
    "pull": "cycle",
    "plan": "cycle",
    "apply": "cycle",
    "sync": "cycle",
    "backfill": "whole_portal",
    "run": "run",
    "worker": "worker",
    "mirror": "whole_portal",
    "explain": "check_explain",
    "policy": "policy",
    "audit": "audit",
    "runs": "runs",
    "report": "reports",
    "history": "history",
    "recover": "recover",
    "undo": "hold_pause_undo",
    "hold": "hold_pause_undo",
    "quarantine": "quarantine",
    "pause": "hold_pause_undo",
    "resume": "hold_pause_undo",
    "portals": "portals",
    "state": "state",
    "mcp": "mcp",
    "completion": "completion",
}


class LazyCommands(SuggestingGroup):
    """Commands that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"connector.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return add_common_options(command) if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, whole lines, without loading them."""
        rows = [(name, SUMMARIES.get(name) or self._loaded_summary(ctx, name)) for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _loaded_summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=200) if command else ""


_HELP: Final = """Keep each contact's and company's lifecycle stage and lead status true in HubSpot.

\b
First look, no account needed:  connector demo
Your portal, read only:         connector check, then connector pull, connector plan
Put right what the plan shows:  connector sync
"""


@click.command(
    cls=LazyCommands,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="connector")
def cli() -> None:
    """Group the commands."""


def main() -> None:
    """Run one command, and end with the exit code of the operator's contract."""
    # Thousands of records are made and freed, none of them in a reference cycle: collecting every
    # 700 objects, as Python does, costs a sixth of a pull.
    gc.set_threshold(50_000)
    code = run_command(sys.argv[1:])
    if code == INTERRUPTED:
        # Python would wait for every request that another thread still waits for, minutes long
        # in an outage. What they wrote is found out by the next start, as after a kill.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run one command line; report a failure on stderr; return the exit code."""
    try:
        code = cli.main(args=arguments, prog_name="connector", standalone_mode=False)
    except BrokenPipeError:
        # The reader has closed the pipe; Python would report that on stderr at its end.
        sys.stderr.close()
        return ACTION_NEEDED
    except (Exception, KeyboardInterrupt) as error:
        return _report_error(error)
    return code if isinstance(code, int) else SUCCESS


def _report_error(error: BaseException) -> int:
    """Print what went wrong, and return the exit code of its family."""
    match error:
        case KeyboardInterrupt() | click.exceptions.Abort():
            return _print_error(
                "Interrupted. What was open is finished by the next start.", INTERRUPTED
            )
        case click.ClickException():
            error.show()
            return ACTION_NEEDED
        case UserError() | PermanentError():
            return _print_error(f"Error: {error}", ACTION_NEEDED)
        case TemporaryError():
            return _print_error(f"Not now: {error}", TRY_LATER)
        case _:
            import traceback

            return _print_error("".join(traceback.format_exception(error)), BUG)


def _print_error(message: str, code: int) -> int:
    from connector.core.safe_text import safe_text
    from connector.telemetry import logs

    click.echo(safe_text(logs.masked_text(message)), err=True)
    return code
