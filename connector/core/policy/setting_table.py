"""Define the table of settings: name, type, meaning and default of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.core.policy.setting_type import WEEKDAYS, SettingSpec, SettingType

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
_HANDOVER_FORMS: Final = (
    "demo",
    "contact sales",
    "talk to sales",
    "contact us",
    "contact form",
    "book a meeting",
    "kontakt oss",
    "kontakt os",
    "kontakta oss",
    "kontaktskjema",
    "kontaktformular",
    "ota yhteyttä",
    "yhteydenotto",
)
_TABLE: Final = (
    SettingSpec(
        "stages",
        SettingType.STAGES,
        _STAGES,
        "the stages that the policy names; others are left alone",
    ),
    SettingSpec(
        "aliases", SettingType.ALIASES, (), "stages that count as another one, and are moved there"
    ),
    SettingSpec(
        "parked", SettingType.STAGES, ("other",), "parking places: only deals lead out of them"
    ),
    SettingSpec(
        "default_stage", SettingType.STAGE, ("lead",), "the stage of a contact that has none"
    ),
    SettingSpec(
        "company_default_stage",
        SettingType.STAGE,
        (),
        "the stage of a company that has none; none: it stays blank",
    ),
    SettingSpec(
        "blank_minutes",
        SettingType.NUMBER,
        15.0,
        "how long a stage that another program cleared is left to it",
    ),
    SettingSpec(
        "scope", SettingType.CONDITION, (), "records for which this does not hold are never touched"
    ),
    SettingSpec(
        "deals.pipelines.include", SettingType.PIPELINES, (), "only deals of these count; none: all"
    ),
    SettingSpec("deals.pipelines.exclude", SettingType.PIPELINES, (), "deals of these never count"),
    SettingSpec(
        "deals.labels",
        SettingType.TEXTS,
        (),
        "contacts count for a deal with these labels; none: all",
    ),
    SettingSpec("exclude.domains", SettingType.DOMAINS, (), "own staff and partners, by domain"),
    SettingSpec(
        "exclude.stage", SettingType.STAGE, ("other",), "where own staff and partners belong"
    ),
    SettingSpec(
        "score.property", SettingType.PROPERTY, (), "the number property that holds the lead score"
    ),
    SettingSpec(
        "handover.forms",
        SettingType.TEXTS,
        _HANDOVER_FORMS,
        "forms that ask for sales: whole words, or `*` for anything",
    ),
    SettingSpec(
        "handover.days",
        SettingType.NUMBER,
        90.0,
        "how old such a form may be, in days",
    ),
    SettingSpec(
        "handover.score", SettingType.NUMBER, 80.0, "the score that makes a record sales-ready"
    ),
    SettingSpec(
        "qualified.score",
        SettingType.NUMBER,
        30.0,
        "the score that makes a record marketing-qualified",
    ),
    SettingSpec(
        "converted.score", SettingType.NUMBER, 15.0, "the score that makes a record a lead"
    ),
    SettingSpec(
        "subscribed.forms",
        SettingType.TEXTS,
        ("newsletter", "blog", "nyhetsbrev", "nyhedsbrev", "uutiskirje"),
        "forms that only subscribe: whole words, or `*` for anything",
    ),
    SettingSpec(
        "after_lost.stage",
        SettingType.STAGE,
        _SQL,
        "where an opportunity goes when its deal is lost",
    ),
    SettingSpec(
        "after_lost.customer_stage",
        SettingType.STAGE,
        ("$after_lost.stage",),
        "where a customer goes when the deal is lost after all",
    ),
    SettingSpec(
        "after_lost.lead_status",
        SettingType.STATUS,
        ("BAD_TIMING",),
        "the lead status after a loss",
    ),
    SettingSpec(
        "after_lost.quiet_days",
        SettingType.NUMBER,
        90.0,
        "how long a loss keeps the record as it is",
    ),
    SettingSpec(
        "lead_status.applies_to", SettingType.STAGES, _SQL, "the stages that carry a lead status"
    ),
    SettingSpec(
        "lead_status.verdicts",
        SettingType.STATUSES,
        ("UNQUALIFIED", "BAD_TIMING"),
        "a seller's verdicts: where a person set one, only newer evidence moves the contact",
    ),
    SettingSpec(
        "lead_status.outside",
        SettingType.CHOICE,
        ("keep-by-hand",),
        "a lead status that a person set on any other stage: keep it, or clear it",
        ("keep-by-hand", "clear"),
    ),
    SettingSpec(
        "lead_status.from",
        SettingType.CHOICE,
        ("rules",),
        "what says the lead status: the rules alone, or first the stage of the contact's lead",
        ("rules", "leads"),
    ),
    SettingSpec(
        "leads.statuses",
        SettingType.LEAD_STATUSES,
        (
            *("new-stage-id", "NEW"),
            *("attempting-stage-id", "ATTEMPTED_TO_CONTACT"),
            *("connected-stage-id", "CONNECTED"),
            *("unqualified-stage-id", "UNQUALIFIED"),
        ),
        "the lead status that a stage of HubSpot's leads means, such as Attempting: OPEN",
    ),
    SettingSpec(
        "leads.closed",
        SettingType.LEAD_STAGES,
        ("qualified-stage-id", "unqualified-stage-id"),
        "the stages in which nobody works on a lead any more",
    ),
    SettingSpec(
        "on_deal",
        SettingType.CHOICE,
        ("closing",),
        "the lead status while a deal is open: OPEN_DEAL (closing), or none (blank)",
        ("closing", "blank"),
    ),
    SettingSpec(
        "after_won",
        SettingType.STATUS,
        ("clear",),
        "the lead status of a customer, where it closes",
    ),
    SettingSpec(
        "subscription.property", SettingType.PROPERTY, (), "the contact property of a subscription"
    ),
    SettingSpec(
        "subscription.trial", SettingType.TEXTS, ("trial", "trialing"), "its values on trial"
    ),
    SettingSpec(
        "subscription.active", SettingType.TEXTS, ("active", "past_due"), "its values while it runs"
    ),
    SettingSpec(
        "subscription.ended",
        SettingType.TEXTS,
        ("canceled", "cancelled", "expired", "ended"),
        "its values once it has ended",
    ),
    SettingSpec(
        "churn.practice",
        SettingType.CHOICE,
        ("keep-customer",),
        "what becomes of a customer whose subscription ended",
        ("keep-customer", "custom-stage", "back-to-sales"),
    ),
    SettingSpec(
        "churn.stage", SettingType.STAGE, ("$after_lost.stage",), "the custom stage of who has left"
    ),
    SettingSpec(
        "churn.mark",
        SettingType.PROPERTY,
        (),
        "the yes-or-no property of contacts that marks a former customer",
    ),
    SettingSpec(
        "churn.company_mark",
        SettingType.PROPERTY,
        (),
        "the yes-or-no property of companies that marks a former customer",
    ),
    SettingSpec(
        "churn.ended_at",
        SettingType.PROPERTY,
        (),
        "the date property of a contract's end, such as deal.contract_end",
    ),
    SettingSpec(
        "churn.pipelines",
        SettingType.PIPELINES,
        (),
        "a deal that is lost in these (renewals) makes its customer a former one",
    ),
    SettingSpec(
        "recycle.days",
        SettingType.NUMBER,
        180.0,
        "after how many days without a touch a sales-ready contact goes back",
    ),
    SettingSpec(
        "recycle.stage", SettingType.STAGE, ("lead",), "where a contact goes that sales gives back"
    ),
    SettingSpec(
        "recycle.verdict_days",
        SettingType.NUMBER,
        30.0,
        "after how many days a disqualified contact leaves the sales-ready ones",
    ),
    SettingSpec(
        "recycle.cold_days",
        SettingType.NUMBER,
        365.0,
        "after how many days a marketing-qualified contact is cold",
    ),
    SettingSpec(
        "commerce.last_order",
        SettingType.PROPERTY,
        (),
        "the contact property with the date of the last order",
    ),
    SettingSpec(
        "commerce.lapsed_days",
        SettingType.NUMBER,
        365.0,
        "after how many days without an order a customer has lapsed",
    ),
    SettingSpec(
        "follow_up.days", SettingType.NUMBER, 5.0, "after how many days a contact is overlooked"
    ),
    SettingSpec(
        "follow_up.terms",
        SettingType.TERMS,
        (),
        "the same for single stages, such as marketingqualifiedlead: 14 days",
    ),
    SettingSpec(
        "follow_up.workdays",
        SettingType.CHOICES,
        (),
        "the weekdays that count for these terms; none: all",
        WEEKDAYS,
    ),
    SettingSpec(
        "follow_up.hours",
        SettingType.HOURS,
        (),
        "the hours that count and are one day, such as 08:00-16:00; none: the whole day",
    ),
    SettingSpec(
        "follow_up.holidays",
        SettingType.COUNTRY,
        (),
        "the country, or part of it, whose public holidays do not count, such as NO or DE-BY",
    ),
    SettingSpec(
        "follow_up.fit",
        SettingType.CONDITION,
        (),
        "marketing-qualified contacts for which this holds count as well",
    ),
    SettingSpec(
        "follow_up.statuses",
        SettingType.STATUSES,
        ("NEW",),
        "lead statuses that nobody has worked on",
    ),
    SettingSpec(
        "follow_up.activity",
        SettingType.PROPERTY,
        (),
        "the date property of a contact's last activity",
    ),
    SettingSpec("follow_up.tasks", SettingType.FLAG, False, "whether owners get a task in HubSpot"),  # noqa: FBT003 - a column of a table
    SettingSpec(
        "follow_up.limit", SettingType.NUMBER, 20.0, "how many such tasks are created in a day"
    ),
    SettingSpec("hold_days", SettingType.NUMBER, 30.0, "how long a person's edit is held"),
    SettingSpec(
        "hold.imports",
        SettingType.FLAG,
        False,  # noqa: FBT003 - the default, in the table's column
        "whether an import counts as a person's edit",
    ),
    SettingSpec(
        "company_sync.mode",
        SettingType.CHOICE,
        ("off",),
        "whether contacts and companies follow each other",
        ("off", "primary", "roll-up", "both"),
    ),
    SettingSpec(
        "company_sync.max_contacts", SettingType.NUMBER, 50.0, "larger companies are not synced"
    ),
    SettingSpec(
        "company_sync.except",
        SettingType.TEXTS,
        (),
        "companies that are not synced, by id or domain",
    ),
    SettingSpec(
        "company_sync.contacts_to",
        SettingType.STAGE,
        ("opportunity",),
        "no contact follows its company further than this: a customer is who is on a won deal",
    ),
    SettingSpec(
        "company_sync.companies_to",
        SettingType.STAGE,
        ("customer",),
        "no company follows its contacts further than this",
    ),
    SettingSpec(
        "company_sync.native",
        SettingType.CHOICE,
        ("unknown",),
        "whether HubSpot's own sync of companies to contacts is on",
        ("unknown", "on", "off"),
    ),
    SettingSpec("limits.always", SettingType.NUMBER, 100.0, "corrections a day that always pass"),
    SettingSpec(
        "limits.day_share", SettingType.SHARE, 0.20, "the share that may be corrected in a day"
    ),
    SettingSpec(
        "limits.day_backward_share",
        SettingType.SHARE,
        0.05,
        "the share that may go backward in a day",
    ),
    SettingSpec(
        "limits.hour_share", SettingType.SHARE, 0.20, "the share that may be corrected in an hour"
    ),
    SettingSpec(
        "limits.hour_backward_share",
        SettingType.SHARE,
        0.05,
        "the share that may go back in an hour",
    ),
    SettingSpec(
        "limits.company", SettingType.NUMBER, 100.0, "contacts of one company corrected in a day"
    ),
    SettingSpec(
        "limits.first_use",
        SettingType.NUMBER,
        10.0,
        "records that a rule corrects unasked before its first reviewed plan",
    ),
    SettingSpec("limits.canary", SettingType.NUMBER, 25.0, "how many of a large plan go first"),
)
SETTING_SPECS: Final[Mapping[str, SettingSpec]] = {spec.name: spec for spec in _TABLE}
