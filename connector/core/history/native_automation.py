"""Learn from histories which stages HubSpot's own settings set: deal created, deal won, company."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from connector.core.model import Version

REACTION_TIME: Final = timedelta(minutes=10)
"""So late a version still counts as HubSpot's reaction to a deal or a company."""
_SETTING_SOURCE: Final = "PIPELINE_SETTINGS"
_COMPANY_SOURCES: Final = frozenset({"COMPANIES", _SETTING_SOURCE})
# Names of HubSpot's own settings among `PropertyValue.source` in its public OpenAPI files.
_DEFAULT_SOURCES: Final = frozenset(
    {_SETTING_SOURCE, "PROPERTY_SETTINGS", "PROPERTY_DEFAULT_VALUE", "SETTINGS"}
)
# One coincidence proves nothing, and neither do two.
_NEEDED: Final = 3
_CREATION_TIME: Final = timedelta(minutes=1)
_NEEDED_CREATIONS: Final = 10
_CLEAR_MAJORITY: Final = 0.8


class Native(StrEnum):
    """Whether one of HubSpot's own settings acts."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeSetting:
    """What was learnt of one setting: `stage` is what it sets, "" where it sets none.

    `acted` and `silent` count the cases in which it did something, and in which it could have.
    """

    state: Native
    stage: str = ""
    acted: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A moment at which a setting might act on a record, and the record's stages.

    `versions` are those of the record's stage, in any order. `expected` is a stage that the
    setting usually sets: a record that has it already shows nothing. `is_linked` says that the
    record is known to have been linked then: without a link a setting has nothing to act upon.
    """

    at: datetime
    versions: tuple[Version, ...]
    expected: str
    is_linked: bool


def learn_deal_setting(
    occasions: Iterable[Occasion], order: Sequence[str], *, now: datetime
) -> NativeSetting:
    """Return what HubSpot does to a record when a deal is created, or won."""
    return _learn(occasions, order, now, is_reaction=_is_deal_reaction)


def learn_company_sync(
    occasions: Iterable[Occasion], order: Sequence[str], *, now: datetime
) -> NativeSetting:
    """Return whether HubSpot copies the stage of a company to its contacts.

    The occasions are moves of companies that no setting made, with their contacts' stages.
    """
    setting = _learn(occasions, order, now, is_reaction=_is_company_reaction)
    return NativeSetting(state=setting.state, acted=setting.acted, silent=setting.silent)


def learn_first_stage(records: Iterable[tuple[datetime, Sequence[Version]]]) -> NativeSetting:
    """Return the stage that HubSpot gives to new records, from (created at, versions of the stage).

    A record that an import, a form, a person or a program created with a stage shows nothing. Of
    the others four of five must begin alike; `state` is OFF where they have no stage.
    """
    firsts: Counter[str] = Counter()
    for created_at, versions in records:
        first = min(versions, key=lambda version: version.at, default=None)
        if first is None or first.at - created_at > _CREATION_TIME:
            firsts[""] += 1
        elif first.source_type in _DEFAULT_SOURCES:
            firsts[first.value] += 1
    total = firsts.total()
    if total < _NEEDED_CREATIONS:
        return NativeSetting(state=Native.UNKNOWN, silent=total)
    stage, count = firsts.most_common(1)[0]
    if count < _CLEAR_MAJORITY * total:
        return NativeSetting(state=Native.UNKNOWN, acted=count, silent=total - count)
    state = Native.ON if stage else Native.OFF
    return NativeSetting(state=state, stage=stage, acted=count, silent=total - count)


def _learn(
    occasions: Iterable[Occasion],
    order: Sequence[str],
    now: datetime,
    *,
    is_reaction: Callable[[Version], bool],
) -> NativeSetting:
    """Return what the histories say of a setting: on, off, or unknown where they say too little.

    Comes in: the moments at which it had something to do. It is on where it acted several times,
    and more often than not; it is off where it never did, although it could several times.
    """
    ranks = {stage: rank for rank, stage in enumerate(order)}
    stages: Counter[str] = Counter()
    silent = 0
    for occasion in occasions:
        end = occasion.at + REACTION_TIME
        reactions = [
            version
            for version in occasion.versions
            if occasion.at <= version.at <= end and version.value and is_reaction(version)
        ]
        if reactions:
            stages[max(reactions, key=lambda version: version.at).value] += 1
        # The record was linked, and behind before and after: the setting had something to do.
        elif occasion.is_linked and end < now and _stayed_behind(occasion, ranks, end):
            silent += 1
    acted = stages.total()
    if acted >= _NEEDED and acted > silent:
        stage = stages.most_common(1)[0][0]
        return NativeSetting(state=Native.ON, stage=stage, acted=acted, silent=silent)
    is_off = not acted and silent >= _NEEDED
    return NativeSetting(state=Native.OFF if is_off else Native.UNKNOWN, acted=acted, silent=silent)


def _stayed_behind(occasion: Occasion, ranks: dict[str, int], end: datetime) -> bool:
    """Return whether the record was before the expected stage all the time.

    What it was before its first version, nobody knows.
    """
    expected = ranks.get(occasion.expected)
    if expected is None:
        return False
    stages = [_stage_at(occasion.versions, at) for at in (occasion.at, end)]
    return all(stage is not None and ranks.get(stage, -1) < expected for stage in stages)


def _stage_at(versions: Iterable[Version], at: datetime) -> str | None:
    known = [version for version in versions if version.at <= at]
    return max(known, key=lambda version: version.at).value if known else None


def _is_deal_reaction(version: Version) -> bool:
    """Return whether a setting for deals set this; a setting for leads names itself otherwise."""
    is_of_deals = not version.source_id or "deal" in version.source_id.lower()
    return version.source_type == _SETTING_SOURCE and is_of_deals


def _is_company_reaction(version: Version) -> bool:
    return version.source_type in _COMPANY_SOURCES and "deal" not in version.source_id.lower()


def is_by_setting(version: Version) -> bool:
    """Return whether one of HubSpot's own settings set a value."""
    return version.source_type in _COMPANY_SOURCES
