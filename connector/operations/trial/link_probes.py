"""Try what is not sure about linked records: HubSpot's automations, archiving, merges."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.model import DEAL_STAGE, STAGE, DealStage, ObjectType, Pipeline, Ref
from connector.hubspot.http.routes import Route
from connector.operations.trial.trial_records import NotPossible, TrialRecords, succeeded
from connector.operations.trial.write_probes import CONTACTS, Seen

_COMPANIES, _DEALS = ObjectType.COMPANIES, ObjectType.DEALS


def probe_company_sync(records: TrialRecords) -> Iterator[Seen]:
    """Move a company ahead, and look at a primary contact and at another one."""
    early, _, late, *_ = records.stages(_COMPANIES)
    company, second_company = records.create(_COMPANIES, {STAGE: early}, {STAGE: early})
    primary, linked = records.create(CONTACTS, {STAGE: early}, {STAGE: early})
    records.link(primary, company, primary=True)
    records.link(linked, second_company, primary=True)
    records.link(linked, company)
    succeeded(records.update([(company, {STAGE: late})]))
    is_on = records.value_after_automations(primary, early) == late
    yield "company-sync", "on" if is_on else "off"
    if not is_on:
        return
    is_linked_moved = records.value(linked) == late
    yield "company-sync-scope", "all linked contacts" if is_linked_moved else _PRIMARY_ONLY
    versions = records.read(primary, [STAGE], [STAGE])["propertiesWithHistory"][STAGE]
    newest = max(versions, key=lambda version: str(version["timestamp"]))
    yield "company-sync-source", str(newest["sourceType"])


_PRIMARY_ONLY = "of the primary company"


def probe_deal_settings(records: TrialRecords) -> Iterator[Seen]:
    """Create a deal for a contact and a company, and win it."""
    early = records.stages()[0]
    pipeline, open_stage = _deal_stage(records, is_open=True)
    _, won_stage = _deal_stage(records, is_open=False, probability=1.0)
    (contact,) = records.create(CONTACTS, {STAGE: early})
    (company,) = records.create(_COMPANIES, {STAGE: early})
    properties = {"pipeline": pipeline.id, DEAL_STAGE: open_stage.id}
    (deal,) = records.create(_DEALS, properties)
    records.link(deal, contact)
    records.link(deal, company, primary=True)
    created_stage = records.value_after_automations(contact, early)
    yield "deal-created", "none" if created_stage == early else created_stage
    succeeded(records.update([(deal, {DEAL_STAGE: won_stage.id})]))
    won_stage_of_contact = records.value_after_automations(contact, created_stage)
    is_moved = won_stage_of_contact != created_stage
    yield "deal-won", won_stage_of_contact if is_moved else "none"


def probe_links(records: TrialRecords) -> Iterator[Seen]:
    """Link a lost deal to a contact, which no setting of HubSpot acts upon, and archive it."""
    early = records.stages()[0]
    pipeline, lost_stage = _deal_stage(records, is_open=False, probability=0.0)
    (contact,) = records.create(CONTACTS, {STAGE: early})
    properties = {"pipeline": pipeline.id, DEAL_STAGE: lost_stage.id}
    (deal,) = records.create(_DEALS, properties)
    modified = records.modified(contact)
    records.link(deal, contact)
    records.wait(5)
    linked = records.modified(contact)
    yield "link-modified", "yes" if linked != modified else "no"
    records.archive(deal)
    records.wait(5)
    is_moved = records.modified(contact) != linked
    yield "archive-modified", "yes" if is_moved else "no"
    body = {"inputs": [{"id": contact.id}]}
    rows = succeeded(records.client.ask(Route.ASSOCIATIONS, CONTACTS, _DEALS, body=body))
    targets = {str(target["toObjectId"]) for row in rows for target in row["to"]}
    yield "archived-links", "listed" if deal.id in targets else "hidden"


def probe_merges(records: TrialRecords) -> Iterator[Seen]:
    """Merge contacts whose newer value is the earlier stage, then one with a newer clear."""
    early, middle, late, *_ = records.stages()
    primary, secondary, *second_pair = records.create(
        CONTACTS, *[{STAGE: late}, {STAGE: early}] * 2
    )
    records.wait(2)
    succeeded(records.update([(secondary, {STAGE: middle})]))
    records.wait(2)
    survivor = records.merge(primary, secondary)
    yield "merge-id", "the primary's id" if survivor == primary else "a new id"
    rows = succeeded(records.read_once([secondary]))
    yield "merged-ids", "yes" if rows else "no"
    stage = records.value(survivor)
    if stage == late:
        yield "merge-stage", "the primary's"
    else:
        yield "merge-stage", _stage_after_clear(records, second_pair, middle)


def _stage_after_clear(records: TrialRecords, pair: list[Ref], middle: str) -> str:
    """Merge a contact whose stage was cleared last, and say what that shows."""
    primary, secondary = pair
    succeeded(records.update([(secondary, {STAGE: middle})]))
    records.wait(2)
    succeeded(records.update([(secondary, {STAGE: ""})]))
    records.wait(2)
    is_blank = not records.value(records.merge(primary, secondary))
    return "the newest, also a clear" if is_blank else "the newest"


def _deal_stage(
    records: TrialRecords, *, is_open: bool, probability: float | None = None
) -> tuple[Pipeline, DealStage]:
    """Return a stage of the first pipeline that has an open one, by its metadata."""
    for pipeline in records.portal.pipelines:
        for stage in pipeline.stages:
            is_wanted = probability is None or stage.probability == probability
            if stage.is_closed is not None and stage.is_closed is not is_open and is_wanted:
                return pipeline, stage
    raise NotPossible("no pipeline of deals has the stage that it needs")
