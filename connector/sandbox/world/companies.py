"""Create companies, and untidy records: empty companies, deals without contacts, archived ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connector.sandbox.world.names import invent_company, invent_person
from connector.sandbox.world.scene import ContactStory, Employer, World
from connector.sandbox.world.setup import RENEWALS, SALES, SCORE_PROPERTY
from connector.sandbox.world.situations import SITUATIONS, SQL, Situation
from connector.sandbox.world.stories import write_story
from connector.sandbox.world.writers import choose_writer

STAGE_BY_OUTCOME: Final = {"won": "customer", "open": "opportunity", "lost": SQL}


def create_company(world: World, number: int) -> Employer:
    """Create a company."""
    profile = invent_company(world.rng, number)
    author = choose_writer(
        world.rng, world.rng.choice(("CRM_UI", "IMPORT", "INTEGRATION", "COMPANIES"))
    )
    properties = {
        "name": profile.name,
        "domain": profile.domain,
        "city": profile.city,
        "lifecyclestage": world.rng.choice(("lead", "lead", "lead", "subscriber")),
    }
    if world.chance(0.3):
        properties[SCORE_PROPERTY] = str(world.rng.randint(0, 90))
    if world.chance(0.05):
        properties["hs_lead_status"] = "OPEN"
    company_id = world.portal.create(
        "companies",
        properties,
        at=world.time_on_day(world.rng.uniform(400, 1095)),
        source=author.source,
        source_id=author.source_id,
        user_id=author.user_id,
    )
    return Employer(company_id=company_id, profile=profile)


def set_company_stage(world: World, employer: Employer, situations: Sequence[Situation]) -> None:
    """Write the stage that the contacts' deals suggest, or a wrong one in one case of five."""
    stage = world.rng.choices(
        (suggested_stage(situations), "", "lead", "opportunity", "customer"),
        weights=(80, 4, 8, 4, 4),
    )[0]
    if stage == world.portal.value("companies", employer.company_id, "lifecyclestage"):
        return
    author = choose_writer(
        world.rng, world.rng.choice(("CRM_UI", "PIPELINE_SETTINGS", "AUTOMATION_PLATFORM"))
    )
    world.portal.edit(
        "companies",
        employer.company_id,
        {"lifecyclestage": stage},
        at=world.time_on_day(world.rng.uniform(1, 390)),
        source=author.source,
        source_id=author.source_id,
        user_id=author.user_id,
    )


def suggested_stage(situations: Sequence[Situation]) -> str:
    """Return the stage of a company whose contacts are in these situations."""
    outcomes = {_first_deal_outcome(situation) for situation in situations}
    return next(
        (stage for outcome, stage in STAGE_BY_OUTCOME.items() if outcome in outcomes), "lead"
    )


def _first_deal_outcome(situation: Situation) -> str:
    """Return the last state of the contact's first deal."""
    return situation.script.rpartition("deal:")[2].partition("+")[0].partition(" ")[0]


def add_untidy_records(world: World, contacts: int) -> None:
    """Create companies without contacts, deals without contacts, archived and merged contacts."""
    for number in range(contacts // 60 + 1):
        employer = create_company(world, 10**6 + number)
        if number % 4 == 0:
            _create_stray_deal(world, employer.company_id)
    for _ in range(contacts // 300 + 1):
        _create_stray_deal(world, "")
    for survivor_id in world.rng.sample(
        world.contacts_without_deals, len(world.contacts_without_deals) // 300
    ):
        world.portal.merge("contacts", survivor_id, _create_extra_contact(world))
    for _ in range(contacts // 200):
        world.portal.archive("contacts", _create_extra_contact(world))


def _create_extra_contact(world: World) -> str:
    return write_story(
        ContactStory(world=world, situation=SITUATIONS[1], employer=None), invent_person(world.rng)
    )


def _create_stray_deal(world: World, company_id: str) -> None:
    pipeline = world.rng.choice((SALES, RENEWALS))
    at = world.time_on_day(world.rng.uniform(2, 900))
    stage = world.rng.choice(
        (pipeline.won_stage[0], pipeline.lost_stage[0], pipeline.open_stages[0][0])
    )
    deal_id = world.portal.create(
        "deals",
        {"dealname": f"Avtale {at.year}", "pipeline": pipeline.pipeline_id, "dealstage": stage},
        at=at,
        source="IMPORT",
        source_id="40000000",
    )
    if company_id:
        world.portal.associate("deals", deal_id, "companies", company_id, primary=True, at=at)
