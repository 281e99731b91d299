"""Write a first policy for a portal, with its own stages, statuses, pipelines and scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from connector.core.model import STATUS, ObjectType, Option, Portal, PropertyDefinition
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.yaml.write import yaml_scalar

_SCHEMA = (
    "# yaml-language-server: $schema=./policy.schema.json"
    "   (connector policy schema > policy.schema.json)"
)
_CONTACTS = ObjectType.CONTACTS


def initial_files(portal: Portal, path: Path) -> tuple[str, str]:
    """Return the text of a first policy for a portal, and of its cases."""
    return "\n".join([*_policy_lines(portal, path), ""]), "\n".join(
        [*_case_lines(portal, path), ""]
    )


def _policy_lines(portal: Portal, path: Path) -> Iterator[str]:
    yield _SCHEMA
    yield f"# The lifecycle policy of portal {portal.account.portal_id}: what is different from the"
    yield "# preset `standard` (`connector policy show standard` prints that one in plain words)."
    yield ""
    yield "extends: standard"
    yield f"name: {yaml_scalar(path.stem)}"
    yield "version: 1"
    yield ""
    yield "settings:"
    yield "  # The stages that this policy may touch, in the portal's order. A record in any other"
    yield "  # stage is left alone."
    yield "  stages:"
    yield from _stage_lines(portal.stages(_CONTACTS))
    yield from _exclude_lines(portal)
    yield from _score_lines(portal)
    yield from _deal_lines(portal)
    yield from _status_lines(portal)
    yield "  # Start small: records for which this does not hold are never touched."
    yield "  # scope: contact.email_domain in exclude.domains"
    yield ""
    yield from _RULES


def _stage_lines(stages: Iterable[Option]) -> Iterator[str]:
    default = SETTING_SPECS["stages"].default
    default_stages = default if isinstance(default, tuple) else ()
    for stage in stages:
        entry, label = f"- {yaml_scalar(stage.value)}", _comment_text(stage.label)
        if stage.value in default_stages:
            yield f"    {entry:<26}# {label}"
        else:
            yield f"    # {entry:<24}# {label}: left alone until you name it"


def _exclude_lines(portal: Portal) -> Iterator[str]:
    yield "  # Own staff and partners: they fill in test forms, and are no leads."
    yield "  exclude:"
    yield "    domains: []                 # e.g. [fjordkraft.example, partner.example]"
    if any(stage.value == "other" for stage in portal.stages(_CONTACTS)):
        yield "    stage: other"
    yield "  # Forms that ask for sales: whole words in the form's name, or * for anything."
    yield "  handover:"
    yield "    forms: [demo, contact sales]"


def _score_lines(portal: Portal) -> Iterator[str]:
    scores = [
        definition
        for definition in portal.definitions.get(_CONTACTS, {}).values()
        if _is_score(definition)
    ]
    yield "  # The number property that holds the lead score; ~ lets all score rules sleep."
    for definition in sorted(scores, key=lambda definition: definition.name):
        yield f"  #   {definition.name} ({_comment_text(definition.label)})"
    yield "  score:"
    yield "    property: ~"


def _is_score(definition: PropertyDefinition) -> bool:
    return (
        definition.type == "number"
        and "score" in f"{definition.name} {definition.label}".casefold()
    )


def _deal_lines(portal: Portal) -> Iterator[str]:
    yield "  # Deals of some pipelines may prove nothing (recruiting, partners). The portal has:"
    for pipeline in portal.pipelines:
        yield f"  #   {_comment_text(pipeline.label)}"
    yield "  deals:"
    yield "    pipelines:"
    yield "      exclude: []"


def _status_lines(portal: Portal) -> Iterator[str]:
    statuses = portal.options(_CONTACTS, STATUS)
    yield "  # Lead statuses of the portal, by value and label:"
    for status in statuses:
        yield f"  #   {yaml_scalar(status.value)} ({_comment_text(status.label)})"
    yield "  # `closing` says OPEN_DEAL while a deal is open, `blank` says nothing."
    yield "  on_deal: closing"
    values = {stage.value for stage in portal.stages(_CONTACTS)}
    yield "  # Where a lost deal leads, and what the lead status says then."
    yield "  after_lost:"
    if "salesqualifiedlead" in values:
        yield "    stage: salesqualifiedlead"
    if any(status.value == "BAD_TIMING" for status in statuses):
        yield "    lead_status: BAD_TIMING"
    yield "    quiet_days: 90"


_RULES = (
    "# Rules of your own go before the preset's, in this order. For example:",
    "#",
    "# rules:",
    "#   - name: pilot",
    "#     for: both",
    '#     when: open_deal.dealname matches "*pilot*" and deals.won == 0',
    "#     stage: opportunity",
    "#     direction: forward",
    "#     from_parked: yes",
    '#     reason: "a pilot is running: {deals.latest_open}"',
)


def _case_lines(portal: Portal, path: Path) -> Iterator[str]:
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
    yield from _property_lines(portal)
    yield ""
    yield "cases:"
    values = {stage.value for stage in portal.stages(_CONTACTS)}
    for needed, lines in _EXAMPLE_CASES:
        if needed <= values:
            yield from lines


def _label_lines(name: str, options: Iterable[Option]) -> Iterator[str]:
    lines = [f"    {yaml_scalar(option.value)}: {yaml_scalar(option.label)}" for option in options]
    yield f"  {name}:" if lines else f"  {name}: {{}}"
    yield from lines


def _property_lines(portal: Portal) -> Iterator[str]:
    """Yield the score properties; the user adds other properties that rules compare."""
    yield "  # Further properties that rules compare: name and type (string, number, date, …)."
    scores = [
        definition
        for definition in portal.definitions.get(_CONTACTS, {}).values()
        if _is_score(definition)
    ]
    if scores:
        yield "  contacts:"
        yield from (
            f"    {definition.name}: number"
            for definition in sorted(scores, key=lambda definition: definition.name)
        )


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


def _comment_text(text: str) -> str:
    return " ".join(
        "".join(character if character.isprintable() else " " for character in text).split()
    )
