"""Draws a policy in plain words: what marketing and sales agree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connector.core.bound import BoundEntry, BoundPolicy, Side
from connector.core.model import STATUS, ObjectType, Portal
from connector.core.plain import property_names, said
from connector.core.policy_form import Reason, Rule, Way
from connector.core.policy_settings import Setting
from connector.core.setting_specs import SPECS, Form

_KINDS = (ObjectType.CONTACTS, ObjectType.COMPANIES)
_WAYS = {
    Way.FORWARD: "only forward",
    Way.BACKWARD: "only backward",
    Way.ANY: "forward or backward",
}
_LABELLED = frozenset({Form.STAGE, Form.STAGES, Form.STATUS, Form.STATUSES, Form.PIPELINES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One rule or row in words."""

    name: str
    of: str
    when: str
    then: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """A policy in words; `settings` are name, value and meaning."""

    name: str
    version: str
    portal_id: str
    stages: str
    rules: tuple[Line, ...]
    rows: tuple[Line, ...]
    settings: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]


def portrait(policy: BoundPolicy, portal: Portal) -> Portrait:
    """Return a policy as it is meant in a portal, in the portal's labels."""
    side = policy.sides[ObjectType.CONTACTS]
    names = property_names(portal)
    return Portrait(
        name=policy.name,
        version=policy.policy.version,
        portal_id=policy.portal_id,
        stages=" → ".join(side.labels[one] for one in side.path),
        rules=tuple(_rules(policy, names)),
        rows=tuple(_rows(policy, side, names)),
        settings=tuple(_settings(policy, portal)),
        warnings=(*policy.warnings, *_asleep(policy)),
    )


def _rules(policy: BoundPolicy, names: Mapping[str, str]) -> Iterator[Line]:
    """Yield the rules for the stage in their order, each once."""
    for rule in policy.policy.rules:
        found = [
            (side, one)
            for kind in _KINDS
            for side in (policy.sides[kind],)
            for one in side.rules
            if one.name == rule.name
        ]
        if found:
            side, bound = found[0]
            yield Line(
                name=rule.name,
                of=" and ".join(str(side.object_type) for side, _ in found),
                when=said(bound.when, names),
                then=_stage(rule, side, bound),
                reason=_reason(policy, rule.reason),
            )


def _stage(rule: Rule, side: Side, bound: BoundEntry) -> str:
    then = _leads(bound, side.labels, side.labels)
    if then == "keep":
        return then
    parked = ", out of a parking place too" if rule.from_parked else ""
    return f"{then} ({_WAYS[rule.way]}{parked})"


def _rows(policy: BoundPolicy, side: Side, names: Mapping[str, str]) -> Iterator[Line]:
    reasons = {one.name: one.reason for one in policy.policy.rows}
    for row in side.rows:
        yield Line(
            name=row.name,
            of="contacts",
            when=said(row.when, names),
            then=_leads(row, side.labels, side.status_labels),
            reason=_reason(policy, reasons[row.name]),
        )


def _leads(entry: BoundEntry, stages: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """Return where an entry leads, by the stage in which it finds the record."""
    last = _word(entry.otherwise, labels)
    return "; ".join(
        [
            *(f"from {stages[at]}: {_word(value, labels)}" for at, value in entry.to.items()),
            f"otherwise: {last}" if entry.to else last,
        ]
    )


def _word(value: str | None, labels: Mapping[str, str]) -> str:
    return "keep" if value is None else labels.get(value, value) or "clear"


def _reason(policy: BoundPolicy, reason: Reason) -> str:
    """Return a reason with what the policy says filled in; what each record says is left open."""
    known = policy.policy.settings
    said = {name: _value(known[name], {}) for _, name in reason.parts if name in known}
    return "".join(text + (said.get(name, "…") if name else "") for text, name in reason.parts)


_NEEDED: Final = {
    "contact.score": "score.property",
    "contact.subscription": "subscription.property",
}


def _asleep(policy: BoundPolicy) -> Iterator[str]:
    """Yield which facts no record has, because no property is named for them."""
    rules = policy.sides[ObjectType.CONTACTS].rules
    asked = {fact.key for one in rules for fact in one.when.facts}
    for key, setting in _NEEDED.items():
        if key in asked and not policy.policy.texts(setting):
            yield f"{key} is always blank: the setting {setting} is empty"


def _settings(policy: BoundPolicy, portal: Portal) -> Iterator[tuple[str, str, str]]:
    side = policy.sides[ObjectType.CONTACTS]
    labels = {one.value: one.label for one in portal.options(ObjectType.CONTACTS, STATUS)}
    labels |= {**side.labels, **{one.id: one.label for one in portal.pipelines}}
    for name, setting in policy.policy.settings.items():
        yield name, _value(setting, labels), SPECS[name].meaning


def _value(setting: Setting, labels: Mapping[str, str]) -> str:
    if setting.form is Form.CONDITION:
        text = getattr(setting.plain, "text", "")
        return text or "always"
    if setting.form is Form.ALIASES:
        pairs = zip(setting.texts[::2], setting.texts[1::2], strict=True)
        return ", ".join(f"{labels.get(a, a)} as {labels.get(b, b)}" for a, b in pairs) or "none"
    if isinstance(setting.plain, bool):
        return "yes" if setting.plain else "no"
    if isinstance(setting.plain, float):
        return f"{setting.plain:g}"
    known = labels if setting.form in _LABELLED else {}
    return ", ".join(known.get(one, one) for one in setting.texts) or "none"
