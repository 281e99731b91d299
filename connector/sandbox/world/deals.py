"""Create and change the deals of a contact's story."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connector.sandbox.world.scene import ContactStory
from connector.sandbox.world.setup import RENEWALS, DealPipeline
from connector.sandbox.world.situations import Moment
from connector.sandbox.world.writers import choose_writer

SUBJECTS: Final = (
    "Rammeavtale",
    "Pilot",
    "Utvidelse",
    "Wartungsvertrag",
    "Lizenz",
    "Avtal",
    "Deal",
)


def apply_deal_changes(story: ContactStory, moment: Moment, at: datetime) -> None:
    """Open, move, close or hand over the deals that a moment names."""
    for deal_key, state in moment.changes:
        if deal_key not in ("deal", "more"):
            continue
        if state == "moved":
            _hand_over_deal(story, deal_key)
        elif deal_key in story.deals:
            _move_deal(story, deal_key, state, at)
        else:
            _open_deal(story, deal_key, state, at)


def _hand_over_deal(story: ContactStory, deal_key: str) -> None:
    portal, (deal_id, _) = story.world.portal, story.deals[deal_key]
    portal.dissociate("deals", deal_id, "contacts", story.contact_id)
    if story.world.contacts_without_deals:
        portal.associate(
            "deals", deal_id, "contacts", story.world.rng.choice(story.world.contacts_without_deals)
        )


def _open_deal(story: ContactStory, deal_key: str, state: str, at: datetime) -> None:
    rng, pipeline = story.world.rng, _choose_pipeline(story)
    first_stage = _stage_id(story, pipeline, state)
    author = choose_writer(rng, rng.choice(("CRM_UI", "CRM_UI", "INTEGRATION", "IMPORT")))
    deal_id = story.world.portal.create(
        "deals",
        _deal_properties(story, pipeline, at) | {"dealstage": first_stage},
        at=at,
        source=author.source,
        source_id=author.source_id,
        user_id=author.user_id,
    )
    story.deals[deal_key] = (deal_id, pipeline)
    _link_deal(story, deal_id, at)


def _deal_properties(story: ContactStory, pipeline: DealPipeline, at: datetime) -> dict[str, str]:
    rng = story.world.rng
    company_name = story.employer.profile.name.strip() if story.employer else "Privat"
    return {
        "dealname": f"{company_name} – {rng.choice(SUBJECTS)} {at.year}",
        "amount": rng.choice((f"{rng.randrange(5, 900) * 1000}", f"{rng.randrange(900, 9000)}.50")),
        "pipeline": pipeline.pipeline_id,
        "closedate": f"{at + timedelta(days=rng.randrange(20, 120)):%Y-%m-%dT%H:%M:%SZ}",
        "hubspot_owner_id": rng.choice(story.world.owners),
    }


def _choose_pipeline(story: ContactStory) -> DealPipeline:
    if {"deal:hired", "deal:applied"} & set(story.situation.script.split()):
        return story.world.recruiting
    if "deal:between" in story.situation.script:
        return RENEWALS
    pipelines = [pipeline for pipeline, _ in story.world.pipelines]
    weights = [weight for _, weight in story.world.pipelines]
    return story.world.rng.choices(pipelines, weights=weights)[0]


def _stage_id(story: ContactStory, pipeline: DealPipeline, state: str) -> str:
    if state in ("won", "hired"):
        return pipeline.won_stage[0]
    if state == "lost":
        return pipeline.lost_stage[0]
    if state == "between" and pipeline.undecided_stage:
        return pipeline.undecided_stage[0]
    return story.world.rng.choice(pipeline.open_stages)[0]


def _move_deal(story: ContactStory, deal_key: str, state: str, at: datetime) -> None:
    deal_id, pipeline = story.deals[deal_key]
    author = choose_writer(
        story.world.rng, story.world.rng.choice(("CRM_UI", "CRM_UI", "MOBILE_IOS"))
    )
    properties = {"dealstage": _stage_id(story, pipeline, state)}
    if state != "open":
        properties["closedate"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    story.world.portal.edit(
        "deals",
        deal_id,
        properties,
        at=at,
        source=author.source,
        source_id=author.source_id,
        user_id=author.user_id,
    )


def _link_deal(story: ContactStory, deal_id: str, at: datetime) -> None:
    portal, rng = story.world.portal, story.world.rng
    portal.associate("deals", deal_id, "contacts", story.contact_id, at=at)
    if story.colleague_id and rng.random() < story.colleague_chance:
        portal.associate("deals", deal_id, "contacts", story.colleague_id, at=at)
    if story.employer:
        company_id = story.employer.company_id
        primary = story.colleague_chance == 1.0 or rng.random() < 0.96
        portal.associate("deals", deal_id, "companies", company_id, primary=primary, at=at)
    if story.partner_id and rng.random() < 0.08:
        portal.associate("deals", deal_id, "companies", story.partner_id, at=at)
