"""The names that conditions may use, with the kind of value that each stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.mark import nearest
from connector.core.model import STAGE, STATUS, ObjectType, Option, PropertyDefinition
from connector.core.values import Kind, Value

DEALS: Final = ("deal", "open_deal", "won_deal", "lost_deal")
"""Namespaces of deal properties: all deals that count, or those in one state."""

CLOCKS: Final = ("now", "today")

_EVERYWHERE: Final = {
    "stage": Kind.STAGE,
    "status": Kind.STATUS,
    "domain": Kind.DOMAIN,
    "now": Kind.TIME,
    "today": Kind.TIME,
    "deals.count": Kind.NUMBER,
    "deals.open": Kind.NUMBER,
    "deals.won": Kind.NUMBER,
    "deals.lost": Kind.NUMBER,
    "deals.neither": Kind.NUMBER,
    "deals.were_won": Kind.NUMBER,
    "deals.open_since": Kind.TIME,
    "deals.won_at": Kind.TIME,
    "deals.lost_at": Kind.TIME,
    "deals.latest_open": Kind.TEXT,
    "deals.latest_won": Kind.TEXT,
    "deals.latest_lost": Kind.TEXT,
    "company.id": Kind.TEXT,
    "conversion.counts": Kind.YES_NO,
    "conversion.since_loss": Kind.YES_NO,
}
_CONTACTS: Final = {
    "contact.email_domain": Kind.DOMAIN,
    "contact.last_conversion": Kind.TEXT,
    "contact.last_conversion_at": Kind.TIME,
    "contact.conversions": Kind.NUMBER,
    "contact.score": Kind.NUMBER,
    "contact.subscription": Kind.TEXT,
    "company.stage": Kind.STAGE,
    "company.contacts": Kind.NUMBER,
}
_COMPANIES: Final = {
    "contacts.furthest": Kind.STAGE,
    "contacts.count": Kind.NUMBER,
}
FOLLOWED: Final = ("company.stage", "contacts.furthest")
"""Facts that hold a stage to which a rule may lead: that of the company, or of its contacts."""

CIRCLE: Final = frozenset({*FOLLOWED, "company.contacts", "contacts.count"})
"""Facts about a contact's company, and a company's contacts, that only company sync knows."""

RULES: Final = "rules"
"""The fact that holds the rules that won; only lead status rows may ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name that stands for a value found in each record.

    `many` facts hold one value for each deal. `source` and `property_name` tell which HubSpot
    property it is read from, where it is one.
    """

    key: str
    kind: Kind
    options: tuple[Option, ...] = ()
    many: bool = False
    source: str = ""
    property_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A name that stands for the same value in every record: a setting, or a list."""

    kind: Kind
    value: Value
    several: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What the conditions of one object type may name.

    `definitions` is None where no portal is known: then every property is accepted. `blind`
    names a namespace whose facts are always missing here (a contact's, for a company).
    """

    object_type: ObjectType
    fixed: Mapping[str, Fixed]
    definitions: Mapping[ObjectType, Mapping[str, PropertyDefinition]] | None = None
    options: Mapping[Kind, tuple[Option, ...]] = field(default_factory=dict)
    path: Mapping[str, int] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    rows: bool = False
    blind: str = ""

    def fact(self, name: str) -> Fact | None:
        """Return the fact of a name, `None` where there is no such fact."""
        kind = self._kinds().get(name)
        if kind:
            return Fact(key=name, kind=kind, options=self.options.get(kind, ()))
        space, dot, rest = name.partition(".")
        source = self._sources().get(space)
        if not dot or source is None or "." in rest:
            return None
        return self._property(space, source, rest)

    def lacks(self, name: str) -> bool:
        """Whether a name is that of a property which the portal does not define."""
        space, dot, rest = name.partition(".")
        source = self._sources().get(space)
        known = self.definitions is None or self.fact(name) is not None
        return bool(dot and source and rest) and not known

    def _property(self, space: str, source: ObjectType, name: str) -> Fact | None:
        many = space in DEALS
        key = f"{space}.{name}"
        if self.definitions is None:
            return Fact(key=key, kind=Kind.ANY, many=many, source=source, property_name=name)
        definition = self.definitions.get(source, {}).get(name)
        if definition is None:
            return None
        kind = kind_of(definition)
        options = definition.options or self.options.get(kind, ())
        return Fact(
            key=key, kind=kind, options=options, many=many, source=source, property_name=name
        )

    def _kinds(self) -> Mapping[str, Kind]:
        contacts = self.object_type is ObjectType.CONTACTS or self.blind == "contact"
        rows = {RULES: Kind.CHOICES} if self.rows else {}
        both = self.blind == "contact"
        return {
            **_EVERYWHERE,
            **(_CONTACTS if contacts else {}),
            **(_COMPANIES if both or not contacts else {}),
            **rows,
        }

    def _sources(self) -> Mapping[str, ObjectType]:
        sources = {"company": ObjectType.COMPANIES, **dict.fromkeys(DEALS, ObjectType.DEALS)}
        if self.object_type is ObjectType.CONTACTS or self.blind == "contact":
            sources["contact"] = ObjectType.CONTACTS
        return sources

    def unknown(self, name: str) -> str:
        """Return what to say of a name that is not known."""
        space, dot, rest = name.partition(".")
        source = self._sources().get(space)
        if dot and source:
            hint = nearest(rest, self._properties(space, source))
            return f"{space} has no property {rest!r}{hint}"
        if space == "contact" or name in {"company.stage", "company.contacts"}:
            return f"{name!r} is of contacts, and this rule is not for them alone"
        if name in _COMPANIES:
            return f"{name!r} is of companies, and this rule is not for them alone"
        known = [*self._kinds(), *self.fixed, *(f"{one}." for one in self._sources())]
        return f"nothing is called {name!r} here{nearest(name, known)}"

    def _properties(self, space: str, source: ObjectType) -> Sequence[str]:
        built_in = [one.removeprefix(f"{space}.") for one in self._kinds() if f"{space}." in one]
        return [*built_in, *(self.definitions or {}).get(source, {})]


_NAMED: Final = {STAGE: Kind.STAGE, STATUS: Kind.STATUS, "domain": Kind.DOMAIN}
_TYPES: Final = {
    "bool": Kind.YES_NO,
    "number": Kind.NUMBER,
    "date": Kind.TIME,
    "datetime": Kind.TIME,
}


def kind_of(definition: PropertyDefinition) -> Kind:
    """Return the kind of value that a HubSpot property holds."""
    if definition.name in _NAMED:
        return _NAMED[definition.name]
    if definition.field_type == "booleancheckbox":
        return Kind.YES_NO
    if definition.type == "enumeration":
        return Kind.CHOICES if definition.field_type == "checkbox" else Kind.CHOICE
    return _TYPES.get(definition.type, Kind.TEXT)
