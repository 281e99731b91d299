"""Report contradictions between stage, lead status and deals, and what keeps them from ending."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from connector.context import DecisionContext
from connector.core.binding.settings import bound_values, portal_names
from connector.core.corrections.holds import HeldBackCause
from connector.core.deals import DealState
from connector.core.decide.decision import Decision, decide
from connector.core.decide.facts import Facts
from connector.core.model import STAGE, STATUS, ObjectType, Ref
from connector.plan.gather import gather
from connector.reports.offline import all_refs
from connector.reports.table import Cell, Report
from connector.reports.writers import writers_report
from state import holds, plans, quarantine

COLUMNS: Final = ("kind", "property_name", "before", "after", "records", "examples")
MATRIX_COLUMNS: Final = ("stage", "lead_status", "deals", "records", "contradictory")
_EXAMPLES: Final = 3
_OPEN_DEAL: Final = "OPEN_DEAL"
_UNKNOWN_STAGE: Final = "unknown-stage"
_OUTSIDE: Final = "status-outside"
_DEAL_ORDER: Final = (DealState.OPEN, DealState.WON, DealState.LOST, DealState.NEITHER)
Kind = tuple[str, str, str, str]
Cross = tuple[str, str, str]


@dataclass(slots=True)
class _Findings:
    """What is counted over all records of the policy's scope."""

    records: int = 0
    contradictory: int = 0
    by_kind: dict[Kind, list[Ref]] = field(default_factory=lambda: defaultdict(list))
    matrix: Counter[Cross] = field(default_factory=Counter)
    contradictory_crosses: Counter[Cross] = field(default_factory=Counter)


def hygiene_report(context: DecisionContext) -> Report:
    """Return the contradictions by kind, with the score: the share of records without any.

    A contradiction is what the policy would correct in the mirror as it is, held or not; a lead
    status outside of its stages that nothing corrects, and a stage that the policy does not name,
    are kinds of their own. The matrix counts contacts by stage, lead status and deals.
    """
    findings, status_terms = _Findings(), _status_terms(context)
    for refs in all_refs(context):
        for facts in gather(context, refs):
            _add(findings, facts, decide(context.policy, facts), status_terms)
    score = round(1 - findings.contradictory / findings.records, 4) if findings.records else None
    obstacles = _obstacles(context)
    return Report(
        name="hygiene",
        title="Contradictions between stage, lead status and deals",
        columns=COLUMNS,
        rows=list(_kind_rows(findings)),
        notes=tuple(_notes(findings, score)),
        bar_column="records",
        json_only={"score": score, "records": findings.records, "obstacles": obstacles},
        sections=(
            Report(
                name="matrix",
                title="Contacts by stage, lead status and deals",
                columns=MATRIX_COLUMNS,
                rows=[
                    (
                        *(cell or None for cell in cross),
                        count,
                        findings.contradictory_crosses[cross],
                    )
                    for cross, count in findings.matrix.most_common()
                ],
            ),
            Report(
                name="obstacles",
                title="What keeps corrections back",
                columns=("why", "count"),
                rows=list(obstacles.items()),
            ),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _StatusTerms:
    """Which stages carry a lead status, and which statuses the policy itself sets elsewhere."""

    stages: frozenset[str]
    set_by_policy: frozenset[str]


def _status_terms(context: DecisionContext) -> _StatusTerms:
    names = portal_names(context.portal, ObjectType.CONTACTS)
    values = bound_values(context.policy.policy.settings, names)
    stages, after_won = values["lead_status.applies_to"], values["after_won"]
    return _StatusTerms(
        stages=frozenset(map(str, stages if isinstance(stages, tuple) else (stages,))),
        set_by_policy=frozenset({_OPEN_DEAL, str(after_won or "")}),
    )


def _add(findings: _Findings, facts: Facts, decision: Decision, status_terms: _StatusTerms) -> None:
    """Count a record, and each contradiction between its stage, lead status and deals."""
    # Outside of the scope the policy says nothing, so nothing can contradict it.
    if decision.rule == "out-of-scope":
        return
    findings.records += 1
    kinds = [
        (correction.rule, correction.property_name, correction.before, correction.after)
        for correction in decision.corrections
    ]
    # The policy leaves a stage alone that it does not name, and somebody should look at it.
    if decision.rule == _UNKNOWN_STAGE:
        kinds.append((_UNKNOWN_STAGE, STAGE, facts.stage, facts.stage))
    is_contact = facts.record.object_type is ObjectType.CONTACTS
    # A lead status in a stage that carries none, which the policy keeps: set by a person.
    is_outside = (
        facts.stage not in status_terms.stages and facts.status not in status_terms.set_by_policy
    )
    if is_contact and facts.status and is_outside and not kinds:
        kinds.append((_OUTSIDE, STATUS, facts.status, facts.status))
    for kind in kinds:
        findings.by_kind[kind].append(facts.record)
    findings.contradictory += bool(kinds)
    if is_contact:
        cross = (facts.stage, facts.status, _deals_text(facts))
        findings.matrix[cross] += 1
        findings.contradictory_crosses[cross] += bool(kinds)


def _deals_text(facts: Facts) -> str:
    """Return the state of the deals that counts first: open, then won, then lost."""
    states = {deal.state for deal in facts.deals}
    return next((str(state) for state in _DEAL_ORDER if state in states), "none")


def _kind_rows(findings: _Findings) -> Iterator[tuple[Cell, ...]]:
    by_frequency = sorted(findings.by_kind.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    for (rule, property_name, before, after), refs in by_frequency:
        examples = " ".join(str(ref) for ref in sorted(refs)[:_EXAMPLES])
        yield (rule, property_name, before or None, after or None, len(refs), examples)


def _obstacles(context: DecisionContext) -> dict[str, int]:
    """Return how much is held, quarantined and set back by other writers."""
    with context.reading() as session:
        head = plans.latest(session)
        left_alone = head.summary.left_alone if head else {}
        conflicts = writers_report(session).json_only["fights"]
        return {
            **{f"{cause} in the newest plan": left_alone.get(cause, 0) for cause in HeldBackCause},
            "holds": len(holds.read_active(session, now=context.api.now())),
            "quarantined": len(quarantine.read_quarantined(session)),
            "values set back within a week": sum(conflict["times"] for conflict in conflicts),
        }


def _notes(findings: _Findings, score: float | None) -> Iterator[str]:
    if score is None:
        yield "The mirror holds no record of the policy's scope."
    else:
        consistent = findings.records - findings.contradictory
        yield f"Score: {score:.1%} ({consistent:,} of {findings.records:,} records agree)."
