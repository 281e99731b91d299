"""The table of settings: what each is called, looks like, means, and is by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class Form(StrEnum):
    """What a setting's value looks like."""

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


LISTS: Final = frozenset({Form.TEXTS, Form.DOMAINS, Form.PIPELINES, Form.STAGES, Form.STATUSES})

Default: TypeAlias = float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """What a setting may be; texts are by default a tuple of words, a single one too."""

    name: str
    form: Form
    default: Default
    meaning: str
    options: tuple[str, ...] = ()


_STAGES: Final = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
_SQL: Final = ("salesqualifiedlead",)
_ALL: Final = (
    Spec("stages", Form.STAGES, _STAGES, "the stages that the policy names; others are left alone"),
    Spec("aliases", Form.ALIASES, (), "stages that count as another one, and are moved there"),
    Spec("parked", Form.STAGES, ("other",), "parking places: only deals lead out of them"),
    Spec("default_stage", Form.STAGE, ("lead",), "the stage of a record that has none"),
    Spec("scope", Form.CONDITION, (), "records for which this does not hold are never touched"),
    Spec("deals.pipelines.include", Form.PIPELINES, (), "only deals of these count; none: all"),
    Spec("deals.pipelines.exclude", Form.PIPELINES, (), "deals of these never count"),
    Spec("deals.labels", Form.TEXTS, (), "contacts count for a deal with these labels; none: all"),
    Spec("exclude.domains", Form.DOMAINS, (), "own staff and partners, by domain"),
    Spec("exclude.stage", Form.STAGE, ("other",), "where own staff and partners belong"),
    Spec("score.property", Form.PROPERTY, (), "the number property that holds the lead score"),
    Spec("handover.forms", Form.TEXTS, ("*demo*", "*contact sales*"), "forms that ask for sales"),
    Spec("handover.score", Form.NUMBER, 80.0, "the score that makes a record sales-ready"),
    Spec("qualified.score", Form.NUMBER, 30.0, "the score that makes a record marketing-qualified"),
    Spec("converted.score", Form.NUMBER, 15.0, "the score that makes a record a lead"),
    Spec("after_lost.stage", Form.STAGE, _SQL, "where an opportunity goes when its deal is lost"),
    Spec(
        "after_lost.customer_stage",
        Form.STAGE,
        ("$after_lost.stage",),
        "where a customer goes when the deal is lost after all",
    ),
    Spec("after_lost.lead_status", Form.STATUS, ("BAD_TIMING",), "the lead status after a loss"),
    Spec("after_lost.quiet_days", Form.NUMBER, 90.0, "how long a loss keeps the record as it is"),
    Spec("lead_status.applies_to", Form.STAGES, _SQL, "the stages that carry a lead status"),
    Spec(
        "lead_status.verdicts",
        Form.STATUSES,
        ("UNQUALIFIED", "BAD_TIMING"),
        "a seller's verdicts, kept on earlier stages too",
    ),
    Spec(
        "on_deal",
        Form.CHOICE,
        ("closing",),
        "the lead status while a deal is open: OPEN_DEAL (closing), or none (blank)",
        ("closing", "blank"),
    ),
    Spec("after_won", Form.STATUS, ("clear",), "the lead status of a customer, where it closes"),
    Spec("subscription.property", Form.PROPERTY, (), "the contact property of a subscription"),
    Spec("subscription.trial", Form.TEXTS, ("trial", "trialing"), "its values on trial"),
    Spec("subscription.active", Form.TEXTS, ("active", "past_due"), "its values while it runs"),
    Spec(
        "subscription.ended",
        Form.TEXTS,
        ("canceled", "cancelled", "expired", "ended"),
        "its values once it has ended",
    ),
    Spec(
        "churn.practice",
        Form.CHOICE,
        ("keep-customer",),
        "what becomes of a customer whose subscription ended",
        ("keep-customer", "custom-stage", "back-to-sales"),
    ),
    Spec("churn.stage", Form.STAGE, ("$after_lost.stage",), "the custom stage of who has left"),
    Spec("churn.mark", Form.PROPERTY, (), "the yes-or-no property that marks a former customer"),
    Spec("follow_up.days", Form.NUMBER, 5.0, "after how many days a contact is overlooked"),
    Spec("follow_up.statuses", Form.STATUSES, ("NEW",), "lead statuses that nobody has worked on"),
    Spec("follow_up.activity", Form.PROPERTY, (), "the date property of a contact's last activity"),
    Spec("follow_up.tasks", Form.FLAG, False, "whether owners get a task in HubSpot"),  # noqa: FBT003 - a column of a table
    Spec("follow_up.limit", Form.NUMBER, 20.0, "how many such tasks are created in a day"),
    Spec("hold_days", Form.NUMBER, 30.0, "how long a person's edit is held"),
    Spec("hold.imports", Form.FLAG, False, "whether an import counts as a person's edit"),  # noqa: FBT003 - a column of a table
    Spec(
        "company_sync.mode",
        Form.CHOICE,
        ("off",),
        "whether contacts and companies follow each other",
        ("off", "primary", "roll-up", "both"),
    ),
    Spec("company_sync.max_contacts", Form.NUMBER, 50.0, "larger companies are not synced"),
    Spec("company_sync.except", Form.TEXTS, (), "companies that are not synced, by id or domain"),
    Spec(
        "company_sync.contacts_to",
        Form.STAGE,
        ("opportunity",),
        "no contact follows its company further than this: a customer is who is on a won deal",
    ),
    Spec(
        "company_sync.companies_to",
        Form.STAGE,
        ("customer",),
        "no company follows its contacts further than this",
    ),
    Spec(
        "company_sync.native",
        Form.CHOICE,
        ("unknown",),
        "whether HubSpot's own sync of companies to contacts is on",
        ("unknown", "on", "off"),
    ),
    Spec("limits.always", Form.NUMBER, 100.0, "corrections a day that always pass"),
    Spec("limits.day_share", Form.SHARE, 0.20, "the share that may be corrected in a day"),
    Spec("limits.day_backward_share", Form.SHARE, 0.05, "the share that may go backward in a day"),
    Spec("limits.hour_share", Form.SHARE, 0.20, "the share that may be corrected in an hour"),
    Spec("limits.hour_backward_share", Form.SHARE, 0.05, "the share that may go back in an hour"),
    Spec("limits.company", Form.NUMBER, 100.0, "contacts of one company corrected in a day"),
    Spec("limits.canary", Form.NUMBER, 25.0, "how many of a large plan go first"),
)
SPECS: Final[Mapping[str, Spec]] = {one.name: one for one in _ALL}
