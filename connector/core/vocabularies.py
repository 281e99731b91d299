"""Gives settings and lists their names in conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.core.policy_settings import Setting
from connector.core.setting_specs import LISTS, Form
from connector.core.values import Kind, Value, domain
from connector.core.vocabulary import Fixed

_KINDS: Final = {
    Form.NUMBER: Kind.NUMBER,
    Form.SHARE: Kind.NUMBER,
    Form.FLAG: Kind.YES_NO,
    Form.CHOICE: Kind.TEXT,
    Form.TEXTS: Kind.TEXT,
    Form.PIPELINES: Kind.TEXT,
    Form.DOMAINS: Kind.DOMAIN,
    Form.STAGE: Kind.STAGE,
    Form.STAGES: Kind.STAGE,
    Form.STATUS: Kind.STATUS,
    Form.STATUSES: Kind.STATUS,
}


def fixed_names(settings: Mapping[str, Setting], values: Mapping[str, Value]) -> dict[str, Fixed]:
    """Return the settings and lists that conditions may name, with these values."""
    return {
        name: Fixed(kind=_KINDS[one.form], value=values[name], several=one.form in LISTS)
        for name, one in settings.items()
        if one.form in _KINDS
    }


def unbound_values(settings: Mapping[str, Setting]) -> dict[str, Value]:
    """Return every setting's value as its file says it, where no portal is known."""
    return {name: _unbound(one) for name, one in settings.items()}


def _unbound(setting: Setting) -> Value:
    if setting.form is Form.DOMAINS:
        return tuple(domain(one) for one in setting.texts)
    if setting.form in LISTS:
        return setting.texts
    if isinstance(setting.plain, float | bool):
        return setting.plain
    return setting.texts[0] if setting.texts else None
