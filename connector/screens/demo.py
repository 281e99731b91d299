"""Tell the demo: what was wrong, what was corrected, what was left alone, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from connector.core.model import Correction
from connector.screens.outcomes import MEANINGS
from connector.screens.plan import change
from connector.sync import Synced

_ARROWS = {
    "forward": "↑ forward",
    "backward": "↓ backward",
    "set": "lead status",
    "clear": "lead status",
}
# What each rule of the standard policy finds wrong, in an admin's words.
WRONG: Mapping[str, str] = {
    "excluded": "own staff or a partner among the leads",
    "won": "a deal is won, and the stage is behind",
    "reopened": "a won deal was reopened, and the stage stayed customer",
    "open-deal": "a deal is open, and the stage is behind",
    "lost": "the deal is lost, and the stage stayed where it was",
    "handover": "ready for sales by a form or score, and not handed over",
    "qualified": "the score qualifies, and the stage is behind",
    "converted": "a form or score makes a lead, and the stage is behind",
    "blank": "no stage at all",
    "status-after-loss": "the deal is lost, and the lead status does not say so",
    "status-new": "ready for sales, and no lead status: nobody follows up",
    "status-open-deal": "a deal is open, and the lead status does not say so",
    "status-stale-deal": "lead status Open deal, and no deal is open",
    "status-after-won": "a customer still has a lead status",
    "status-clear": "a lead status where the stage has none",
}
# Why records were looked at and left as they are; rules not named here found all in order.
LEFT: Mapping[str, str] = {
    "unknown-stage": "in a stage that the policy does not name: never touched",
    "excluded": "own staff and partners, where they belong",
    "quiet": "a deal was lost lately: the quiet time",
    "keep": "no rule holds: customers by import, suppliers, leads as they should be",
    "held": "a person set it by hand within 30 days, and no newer deal or form says otherwise",
    "quarantined": "failed twice: set aside for a person",
    "does not settle": "the policy does not settle for them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One sync as the demo tells it; `examples` are the first correction of each kind."""

    synced: Synced
    examples: dict[tuple[str, str], Correction]
    names: dict[str, str]
    requests: int
    writes: int


def opening(counts: Mapping[str, int], policy: str) -> RenderableType:
    """Return what stands in the box, and the policy that decides."""
    what = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    return Group(
        Text("A portal in a box", style="bold"),
        Text(
            f"{what}, as untidy as after some years. It answers over HTTP as HubSpot does: "
            "stages move forward only, and a backward write gets 200 and changes nothing."
        ),
        Panel(Text(policy.rstrip()), title="the policy", title_align="left", expand=False),
    )


def first(done: Round) -> RenderableType:
    """Return the first round: everything is read, decided, and corrected."""
    head = Text("1  Read everything, decide, correct", style="bold")
    return Group(Text(""), head, *_corrected(done), Text(""), *_left_alone(done))


def second(done: Round) -> RenderableType:
    """Return the second round, which finds nothing to do."""
    count = done.synced.plan.summary["corrections"]
    said = (
        "Nothing to do: everything is as the policy says."
        if not count
        else f"{count:,} corrections more, which should not be."
    )
    cost = f"{done.requests} requests, {done.writes} writes."
    return Group(Text(""), Text("2  Look again", style="bold"), Text(f"{said} {cost}"))


def broken(counts: Mapping[str, int]) -> RenderableType:
    """Return what people, imports and workflows did meanwhile."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    for name, count in counts.items():
        table.add_row(f"{count:,}", name)
    head = Text("Meanwhile, people, imports and workflows were at work", style="bold")
    return Group(Text(""), head, table)


def third(done: Round) -> RenderableType:
    """Return the third round: what the evidence allows is right again."""
    head = Text("3  Correct again what the evidence allows", style="bold")
    tail = Text(
        "What people set by hand and no deal, form or score contradicts stays as they set it.\n\n"
        "Next: `connector sandbox` serves such a portal to play with; with a token of your own,\n"
        "`connector check` and `connector plan` show your portal and write nothing."
    )
    return Group(Text(""), head, *_corrected(done), Text(""), tail)


def _corrected(done: Round) -> list[RenderableType]:
    summary = done.synced.plan.summary
    looked = ", ".join(f"{count:,} {kind}" for kind, count in summary["records_looked_at"].items())
    ends = ", ".join(
        f"{count:,} {outcome} ({MEANINGS[outcome]})"
        for outcome, count in sorted(done.synced.outcomes.items())
    )
    return [
        Text(f"{looked} looked at."),
        _table(done, summary),
        Text(f"{ends or 'Nothing was sent'}. {done.requests} requests, {done.writes} writes."),
    ]


def _table(done: Round, summary: Mapping[str, Any]) -> Table:
    """Return a line for each rule and direction, with one example and its reason."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("what was wrong", max_width=34)
    table.add_column("corrected", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("for example, and why")
    order = list(WRONG)
    for (rule, direction), example in sorted(
        done.examples.items(), key=lambda each: order.index(each[0][0])
    ):
        count = summary["by_rule"][rule][direction]
        told = _example(example, done.names)
        table.add_row(WRONG.get(rule, rule), f"{count:,}", _ARROWS[direction], told)
    return table


def _example(one: Correction, names: Mapping[str, str]) -> str:
    return f"{one.record} {change(one, names)}: {one.reason}"


def _left_alone(done: Round) -> list[RenderableType]:
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    left = dict(done.synced.plan.summary["left_alone"])
    for rule, meaning in LEFT.items():
        if count := left.pop(rule, 0):
            table.add_row(f"{count:,}", meaning)
    if rest := sum(left.values()):
        table.add_row(f"{rest:,}", "already as their deals, forms and scores say")
    return [Text("Left alone, and why", style="bold"), table]
