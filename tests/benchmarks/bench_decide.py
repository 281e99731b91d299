"""Print how many records the standard policy decides in a second of CPU, facts in memory.

Beside it, in the same run, a loop of plain dataclass comparisons that knows nothing but this one
policy; and what twenty rules of a customer's own cost on top.
Run it: `python tests/benchmarks/bench_decide.py [RECORDS]`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from connector.core.binding import BoundPolicy, bind
from connector.core.default_portal import default_portal, definition
from connector.core.facts import Facts, deal, facts
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref
from connector.core.policy import load
from connector.core.rules import decide
from connector.presets import preset

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
PORTAL = default_portal(more={ObjectType.CONTACTS: [definition("score", "number")]})
SCORED = "extends: standard\nsettings: {score: {property: score}}\n"
OWN_RULES = "rules:\n" + "".join(
    f"  - name: own-{number}\n"
    "    for: contacts\n"
    f'    when: contact.score > {1000 + number} and contact.email_domain == "x{number}.example"\n'
    "    stage: opportunity\n"
    "    reason: never\n"
    for number in range(20)
)
# stage, lead status, score, form, the stages of the deals; three of four have none, as in life.
LIVES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("subscriber", "", "", "", ()),
    ("lead", "", "12", "E-book: download", ()),
    ("marketingqualifiedlead", "", "45", "Webinar", ()),
    ("lead", "NEW", "", "Book a demo", ()),
    ("salesqualifiedlead", "CONNECTED", "85", "Contact sales", ()),
    ("", "", "", "", ()),
    ("other", "", "3", "", ()),
    ("lead", "", "20", "", ()),
    ("opportunity", "OPEN_DEAL", "70", "Demo", ("contractsent",)),
    ("customer", "", "90", "Demo", ("closedwon", "contractsent")),
    ("opportunity", "OPEN_DEAL", "", "E-book", ("closedlost",)),
    ("customer", "OPEN_DEAL", "", "", ("contractsent",)),
)


@dataclass(slots=True)
class Plain:
    """The facts of one contact as the reference loop compares them."""

    stage: str
    status: str
    score: float
    form: str
    won: int
    open: int
    lost: int
    were_won: int
    lately: bool


def bound(text: str) -> BoundPolicy:
    """Return a policy, bound to the portal."""
    return bind(load(text, source="bench.yaml", preset=preset), PORTAL)


def gathered(policy: BoundPolicy, count: int) -> list[Facts]:
    """Return the facts of so many contacts."""
    return [_facts(policy, number, *life) for number, life in _lives(count)]


def _lives(count: int) -> list[tuple[int, tuple[str, str, str, str, tuple[str, ...]]]]:
    return list(enumerate(islice(cycle(LIVES), count), start=1))


def _facts(
    policy: BoundPolicy, number: int, stage: str, status: str, score: str, form: str, deals: object
) -> Facts:
    properties = {
        STAGE: stage,
        STATUS: status,
        "email": f"p{number}@firm{number % 97}.example",
        "score": score,
        "recent_conversion_event_name": form,
        "recent_conversion_date": "2026-01-15T10:00:00Z" if form else None,
        "num_conversion_events": "1" if form else None,
    }
    record = Record(
        ref=Ref(ObjectType.CONTACTS, str(number)),
        properties=properties,
        modified_at=NOW,
        created_at=NOW,
    )
    assert isinstance(deals, tuple)
    linked = [deal(policy, _deal(place, one)) for place, one in enumerate(deals)]
    return facts(policy, record, linked, now=NOW)


def _deal(number: int, stage: str) -> Record:
    at = NOW - timedelta(days=200)
    return Record(
        ref=Ref(ObjectType.DEALS, str(number)),
        properties={"dealstage": stage, "pipeline": "default", "closedate": at.isoformat()},
        modified_at=at,
        created_at=at,
    )


def plain(count: int) -> list[Plain]:
    """Return the same contacts as the reference loop wants them."""
    return [
        Plain(
            stage=stage,
            status=status,
            score=float(score or -1),
            form=form.lower(),
            won=deals.count("closedwon"),
            open=deals.count("contractsent"),
            lost=deals.count("closedlost"),
            were_won=0,
            lately=False,
        )
        for _, (stage, status, score, form, deals) in _lives(count)
    ]


ORDER = {
    name: rank
    for rank, name in enumerate(
        (
            "subscriber",
            "lead",
            "marketingqualifiedlead",
            "salesqualifiedlead",
            "opportunity",
            "customer",
            "evangelist",
        )
    )
}


def compared(one: Plain) -> tuple[str, str]:
    """Decide as a program would that is written for this policy alone; once, unexplained."""
    stage = _compared_stage(one)
    if stage == "opportunity" and one.open:
        return stage, "OPEN_DEAL"
    if stage == "salesqualifiedlead":
        return stage, one.status or "NEW"
    return stage, ""


def _compared_stage(one: Plain) -> str:
    if one.won:
        wanted = "customer"
    elif one.stage == "customer" and one.were_won and one.open:
        return "opportunity"
    elif one.open:
        wanted = "opportunity"
    elif one.lost and one.stage == "opportunity":
        return "salesqualifiedlead"
    elif one.lost and one.lately:
        return one.stage
    elif "demo" in one.form or "contact sales" in one.form or one.score >= 80:
        wanted = "salesqualifiedlead"
    elif one.score >= 30:
        wanted = "marketingqualifiedlead"
    elif one.score >= 15 or one.form or not one.stage:
        wanted = "lead"
    else:
        return one.stage
    return wanted if ORDER[wanted] > ORDER.get(one.stage, -1) else one.stage


def rate(name: str, count: int, act: Callable[[], object]) -> float:
    """Print and return how many were done in a second of CPU; the best of three."""
    best = min(_cpu(act) for _ in range(3))
    say(f"{name:<44} {count / best:>11,.0f} decisions/CPU s")
    return count / best


def _cpu(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def decided(policy: BoundPolicy, all_facts: Sequence[Facts]) -> None:
    """Decide all of them."""
    for one in all_facts:
        decide(policy, one)


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(line + "\n")


def main(count: int) -> None:
    """Measure all three in one run, and print their ratios."""
    standard, longer = bound(SCORED), bound(SCORED + OWN_RULES)
    known, known_longer, records = gathered(standard, count), gathered(longer, count), plain(count)
    gc.collect()
    gc.freeze()
    reference = rate("plain comparisons", count, lambda: [compared(one) for one in records])
    ours = rate("the standard policy", count, lambda: decided(standard, known))
    more = rate("… and twenty rules more", count, lambda: decided(longer, known_longer))
    say(f"the standard policy costs {reference / ours:.1f} times the plain comparisons;")
    say(f"twenty rules more cost {ours / more:.2f} times the standard policy")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 30_000)
