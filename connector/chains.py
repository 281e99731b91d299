"""Cut a listing into chains that are read at once, each a range of ids with a cursor of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from connector.core.model import Record
from connector.hubspot.door import Page
from connector.hubspot.faults import BadAnswer

MOST: Final = 12
"""Chains at once: at 600 ms an answer, so many fill a burst limit of 190 in ten seconds."""
LEAST: Final = 2500
"""Records for which a further chain is begun: below, its half-empty pages would cost too much."""
EACH: Final = 1250
"""Records for each chain that there ever was: their half-empty pages then cost 8% at most."""
WORTH: Final = 500
"""Estimated records left in a chain for which it is cut in two when another has ended."""


class OutOfOrderError(BadAnswer):
    """A list begun at an id does not go on in the order of ids: only one chain is sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The ids from `start` up to before `end`, read up to before `at`; no `end` is the list's.

    `after` is HubSpot's own cursor, None at the chain's beginning; `first` its first record's id.
    """

    start: int
    end: int | None
    at: int
    after: str | None = None
    first: int | None = None
    count: int = 0
    done: bool = False

    @classmethod
    def told(cls, value: Mapping[str, Any]) -> Chain:
        """Return the chain of a checkpoint's value."""
        return cls(**value)

    def written(self) -> dict[str, Any]:
        """Return the checkpoint's value."""
        return asdict(self)

    def cursor(self) -> str | None:
        """Return where the next page begins.

        HubSpot documents `after` as the id of the next record. In case it means "beyond this
        id" a chain begins one id early, and a record that is not its own is left out.
        """
        if self.after is None and self.start:
            return str(self.start - 1)
        return self.after

    def density(self) -> float | None:
        """Return how many ids there are for each record, None before the first records."""
        return None if self.first is None else (self.at - self.first) / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A page of a chain: its own records, and the ids that they cover (None: to the end)."""

    chain: Chain
    records: tuple[Record, ...]
    beyond: int
    up_to: int | None


WHOLE: Final = Chain(start=0, end=None, at=0)


def begin(total: int, last_id: int) -> list[Chain]:
    """Cut all ids into even ranges, one for each `LEAST` records, `MOST` at most."""
    number = max(1, min(MOST, total // LEAST, last_id))
    cuts = [last_id * part // number for part in range(number)]
    return [
        Chain(start=start, end=end, at=start)
        for start, end in zip(cuts, [*cuts[1:], None], strict=True)
    ]


def take(chain: Chain, page: Page) -> Taken:
    """Take a page into its chain; raise OutOfOrderError where the ids prove nothing."""
    own = [one for one in page.records if _is_own(chain, int(one.ref.id))]
    ids = [int(one.ref.id) for one in page.records]
    if chain.start or chain.end is not None:
        _prove_order(chain, ids)
    at = max([chain.at, *(number + 1 for number in ids)])
    passed = chain.end is not None and at >= chain.end
    done = page.after is None or passed
    first = int(own[0].ref.id) if own and chain.first is None else chain.first
    following = replace(
        chain, at=at, after=page.after, first=first, count=chain.count + len(own), done=done
    )
    end = None if chain.end is None else chain.end - 1
    return Taken(
        chain=following, records=tuple(own), beyond=chain.at - 1, up_to=end if done else at - 1
    )


def split(
    chains: Mapping[int, Chain], *, left: int, last_id: int
) -> tuple[int, Chain, Chain] | None:
    """Cut the open chain with the most records left in two; None where none is worth it.

    Return its number, what it keeps, and the new chain. Only the estimate rests on densities:
    what is read is right wherever the cut lies.
    """
    sizes = {number: _left(one, left, last_id) for number, one in chains.items()}
    number = max(sizes, key=lambda each: sizes[each], default=None)
    if number is None or sizes[number] < WORTH:
        return None
    chain = chains[number]
    # A full page of it may be under way.
    cut = chain.at + int((chain.density() or 1) * sizes[number] / 2)
    return number, replace(chain, end=cut), Chain(start=cut, end=chain.end, at=cut)


def _left(chain: Chain, left: int, last_id: int) -> float:
    """Estimate how many records a chain still holds; 0 where nothing is known of it."""
    density = chain.density()
    if density is None:
        return 0
    span = (last_id + 1 if chain.end is None else chain.end) - chain.at
    return min(span / density, left)


def _is_own(chain: Chain, number: int) -> bool:
    return number >= chain.start and (chain.end is None or number < chain.end)


def _prove_order(chain: Chain, ids: Sequence[int]) -> None:
    first = chain.at if chain.after is not None else chain.start - 1
    if list(ids) != sorted(ids) or (ids and ids[0] < first):
        raise OutOfOrderError("HubSpot listed records in no order of their ids")
