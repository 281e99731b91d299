"""Estimate how long records stay in a stage, those still inside included (Kaplan-Meier)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ROUNDING = 1e-12
"""The rounding error that a product of many shares may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """How long a record has been in a stage so far; `ended` is False while it is inside."""

    seconds: float
    ended: bool


def survival_curve(stays: Iterable[Stay]) -> Iterator[tuple[float, float]]:
    """Yield each duration at which stays ended, with the estimated share of longer ones.

    This is the product-limit estimate of Kaplan and Meier (1958): at each duration the share is
    multiplied by 1 - ended / still inside just before. A stay that lasts counts as inside until
    its present length and not beyond, so long stays that have not ended are not left out.

    >>> stays = [Stay(seconds=1, ended=True), Stay(seconds=2, ended=False)]
    >>> list(survival_curve(stays))
    [(1, 0.5)]
    """
    ended: Counter[float] = Counter()
    lasting: Counter[float] = Counter()
    for stay in stays:
        (ended if stay.ended else lasting)[stay.seconds] += 1
    remaining, share = ended.total() + lasting.total(), 1.0
    for seconds in sorted({*ended, *lasting}):
        if ended[seconds]:
            share *= 1 - ended[seconds] / remaining
            yield seconds, share
        remaining -= ended[seconds] + lasting[seconds]


def survival_quantile(curve: Iterable[tuple[float, float]], share: float) -> float | None:
    """Return the shortest duration within which at least `share` of the stays end.

    None where the curve never falls that far: too many records are still inside to say.

    >>> survival_quantile([(1, 0.75), (5, 0.5)], 0.5)
    5
    """
    for seconds, remaining in curve:
        if remaining <= 1 - share + _ROUNDING:
            return seconds
    return None
