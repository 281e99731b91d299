"""Ask on a terminal what a first policy should say, with the portal's own figures beside."""

from __future__ import annotations

from collections.abc import Iterator

import click

from connector.core.model import ObjectType, Portal
from connector.operations.policy_proposal import PolicyProposal, custom_stages
from connector.reports.portal_survey import PortalSurvey


def ask_proposal(portal: Portal, survey: PortalSurvey, proposal: PolicyProposal) -> PolicyProposal:
    """Return the proposal as a person answered it; Enter takes what is proposed."""
    click.echo("Enter takes what stands in brackets; `--yes` takes all of it without asking.")
    return PolicyProposal(
        excluded_pipelines=tuple(_excluded_pipelines(portal, survey, proposal)),
        handover_forms=_ask_words("Words of forms that ask for sales", proposal.handover_forms),
        subscription_forms=_ask_words(
            "Words of forms that only subscribe", proposal.subscription_forms
        ),
        own_domains=_ask_words("Domains of your own staff and partners", proposal.own_domains),
        score_property=_ask_score(proposal),
        custom_stages=tuple(_named_stages(portal, survey, proposal)),
    )


def _excluded_pipelines(
    portal: Portal, survey: PortalSurvey, proposal: PolicyProposal
) -> Iterator[str]:
    for pipeline in portal.pipelines:
        use = survey.pipelines.get(pipeline.id)
        counts = f" ({use.deals:,} deals, {use.contacts:,} contacts)" if use else ""
        question = f"Do deals in the pipeline {pipeline.label}{counts} count as sales?"
        if not click.confirm(question, default=pipeline.label not in proposal.excluded_pipelines):
            yield pipeline.label


def _ask_words(question: str, proposed: tuple[str, ...]) -> tuple[str, ...]:
    """Return words that a person separates by commas; a hyphen alone stands for none."""
    answer = click.prompt(f"{question}, by commas (- for none)", default=", ".join(proposed) or "-")
    words = tuple(word.strip() for word in answer.split(",") if word.strip())
    return () if words == ("-",) else words


def _ask_score(proposal: PolicyProposal) -> str:
    if not proposal.score_property:
        return ""
    question = f"Is {proposal.score_property} the lead score that decides?"
    return proposal.score_property if click.confirm(question, default=True) else ""


def _named_stages(portal: Portal, survey: PortalSurvey, proposal: PolicyProposal) -> Iterator[str]:
    labels = {stage.value: stage.label for stage in portal.stages(ObjectType.CONTACTS)}
    for stage in custom_stages(portal):
        contacts = survey.stages[ObjectType.CONTACTS, stage]
        question = (
            f"May the policy move contacts out of {labels[stage]} ({contacts:,} stand there)?"
        )
        if click.confirm(question, default=stage in proposal.custom_stages):
            yield stage
