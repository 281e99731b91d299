"""Check who writes stage and lead status, from a bounded sample of histories.

The sample is of the records that were modified last. It costs about thirty requests, whatever the
size of the portal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.history.native_automation import (
    Native,
    NativeSetting,
    Occasion,
    is_by_setting,
    learn_company_sync,
    learn_deal_setting,
    learn_first_stage,
)
from connector.core.history.writers import source_text
from connector.core.model import DEAL_STAGE, STAGE, STATUS, ObjectType, Portal, Record, Ref, Version
from connector.errors import ConnectorError
from connector.hubspot.api import HubSpotApi
from connector.operations.finding import CheckResult, Finding, unchecked

CONTACTS, COMPANIES, DEALS = ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS
SAMPLE: Final = 150
"""Records of each type whose histories are read."""
_LINK_ROUNDS: Final = 1
"""Pages of links of one record: a company with a hundred thousand contacts must not cost more."""
# Their histories say when a record was linked: the links themselves have no dates.
_CONTACT_COUNT: Final = "num_associated_contacts"
_PRIMARY_COMPANY: Final = "associatedcompanyid"
_CREATED_PATH: Final = "Settings > Objects > Contacts > Lifecycle stage"
_DEAL_PATH: Final = "Settings > Objects > Deals > Automation"
_COMPANY_PATH: Final = "Settings > Objects > Companies > Automation (Sync lifecycle stages)"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySample:
    """Records with their histories, and which contacts and companies the deals are linked to."""

    contacts: Mapping[Ref, Record]
    companies: Mapping[Ref, Record]
    deals: Mapping[Ref, Record]
    linked_to_deals: Mapping[Ref, tuple[Ref, ...]]
    contacts_of_companies: Mapping[Ref, tuple[Ref, ...]]


def check_writers(api: HubSpotApi, portal: Portal, policy: BoundPolicy) -> Iterator[Finding]:
    """Yield who writes stage and lead status, and what HubSpot's own settings do."""
    try:
        sample = read_sample(api)
        now = api.now()
    except ConnectorError as error:
        yield unchecked("writers", error, "writers")
        return
    for name in (STAGE, STATUS):
        yield _writers(sample, name)
    yield from _native_settings(sample, portal, policy, now)


def read_sample(api: HubSpotApi) -> HistorySample:
    """Read the histories of the records that were modified last, and of what is linked to them."""
    of_contacts = (STAGE, STATUS, _PRIMARY_COMPANY)
    contacts = _with_history(api, _last_modified(api, CONTACTS), of_contacts)
    companies = _with_history(api, _last_modified(api, COMPANIES), (STAGE,))
    deals = _with_history(api, _last_modified(api, DEALS), (DEAL_STAGE, _CONTACT_COUNT))
    linked = _links(api, list(deals), CONTACTS)
    of_companies = _links(api, list(companies), CONTACTS, is_primary=True)
    wanted = {ref for refs in (*linked.values(), *of_companies.values()) for ref in refs}
    more = _with_history(api, sorted(wanted - contacts.keys())[:SAMPLE], of_contacts)
    return HistorySample(
        contacts={**contacts, **more},
        companies=companies,
        deals=deals,
        linked_to_deals=linked,
        contacts_of_companies=of_companies,
    )


def _last_modified(api: HubSpotApi, kind: ObjectType) -> list[Ref]:
    page = api.search_modified_last(kind, limit=SAMPLE)
    return [record.ref for record in page.records]


def _with_history(api: HubSpotApi, refs: Sequence[Ref], names: Sequence[str]) -> dict[Ref, Record]:
    if not refs:
        return {}
    return dict(api.read_available(refs, names, history=names).records)


def _links(
    api: HubSpotApi, refs: Sequence[Ref], to: ObjectType, *, is_primary: bool = False
) -> dict[Ref, tuple[Ref, ...]]:
    if not refs:
        return {}
    links = api.associations(refs, to, rounds=_LINK_ROUNDS).links
    return {
        ref: tuple(link.target for link in targets if link.is_primary or not is_primary)
        for ref, targets in links.items()
    }


def _writers(sample: HistorySample, name: str) -> Finding:
    """Name who set a property, with each one's share and last time."""
    counts: Counter[str] = Counter()
    last_at: dict[str, datetime] = {}
    records = [*sample.contacts.values(), *(sample.companies.values() if name == STAGE else ())]
    for version in (version for record in records for version in _versions(record, name)):
        writer = source_text(version.source_type, "").strip(",")
        counts[writer] += 1
        last_at[writer] = max(version.at, last_at.get(writer, version.at))
    total = counts.total()
    parts = [
        f"{writer} {count / total:.0%} (last {last_at[writer]:%Y-%m-%d})"
        for writer, count in counts.most_common(8)
    ]
    message = (
        f"{'; '.join(parts)}, of {total:,} values on the {len(records):,} records modified last"
        if parts
        else "nobody has set it on the records modified last"
    )
    return Finding(
        name=f"writers of {name}", result=CheckResult.OK, message=message, section="writers"
    )


def _native_settings(
    sample: HistorySample, portal: Portal, policy: BoundPolicy, now: datetime
) -> Iterator[Finding]:
    order = [option.value for option in portal.stages(CONTACTS)]
    created = learn_first_stage(
        (record.created_at, _versions(record, STAGE)) for record in sample.contacts.values()
    )
    judgement = _judgement(is_same=created.stage == _rule_target(policy, "blank"))
    yield _setting_finding("a new contact", created, _CREATED_PATH, judgement)
    for title, rule, is_won in (
        ("a created deal", "open-deal", False),
        ("a won deal", "won", True),
    ):
        target = _rule_target(policy, rule)
        occasions = _deal_occasions(sample, portal, is_won=is_won, expected=target)
        setting = learn_deal_setting(occasions, order, now=now)
        judgement = _judgement(is_same=setting.stage == target)
        yield _setting_finding(title, setting, _DEAL_PATH, judgement)
    sync = learn_company_sync(_company_occasions(sample), order, now=now)
    judgement = _SYNC_JUDGEMENTS[policy.policy.texts("company_sync.native")[0]]
    yield _setting_finding("company sync", sync, _COMPANY_PATH, judgement)


_AGREES: Final = "agrees with the policy"
_SYNC_JUDGEMENTS: Final = {
    "on": _AGREES,
    "off": "fights with the policy, which says `company_sync.native: off`",
    "unknown": "set `company_sync.native: on`, so that the policy reckons with it",
}


def _judgement(*, is_same: bool) -> str:
    return _AGREES if is_same else "fights with the policy"


def _rule_target(policy: BoundPolicy, name: str) -> str:
    """Return the stage to which a rule leads, "" where the policy has no such rule."""
    for rule in policy.object_policies[CONTACTS].rules:
        if rule.name == name:
            return rule.otherwise or next((stage for stage in rule.targets.values() if stage), "")
    return ""


def _deal_occasions(
    sample: HistorySample, portal: Portal, *, is_won: bool, expected: str
) -> Iterator[Occasion]:
    """Yield the moments at which HubSpot's setting for deals had something to do to a contact.

    Comes in: deals and contacts with their stage histories. `is_won` asks for the setting that
    moves the contacts of won deals, otherwise for that of new deals; `expected` is its stage.
    """
    won_stages = {
        stage.id
        for pipeline in portal.pipelines
        for stage in pipeline.stages
        if stage.probability == 1
    }
    for deal in sample.deals.values():
        wins = [
            version.at for version in _versions(deal, DEAL_STAGE) if version.value in won_stages
        ]
        # A deal that is won as it is created shows the setting for won deals alone.
        if is_won:
            moments = wins
        else:
            was_won_at_once = wins and min(wins) - deal.created_at <= timedelta(minutes=10)
            moments = [] if was_won_at_once else [deal.created_at]
        linked = sample.linked_to_deals.get(deal.ref, ())
        for contact in (sample.contacts[ref] for ref in linked if ref in sample.contacts):
            for at in moments:
                # A contact that was created later had no part in it.
                if contact.created_at <= at:
                    yield Occasion(
                        at=at,
                        versions=_versions(contact, STAGE),
                        expected=expected,
                        is_linked=_had_contacts(deal, len(linked), at + timedelta(minutes=1)),
                    )


def _had_contacts(deal: Record, count: int, at: datetime) -> bool:
    """Return whether a deal is known to have had as many contacts at a time as it has now."""
    counts = [version for version in _versions(deal, _CONTACT_COUNT) if version.at <= at]
    newest = max(counts, key=lambda version: version.at, default=None)
    return newest is not None and newest.value == str(count)


def _company_occasions(sample: HistorySample) -> Iterator[Occasion]:
    """Yield the moves of companies that no setting of HubSpot made, for each primary contact."""
    for company, contacts in sample.contacts_of_companies.items():
        for version in _versions(sample.companies[company], STAGE):
            if not version.value or is_by_setting(version):
                continue
            for contact in (sample.contacts[ref] for ref in contacts if ref in sample.contacts):
                if contact.created_at <= version.at:
                    yield Occasion(
                        at=version.at,
                        versions=_versions(contact, STAGE),
                        expected=version.value,
                        is_linked=_had_company(contact, company, version.at),
                    )


def _had_company(contact: Record, company: Ref, at: datetime) -> bool:
    """Return whether a company is known to have been the primary one of a contact at a time."""
    versions = [version for version in _versions(contact, _PRIMARY_COMPANY) if version.at <= at]
    newest = max(versions, key=lambda version: version.at, default=None)
    return newest is not None and newest.value == company.id


def _setting_finding(title: str, setting: NativeSetting, path: str, judgement: str) -> Finding:
    """Say what a setting does, whether the policy agrees, and where HubSpot switches it."""
    result = CheckResult.OK
    if setting.state is Native.UNKNOWN:
        message = "unknown: the sample shows too little of it"
    elif setting.state is Native.OFF:
        message = f"sets no stage ({setting.silent or setting.acted} cases)"
    else:
        result = CheckResult.OK if judgement == _AGREES else CheckResult.WARNING
        sets = f"sets {setting.stage}" if setting.stage else "is on"
        message = f"HubSpot {sets} ({setting.acted} cases): {judgement}. Switched in {path}"
    return Finding(name=f"native: {title}", result=result, message=message, section="writers")


def _versions(record: Record, name: str) -> tuple[Version, ...]:
    return record.history.get(name, ())
