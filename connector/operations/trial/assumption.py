"""Define an assumption about HubSpot: why it matters, how it is tried, what each answer means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What the product does where HubSpot behaves in one way.

    `switch_value` is the value of the sandbox's switch that imitates it. A product that `suffers`
    loses something under this answer, and says what.
    """

    seen: str
    product: str
    switch_value: object = None
    suffers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """Something that is not sure of HubSpot.

    `tried` says how a trial finds it out, or is "" where it cannot, and `untried` says why.
    `switch` is the sandbox's switch that imitates the answers. `otherwise` says what the product
    does under an answer that is not listed, "" where no other answer is expected.
    """

    name: str
    fact: str
    matters: str
    reactions: tuple[Reaction, ...]
    tried: str = ""
    untried: str = ""
    switch: str = ""
    otherwise: str = ""

    def reaction_to(self, seen: str) -> str:
        """Return what the product does under an answer."""
        for reaction in self.reactions:
            if reaction.seen == seen:
                return reaction.product
        return self.otherwise or "Nobody expected this answer: report it with the JSON file."

    def is_expected(self, seen: str) -> bool:
        """Return whether the product is right under an answer, and loses nothing."""
        known = {reaction.seen: not reaction.suffers for reaction in self.reactions}
        return known.get(seen, bool(self.otherwise))
