"""Write cases for a first policy: a few of every portal, and real situations of this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from connector.config.presets import policy_text
from connector.core.deals import DealState, read_deal_pipelines
from connector.core.lint.cases import case_results
from connector.core.model import STATUS, ObjectType, Option, Portal
from connector.core.policy.load import Policy, load_policy
from connector.core.yaml.write import YamlValue, flow_text, yaml_scalar
from connector.reports.portal_survey import PortalSurvey, Situation

_TODAY: Final = date(2026, 6, 1)
"""The day on which cases are decided where they say nothing else."""
_MAX_SITUATIONS: Final = 12
_CONTACTS: Final = ObjectType.CONTACTS


def cases_text(
    portal: Portal, path: Path, policy: str, survey: PortalSurvey, scores: Sequence[str]
) -> str:
    """Return the cases of a policy file with the text `policy`; `scores` are number properties.

    What a real situation is expected to become is what the policy makes of it now: a later
    change of the policy shows in the case.
    """
    head = "\n".join(_head_lines(portal, path, scores))
    stages = {stage.value for stage in portal.stages(_CONTACTS)}
    examples = [lines for needed, lines in _EXAMPLE_CASES if needed <= stages]
    loaded = load_policy(policy, source=path.name, preset_text=policy_text)
    situations = list(_situation_lines(portal, survey, loaded, head))
    lines = [line for case in examples for line in case]
    if situations:
        lines += ["", "  # What this portal's contacts are, the most common first."]
    return "\n".join([head, "cases:", *lines, *situations, ""])


def _head_lines(portal: Portal, path: Path, scores: Sequence[str]) -> Iterator[str]:
    yield f"# Cases of {path.name}: what is given, and what is expected."
    yield f"# `connector policy test {path.name}` runs them without a portal."
    yield "# Where nothing is said, today is 2026-06-01, there are no deals, and every property is"
    yield "# blank. Deals are open, won, lost or neither."
    yield ""
    yield "# What the policy may name of the portal; `connector policy init` wrote it down."
    yield "portal:"
    yield f"  time_zone: {yaml_scalar(portal.account.time_zone)}"
    yield from _label_lines("stages", portal.stages(_CONTACTS))
    yield from _label_lines("statuses", portal.options(_CONTACTS, STATUS))
    yield "  pipelines:"
    for pipeline in portal.pipelines:
        yield f"    {yaml_scalar(pipeline.id)}: {yaml_scalar(pipeline.label)}"
    yield "  # Further properties that rules compare: name and type (string, number, date, …)."
    if scores:
        yield "  contacts:"
        yield from (f"    {name}: number" for name in scores)
    yield ""


def _label_lines(name: str, options: Iterable[Option]) -> Iterator[str]:
    lines = [f"    {yaml_scalar(option.value)}: {yaml_scalar(option.label)}" for option in options]
    yield f"  {name}:" if lines else f"  {name}: {{}}"
    yield from lines


def _situation_lines(
    portal: Portal, survey: PortalSurvey, policy: Policy, head: str
) -> Iterator[str]:
    """Yield the most common situations, each with what the policy makes of it."""
    situations = survey.situations(_MAX_SITUATIONS)
    cases: list[tuple[str, YamlValue]] = [
        (_situation_name(portal, situation, count), _given(portal, situation))
        for situation, count in situations
    ]
    if not cases:
        return
    asked = "\n".join(
        f"  - {flow_text({'name': name, 'given': given, 'expect': {}})}" for name, given in cases
    )
    results = case_results(f"{head}\ncases:\n{asked}\n", source="cases", policy=policy)
    for (name, given), result in zip(cases, results, strict=True):
        decision = result.decision
        expected = {"stage": decision.stage, "status": decision.status, "rule": decision.rule}
        yield f"  - name: {yaml_scalar(name)}"
        yield f"    given: {flow_text(given)}"
        yield f"    expect: {flow_text(expected)}"


def _situation_name(portal: Portal, situation: Situation, count: int) -> str:
    labels = {stage.value: stage.label for stage in portal.stages(_CONTACTS)}
    pipelines = {pipeline.id: pipeline.label for pipeline in portal.pipelines}
    parts = [labels.get(situation.stage, situation.stage) or "no stage"]
    if situation.status:
        parts.append(f"lead status {situation.status}")
    if situation.form:
        parts.append(f"latest form {situation.form}")
    parts += [
        f"a deal in {pipelines.get(pipeline, pipeline)}" for pipeline, _, _ in situation.deals
    ]
    return f"{', '.join(parts)} ({count:,} contacts)"


def _given(portal: Portal, situation: Situation) -> dict[str, YamlValue]:
    """Return a situation as a case gives it; times keep their distance from today."""
    given: dict[str, YamlValue] = {"stage": situation.stage, "status": situation.status}
    given["last_conversion"] = situation.form
    given["first_conversion"] = situation.first_form
    given["conversions"] = situation.conversions
    if situation.conversion_days is not None:
        given["last_conversion_at"] = _day(situation.conversion_days)
    deal_pipelines = read_deal_pipelines(portal)
    deals = [
        {
            "state": str(deal_pipelines.state(pipeline, stage) or DealState.NEITHER),
            "since": _day(days),
            "pipeline": pipeline,
        }
        for pipeline, stage, days in situation.deals
    ]
    given["deals"] = deals
    return {name: value for name, value in given.items() if value}


def _day(days: int) -> str:
    return (_TODAY - timedelta(days=min(max(days, 0), 20_000))).isoformat()


_EXAMPLE_CASES: tuple[tuple[set[str], tuple[str, ...]], ...] = (
    (
        {"lead", "customer"},
        (
            "  - name: a won deal makes a customer",
            "    given: {stage: lead, deals: [{state: won, since: 2026-03-01}]}",
            "    expect: {stage: customer, rule: won}",
        ),
    ),
    (
        {"customer", "opportunity"},
        (
            "  - name: a reopened deal takes the customer back to opportunity",
            "    given:",
            "      stage: customer",
            "      deals: [{state: open, was_won: 2026-03-01, since: 2026-04-02}]",
            "    expect: {stage: opportunity, rule: reopened}",
        ),
    ),
    (
        {"opportunity", "salesqualifiedlead"},
        (
            "  - name: a lost deal takes an opportunity back to sales",
            "    given: {stage: opportunity, deals: [{state: lost, since: 2026-05-01}]}",
            "    expect: {stage: salesqualifiedlead, rule: lost}",
        ),
    ),
    (
        {"lead", "salesqualifiedlead"},
        (
            "  - name: who asks for a demo is ready for sales",
            "    given:",
            "      stage: lead",
            "      last_conversion: Book a demo",
            "      last_conversion_at: 2026-05-20",
            "      conversions: 1",
            "    expect: {stage: salesqualifiedlead, rule: handover}",
        ),
    ),
)
