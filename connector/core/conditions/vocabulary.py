"""Define the names that conditions may use, with the kind of value of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.conditions.values import Kind, Value
from connector.core.model import STAGE, STATUS, ObjectType, Option, PropertyDefinition
from connector.core.problem import did_you_mean

DEALS: Final = ("deal", "open_deal", "won_deal", "lost_deal")
"""Namespaces of deal properties: all deals that count, or those in one state."""

CLOCKS: Final = ("now", "today")

_COMMON_FACTS: Final = {
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
    "conversion.since_status": Kind.YES_NO,
    "conversion.only_subscriptions": Kind.YES_NO,
    "stage.since": Kind.TIME,
    "stage.previous": Kind.STAGE,
    "status.since": Kind.TIME,
    "status.by_person": Kind.YES_NO,
    "churn.ended_at": Kind.TIME,
    "churn.lost_at": Kind.TIME,
    "churn.by_subscription": Kind.YES_NO,
}
ENTERED_PREFIX: Final = "stage.entered."
"""The prefix of the facts that hold when a record last entered a stage."""

STAGE_HISTORY_FACTS: Final = ("stage.since", "stage.previous")
"""Facts that come from the history of the stage; `stage.entered.…` does too."""

STATUS_HISTORY_FACTS: Final = ("status.since", "status.by_person", "conversion.since_status")
"""Facts that come from the history of the lead status."""

_CONTACT_FACTS: Final = {
    "contact.email_domain": Kind.DOMAIN,
    "contact.last_conversion": Kind.TEXT,
    "contact.last_conversion_at": Kind.TIME,
    "contact.first_conversion": Kind.TEXT,
    "contact.conversions": Kind.NUMBER,
    "contact.score": Kind.NUMBER,
    "contact.subscription": Kind.TEXT,
    "contact.last_order": Kind.TIME,
    "company.stage": Kind.STAGE,
    "company.contacts": Kind.NUMBER,
    "leads.open": Kind.NUMBER,
    "lead.latest": Kind.TEXT,
    "lead.stage": Kind.CHOICE,
    "lead.since": Kind.TIME,
    "lead.status": Kind.STATUS,
}
_COMPANY_FACTS: Final = {
    "contacts.furthest": Kind.STAGE,
    "contacts.count": Kind.NUMBER,
}
FOLLOWED_FACTS: Final = ("company.stage", "contacts.furthest")
"""Facts that hold a stage to which a rule may lead: that of the company, or of its contacts."""

LEAD_STATUS_FACT: Final = "lead.status"
"""The fact that holds the lead status which a contact's lead means; a row may lead to it."""

TARGET_FACTS: Final = (*FOLLOWED_FACTS, LEAD_STATUS_FACT)
"""Facts whose value may be the target of a rule or row."""

LEAD_FACTS: Final = frozenset(
    {"leads.open", "lead.latest", "lead.stage", "lead.since", LEAD_STATUS_FACT}
)
"""Facts of the leads object, which is read only where a policy asks for it."""

GROUP_FACTS: Final = frozenset({*FOLLOWED_FACTS, "company.contacts", "contacts.count"})
"""Facts about a contact's company, and a company's contacts, that only company sync provides."""

RULES_FACT: Final = "rules"
"""The fact that holds the rules that won; only lead status rows may ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name that stands for a value read from each record.

    `per_deal` facts hold one value for each deal. `source` and `property_name` say which HubSpot
    property it is read from, where it is one.
    """

    key: str
    kind: Kind
    options: tuple[Option, ...] = ()
    per_deal: bool = False
    source: str = ""
    property_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedName:
    """A name that stands for the same value in every record: a setting, or a list."""

    kind: Kind
    value: Value
    is_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names that the conditions of one object type may use.

    `definitions` is None where no portal is known: then every property is accepted.
    `deal_options` are the pipelines and stages of deals, `lead_options` the stages of leads.
    `missing_namespace` names a namespace whose facts are always missing here.
    """

    object_type: ObjectType
    fixed_names: Mapping[str, FixedName]
    definitions: Mapping[ObjectType, Mapping[str, PropertyDefinition]] | None = None
    options: Mapping[Kind, tuple[Option, ...]] = field(default_factory=dict)
    deal_options: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    lead_options: tuple[Option, ...] = ()
    path: Mapping[str, int] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    for_rows: bool = False
    missing_namespace: str = ""

    def fact(self, name: str) -> Fact | None:
        """Return the fact of a name, `None` where there is no such fact."""
        kind = self._kinds().get(name)
        if kind:
            is_lead_stage = name == "lead.stage"
            options = self.lead_options if is_lead_stage else self.options.get(kind, ())
            return Fact(key=name, kind=kind, options=options)
        if name.startswith(ENTERED_PREFIX):
            return self._entered_fact(name)
        namespace, dot, property_name = name.partition(".")
        source = self._sources().get(namespace)
        if not dot or source is None or "." in property_name:
            return None
        return self._property_fact(namespace, source, property_name)

    def _entered_fact(self, name: str) -> Fact | None:
        """Return the fact of when a stage was entered, `None` where there is no such stage."""
        stage, stages = name.removeprefix(ENTERED_PREFIX), self.options.get(Kind.STAGE, ())
        is_known = not stages or any(option.value == stage for option in stages)
        return Fact(key=name, kind=Kind.TIME) if is_known else None

    def lacks_property(self, name: str) -> bool:
        """Return whether a name is that of a property which the portal does not define."""
        namespace, dot, property_name = name.partition(".")
        source = self._sources().get(namespace)
        known = self.definitions is None or self.fact(name) is not None
        return bool(dot and source and property_name) and not known

    def _property_fact(self, namespace: str, source: ObjectType, name: str) -> Fact | None:
        per_deal = namespace in DEALS
        key = f"{namespace}.{name}"
        if self.definitions is None:
            return Fact(
                key=key, kind=Kind.ANY, per_deal=per_deal, source=source, property_name=name
            )
        definition = self.definitions.get(source, {}).get(name)
        if definition is None:
            return None
        kind = property_kind(definition)
        options = definition.options or self.options.get(kind, ())
        if per_deal and name in self.deal_options:
            kind, options = Kind.CHOICE, self.deal_options[name]
        return Fact(
            key=key,
            kind=kind,
            options=options,
            per_deal=per_deal,
            source=source,
            property_name=name,
        )

    def _kinds(self) -> Mapping[str, Kind]:
        includes_contacts = (
            self.object_type is ObjectType.CONTACTS or self.missing_namespace == "contact"
        )
        rules_kind = {RULES_FACT: Kind.CHOICES} if self.for_rows else {}
        is_scope = self.missing_namespace == "contact"
        return {
            **_COMMON_FACTS,
            **(_CONTACT_FACTS if includes_contacts else {}),
            **(_COMPANY_FACTS if is_scope or not includes_contacts else {}),
            **rules_kind,
        }

    def _sources(self) -> Mapping[str, ObjectType]:
        sources = {"company": ObjectType.COMPANIES, **dict.fromkeys(DEALS, ObjectType.DEALS)}
        if self.object_type is ObjectType.CONTACTS or self.missing_namespace == "contact":
            sources["contact"] = ObjectType.CONTACTS
        return sources

    def unknown_name_message(self, name: str) -> str:
        """Return the message about an unknown name."""
        if name.startswith(ENTERED_PREFIX):
            stages = [option.value for option in self.options.get(Kind.STAGE, ())]
            hint = did_you_mean(name.removeprefix(ENTERED_PREFIX), stages)
            return f"there is no stage {name.removeprefix(ENTERED_PREFIX)!r}{hint}"
        namespace, dot, property_name = name.partition(".")
        source = self._sources().get(namespace)
        if dot and source:
            hint = did_you_mean(property_name, self._known_properties(namespace, source))
            return f"{namespace} has no property {property_name!r}{hint}"
        if namespace == "contact" or name in {"company.stage", "company.contacts"}:
            return f"{name!r} is of contacts, and this rule is not for them alone"
        if name in _COMPANY_FACTS:
            return f"{name!r} is of companies, and this rule is not for them alone"
        known = [*self._kinds(), *self.fixed_names, *(f"{prefix}." for prefix in self._sources())]
        return f"nothing is called {name!r} here{did_you_mean(name, known)}"

    def _known_properties(self, namespace: str, source: ObjectType) -> Sequence[str]:
        built_in = [
            name.removeprefix(f"{namespace}.") for name in self._kinds() if f"{namespace}." in name
        ]
        return [*built_in, *(self.definitions or {}).get(source, {})]


_KINDS_BY_NAME: Final = {STAGE: Kind.STAGE, STATUS: Kind.STATUS, "domain": Kind.DOMAIN}
_KINDS_BY_TYPE: Final = {
    "bool": Kind.YES_NO,
    "number": Kind.NUMBER,
    "date": Kind.TIME,
    "datetime": Kind.TIME,
}


def property_kind(definition: PropertyDefinition) -> Kind:
    """Return the kind of value that a HubSpot property holds."""
    if definition.name in _KINDS_BY_NAME:
        return _KINDS_BY_NAME[definition.name]
    if definition.field_type == "booleancheckbox":
        return Kind.YES_NO
    if definition.type == "enumeration":
        return Kind.CHOICES if definition.field_type == "checkbox" else Kind.CHOICE
    return _KINDS_BY_TYPE.get(definition.type, Kind.TEXT)
