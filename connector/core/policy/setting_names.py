"""List the names that settings and lists have in conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.core.conditions.values import Kind, Value, parse_domain
from connector.core.conditions.vocabulary import FixedName
from connector.core.policy.read_settings import Setting
from connector.core.policy.setting_type import LISTS, SettingType

_KINDS: Final = {
    SettingType.NUMBER: Kind.NUMBER,
    SettingType.SHARE: Kind.NUMBER,
    SettingType.FLAG: Kind.YES_NO,
    SettingType.CHOICE: Kind.TEXT,
    SettingType.TEXTS: Kind.TEXT,
    SettingType.PIPELINES: Kind.TEXT,
    SettingType.DOMAINS: Kind.DOMAIN,
    SettingType.STAGE: Kind.STAGE,
    SettingType.STAGES: Kind.STAGE,
    SettingType.STATUS: Kind.STATUS,
    SettingType.STATUSES: Kind.STATUS,
}


def fixed_names(
    settings: Mapping[str, Setting], values: Mapping[str, Value]
) -> dict[str, FixedName]:
    """Return the settings and lists that conditions may name, with these values."""
    return {
        name: FixedName(
            kind=_KINDS[setting.type], value=values[name], is_list=setting.type in LISTS
        )
        for name, setting in settings.items()
        if setting.type in _KINDS
    }


def unbound_values(settings: Mapping[str, Setting]) -> dict[str, Value]:
    """Return the value of every setting as in its file, for use without a portal."""
    return {name: _unbound_value(setting) for name, setting in settings.items()}


def _unbound_value(setting: Setting) -> Value:
    if setting.type is SettingType.DOMAINS:
        return tuple(parse_domain(text) for text in setting.texts)
    if setting.type in LISTS:
        return setting.texts
    if isinstance(setting.plain_value, float | bool):
        return setting.plain_value
    return setting.texts[0] if setting.texts else None
