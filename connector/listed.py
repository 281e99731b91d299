"""Keep how far a listing has come: its open chains, and what its records still lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.chains import EACH, WHOLE, Chain, Taken, begin, split, take
from connector.core.model import ObjectType, Ref
from connector.hubspot.door import Page


@dataclass(slots=True, kw_only=True)
class Listed:
    """A listing as its checkpoint holds it.

    `started` is when it began, `total` and `last_id` how large the portal was then, `renews`
    whether the mirror held records of this type before. `chains` are the open ones by number,
    of `begun` in all; `ended` counts the records of the others. `unlinked` records are stored
    without their associations yet, and `missed` ones should have been shown and were not.
    """

    kind: ObjectType
    started: str
    properties: Sequence[str]
    total: int
    last_id: int
    renews: bool
    chains: dict[int, Chain] = field(default_factory=dict)
    begun: int = 0
    ended: int = 0
    unlinked: list[Ref] = field(default_factory=list)
    missed: list[Ref] = field(default_factory=list)

    @classmethod
    def told(cls, kind: ObjectType, value: Mapping[str, Any]) -> Listed:
        """Return what a checkpoint's value tells."""
        return cls(
            kind=kind,
            **{
                **value,
                "chains": {int(number): Chain.told(one) for number, one in value["chains"].items()},
                "unlinked": [Ref(kind, one) for one in value["unlinked"]],
                "missed": [Ref(kind, one) for one in value["missed"]],
            },
        )

    def written(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return {
            "started": self.started,
            "properties": list(self.properties),
            "total": self.total,
            "last_id": self.last_id,
            "renews": self.renews,
            "chains": {str(number): one.written() for number, one in self.chains.items()},
            "begun": self.begun,
            "ended": self.ended,
            "unlinked": [one.id for one in self.unlinked],
            "missed": [one.id for one in self.missed],
        }

    @property
    def count(self) -> int:
        """Return how many records were listed so far."""
        return self.ended + sum(one.count for one in self.chains.values())

    @property
    def parallel(self) -> bool:
        """Whether some chain rests on beginning at an id."""
        return self.begun > 1

    def begin(self) -> None:
        """Begin with as many chains as the listing is worth."""
        self._begin(begin(self.total, self.last_id))

    def begin_again(self) -> None:
        """Begin again with one chain, which rests on nothing."""
        self._begin([WHOLE])

    def take(self, number: int, page: Page) -> Taken:
        """Take a page into its chain; one that has ended is not kept."""
        taken = take(self.chains[number], page)
        if taken.chain.done:
            del self.chains[number]
            self.ended += taken.chain.count
        else:
            self.chains[number] = taken.chain
        return taken

    def split(self) -> int | None:
        """Cut the longest chain in two, and return the new one's number; None: none is worth it."""
        if not self.parallel or self.begun * EACH >= self.total:
            return None
        left = max(0, self.total - self.count)
        cut = split(self.chains, left=left, last_id=self.last_id)
        if cut is None:
            return None
        number, kept, new = cut
        self.chains |= {number: kept, self.begun: new}
        self.begun += 1
        return self.begun - 1

    def _begin(self, chains: Sequence[Chain]) -> None:
        self.chains = dict(enumerate(chains))
        self.begun, self.ended = len(chains), 0
        self.unlinked, self.missed = [], []
