"""Show a trial: assumption by assumption, what was seen and what the product does then."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.operations.trial.assumption import UNKNOWN
from connector.operations.trial.assumptions import ASSUMPTIONS
from connector.operations.trial.trial import Observation, TrialResult


def renderable(result: TrialResult) -> RenderableType:
    """Return the observations as a table, with a line about the records below."""
    table = Table(box=None, padding=(0, 2))
    for column in ("assumption", "seen here", "what the connector does"):
        table.add_column(column, overflow="fold")
    for observation in result.observations:
        table.add_row(observation.name, _seen(observation), _meaning(observation))
    return Group(table, Text(_records_line(result)))


def _seen(observation: Observation) -> Text:
    if observation.seen == UNKNOWN:
        return Text(UNKNOWN, style="dim")
    return Text(observation.seen, style="green" if observation.is_expected else "bold red")


def _meaning(observation: Observation) -> str:
    if observation.seen == UNKNOWN:
        return f"not seen: {observation.note}"
    switch = ASSUMPTIONS[observation.name].switch
    hint = f" The sandbox imitates it by `{switch}`." if switch else ""
    return observation.product + ("" if observation.is_expected else hint)


def _records_line(result: TrialResult) -> str:
    lines = list(result.problems)
    if result.linked:
        names = ", ".join(result.linked)
        lines.append(
            f"Linked to records of the trial, and not known as its own: {names}. "
            "HubSpot may have created them: look at them there, and delete them."
        )
    if result.left or result.problems:
        lines.append(
            f"{result.left} of {result.created} records are left, or it is not sure: remove them "
            "with `connector check --trial --clean`."
        )
    else:
        lines.append(f"{result.created} records were created, and all of them removed.")
    return "\n".join(lines)
