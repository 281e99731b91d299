"""Write a first policy for a portal, with its own stages, statuses, pipelines, forms and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from connector.core.conditions.text_patterns import TextPattern
from connector.core.deals import sounds_like_no_sales
from connector.core.history.writers import source_text
from connector.core.model import STATUS, ObjectType, Option, Portal
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.yaml.write import flow_text, yaml_scalar
from connector.operations.policy_cases import cases_text
from connector.operations.policy_proposal import (
    PolicyProposal,
    propose_settings,
    score_properties,
)
from connector.reports.portal_survey import PortalSurvey

_SCHEMA = (
    "# yaml-language-server: $schema=./policy.schema.json"
    "   (connector policy schema > policy.schema.json)"
)
_CONTACTS = ObjectType.CONTACTS
_MAX_FORMS: Final = 12


def initial_files(
    portal: Portal,
    path: Path,
    survey: PortalSurvey | None = None,
    proposal: PolicyProposal | None = None,
) -> tuple[str, str]:
    """Return the text of a first policy for a portal, and of its cases.

    Without a `survey` of the mirror nothing is said of its records; without a `proposal` the
    settings are those that portal and survey suggest.
    """
    survey = survey or PortalSurvey()
    proposal = proposal or propose_settings(portal, survey, {})
    policy = "\n".join([*_policy_lines(portal, path, survey, proposal), ""])
    scores = [definition.name for definition in score_properties(portal)]
    return policy, cases_text(portal, path, policy, survey, scores)


def _policy_lines(
    portal: Portal, path: Path, survey: PortalSurvey, proposal: PolicyProposal
) -> Iterator[str]:
    yield _SCHEMA
    yield f"# The lifecycle policy of portal {portal.account.portal_id}: what is different from the"
    yield "# preset `standard` (`connector policy show standard` prints that one in plain words)."
    yield from _writer_lines(survey)
    yield ""
    yield "extends: standard"
    yield f"name: {yaml_scalar(path.stem)}"
    yield "version: 1"
    yield ""
    yield "settings:"
    yield "  # The stages that this policy may touch, in the portal's order. A record in any other"
    yield "  # stage is left alone."
    yield "  stages:"
    yield from _stage_lines(portal.stages(_CONTACTS), survey, proposal)
    yield from _exclude_lines(portal, survey, proposal)
    yield from _form_lines(survey, proposal)
    yield from _score_lines(portal, proposal)
    yield from _deal_lines(portal, survey, proposal)
    yield from _status_lines(portal, survey)
    yield "  # Start small: records for which this does not hold are never touched."
    yield "  # scope: contact.email_domain in exclude.domains"
    yield ""
    yield from _RULES


def _writer_lines(survey: PortalSurvey) -> Iterator[str]:
    if survey.stage_writers:
        writers = ", ".join(
            f"{source_text(source, '')} ({count:,})"
            for source, count in survey.stage_writers.most_common()
        )
        yield f"# Present stages were set by, as far as histories were read: {writers}."


def _stage_lines(
    stages: Iterable[Option], survey: PortalSurvey, proposal: PolicyProposal
) -> Iterator[str]:
    default = SETTING_SPECS["stages"].default
    named = {*(default if isinstance(default, tuple) else ()), *proposal.custom_stages}
    for stage in stages:
        entry, label = f"- {yaml_scalar(stage.value)}", _comment_text(stage.label)
        contacts = survey.stages[_CONTACTS, stage.value]
        companies = survey.stages[ObjectType.COMPANIES, stage.value]
        counts = f" ({contacts:,} contacts, {companies:,} companies)" if survey.stages else ""
        if stage.value in named:
            yield f"    {entry:<26}# {label}{counts}"
        else:
            yield f"    # {entry:<24}# {label}{counts}: left alone until you name it"


def _exclude_lines(portal: Portal, survey: PortalSurvey, proposal: PolicyProposal) -> Iterator[str]:
    yield "  # Own staff and partners: they fill in test forms, and are no leads."
    if proposal.own_domains and survey.stages:
        yield "  # Contacts with an e-mail address of these domains:"
        for domain in proposal.own_domains:
            yield f"  #   {survey.email_domains[domain]:>7,}  {_comment_text(domain)}"
    yield "  exclude:"
    example = "" if proposal.own_domains else "   # e.g. [fjordkraft.example, partner.example]"
    yield f"    domains: {flow_text(proposal.own_domains)}{example}"
    if any(stage.value == "other" for stage in portal.stages(_CONTACTS)):
        yield "    stage: other"


def _form_lines(survey: PortalSurvey, proposal: PolicyProposal) -> Iterator[str]:
    handover, subscribed = proposal.handover_forms, proposal.subscription_forms
    asking, subscribing, remaining = Counter[str](), Counter[str](), Counter[str]()
    for form, count in survey.forms.items():
        if TextPattern(handover).fits(form):
            asking[form] = count
        elif TextPattern(subscribed).fits(form):
            subscribing[form] = count
        else:
            remaining[form] = count
    yield "  # Forms that ask for sales: whole words in the form's name, or * for anything."
    yield from _seen_lines("These forms have one of them", asking)
    yield "  handover:"
    yield f"    forms: {flow_text(handover)}"
    yield "    days: 90                    # an older form hands nobody over"
    yield "  # Forms that only subscribe make a subscriber, no lead."
    yield from _seen_lines("These forms have one of them", subscribing)
    yield "  subscribed:"
    yield f"    forms: {flow_text(subscribed)}"
    yield from _seen_lines("All other forms make a lead", remaining)


def _seen_lines(heading: str, forms: Counter[str]) -> Iterator[str]:
    if not forms:
        return
    yield f"  # {heading}, by contacts whose latest form it is:"
    for form, count in forms.most_common(_MAX_FORMS):
        yield f"  #   {count:>7,}  {_comment_text(form)}"
    if len(forms) > _MAX_FORMS:
        yield f"  #   … and {len(forms) - _MAX_FORMS:,} more"


def _score_lines(portal: Portal, proposal: PolicyProposal) -> Iterator[str]:
    yield "  # The number property that holds the lead score; ~ lets all score rules sleep."
    for definition in score_properties(portal):
        yield f"  #   {definition.name} ({_comment_text(definition.label)})"
    yield "  score:"
    yield f"    property: {flow_text(proposal.score_property or None)}"


def _deal_lines(portal: Portal, survey: PortalSurvey, proposal: PolicyProposal) -> Iterator[str]:
    yield "  # Deals of some pipelines may prove nothing (recruiting, partners). The portal has:"
    for pipeline in portal.pipelines:
        use = survey.pipelines.get(pipeline.id)
        counts = (
            f": {use.deals:,} deals, {use.contacts:,} contacts, {use.buyers:,} of them bought in "
            "another pipeline"
            if use
            else ""
        )
        doubt = ", sounds like no sales" if sounds_like_no_sales(pipeline.label) else ""
        yield f"  #   {_comment_text(pipeline.label)}{counts}{doubt}"
    yield "  deals:"
    yield "    pipelines:"
    yield f"      exclude: {flow_text(proposal.excluded_pipelines)}"


def _status_lines(portal: Portal, survey: PortalSurvey) -> Iterator[str]:
    statuses = portal.options(_CONTACTS, STATUS)
    labels = {stage.value: stage.label for stage in portal.stages(_CONTACTS)}
    yield "  # Lead statuses of the portal, by value and label, and the stages in which they stand:"
    for status in statuses:
        stages = {
            stage: count
            for (stage, value), count in survey.statuses.items()
            if value == status.value
        }
        counts = ", ".join(
            f"{_comment_text(labels.get(stage, stage)) or 'no stage'} {count:,}"
            for stage, count in sorted(stages.items(), key=lambda entry: -entry[1])
        )
        label = _comment_text(status.label)
        yield f"  #   {yaml_scalar(status.value)} ({label}){': ' if counts else ''}{counts}"
    yield from _status_setting_lines(portal, statuses, survey)


def _status_setting_lines(
    portal: Portal, statuses: Sequence[Option], survey: PortalSurvey
) -> Iterator[str]:
    values = {stage.value for stage in portal.stages(_CONTACTS)}
    outside = sum(count for (stage, _), count in survey.statuses.items() if stage != _SQL)
    if outside:
        yield f"  # {outside:,} contacts outside of {_SQL} carry one. What a person set stays there"
        yield "  # (keep-by-hand), or is cleared as well (clear)."
    yield "  lead_status:"
    yield "    outside: keep-by-hand"
    yield "  # `closing` says OPEN_DEAL while a deal is open, `blank` says nothing."
    yield "  on_deal: closing"
    yield "  # Where a lost deal leads, and what the lead status says then."
    yield "  after_lost:"
    if _SQL in values:
        yield f"    stage: {_SQL}"
    if any(status.value == "BAD_TIMING" for status in statuses):
        yield "    lead_status: BAD_TIMING"
    yield "    quiet_days: 90"


_SQL: Final = "salesqualifiedlead"
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


def _comment_text(text: str) -> str:
    return " ".join(
        "".join(character if character.isprintable() else " " for character in text).split()
    )
