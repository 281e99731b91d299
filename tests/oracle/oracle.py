"""A second opinion: the standard policy once more, in plain Python, straight from its tables.

It looks into the box, not at HubSpot's answers, and knows the whole history of every deal. It
shares no code with the rules that it judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from connector.sandbox.portal import Portal
from connector.sandbox.record import Record

NAMED = (
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
VERDICTS = {"UNQUALIFIED", "BAD_TIMING"}
QUIET = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a portal chooses; everything else is as the standard policy has it."""

    score: str = ""
    excluded_domains: tuple[str, ...] = ()
    excluded_pipelines: tuple[str, ...] = ()
    forms: tuple[str, ...] = ("*demo*", "*contact sales*")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What speaks for a stage: how its deals stand, its forms, its score, its domain."""

    kind: str
    won: int = 0
    open: int = 0
    lost: int = 0
    were_won: bool = False
    lost_at: datetime | None = None
    form: str = ""
    form_at: datetime | None = None
    forms: float = 0
    score: float | None = None
    domain: str = ""

    @property
    def none_runs(self) -> bool:
        return self.open == 0 and self.won == 0

    @property
    def form_since_loss(self) -> bool:
        return bool(self.lost_at and self.form_at and self.form_at > self.lost_at)

    @property
    def form_counts(self) -> bool:
        return bool(self.forms or self.form) and (self.lost == 0 or self.form_since_loss)

    def scores(self, least: float) -> bool:
        return self.score is not None and self.score >= least


class Oracle:
    """Says of every contact and company what it should be."""

    def __init__(self, portal: Portal, choices: Choices) -> None:
        self.portal = portal
        self.choices = choices
        self.now = portal.clock.now()
        self.order = {kind: [one for one, _ in portal.schema.lifecycle[kind]] for kind in KINDS}
        self.deals = {one.id: one for one in portal.records("deals")}

    def everything(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Return stage and lead status of every record, by type and id."""
        return {
            (kind, str(one.id)): self.verdict(kind, one)
            for kind in KINDS
            for one in self.portal.records(kind)
        }

    def verdict(self, kind: str, record: Record) -> tuple[str, str]:
        """Return what stage and lead status a record should have."""
        stage, status = (record.values.get(name, "") for name in ("lifecyclestage", STATUS))
        if stage and stage not in NAMED:
            return stage, status
        evidence = self._evidence(kind, record)
        for _ in range(5):
            before = stage, status
            stage, fired = self._stage(evidence, stage)
            if kind == "contacts" and stage:
                status = self._status(evidence, stage, status, fired)
            if before == (stage, status):
                return before
        raise AssertionError(f"{kind}/{record.id} does not come to rest")

    # The table of stages

    def _stage(self, given: Evidence, stage: str) -> tuple[str, set[str]]:
        """Apply the rules to their own result until nothing changes."""
        fired = set()
        while True:
            rule, target = self._first_rule(given, stage)
            fired.add(rule)
            if target == stage:
                return stage, fired
            stage = target

    def _first_rule(self, given: Evidence, stage: str) -> tuple[str, str]:
        if self._is_own(given.domain):
            return "excluded", "other"
        if given.won:
            wanted = stage if stage == "evangelist" else "customer"
            return "won", self._ahead(given, stage, wanted, by_deal=True)
        if stage == "customer" and given.were_won and given.open:
            return "reopened", "opportunity"
        if given.open:
            wanted = stage if stage == "customer" else "opportunity"
            return "open-deal", self._ahead(given, stage, wanted, by_deal=True)
        if given.lost and (stage == "opportunity" or (stage == "customer" and given.were_won)):
            return "lost", SQL
        lately = given.lost_at and given.lost_at > self.now - QUIET
        if stage and lately and not given.form_since_loss:
            return "quiet", stage
        if given.kind == "contacts":
            return self._by_interest(given, stage)
        return ("blank", "lead") if not stage else ("keep", stage)

    def _by_interest(self, given: Evidence, stage: str) -> tuple[str, str]:
        if (given.form_counts and self._hands_over(given.form)) or given.scores(80):
            return "handover", self._ahead(given, stage, SQL)
        if given.scores(30):
            return "qualified", self._ahead(given, stage, MQL)
        if given.scores(15) or given.form_counts:
            return "converted", self._ahead(given, stage, "lead")
        return ("blank", "lead") if not stage else ("keep", stage)

    def _ahead(self, given: Evidence, stage: str, wanted: str, *, by_deal: bool = False) -> str:
        """Go forward only; out of a parking place only by a deal."""
        if not stage:
            return wanted
        if stage in PARKED:
            return wanted if by_deal else stage
        order = self.order[given.kind]
        return wanted if order.index(wanted) > order.index(stage) else stage

    def _hands_over(self, form: str) -> bool:
        return any(fnmatchcase(form.lower(), one.lower()) for one in self.choices.forms)

    def _is_own(self, domain: str) -> bool:
        return any(
            domain == one or domain.endswith(f".{one}") for one in self.choices.excluded_domains
        )

    # The table of lead statuses

    def _status(self, given: Evidence, stage: str, status: str, fired: set[str]) -> str:
        if stage == SQL:
            return self._status_of_lead(given, status, fired)
        if stage == "opportunity":
            if given.open:
                return "OPEN_DEAL"
            return "" if status == "OPEN_DEAL" else status
        order = self.order["contacts"]
        before_sql = stage not in PARKED and order.index(stage) < order.index(SQL)
        return status if before_sql and status in VERDICTS else ""

    def _status_of_lead(self, given: Evidence, status: str, fired: set[str]) -> str:
        lost_for_good = bool(given.lost) and given.none_runs and not given.form_since_loss
        if "lost" in fired or (status in {"", "OPEN_DEAL"} and lost_for_good):
            return "BAD_TIMING"
        if status == "" or (status == "OPEN_DEAL" and not given.open):
            return "NEW"
        if status == "BAD_TIMING" and given.form_since_loss:
            return "NEW"
        return status

    # What the box knows

    def _evidence(self, kind: str, record: Record) -> Evidence:
        states = [(deal, self._state(deal)) for deal in self._deals_of(kind, record)]
        lost = [self._since(deal) for deal, state in states if state == "lost"]
        values = record.values
        contact = kind == "contacts"
        return Evidence(
            kind=kind,
            won=sum(state == "won" for _, state in states),
            open=sum(state == "open" for _, state in states),
            lost=len(lost),
            were_won=any(self._was_won(deal) for deal, state in states if state != "won"),
            lost_at=max(lost, default=None),
            form=values.get("recent_conversion_event_name", "") if contact else "",
            form_at=_time(values.get("recent_conversion_date", "")) if contact else None,
            forms=_number(values.get("num_conversion_events", "")) or 0,
            score=_number(values.get(self.choices.score, "")) if contact else None,
            domain=_domain(values.get("email" if contact else "domain", "")),
        )

    def _deals_of(self, kind: str, record: Record) -> list[Record]:
        links = self.portal.links.of(kind, record.id, "deals")
        return [
            self.deals[number]
            for number, link in links.items()
            if number in self.deals
            and self.deals[number].values.get("pipeline") not in self.choices.excluded_pipelines
            and (kind == "contacts" or link.primary or not self._has_primary(number))
        ]

    def _has_primary(self, deal: int) -> bool:
        return any(one.primary for one in self.portal.links.of("deals", deal, "companies").values())

    def _state(self, deal: Record) -> str:
        return self._means(deal.values.get("dealstage", ""))

    def _means(self, stage_id: str) -> str:
        for line in self.portal.schema.pipelines.values():
            for stage in line.stages:
                if stage.id == stage_id:
                    if stage.closed is False:
                        return "open"
                    ends = {1.0: "won", 0.0: "lost"}
                    return ends.get(stage.probability, "neither" if stage.closed else "open")  # type: ignore[arg-type]  # None is no key
        raise AssertionError(f"no pipeline lists {stage_id}")

    def _was_won(self, deal: Record) -> bool:
        return any(
            self._means(one.value) == "won" for one in deal.history("dealstage") if one.value
        )

    def _since(self, deal: Record) -> datetime:
        """Return when a deal entered its present stage."""
        since = 0
        for one in deal.history("dealstage"):
            if one.value != deal.values["dealstage"]:
                since = 0
            elif not since:
                since = one.at
        return datetime.fromtimestamp(since / 1000, self.now.tzinfo)


KINDS = ("contacts", "companies")
STATUS = "hs_lead_status"


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _domain(text: str) -> str:
    return text.strip().lower().split("@")[-1].split("://")[-1].split("/")[0]
