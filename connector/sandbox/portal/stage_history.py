"""Stages over time: which way is back, and the dates that a history of stages leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from connector.sandbox.portal.record import Version, iso


def is_backward(order: Mapping[str, int], old: str, new: str) -> bool:
    """Return whether a change of stage goes against the portal's order.

    >>> is_backward({"lead": 1, "customer": 5}, "customer", "lead")
    True
    """
    return bool(old and new) and order.get(new, 0) < order.get(old, -1)


def current_since(history: Sequence[Version], _stage: str) -> str:
    """Return when the present stage was entered, "" without a stage."""
    return iso(history[-1].at) if history and history[-1].value else ""


def last_entered(history: Sequence[Version], stage: str) -> str:
    """Return when a stage was entered last."""
    times = [version.at for version in history if version.value == stage]
    return iso(times[-1]) if times else ""


def last_exited(history: Sequence[Version], stage: str) -> str:
    """Return when a stage was left last."""
    exit_times = [exit_time for _, exit_time in _stays(history, stage)]
    return iso(exit_times[-1]) if exit_times else ""


def latest_time(history: Sequence[Version], stage: str) -> str:
    """Return the seconds of the last finished stay in a stage."""
    stays = _stays(history, stage)
    return str((stays[-1][1] - stays[-1][0]) // 1000) if stays else ""


def cumulative_time(history: Sequence[Version], stage: str) -> str:
    """Return the seconds of all finished stays in a stage."""
    stays = _stays(history, stage)
    return str(sum(end - start for start, end in stays) // 1000) if stays else ""


def _stays(history: Sequence[Version], stage: str) -> list[tuple[int, int]]:
    return [
        (version.at, next_version.at)
        for version, next_version in pairwise(history)
        if version.value == stage
    ]


MEASURES: Final[Mapping[str, Callable[[Sequence[Version], str], str]]] = {
    "current": current_since,
    "entered": last_entered,
    "exited": last_exited,
    "latest": latest_time,
    "cumulative": cumulative_time,
}


def became_dates(history: Sequence[Version], order: Mapping[str, int]) -> dict[str, int]:
    """Return the legacy "became a … date" of each stage.

    An earlier stage set without a clear wipes the dates of the greater ones; a clear leaves
    the date of the stage that it clears; setting a stage again makes its date that moment.
    """
    dates: dict[str, int] = {}
    previous_stage = ""
    for version in history:
        if is_backward(order, previous_stage, version.value):
            new_position = order.get(version.value, 0)
            dates = {
                stage: at for stage, at in dates.items() if order.get(stage, 0) <= new_position
            }
        if version.value:
            dates[version.value] = version.at
        previous_stage = version.value
    return dates
