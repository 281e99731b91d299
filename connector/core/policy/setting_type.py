"""Define what a setting may be: its type, default and options."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class SettingType(StrEnum):
    """The type of a setting's value."""

    NUMBER = "number"
    SHARE = "share"
    FLAG = "yes or no"
    CHOICE = "choice"
    PROPERTY = "property"
    TEXTS = "list of texts"
    DOMAINS = "list of domains"
    PIPELINES = "list of pipelines"
    STAGE = "stage"
    STAGES = "list of stages"
    STATUS = "lead status"
    STATUSES = "list of lead statuses"
    CONDITION = "condition"
    ALIASES = "mapping of stages"
    TERMS = "mapping of stages to days"
    CHOICES = "list of choices"
    LEAD_STAGES = "list of lead stages"
    LEAD_STATUSES = "mapping of lead stages to lead statuses"
    HOURS = "hours of a day"
    COUNTRY = "country"


LISTS: Final = frozenset(
    {
        SettingType.TEXTS,
        SettingType.DOMAINS,
        SettingType.PIPELINES,
        SettingType.STAGES,
        SettingType.STATUSES,
        SettingType.CHOICES,
        SettingType.LEAD_STAGES,
    }
)
WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)

Default: TypeAlias = float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """What a setting may be; texts are by default a tuple of words, a single one too."""

    name: str
    type: SettingType
    default: Default
    meaning: str
    options: tuple[str, ...] = ()
