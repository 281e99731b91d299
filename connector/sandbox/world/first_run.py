"""Two ordinary, untidy portals as a first run meets them: `typical` and `small`.

Their records are mostly what they should be. The rest are those that a careless policy changes to
the worse: newsletter readers, target companies without a stage, statuses that sellers set by hand,
demo requests of years ago, forms whose names only look like demo requests, job candidates with a
deal in a recruiting pipeline, customers without any deal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.companies import create_company, suggested_stage
from connector.sandbox.world.names import invent_company, invent_person
from connector.sandbox.world.scene import ContactStory, World
from connector.sandbox.world.setup import ENGLISH_RECRUITING, SALES, set_up_english_portal
from connector.sandbox.world.situations import LOST, MQL, READY, SELLING, SOLD, SQL, Situation
from connector.sandbox.world.stories import write_story
from connector.sandbox.world.writers import choose_writer

_COMPANY_SIZES: Final = (1, 1, 1, 2, 2, 3, 5)
_YEARS_OLD: Final = (2 * 365, 6 * 365)

SITUATIONS: Final[Mapping[str, Situation]] = {
    situation.name: situation
    for situation in (
        # What a careless policy changes to the worse
        Situation(name="newsletter", share=0, script="stage:subscriber+form:newsletter@FORM"),
        Situation(
            name="status by hand",
            share=0,
            script="form:ebook+stage:lead status:working@CRM_UI",
            days=(40, 900),
        ),
        Situation(
            name="old demo request",
            share=0,
            script="form:ebook+stage:lead form:demo@FORM",
            days=_YEARS_OLD,
        ),
        Situation(
            name="demographics",
            share=0,
            script="form:ebook+stage:lead form:demographics@FORM",
            days=(2, 80),
        ),
        Situation(
            name="candidate",
            share=0,
            script="stage:lead@INTEGRATION deal:applied",
            days=(2, 120),
        ),
        Situation(name="customer without a deal", share=0, script="stage:customer@IMPORT"),
        # What is as it should be
        Situation(name="subscriber", share=0, script="stage:subscriber@INTEGRATION"),
        Situation(name="e-book read", share=0, script="form:ebook+stage:lead"),
        Situation(name="two forms", share=0, script="form:ebook+stage:lead form:webinar"),
        Situation(name="typed in", share=0, script="stage:lead@CRM_UI"),
        Situation(
            name="marketing qualified",
            share=0,
            script=f"form:ebook+stage:lead form:webinar+stage:{MQL}",
        ),
        Situation(name="worked on", share=0, script=f"{READY} status:*"),
        Situation(name="handed over", share=0, script=READY, days=(1, 40)),
        Situation(name="in a deal", share=0, script=SELLING, days=(1, 200)),
        Situation(name="won", share=0, script=SOLD),
        Situation(name="lost", share=0, script=LOST, days=(100, 900)),
        # What every policy should correct
        Situation(
            name="deal unnoticed",
            share=0,
            script="form:ebook+stage:lead deal:open",
            days=(1, 200),
        ),
        Situation(name="won unnoticed", share=0, script=f"{SELLING} deal:won"),
        Situation(
            name="demo overlooked",
            share=0,
            script=f"form:ebook+stage:lead form:demo+stage:{SQL}",
            days=(3, 60),
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRunWorld:
    """How many contacts of each situation there are, and how many blank companies."""

    contacts: Mapping[str, int]
    blank_companies: int


WORLDS: Final[Mapping[str, FirstRunWorld]] = {
    "typical": FirstRunWorld(
        contacts={
            "newsletter": 300,
            "status by hand": 230,
            "old demo request": 90,
            "demographics": 45,
            "candidate": 40,
            "customer without a deal": 110,
            "subscriber": 150,
            "e-book read": 430,
            "two forms": 90,
            "typed in": 120,
            "marketing qualified": 80,
            "worked on": 60,
            "handed over": 40,
            "in a deal": 45,
            "won": 20,
            "lost": 10,
            "deal unnoticed": 9,
            "won unnoticed": 8,
            "demo overlooked": 8,
        },
        blank_companies=300,
    ),
    "small": FirstRunWorld(
        contacts={
            "newsletter": 85,
            "status by hand": 40,
            "old demo request": 12,
            "demographics": 5,
            "candidate": 4,
            "customer without a deal": 70,
            "subscriber": 180,
            "e-book read": 470,
            "two forms": 120,
            "typed in": 160,
            "marketing qualified": 90,
            "worked on": 60,
            "handed over": 40,
            "in a deal": 35,
            "won": 20,
            "lost": 10,
            "deal unnoticed": 3,
            "won unnoticed": 3,
            "demo overlooked": 3,
        },
        blank_companies=28,
    ),
}


def fill_first_run(portal: Portal, name: str, *, seed: int = 1) -> None:
    """Fill an empty portal with one of `WORLDS`: the same for the same name, seed and day."""
    plan = WORLDS[name]
    world = _create_world(portal, seed)
    situations = [
        SITUATIONS[situation] for situation, count in plan.contacts.items() for _ in range(count)
    ]
    world.rng.shuffle(situations)
    for number, group in enumerate(_split_by_company(world.rng, situations)):
        _create_group(world, number, group)
    for number in range(plan.blank_companies):
        _create_blank_company(world, 10**6 + number)


def _create_world(portal: Portal, seed: int) -> World:
    midnight = portal.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    world = World(
        portal=portal,
        rng=Random(seed),  # noqa: S311 -- invented data must be the same for the same seed
        midnight=midnight,
        owners=set_up_english_portal(portal),
        pipelines=((SALES, 1),),
        recruiting=ENGLISH_RECRUITING,
    )
    world.import_times.extend(sorted(world.time_on_day(days) for days in range(1, 1100, 90)))
    return world


def _split_by_company(
    rng: Random, situations: Iterable[Situation]
) -> Iterable[tuple[Situation, ...]]:
    """Yield contacts who work together; a group without a company has one candidate or reader."""
    waiting: list[Situation] = []
    size = rng.choice(_COMPANY_SIZES)
    for situation in situations:
        if _is_private(situation):
            yield (situation,)
            continue
        waiting.append(situation)
        if len(waiting) == size:
            yield tuple(waiting)
            waiting, size = [], rng.choice(_COMPANY_SIZES)
    if waiting:
        yield tuple(waiting)


def _is_private(situation: Situation) -> bool:
    return situation.name in {"candidate", "newsletter", "subscriber"}


def _create_group(world: World, number: int, group: tuple[Situation, ...]) -> None:
    employer = None if _is_private(group[0]) else create_company(world, number)
    for situation in group:
        story = ContactStory(
            world=world, situation=situation, employer=employer, colleague_chance=0
        )
        country = employer.profile.country if employer else None
        write_story(
            story, invent_person(world.rng, country) if country else invent_person(world.rng)
        )
    if employer:
        author = choose_writer(world.rng, "PIPELINE_SETTINGS")
        world.portal.edit(
            "companies",
            employer.company_id,
            {"lifecyclestage": suggested_stage(group)},
            at=world.time_on_day(1),
            source=author.source,
            source_id=author.source_id,
        )


def _create_blank_company(world: World, number: int) -> None:
    """Create a target company as an import leaves it: without a stage, a contact or a deal."""
    profile = invent_company(world.rng, number)
    author = choose_writer(world.rng, "IMPORT")
    world.portal.create(
        "companies",
        {"name": profile.name, "domain": profile.domain, "city": profile.city},
        at=world.time_on_day(world.rng.uniform(30, 700)),
        source=author.source,
        source_id=author.source_id,
    )
