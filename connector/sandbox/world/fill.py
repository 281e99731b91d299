"""Fill a portal with untidy records: the same for the same seed and day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.companies import add_untidy_records, create_company, set_company_stage
from connector.sandbox.world.disturb import disturb_records
from connector.sandbox.world.names import invent_person
from connector.sandbox.world.scene import ContactStory, World
from connector.sandbox.world.setup import set_up_portal
from connector.sandbox.world.situations import SITUATIONS, Situation
from connector.sandbox.world.stories import write_story

__all__ = ["disturb_records", "fill"]

GIANT_SIZE: Final = 300
COMPANY_SIZES: Final = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactGroup:
    """The situations of contacts who work together, in a company or in none."""

    situations: tuple[Situation, ...]
    has_company: bool = True
    colleague_chance: float = 0.12


def fill(portal: Portal, *, contacts: int = 2000, seed: int = 1) -> None:
    """Create `contacts` contacts with their companies, deals and histories of three years."""
    world, partner_id = _create_world(portal, seed), ""
    for number, group in enumerate(
        _split_into_groups(world.rng, _choose_situations(world.rng, contacts))
    ):
        partner_id = _create_group(world, group, number, partner_id) or partner_id
    add_untidy_records(world, contacts)


def _create_world(portal: Portal, seed: int) -> World:
    rng = Random(seed)  # noqa: S311 -- invented data must be the same for the same seed
    now = portal.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    world = World(portal=portal, rng=rng, midnight=midnight, owners=set_up_portal(portal))
    world.import_times.extend(sorted(world.time_on_day(days) for days in range(1, 1100, 90)))
    return world


def _choose_situations(rng: Random, contacts: int) -> list[Situation]:
    """Give each situation its share of the contacts, and the remainder to the first ones."""
    total = sum(situation.share for situation in SITUATIONS)
    situations = [
        situation for situation in SITUATIONS for _ in range(contacts * situation.share // total)
    ]
    situations += [
        SITUATIONS[index % len(SITUATIONS)] for index in range(contacts - len(situations))
    ]
    rng.shuffle(situations)
    return situations


def _split_into_groups(rng: Random, situations: Sequence[Situation]) -> list[ContactGroup]:
    """Split the contacts: some without a company, a few giant companies, many small ones."""
    private_situations, company_situations = _split_private(rng, situations)
    groups = [
        ContactGroup(situations=(situation,), has_company=False) for situation in private_situations
    ]
    for _ in range(1 + len(situations) // 25_000):
        groups += _take_giant_group(company_situations, min(GIANT_SIZE, len(situations) // 6))
    while company_situations:
        size = rng.choice(COMPANY_SIZES)
        groups.append(ContactGroup(situations=tuple(company_situations[-size:])))
        del company_situations[-size:]
    rng.shuffle(groups)
    return groups


def _split_private(
    rng: Random, situations: Sequence[Situation]
) -> tuple[list[Situation], list[Situation]]:
    private_situations: list[Situation] = []
    company_situations: list[Situation] = []
    for situation in situations:
        is_private = rng.random() < (0.08 if situation.has_deal else 0.3)
        (
            private_situations if is_private or situation.mail != "any" else company_situations
        ).append(situation)
    return private_situations, company_situations


def _take_giant_group(company_situations: list[Situation], size: int) -> list[ContactGroup]:
    """Take the contacts of one giant company: only the last of them has a deal."""
    buyer_indexes = [
        index for index, situation in enumerate(company_situations) if situation.name == "won"
    ][:1]
    idle_indexes = [
        index for index, situation in enumerate(company_situations) if not situation.has_deal
    ][: size - 1]
    if not buyer_indexes or len(idle_indexes) < 2:
        return []
    situations = tuple(company_situations[index] for index in idle_indexes + buyer_indexes)
    for index in sorted(idle_indexes + buyer_indexes, reverse=True):
        del company_situations[index]
    return [ContactGroup(situations=situations, colleague_chance=1.0)]


def _create_group(world: World, group: ContactGroup, number: int, partner_id: str) -> str:
    """Write the stories of a group of contacts; return its company's id, "" for none."""
    if not group.has_company:
        write_story(
            ContactStory(world=world, situation=group.situations[0], employer=None),
            invent_person(world.rng),
        )
        return ""
    employer = create_company(world, number)
    next_person, colleague_id = invent_person(world.rng, employer.profile.country), ""
    for situation in group.situations:
        story = ContactStory(
            world=world,
            situation=situation,
            employer=employer,
            partner_id=partner_id,
            colleague_chance=group.colleague_chance,
        )
        story.colleague_id = colleague_id
        colleague_id = write_story(story, next_person)
        if not world.chance(0.02):
            next_person = invent_person(world.rng, employer.profile.country)
    set_company_stage(world, employer, group.situations)
    return employer.company_id
