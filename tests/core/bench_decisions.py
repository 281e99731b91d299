"""Measure decisions a second with facts in memory: `python -m tests.core.bench_decisions`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from connector.core.bound import BoundPolicy
from connector.core.facts import Facts
from connector.core.rules import decide
from tests.core.givens import bound, contact, known, lost, opened, reopened, won

_ROUNDS = 4000
_MIX = (
    (contact("lead", recent_conversion_event_name="Newsletter", num_conversion_events="2"), ()),
    (contact("customer"), (won(),)),
    (contact("opportunity", "OPEN_DEAL"), (opened(),)),
    (contact("salesqualifiedlead", "CONNECTED", score="40"), ()),
    (contact("salesqualifiedlead", "BAD_TIMING"), (lost(),)),
    (contact("marketingqualifiedlead", score="35"), ()),
    (contact("subscriber"), ()),
    (contact("evangelist"), ()),
    (contact("other", email="x@own.example"), ()),
    (contact("customer"), (reopened(),)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """Facts for the reference loop: what comparisons cost without any policy."""

    stage: str
    opened: float
    won: float
    lost: float
    score: float | None


def _reference(one: _Plain) -> str:
    if one.won > 0:
        return "customer"
    if one.stage == "customer" and one.opened > 0:
        return "opportunity"
    if one.opened > 0:
        return "opportunity"
    if one.lost > 0 and one.stage == "opportunity":
        return "salesqualifiedlead"
    for least, stage in ((80, "salesqualifiedlead"), (30, "marketingqualifiedlead"), (15, "lead")):
        if one.score is not None and one.score >= least:
            return stage
    return one.stage or "lead"


def _plain(facts: Facts) -> _Plain:
    count = {
        state: float(sum(d.state == state for d in facts.deals))
        for state in ("open", "won", "lost")
    }
    score = facts.values["contact.score"]
    return _Plain(
        stage=facts.stage,
        opened=count["open"],
        won=count["won"],
        lost=count["lost"],
        score=score if isinstance(score, float) else None,
    )


def _per_second(act: Callable[[], object], times: int) -> str:
    begun = time.process_time()
    act()
    return f"{times / (time.process_time() - begun):>10,.0f} a second"


def _custom(number: int) -> BoundPolicy:
    rules = "".join(
        f"  - name: mine-{n}\n    when: contact.score > {200 + n} and contact.country == 'x{n}'\n"
        "    stage: customer\n    reason: mine\n"
        for n in range(number)
    )
    settings = "settings: {score: {property: score}, exclude: {domains: [own.example]}}\n"
    return bound(f"extends: standard\n{settings}rules:\n{rules or '  []'}")


def main() -> None:
    """Print decisions, facts and reference decisions a second of CPU."""
    say = sys.stdout.write
    for number in (0, 20):
        to = _custom(number)
        facts = [known(to, record, *deals) for record, deals in _MIX] * _ROUNDS
        speed = _per_second(lambda: [decide(to, one) for one in facts], len(facts))  # noqa: B023 - called here
        say(f"decisions, standard + {number:>2} own rules {speed}\n")
    plain = [_plain(one) for one in facts]
    reference = _per_second(lambda: [_reference(one) for one in plain], len(plain))
    say(f"reference, plain comparisons     {reference}\n")
    gathered = _per_second(
        lambda: [known(to, record, *deals) for _ in range(400) for record, deals in _MIX],
        400 * len(_MIX),
    )
    say(f"facts, deals read from records   {gathered}\n")


if __name__ == "__main__":
    main()
