"""Define the bound policy: internal values, compiled conditions, stage orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from connector.core.conditions.compile_condition import CompiledCondition
from connector.core.conditions.text_patterns import TextPattern
from connector.core.conditions.values import Value, Values
from connector.core.conditions.vocabulary import Fact
from connector.core.deals import DealPipelines
from connector.core.leads import LeadStages
from connector.core.model import ObjectType
from connector.core.policy.load import Policy
from connector.core.policy.rule import RuleDirection

Render: TypeAlias = Callable[[Values], str]
Parse: TypeAlias = Callable[[str | None], Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyReader:
    """The reader of a fact from a HubSpot property; `namespace` is the first part of its key."""

    key: str
    namespace: str
    property_name: str
    parse: Parse


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundEntry:
    """A rule or row in one portal: `targets` maps the stage to where it leads, None keeps.

    `reason_facts` are the facts that its reason names; `followed_fact` is the fact that holds the
    stage to which it leads, "" where the policy itself names the stage.
    """

    name: str
    when: CompiledCondition
    targets: Mapping[str, str | None]
    otherwise: str | None
    reason: Render
    reason_facts: tuple[Fact, ...] = ()
    followed_fact: str = ""

    def target_for(self, stage: str, values: Values) -> str | None:
        """Return the target for a record in this stage, None to keep what it has."""
        if self.followed_fact:
            target = values.get(self.followed_fact)
            return target if isinstance(target, str) else None
        return self.targets.get(stage, self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRule(BoundEntry):
    """A rule for the stage; `marks_former_customer` writes the mark before it moves."""

    direction: RuleDirection
    from_parked: bool
    marks_former_customer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepingRule:
    """A rule or row that has no effect in this portal, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPolicy:
    """A policy for one object type: contacts or companies.

    `order` ranks every stage of the portal, `path` those that are not parked.
    `past_win_stages` holds the stages in which it matters whether a deal was won once (None: all).
    `follow_up_fit` says of contacts which count as overlooked before sales took them over.
    `stage_history_stages` are likewise those in which the history of the stage matters, and
    `entered_stages` the stages whose last entry the policy names. `uses_status_author` and
    `uses_status_time` say whether it matters who set the lead status, and when.
    """

    object_type: ObjectType
    labels: Mapping[str, str]
    status_labels: Mapping[str, str]
    order: Mapping[str, int]
    path: Mapping[str, int]
    named_stages: frozenset[str]
    parked_stages: frozenset[str]
    aliases: Mapping[str, str]
    scope: CompiledCondition | None
    follow_up_fit: CompiledCondition | None
    rules: tuple[BoundRule, ...]
    rows: tuple[BoundEntry, ...]
    sleeping_rules: tuple[SleepingRule, ...]
    due_times: tuple[Callable[[Values], datetime | None], ...]
    readers: tuple[PropertyReader, ...]
    past_win_stages: frozenset[str] | None
    uses_losses: bool
    stage_history_stages: frozenset[str] | None = frozenset()
    entered_stages: tuple[str, ...] = ()
    uses_status_author: bool = False
    uses_status_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundPolicy:
    """A policy bound to one portal.

    `digest` changes whenever the policy, or anything that it uses of the portal, changes.
    `mark_properties` names the property that marks a former customer, for the object types that
    have one. `contract_end` reads when a contract ended, of contacts, companies or deals.
    `uses_company_groups` says that contacts are decided together with their companies.
    """

    policy: Policy
    portal_id: str
    zone: ZoneInfo
    digest: str
    warnings: tuple[str, ...]
    object_policies: Mapping[ObjectType, ObjectPolicy]
    deal_pipelines: DealPipelines
    labels: frozenset[str]
    score_property: str
    subscription_forms: TextPattern
    subscription_property: str = ""
    mark_properties: Mapping[ObjectType, str] = field(default_factory=dict)
    activity_property: str = ""
    last_order_property: str = ""
    contract_end: PropertyReader | None = None
    churn_pipelines: frozenset[str] = frozenset()
    excluded_domains: frozenset[str] = frozenset()
    uses_company_groups: bool = False
    lead_stages: LeadStages = field(default_factory=LeadStages)

    @property
    def uses_leads(self) -> bool:
        """Return whether HubSpot's leads are evidence."""
        return self.policy.uses_leads

    @property
    def name(self) -> str:
        """Return the policy's name."""
        return self.policy.name
