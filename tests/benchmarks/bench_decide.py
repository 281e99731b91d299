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

from connector.config.presets import policy_text
from connector.core.binding.bind import BoundPolicy, bind
from connector.core.decide.decision import decide
from connector.core.decide.facts import Facts, read_policy_deal, record_facts
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref
from connector.core.policy.load import load_policy

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
PORTAL = default_portal(extra_properties={ObjectType.CONTACTS: [definition("score", "number")]})
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
CONTACT_CASES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
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
class PlainFacts:
    """The facts of one contact as the reference loop compares them."""

    stage: str
    status: str
    score: float
    form: str
    won: int
    open: int
    lost: int
    previously_won: int
    recently: bool


def bind_policy(text: str) -> BoundPolicy:
    """Return a policy, bound to the portal."""
    return bind(load_policy(text, source="bench.yaml", preset_text=policy_text), PORTAL)


def contact_facts(policy: BoundPolicy, count: int) -> list[Facts]:
    """Return the facts of so many contacts."""
    return [_facts(policy, number, *case) for number, case in _numbered_cases(count)]


def _numbered_cases(count: int) -> list[tuple[int, tuple[str, str, str, str, tuple[str, ...]]]]:
    return list(enumerate(islice(cycle(CONTACT_CASES), count), start=1))


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
    linked = [
        read_policy_deal(policy, _deal(index, deal_stage), now=NOW)
        for index, deal_stage in enumerate(deals)
    ]
    return record_facts(policy, record, linked, now=NOW)


def _deal(number: int, stage: str) -> Record:
    at = NOW - timedelta(days=200)
    return Record(
        ref=Ref(ObjectType.DEALS, str(number)),
        properties={"dealstage": stage, "pipeline": "default", "closedate": at.isoformat()},
        modified_at=at,
        created_at=at,
    )


def plain_facts(count: int) -> list[PlainFacts]:
    """Return the same contacts as the reference loop wants them."""
    return [
        PlainFacts(
            stage=stage,
            status=status,
            score=float(score or -1),
            form=form.lower(),
            won=deals.count("closedwon"),
            open=deals.count("contractsent"),
            lost=deals.count("closedlost"),
            previously_won=0,
            recently=False,
        )
        for _, (stage, status, score, form, deals) in _numbered_cases(count)
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


def plain_decision(contact: PlainFacts) -> tuple[str, str]:
    """Decide as a program would that is written for this policy alone; once, unexplained."""
    stage = _plain_stage(contact)
    if stage == "opportunity" and contact.open:
        return stage, "OPEN_DEAL"
    if stage == "salesqualifiedlead":
        return stage, contact.status or "NEW"
    return stage, ""


def _plain_stage(contact: PlainFacts) -> str:
    if contact.won:
        target = "customer"
    elif contact.stage == "customer" and contact.previously_won and contact.open:
        return "opportunity"
    elif contact.open:
        target = "opportunity"
    elif contact.lost and contact.stage == "opportunity":
        return "salesqualifiedlead"
    elif contact.lost and contact.recently:
        return contact.stage
    elif "demo" in contact.form or "contact sales" in contact.form or contact.score >= 80:
        target = "salesqualifiedlead"
    elif contact.score >= 30:
        target = "marketingqualifiedlead"
    elif contact.score >= 15 or contact.form or not contact.stage:
        target = "lead"
    else:
        return contact.stage
    return target if ORDER[target] > ORDER.get(contact.stage, -1) else contact.stage


def measure_rate(name: str, count: int, action: Callable[[], object]) -> float:
    """Print and return how many were done in a second of CPU; the best of three."""
    best = min(_cpu(action) for _ in range(3))
    print_line(f"{name:<44} {count / best:>11,.0f} decisions/CPU s")
    return count / best


def _cpu(action: Callable[[], object]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def decide_all(policy: BoundPolicy, all_facts: Sequence[Facts]) -> None:
    """Decide all of them."""
    for facts_of_record in all_facts:
        decide(policy, facts_of_record)


def print_line(line: str) -> None:
    """Write a line."""
    sys.stdout.write(line + "\n")


def main(count: int) -> None:
    """Measure all three in one run, and print their ratios."""
    standard_policy, long_policy = bind_policy(SCORED), bind_policy(SCORED + OWN_RULES)
    standard_facts, long_facts, contacts = (
        contact_facts(standard_policy, count),
        contact_facts(long_policy, count),
        plain_facts(count),
    )
    gc.collect()
    gc.freeze()
    plain_rate = measure_rate(
        "plain comparisons", count, lambda: [plain_decision(contact) for contact in contacts]
    )
    standard_rate = measure_rate(
        "the standard policy", count, lambda: decide_all(standard_policy, standard_facts)
    )
    long_rate = measure_rate(
        "… and twenty rules more", count, lambda: decide_all(long_policy, long_facts)
    )
    print_line(
        f"the standard policy costs {plain_rate / standard_rate:.1f} times the plain comparisons;"
    )
    print_line(f"twenty rules more cost {standard_rate / long_rate:.2f} times the standard policy")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 30_000)
