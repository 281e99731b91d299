"""Decide the standard policy a second time, in plain Python, independent of the product.

It looks into the sandbox itself, not at its answers, and knows the whole history of every deal,
stage and lead status. It shares no code with the rules that it judges.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.record import Record

KNOWN_STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
PARKED = {"other"}
SQL, MQL = "salesqualifiedlead", "marketingqualifiedlead"
DISQUALIFYING_STATUSES = {"UNQUALIFIED", "BAD_TIMING"}
QUIET_PERIOD = timedelta(days=90)
HANDOVER_PERIOD = timedelta(days=90)
BLANK_PERIOD = timedelta(minutes=15)
HANDOVER_FORMS = (
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
SUBSCRIPTION_FORMS = ("newsletter", "blog", "nyhetsbrev", "nyhedsbrev", "uutiskirje")
PERSON_SOURCES = {"CRM_UI", "CRM_UI_BULK_ACTION", "MOBILE_IOS", "MOBILE_ANDROID"}


@dataclass(frozen=True, kw_only=True)
class OracleSettings:
    """What a portal chooses; everything else is as the standard policy has it."""

    score: str = ""
    excluded_domains: tuple[str, ...] = ()
    excluded_pipelines: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What speaks for a stage: deals, forms, score, domain, and who set the lead status."""

    object_type: str
    won_deals: int = 0
    open_deals: int = 0
    lost_deals: int = 0
    had_won_deal: bool = False
    lost_at: datetime | None = None
    first_form: str = ""
    last_form: str = ""
    last_form_at: datetime | None = None
    form_count: float | None = None
    score: float | None = None
    domain: str = ""
    status_by_person: bool = False
    status_at: datetime | None = None

    @property
    def has_no_open_or_won_deal(self) -> bool:
        return self.open_deals == 0 and self.won_deals == 0

    @property
    def form_since_loss(self) -> bool:
        return bool(self.lost_at and self.last_form_at and self.last_form_at > self.lost_at)

    @property
    def form_since_status(self) -> bool:
        return bool(self.status_at and self.last_form_at and self.last_form_at > self.status_at)

    @property
    def form_is_evidence(self) -> bool:
        return bool(self.form_count or self.last_form) and (
            self.lost_deals == 0 or self.form_since_loss
        )

    @property
    def forms_only_subscribe(self) -> bool:
        """Return whether there are at most two forms, and both of them subscribe."""
        if not has_words(self.last_form, SUBSCRIPTION_FORMS) or (self.form_count or 1) > 2:
            return False
        if self.form_count == 1:
            return True
        # Without a count, what is not named was not filled in.
        if not self.first_form:
            return self.form_count != 2
        return has_words(self.first_form, SUBSCRIPTION_FORMS)

    def has_score_of(self, minimum: float) -> bool:
        return self.score is not None and self.score >= minimum


def has_words(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether one of the patterns stands in a form's name, word for word."""
    words = " " + " ".join(_words(name)) + " "
    return any(" " + " ".join(_words(pattern)) + " " in words for pattern in patterns)


def _words(text: str) -> list[str]:
    letters = [
        letter if letter.isalnum() else " "
        for letter in unicodedata.normalize("NFD", text.lower())
        if not unicodedata.combining(letter)
    ]
    return "".join(letters).split()


class Oracle:
    """Decides what every contact and company should be."""

    def __init__(self, portal: Portal, settings: OracleSettings) -> None:
        self.portal = portal
        self.settings = settings
        self.now = portal.clock.now()
        self.order = {
            object_type: [stage for stage, _ in portal.schema.lifecycle_stages[object_type]]
            for object_type in OBJECT_TYPES
        }
        self.deals = {deal.id: deal for deal in portal.records("deals")}

    def expected_values(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Return stage and lead status of every record, by type and id."""
        return {
            (object_type, str(record.id)): self.expected_stage_and_status(object_type, record)
            for object_type in OBJECT_TYPES
            for record in self.portal.records(object_type)
        }

    def expected_stage_and_status(self, object_type: str, record: Record) -> tuple[str, str]:
        """Return what stage and lead status a record should have."""
        stage, status = (record.values.get(name, "") for name in ("lifecyclestage", LEAD_STATUS))
        if stage and stage not in KNOWN_STAGES:
            return stage, status
        evidence = self._evidence_of(object_type, record)
        for _ in range(5):
            before = stage, status
            stage, applied_rules = self._expected_stage(evidence, stage, status)
            if not before[0] and self._is_left_blank(record, applied_rules):
                return "", status
            if object_type == "contacts" and stage:
                status = self._expected_status(evidence, stage, status, applied_rules)
            if before == (stage, status):
                return before
            if status != before[1]:
                # What the connector sets is no seller's word.
                evidence = replace(evidence, status_by_person=False, status_at=None)
        raise AssertionError(f"{object_type}/{record.id} does not come to rest")

    def _is_left_blank(self, record: Record, applied_rules: set[str]) -> bool:
        """Return whether another program may soon set the stage that it cleared or left out."""
        versions = record.history("lifecyclestage")
        if not versions:
            return "blank" in applied_rules and self._age(record.created) < BLANK_PERIOD
        clear = versions[-1]
        by_program = clear.source.type not in PERSON_SOURCES
        return by_program and self._age(clear.at) < BLANK_PERIOD

    def _age(self, at: int) -> timedelta:
        return self.now - datetime.fromtimestamp(at / 1000, self.now.tzinfo)

    # The table of stages

    def _expected_stage(self, evidence: Evidence, stage: str, status: str) -> tuple[str, set[str]]:
        """Apply the rules to their own result until nothing changes."""
        applied_rules: set[str] = set()
        while True:
            rule, target = self._first_rule(evidence, stage, status)
            applied_rules.add(rule)
            if target == stage:
                return stage, applied_rules
            stage = target

    def _first_rule(self, evidence: Evidence, stage: str, status: str) -> tuple[str, str]:
        if self._is_excluded_domain(evidence.domain):
            return "excluded", "other"
        if evidence.won_deals:
            target = stage if stage == "evangelist" else "customer"
            return "won", self._forward_target(evidence, stage, target, by_deal=True)
        if stage == "customer" and evidence.had_won_deal and evidence.open_deals:
            return "reopened", "opportunity"
        if evidence.open_deals:
            target = stage if stage == "customer" else "opportunity"
            return "open-deal", self._forward_target(evidence, stage, target, by_deal=True)
        if evidence.lost_deals and (
            stage == "opportunity" or (stage == "customer" and evidence.had_won_deal)
        ):
            return "lost", SQL
        lost_recently = evidence.lost_at and evidence.lost_at > self.now - QUIET_PERIOD
        if (
            stage
            and lost_recently
            and not evidence.form_since_loss
            and (evidence.has_no_open_or_won_deal)
        ):
            return "quiet", stage
        if evidence.object_type == "contacts":
            return self._rule_by_interest(evidence, stage, status)
        return "keep", stage  # a company without a stage stays so

    def _rule_by_interest(self, evidence: Evidence, stage: str, status: str) -> tuple[str, str]:
        if (
            stage
            and status in DISQUALIFYING_STATUSES
            and evidence.status_by_person
            and not evidence.form_since_status
        ):
            return "verdict", stage
        if self._is_handed_over(evidence) or evidence.has_score_of(80):
            return "handover", self._forward_target(evidence, stage, SQL)
        if evidence.has_score_of(30):
            return "qualified", self._forward_target(evidence, stage, MQL)
        is_subscription = evidence.forms_only_subscribe
        if evidence.has_score_of(15) or (evidence.form_is_evidence and not is_subscription):
            return "converted", self._forward_target(evidence, stage, "lead")
        if evidence.form_is_evidence:
            return "subscribed", self._forward_target(evidence, stage, "subscriber")
        return ("blank", "lead") if not stage else ("keep", stage)

    def _is_handed_over(self, evidence: Evidence) -> bool:
        """Return whether the latest form asks for sales, and is not too old."""
        at = evidence.last_form_at
        return (
            evidence.form_is_evidence
            and at is not None
            and self.now - at <= HANDOVER_PERIOD
            and has_words(evidence.last_form, HANDOVER_FORMS)
        )

    def _forward_target(
        self, evidence: Evidence, stage: str, target: str, *, by_deal: bool = False
    ) -> str:
        """Go forward only; out of a parking place only by a deal."""
        if not stage:
            return target
        if stage in PARKED:
            return target if by_deal else stage
        order = self.order[evidence.object_type]
        return target if order.index(target) > order.index(stage) else stage

    def _is_excluded_domain(self, domain: str) -> bool:
        return any(
            domain == excluded or domain.endswith(f".{excluded}")
            for excluded in self.settings.excluded_domains
        )

    # The table of lead statuses

    def _expected_status(
        self, evidence: Evidence, stage: str, status: str, applied_rules: set[str]
    ) -> str:
        if stage == SQL:
            return self._expected_sql_status(evidence, status, applied_rules)
        if stage == "opportunity":
            if evidence.open_deals:
                return "OPEN_DEAL"
            return "" if status == "OPEN_DEAL" else status
        if stage in {"customer", "evangelist"}:
            return ""
        order = self.order["contacts"]
        before_sql = stage not in PARKED and order.index(stage) < order.index(SQL)
        if before_sql and status in DISQUALIFYING_STATUSES:
            return status
        return status if evidence.status_by_person else ""

    def _expected_sql_status(self, evidence: Evidence, status: str, applied_rules: set[str]) -> str:
        lost_for_good = (
            bool(evidence.lost_deals)
            and evidence.has_no_open_or_won_deal
            and not evidence.form_since_loss
        )
        if "lost" in applied_rules or (status in {"", "OPEN_DEAL"} and lost_for_good):
            return "BAD_TIMING"
        if status == "" or (status == "OPEN_DEAL" and not evidence.open_deals):
            return "NEW"
        if status == "BAD_TIMING" and evidence.form_since_loss:
            return "NEW"
        return status

    # What the sandbox knows

    def _evidence_of(self, object_type: str, record: Record) -> Evidence:
        states = [(deal, self._deal_state(deal)) for deal in self._deals_of(object_type, record)]
        lost_times = [self._entered_stage_at(deal) for deal, state in states if state == "lost"]
        values = record.values
        is_contact = object_type == "contacts"
        status_versions = record.history(LEAD_STATUS) if values.get(LEAD_STATUS) else []
        return Evidence(
            object_type=object_type,
            won_deals=sum(state == "won" for _, state in states),
            open_deals=sum(state == "open" for _, state in states),
            lost_deals=len(lost_times),
            had_won_deal=any(self._was_won(deal) for deal, state in states if state != "won"),
            lost_at=max(lost_times, default=None),
            last_form=values.get("recent_conversion_event_name", "") if is_contact else "",
            last_form_at=_parse_time(values.get("recent_conversion_date", ""))
            if is_contact
            else None,
            first_form=values.get("first_conversion_event_name", "") if is_contact else "",
            form_count=_parse_number(values.get("num_conversion_events", "")),
            status_by_person=bool(status_versions)
            and status_versions[-1].source.type in PERSON_SOURCES,
            status_at=datetime.fromtimestamp(status_versions[-1].at / 1000, self.now.tzinfo)
            if status_versions
            else None,
            score=_parse_number(values.get(self.settings.score, "")) if is_contact else None,
            domain=_normalize_domain(values.get("email" if is_contact else "domain", "")),
        )

    def _deals_of(self, object_type: str, record: Record) -> list[Record]:
        links = self.portal.links.of(object_type, record.id, "deals")
        return [
            self.deals[deal_id]
            for deal_id, link in links.items()
            if deal_id in self.deals
            and self.deals[deal_id].values.get("pipeline") not in self.settings.excluded_pipelines
            and (object_type == "contacts" or link.primary or not self._has_primary(deal_id))
        ]

    def _has_primary(self, deal_id: int) -> bool:
        return any(
            link.primary for link in self.portal.links.of("deals", deal_id, "companies").values()
        )

    def _deal_state(self, deal: Record) -> str:
        return self._stage_state(deal.values.get("dealstage", ""))

    def _stage_state(self, stage_id: str) -> str:
        for pipeline in self.portal.schema.pipelines.values():
            for stage in pipeline.stages:
                if stage.id == stage_id:
                    if stage.closed is False:
                        return "open"
                    closed_states = {1.0: "won", 0.0: "lost"}
                    return closed_states.get(
                        stage.probability, "neither" if stage.closed else "open"
                    )  # type: ignore[arg-type]  # None is no key
        raise AssertionError(f"no pipeline lists {stage_id}")

    def _was_won(self, deal: Record) -> bool:
        return any(
            self._stage_state(version.value) == "won"
            for version in deal.history("dealstage")
            if version.value
        )

    def _entered_stage_at(self, deal: Record) -> datetime:
        """Return when a deal entered its present stage."""
        entered_at = 0
        for version in deal.history("dealstage"):
            if version.value != deal.values["dealstage"]:
                entered_at = 0
            elif not entered_at:
                entered_at = version.at
        return datetime.fromtimestamp(entered_at / 1000, self.now.tzinfo)


OBJECT_TYPES = ("contacts", "companies")
LEAD_STATUS = "hs_lead_status"


def _parse_time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _normalize_domain(text: str) -> str:
    return text.strip().lower().split("@")[-1].split("://")[-1].split("/")[0]
