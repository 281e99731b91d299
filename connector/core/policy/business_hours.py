"""Read the settings of business hours: weekdays, hours and a country's holidays."""

from __future__ import annotations

import re
from typing import Final

from connector.core.policy.setting_type import SettingSpec, SettingType
from connector.core.problem import did_you_mean, policy_error
from connector.core.yaml.nodes import Scalar
from connector.core.yaml.values import choice

_HOURS: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY_MINUTES: Final = 24 * 60


def check_business_word(spec: SettingSpec, word: Scalar) -> None:
    """Raise PolicyError where a weekday, the hours or a country are not what they may be.

    A word of any other setting is not looked at.
    """
    match spec.type:
        case SettingType.CHOICES:
            choice(word, spec.name, spec.options)
        case SettingType.HOURS:
            if parse_hours(word.text) is None:
                raise policy_error(
                    word.place,
                    f"{spec.name} is a time from and to, such as 08:00-16:00 (24:00 ends a day); "
                    f"this is {word.text!r}",
                )
        case SettingType.COUNTRY:
            _check_country(spec, word)
        case _:
            pass


def parse_hours(text: str) -> tuple[int, int] | None:
    """Return begin and end as minutes of the day, None where the text is no such hours.

    >>> parse_hours("08:00-16:30"), parse_hours("16:00-08:00")
    ((480, 990), None)
    """
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        return None
    begin_hour, begin_minute, end_hour, end_minute = map(int, match.groups())
    begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    is_right = begin < end <= _DAY_MINUTES and max(begin_minute, end_minute) < 60
    return (begin, end) if is_right else None


def split_country(text: str) -> tuple[str, str]:
    """Return the codes of a country and of a part of it, "" for the whole country.

    >>> split_country("no"), split_country("DE-BY")
    (('NO', ''), ('DE', 'BY'))
    """
    country, _, part = text.strip().upper().partition("-")
    return country, part


def _check_country(spec: SettingSpec, word: Scalar) -> None:
    # It takes a third of a second to load, and few policies name a country.
    from holidays import list_supported_countries

    country, part = split_country(word.text)
    parts_by_country = list_supported_countries()
    if country not in parts_by_country:
        hint = did_you_mean(country, list(parts_by_country))
        raise policy_error(
            word.place,
            f"{spec.name} is a country's code of two letters such as NO, or a part of it such as "
            f"DE-BY; {country!r} is not known{hint}",
        )
    if part and part not in parts_by_country[country]:
        known_parts = ", ".join(parts_by_country[country]) or "none"
        raise policy_error(
            word.place, f"{spec.name}: {country} has no part {part!r}; known are: {known_parts}"
        )
