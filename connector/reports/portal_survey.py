"""Survey a mirrored portal for a first policy: forms, pipelines, stages, statuses, writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from connector.core.conditions.values import parse_domain, parse_time
from connector.core.deals import DealState, read_deal_pipelines, sounds_like_no_sales
from connector.core.model import STAGE, STATUS, Association, ObjectType, Portal, Record, Ref
from connector.reports.offline import ORDER, live_refs
from state import associations, ledger, mirror
from state.db.store import Store
from state.db.transaction import Transaction


@dataclass(slots=True, kw_only=True)
class PipelineUse:
    """What the deals of one pipeline say: how many there are, and whether its contacts buy.

    `contacts` have a deal in it; `buyers` are those of them with a won deal in another pipeline
    that sounds like sales.
    """

    deals: int = 0
    contacts: int = 0
    buyers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What one contact is, without anything that names a person.

    `deals` holds pipeline, deal stage and the days since the deal's last change, for each deal;
    `conversion_days` is how long ago the latest form was, None where that is unknown.
    """

    stage: str
    status: str
    form: str
    first_form: str
    conversions: str
    conversion_days: int | None
    deals: tuple[tuple[str, str, int], ...]


@dataclass(slots=True, kw_only=True)
class PortalSurvey:
    """What a mirror holds, counted over live records; forms are the latest of each contact.

    `kinds` counts contacts that are alike, `examples` holds one of each kind. `stage_writers`
    counts the source types of known stage histories.
    """

    forms: Counter[str] = field(default_factory=Counter)
    stages: Counter[tuple[ObjectType, str]] = field(default_factory=Counter)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    email_domains: Counter[str] = field(default_factory=Counter)
    pipelines: dict[str, PipelineUse] = field(default_factory=dict)
    stage_writers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[object, ...]] = field(default_factory=Counter)
    examples: dict[tuple[object, ...], Situation] = field(default_factory=dict)

    def situations(self, count: int) -> list[tuple[Situation, int]]:
        """Return the most common situations, each with its number of contacts."""
        return [(self.examples[kind], number) for kind, number in self.kinds.most_common(count)]


def survey_portal(store: Store, portal: Portal, now: datetime) -> PortalSurvey:
    """Return what the mirror of a portal holds; without a mirror nothing is counted."""
    survey = PortalSurvey(pipelines={entry.id: PipelineUse() for entry in portal.pipelines})
    reading = partial(store.reading, portal.account.portal_id)
    for refs in live_refs(reading, ORDER):
        with reading() as session:
            _count_records(survey, portal, session, refs, now)
    return survey


def _count_records(
    survey: PortalSurvey,
    portal: Portal,
    session: Transaction,
    refs: Sequence[Ref],
    now: datetime,
) -> None:
    """Count the stages and writers of records and, of contacts, their pipelines and situations."""
    records = mirror.get(session, refs)
    for ref, record in records.items():
        survey.stages[ref.object_type, record.value(STAGE)] += 1
    for versions in ledger.read_versions(session, refs, STAGE).values():
        survey.stage_writers.update(version.source_type for version in versions[:1])
    contacts = {ref: record for ref, record in records.items() if _is_contact(ref)}
    if not contacts:
        return
    # Contacts are counted together with their live deals.
    links = associations.read_to_deals(session, contacts)
    deal_refs = {link.target for record_links in links.values() for link in record_links}
    deals = mirror.get(session, deal_refs)
    for ref, record in contacts.items():
        own_deals = list(_live_deals(links.get(ref, ()), deals))
        _count_contact(survey, record)
        _count_pipelines(survey, portal, own_deals)
        situation = _situation(record, own_deals, now)
        kind = (
            situation.stage,
            situation.status,
            situation.form,
            tuple(sorted((pipeline, stage) for pipeline, stage, _ in situation.deals)),
        )
        survey.kinds[kind] += 1
        survey.examples.setdefault(kind, situation)


def _is_contact(ref: Ref) -> bool:
    return ref.object_type is ObjectType.CONTACTS


def _live_deals(links: Iterable[Association], deals: Mapping[Ref, Record]) -> Iterator[Record]:
    for link in links:
        deal = deals.get(link.target)
        if deal and not deal.archived:
            yield deal


def _count_contact(survey: PortalSurvey, record: Record) -> None:
    properties = record.properties
    if form := properties.get("recent_conversion_event_name"):
        survey.forms[form] += 1
    if status := properties.get(STATUS):
        survey.statuses[record.value(STAGE), status] += 1
    if domain := parse_domain(properties.get("email")):
        survey.email_domains[domain] += 1


def _count_pipelines(survey: PortalSurvey, portal: Portal, deals: Sequence[Record]) -> None:
    """Count a contact for each pipeline of its deals, and whether it bought in another one."""
    deal_pipelines = read_deal_pipelines(portal)
    labels = {pipeline.id: pipeline.label for pipeline in portal.pipelines}
    # A pipeline that sells nothing has no buyers.
    won_in = {
        pipeline
        for deal in deals
        if (pipeline := deal.properties.get("pipeline") or "")
        and deal_pipelines.state(pipeline, deal.properties.get("dealstage") or "") is DealState.WON
        and not sounds_like_no_sales(labels.get(pipeline, ""))
    }
    for pipeline in {deal.properties.get("pipeline") or "" for deal in deals}:
        use = survey.pipelines.setdefault(pipeline, PipelineUse())
        use.contacts += 1
        use.deals += sum(deal.properties.get("pipeline") == pipeline for deal in deals)
        use.buyers += bool(won_in - {pipeline})


def _situation(record: Record, deals: Sequence[Record], now: datetime) -> Situation:
    properties = record.properties
    converted_at = parse_time(properties.get("recent_conversion_date"))
    return Situation(
        stage=record.value(STAGE),
        status=properties.get(STATUS) or "",
        form=properties.get("recent_conversion_event_name") or "",
        first_form=properties.get("first_conversion_event_name") or "",
        conversions=properties.get("num_conversion_events") or "",
        conversion_days=(now - converted_at).days if converted_at else None,
        deals=tuple(
            (
                deal.properties.get("pipeline") or "",
                deal.properties.get("dealstage") or "",
                (now - deal.modified_at).days,
            )
            for deal in sorted(deals, key=lambda deal: deal.ref)
        ),
    )
