"""Fill a portal with a real, untidy world: the same for the same seed and day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from connector.sandbox.firms import found, leave_loose_ends, promote
from connector.sandbox.names import person
from connector.sandbox.portal import Portal
from connector.sandbox.scene import Pen, Scene
from connector.sandbox.setting import furnish
from connector.sandbox.situations import SITUATIONS, Situation
from connector.sandbox.telling import tell
from connector.sandbox.upset import break_some

__all__ = ["break_some", "fill"]

GIANT: Final = 300
SIZES: Final = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who of the cast works together, in a company or in none."""

    roles: tuple[Situation, ...]
    employed: bool = True
    together: float = 0.12


def fill(portal: Portal, *, contacts: int = 2000, seed: int = 1) -> None:
    """Create `contacts` contacts with their companies, deals and histories of three years."""
    pen, partner = _pen(portal, seed), ""
    for number, crew in enumerate(_crews(pen.dice, _cast(pen.dice, contacts))):
        partner = _play(pen, crew, number, partner) or partner
    leave_loose_ends(pen, contacts)


def _pen(portal: Portal, seed: int) -> Pen:
    dice = Random(seed)  # noqa: S311 -- invented data must be the same for the same seed
    now = portal.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    pen = Pen(portal=portal, dice=dice, midnight=midnight, owners=furnish(portal))
    pen.imports.extend(sorted(pen.day(days) for days in range(1, 1100, 90)))
    return pen


def _cast(dice: Random, contacts: int) -> list[Situation]:
    """Give each situation its share of the contacts, and the remainder to the first ones."""
    total = sum(one.share for one in SITUATIONS)
    cast = [one for one in SITUATIONS for _ in range(contacts * one.share // total)]
    cast += [SITUATIONS[index % len(SITUATIONS)] for index in range(contacts - len(cast))]
    dice.shuffle(cast)
    return cast


def _crews(dice: Random, cast: Sequence[Situation]) -> list[Crew]:
    """Split the cast: people without a company, a few giant companies, many small ones."""
    alone, rest = _split(dice, cast)
    crews = [Crew(roles=(one,), employed=False) for one in alone]
    for _ in range(1 + len(cast) // 25_000):
        crews += _giant(rest, min(GIANT, len(cast) // 6))
    while rest:
        size = dice.choice(SIZES)
        crews.append(Crew(roles=tuple(rest[-size:])))
        del rest[-size:]
    dice.shuffle(crews)
    return crews


def _split(dice: Random, cast: Sequence[Situation]) -> tuple[list[Situation], list[Situation]]:
    alone: list[Situation] = []
    rest: list[Situation] = []
    for one in cast:
        private = dice.random() < (0.08 if one.has_deal else 0.3)
        (alone if private or one.mail != "any" else rest).append(one)
    return alone, rest


def _giant(rest: list[Situation], size: int) -> list[Crew]:
    """Take the staff of a big company out of the rest: nobody has a deal but the last one."""
    buyers = [index for index, one in enumerate(rest) if one.name == "won"][:1]
    idle = [index for index, one in enumerate(rest) if not one.has_deal][: size - 1]
    if not buyers or len(idle) < 2:
        return []
    roles = tuple(rest[index] for index in idle + buyers)
    for index in sorted(idle + buyers, reverse=True):
        del rest[index]
    return [Crew(roles=roles, together=1.0)]


def _play(pen: Pen, crew: Crew, number: int, partner: str) -> str:
    """Tell the stories of a crew; return its company's id, "" for none."""
    if not crew.employed:
        tell(Scene(pen=pen, situation=crew.roles[0], seat=None), person(pen.dice))
        return ""
    seat = found(pen, number)
    who, colleague = person(pen.dice, seat.firm.land), ""
    for role in crew.roles:
        scene = Scene(pen=pen, situation=role, seat=seat, partner=partner, together=crew.together)
        scene.colleague = colleague
        colleague = tell(scene, who)
        if not pen.chance(0.02):
            who = person(pen.dice, seat.firm.land)
    promote(pen, seat, crew.roles)
    return seat.company
