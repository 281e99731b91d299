"""Show the demo: what was wrong, what was corrected, what was left alone, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from connector.cli.render.outcomes import MEANINGS
from connector.cli.render.plan import change_text
from connector.core.corrections.plan import PlanSummary
from connector.core.model import Correction
from connector.operations.sync import SyncResult

_ARROWS = {
    "forward": "↑ forward",
    "backward": "↓ backward",
    "set": "lead status",
    "clear": "lead status",
}
# What each rule of the standard policy finds wrong, in an admin's words.
RULE_PROBLEMS: Mapping[str, str] = {
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
LEFT_ALONE_REASONS: Mapping[str, str] = {
    "unknown-stage": "in a stage that the policy does not name: never touched",
    "excluded": "own staff and partners, where they belong",
    "quiet": "a deal was lost lately: the quiet time",
    "keep": "no rule holds: customers by import, suppliers, leads as they should be",
    "held": "a person set it by hand within 30 days, and no newer deal or form says otherwise",
    "quarantined": "failed twice: quarantined until a person or new evidence changes that",
    "does not settle": "the rules of the policy contradict each other for them",
}


def history_introduction(weeks: int) -> RenderableType:
    """Say what is made, and that it takes a while."""
    return Text(f"{weeks} weeks of an invented portal are made and corrected: about a minute …")


def dashboard(url: str) -> RenderableType:
    """Say where the dashboard is, and what to look at."""
    return Panel(
        Text.assemble(
            "Half a year of an invented portal: ",
            (url, "bold"),
            "\n\nToday: the drift of each week, and what waits for you."
            "\nCorrections: approve a rule, or reject it. Nothing else is written."
            "\nRuns: one of them was undone; undo another."
            "\nFunnel, Velocity, Overlooked, Writers: what the portal tells of itself."
            "\n\nCtrl-C ends it, and nothing is kept.",
        ),
        title="The dashboard",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRound:
    """One sync as the demo shows it; `examples` are the first correction of each kind."""

    synced: SyncResult
    examples: dict[tuple[str, str], Correction]
    labels: dict[str, str]
    requests: int
    writes: int


def introduction(counts: Mapping[str, int], policy: str) -> RenderableType:
    """Return what the simulated portal holds, and the policy that decides."""
    record_counts = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    return Group(
        Text("A simulated portal", style="bold"),
        Text(
            f"{record_counts}, as untidy as after some years. It answers over HTTP as HubSpot "
            "does: "
            "stages move forward only, and a backward write gets 200 and changes nothing."
        ),
        Panel(Text(policy.rstrip()), title="the policy", title_align="left", expand=False),
    )


def first_round(demo_round: DemoRound) -> RenderableType:
    """Return the first round: everything is read, decided, and corrected."""
    heading = Text("1  Read everything, decide, correct", style="bold")
    return Group(
        Text(""), heading, *_correction_parts(demo_round), Text(""), *_left_alone_parts(demo_round)
    )


def second_round(demo_round: DemoRound) -> RenderableType:
    """Return the second round, which finds nothing to do."""
    count = demo_round.synced.plan.summary.corrections
    result = (
        "Nothing to do: everything is as the policy says."
        if not count
        else f"{count:,} corrections more, which should not be."
    )
    cost = f"{demo_round.requests} requests, {demo_round.writes} writes."
    return Group(Text(""), Text("2  Look again", style="bold"), Text(f"{result} {cost}"))


def changes_meanwhile(counts: Mapping[str, int]) -> RenderableType:
    """Return what people, imports and workflows did meanwhile."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    for name, count in counts.items():
        table.add_row(f"{count:,}", name)
    heading = Text("Meanwhile, people, imports and workflows were at work", style="bold")
    return Group(Text(""), heading, table)


def third_round(demo_round: DemoRound) -> RenderableType:
    """Return the third round: what the evidence allows is right again."""
    heading = Text("3  Correct again what the evidence allows", style="bold")
    closing_text = Text(
        "What people set by hand and no deal, form or score contradicts stays as they set it.\n\n"
        "Next: `connector sandbox` serves such a portal to play with; with a token of your own,\n"
        "`connector check` and `connector plan` show your portal and write nothing."
    )
    return Group(Text(""), heading, *_correction_parts(demo_round), Text(""), closing_text)


def _correction_parts(demo_round: DemoRound) -> list[RenderableType]:
    summary = demo_round.synced.plan.summary
    looked_at = ", ".join(f"{count:,} {kind}" for kind, count in summary.records_looked_at.items())
    outcomes = ", ".join(
        f"{count:,} {outcome} ({MEANINGS[outcome]})"
        for outcome, count in sorted(demo_round.synced.outcomes.items())
    )
    return [
        Text(f"{looked_at} looked at."),
        _correction_table(demo_round, summary),
        Text(
            f"{outcomes or 'Nothing was sent'}. {demo_round.requests} requests, "
            f"{demo_round.writes} writes."
        ),
    ]


def _correction_table(demo_round: DemoRound, summary: PlanSummary) -> Table:
    """Return a line for each rule and direction, with one example and its reason."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("what was wrong", max_width=34)
    table.add_column("corrected", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("for example, and why")
    order = list(RULE_PROBLEMS)
    for (rule, direction), example in sorted(
        demo_round.examples.items(), key=lambda item: order.index(item[0][0])
    ):
        count = summary.by_rule[rule][direction]
        example_text = _example_text(example, demo_round.labels)
        table.add_row(RULE_PROBLEMS.get(rule, rule), f"{count:,}", _ARROWS[direction], example_text)
    return table


def _example_text(correction: Correction, labels: Mapping[str, str]) -> str:
    return f"{correction.record} {change_text(correction, labels)}: {correction.reason}"


def _left_alone_parts(demo_round: DemoRound) -> list[RenderableType]:
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    left_alone = dict(demo_round.synced.plan.summary.left_alone)
    for rule, meaning in LEFT_ALONE_REASONS.items():
        if count := left_alone.pop(rule, 0):
            table.add_row(f"{count:,}", meaning)
    if remaining := sum(left_alone.values()):
        table.add_row(f"{remaining:,}", "already as their deals, forms and scores say")
    return [Text("Left alone, and why", style="bold"), table]
