"""Build records, deals and bound policies for the tests of the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.binding.bound_policy import BoundPolicy
from connector.core.deals import Deal
from connector.core.decide.facts import Facts, read_policy_deal, record_facts
from connector.core.lint.default_portal import STAGES, STATUSES, default_portal, definition, options
from connector.core.model import (
    STAGE,
    STATUS,
    ObjectType,
    Pipeline,
    Portal,
    Record,
    Ref,
    Version,
)
from connector.core.policy.load import Policy, load_policy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CREATED = datetime(2025, 1, 1, tzinfo=UTC)
POLICY_WITH_SCORE = "extends: standard\nsettings:\n  score: {property: score}\n"


def portal(
    *,
    stages: dict[str, str] | None = None,
    statuses: dict[str, str] | None = None,
    pipelines: Sequence[Pipeline] = (),
    time_zone: str = "Europe/Oslo",
) -> Portal:
    """Return a portal with properties of every type."""
    return default_portal(
        stages=STAGES if stages is None else stages,
        statuses=STATUSES if statuses is None else statuses,
        pipelines=pipelines,
        time_zone=time_zone,
        extra_properties={
            ObjectType.CONTACTS: (
                definition("score", "number"),
                definition("country"),
                definition("birthday", "date"),
                definition("seen_at", "datetime"),
                definition("vip", "bool"),
                definition("agreed", "enumeration", field_type="booleancheckbox"),
                definition(
                    "interests",
                    "enumeration",
                    field_type="checkbox",
                    options=options({"a": "Alpha", "b": "Beta"}),
                ),
                definition(
                    "tier", "enumeration", field_type="select", options=options({"1": "Gold"})
                ),
            ),
            ObjectType.COMPANIES: (
                definition("contract_end", "date"),
                definition("country"),
            ),
            ObjectType.DEALS: (
                definition("amount", "number"),
                definition("renewal", "date"),
                definition("hs_v2_date_entered_closedlost", "datetime"),
                definition("hs_v2_date_entered_current_stage", "datetime"),
            ),
        },
    )


def parse_policy(text: str = POLICY_WITH_SCORE) -> Policy:
    """Return a customer's policy."""
    return load_policy(text, source="policy.yaml", preset_text=presets.policy_text)


def bind_policy(text: str = POLICY_WITH_SCORE, in_portal: Portal | None = None) -> BoundPolicy:
    """Return a customer's policy in a portal."""
    return bind(parse_policy(text), in_portal or portal())


def policy_with_rule(when: str, *, stage: str = "other", extra: str = "") -> str:
    """Return a policy with one rule of its own, which goes before the standard ones."""
    condition = when.replace("'", "''")
    return (
        f"{POLICY_WITH_SCORE}rules:\n  - name: mine\n    when: '{condition}'\n    stage: {stage}\n"
        f"    direction: any\n    reason: mine\n{extra}"
    )


def contact(stage: str = "", status: str = "", number: str = "1", **properties: str) -> Record:
    """Return a contact with every property that the portal defines."""
    return _record(ObjectType.CONTACTS, number, {STAGE: stage, STATUS: status, **properties})


def with_status_by(source: str, record: Record, *, at: datetime = CREATED) -> Record:
    """Return a record whose lead status was set by such a source."""
    version = Version(value=record.value(STATUS), at=at, source_type=source)
    return replace(record, history={**record.history, STATUS: (version,)})


def company(stage: str = "", number: str = "1", **properties: str) -> Record:
    """Return a company with every property that the portal defines."""
    return _record(ObjectType.COMPANIES, number, {STAGE: stage, **properties})


def deal_record(stage: str, number: str = "9", **properties: str) -> Record:
    """Return a deal's record with every property that the portal defines."""
    return _record(
        ObjectType.DEALS, number, {"dealstage": stage, "pipeline": "default", **properties}
    )


def _record(object_type: ObjectType, number: str, values: dict[str, str]) -> Record:
    blank_properties: dict[str, str | None] = dict.fromkeys(portal().definitions[object_type])
    return Record(
        ref=Ref(object_type, number),
        properties={**blank_properties, **{name: value or None for name, value in values.items()}},
        modified_at=NOW,
        created_at=CREATED,
    )


def stage_history(*stages: tuple[str, str]) -> tuple[Version, ...]:
    """Return a history: each stage with the day when it was entered."""
    return tuple(
        Version(value=stage, at=utc_day(day), source_type="CRM_UI") for stage, day in stages
    )


def utc_day(day: str) -> datetime:
    """Return the beginning of a day, UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def won_deal(number: str = "9", at: str = "2026-03-01") -> tuple[Record, tuple[Version, ...]]:
    """Return a won deal with its history."""
    return deal_record("closedwon", number), stage_history(("closedwon", at))


def lost_deal(number: str = "9", at: str = "2026-05-01") -> tuple[Record, tuple[Version, ...]]:
    """Return a lost deal with its history."""
    return deal_record("closedlost", number), stage_history(("closedlost", at))


def open_deal(number: str = "9", at: str = "2026-04-02") -> tuple[Record, tuple[Version, ...]]:
    """Return an open deal with its history."""
    return deal_record("contractsent", number), stage_history(("contractsent", at))


def reopened_deal(number: str = "9") -> tuple[Record, tuple[Version, ...]]:
    """Return a deal that was won, and is open again."""
    return deal_record("contractsent", number), stage_history(
        ("closedwon", "2026-03-01"), ("contractsent", "2026-04-02")
    )


def facts_about(
    bound_policy: BoundPolicy,
    record: Record,
    *deals: tuple[Record, tuple[Version, ...]],
    company: Record | None = None,
    now: datetime = NOW,
) -> Facts:
    """Return the facts about a record with these deals."""
    return record_facts(
        bound_policy, record, read_deals(bound_policy, *deals, now=now), company=company, now=now
    )


def read_deals(
    bound_policy: BoundPolicy,
    *deals: tuple[Record, tuple[Version, ...]],
    now: datetime = NOW,
) -> list[Deal]:
    """Return deals as evidence."""
    return [read_policy_deal(bound_policy, record, history, now=now) for record, history in deals]
