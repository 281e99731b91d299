"""Read stage histories from HubSpot for the reports."""

from __future__ import annotations

import click

from connector.cli.render.console import console, write_json
from connector.cli.setup import help_examples, json_option, run_in_context
from connector.context import RunContext
from connector.operations.load_histories import load_histories


@click.command(
    epilog=help_examples("connector history load", "connector history load --requests 200 --json")
)
@click.argument("verb", type=click.Choice(["load"]))
@click.option("--requests", default=1000, show_default=True, type=click.IntRange(min=1))
@json_option
def history(*, verb: str, requests: int, as_json: bool) -> int:
    """Read the stage histories that `report funnel` and `report velocity` rest on.

    A request reads 50 records. What was read stays read: run it again to continue.
    """
    return run_in_context(lambda context: _load(context, requests=requests, as_json=as_json))


def _load(context: RunContext, *, requests: int, as_json: bool) -> int:
    result = load_histories(context, max_requests=requests)
    if as_json:
        write_json(
            {"portal_id": context.portal_id, "loaded": result.loaded, "missing": result.missing}
        )
        return 0
    console().print(f"{result.loaded:,} histories were read, {result.missing:,} are missing.")
    if result.missing:
        console().print("Run `connector history load` again to read more.")
    return 0
