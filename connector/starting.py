"""Write the policy that a portal can start from: its own stages, statuses, pipelines, scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from connector.core.model import STATUS, ObjectType, Option, Portal, PropertyDefinition
from connector.core.setting_specs import SPECS

_SCHEMA = (
    "# yaml-language-server: $schema=./policy.schema.json"
    "   (connector policy schema > policy.schema.json)"
)
_CONTACTS = ObjectType.CONTACTS


def starting_files(portal: Portal, path: Path) -> tuple[str, str]:
    """Return the text of a first policy for a portal, and of its cases."""
    return "\n".join([*_policy(portal, path), ""]), "\n".join([*_cases(portal, path), ""])


def _policy(portal: Portal, path: Path) -> Iterator[str]:
    yield _SCHEMA
    yield f"# The lifecycle policy of portal {portal.account.portal_id}: what is different from the"
    yield "# preset `standard` (`connector policy show standard` prints that one in plain words)."
    yield ""
    yield "extends: standard"
    yield f"name: {_word(path.stem)}"
    yield "version: 1"
    yield ""
    yield "settings:"
    yield "  # The stages that this policy may touch, in the portal's order. A record in any other"
    yield "  # stage is left alone."
    yield "  stages:"
    yield from _stages(portal.stages(_CONTACTS))
    yield from _exclude(portal)
    yield from _scores(portal)
    yield from _deals(portal)
    yield from _statuses(portal)
    yield "  # Start small: records for which this does not hold are never touched."
    yield "  # scope: contact.email_domain in exclude.domains"
    yield ""
    yield from _RULES


def _stages(stages: Iterable[Option]) -> Iterator[str]:
    default = SPECS["stages"].default
    known = default if isinstance(default, tuple) else ()
    for one in stages:
        begun, told = f"- {_word(one.value)}", _comment(one.label)
        if one.value in known:
            yield f"    {begun:<26}# {told}"
        else:
            yield f"    # {begun:<24}# {told}: left alone until you name it"


def _exclude(portal: Portal) -> Iterator[str]:
    yield "  # Own staff and partners: they fill in test forms, and are no leads."
    yield "  exclude:"
    yield "    domains: []                 # e.g. [fjordkraft.example, partner.example]"
    if any(one.value == "other" for one in portal.stages(_CONTACTS)):
        yield "    stage: other"
    yield "  # Forms that ask for sales; * stands for anything, the case does not matter."
    yield "  handover:"
    yield '    forms: ["*demo*", "*contact sales*"]'


def _scores(portal: Portal) -> Iterator[str]:
    found = [one for one in portal.definitions.get(_CONTACTS, {}).values() if _is_score(one)]
    yield "  # The number property that holds the lead score; ~ lets all score rules sleep."
    for one in sorted(found, key=lambda each: each.name):
        yield f"  #   {one.name} ({_comment(one.label)})"
    yield "  score:"
    yield "    property: ~"


def _is_score(one: PropertyDefinition) -> bool:
    return one.type == "number" and "score" in f"{one.name} {one.label}".casefold()


def _deals(portal: Portal) -> Iterator[str]:
    yield "  # Deals of some pipelines may prove nothing (recruiting, partners). The portal has:"
    for one in portal.pipelines:
        yield f"  #   {_comment(one.label)}"
    yield "  deals:"
    yield "    pipelines:"
    yield "      exclude: []"


def _statuses(portal: Portal) -> Iterator[str]:
    statuses = portal.options(_CONTACTS, STATUS)
    yield "  # Lead statuses of the portal, by value and label:"
    for one in statuses:
        yield f"  #   {_word(one.value)} ({_comment(one.label)})"
    yield "  # `closing` says OPEN_DEAL while a deal is open, `blank` says nothing."
    yield "  on_deal: closing"
    values = {one.value for one in portal.stages(_CONTACTS)}
    yield "  # Where a lost deal leads, and what the lead status says then."
    yield "  after_lost:"
    if "salesqualifiedlead" in values:
        yield "    stage: salesqualifiedlead"
    if any(one.value == "BAD_TIMING" for one in statuses):
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


def _cases(portal: Portal, path: Path) -> Iterator[str]:
    yield f"# Cases of {path.name}: what is given, and what is expected."
    yield f"# `connector policy test {path.name}` runs them without a portal."
    yield "# Where nothing is said, today is 2026-06-01, there are no deals, and every property is"
    yield "# blank. Deals are open, won, lost or neither."
    yield ""
    yield "# What the policy may name of the portal; `connector policy init` wrote it down."
    yield "portal:"
    yield f"  time_zone: {_word(portal.account.time_zone)}"
    yield from _labels("stages", portal.stages(_CONTACTS))
    yield from _labels("statuses", portal.options(_CONTACTS, STATUS))
    yield "  pipelines:"
    for one in portal.pipelines:
        yield f"    {_word(one.id)}: {_word(one.label)}"
    yield from _properties(portal)
    yield ""
    yield "cases:"
    values = {one.value for one in portal.stages(_CONTACTS)}
    for needed, lines in _STARTERS:
        if needed <= values:
            yield from lines


def _labels(name: str, options: Iterable[Option]) -> Iterator[str]:
    found = [f"    {_word(one.value)}: {_word(one.label)}" for one in options]
    yield f"  {name}:" if found else f"  {name}: {{}}"
    yield from found


def _properties(portal: Portal) -> Iterator[str]:
    """Yield the score properties; whoever compares other properties adds them here."""
    yield "  # Further properties that rules compare: name and type (string, number, date, …)."
    found = [one for one in portal.definitions.get(_CONTACTS, {}).values() if _is_score(one)]
    if found:
        yield "  contacts:"
        yield from (f"    {one.name}: number" for one in sorted(found, key=lambda each: each.name))


_STARTERS: tuple[tuple[set[str], tuple[str, ...]], ...] = (
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


def _word(text: str) -> str:
    """Return a text as YAML reads it back."""
    plain = text.replace("_", "a").replace("-", "a").isalnum() and text[:1].isalpha()
    return text if plain and text.isascii() else _quoted(text)


def _quoted(text: str) -> str:
    """Return a text in double quotes; YAML takes no sign raw that cannot be printed."""
    signs = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in signs)


def _comment(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
