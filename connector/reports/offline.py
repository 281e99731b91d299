"""Make a run context that decides on the mirror alone, without any request to HubSpot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from connector.config.settings import Settings, require_one_portal
from connector.context import DecisionContext, Progress, no_progress
from connector.core.binding.bind import BoundPolicy, bind
from connector.core.model import ObjectType, Portal, Record, Ref
from connector.core.policy.load import Policy
from connector.core.problem import PolicyError
from connector.errors import UserError
from connector.hubspot.api import ReadResult
from connector.pull.poll import require_mirror
from state import mirror, mirror_queries, portals
from state.db.pages import read_pages
from state.db.store import Store
from state.db.transaction import Transaction

_CHUNK = 1000
ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS)


@dataclass(slots=True)
class OfflineHubSpot:
    """A source without requests: it returns a fixed time, and notes the records asked for."""

    at: datetime
    unread: set[Ref] = field(default_factory=set)

    def now(self) -> datetime:
        """Return the time for which everything is decided."""
        return self.at

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Return no record, and note the records asked for."""
        self.unread.update(refs)
        return {}

    def read_available(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> ReadResult:
        """Return nothing, and note what was asked for."""
        return ReadResult(records=self.read(refs, properties, history=history))


def last_pulled_portal(store: Store, settings: Settings) -> Portal:
    """Return the portal as last pulled; UserError where it is not exactly one."""
    require_one_portal(settings)
    with store.reading_all_portals() as session:
        portal_ids = portals.ids(session)
    if settings.portal_id:
        portal_ids = tuple(portal_id for portal_id in portal_ids if portal_id == settings.portal_id)
    portal = None
    if len(portal_ids) == 1:
        with store.reading(portal_ids[0]) as transaction:
            portal = portals.load(transaction)
    if portal is None:
        raise UserError(
            f"The database holds {len(portal_ids)} portals: name one by HUBSPOT_PORTAL_ID."
            if portal_ids
            else "Nothing is mirrored yet: run `connector pull` first."
        )
    return portal


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineInputs:
    """What decisions on the mirror need: the store, the portal as last pulled, the time."""

    store: Store
    portal: Portal
    api: OfflineHubSpot


def offline_context(
    inputs: OfflineInputs, policy: Policy, *, progress: Progress = no_progress
) -> DecisionContext:
    """Return an offline context; UserError where policy or mirror do not suffice."""
    return offline_context_for_bound(
        inputs, _bind_to_mirror(policy, inputs.portal), progress=progress
    )


def offline_context_for_bound(
    inputs: OfflineInputs, policy: BoundPolicy, *, progress: Progress = no_progress
) -> DecisionContext:
    """Return an offline context for a bound policy; UserError where the mirror does not suffice."""
    context = DecisionContext(
        api=inputs.api,
        store=inputs.store,
        portal=inputs.portal,
        policy=policy,
        offline=True,
        progress=progress,
    )
    require_mirror(context)
    return context


def _bind_to_mirror(policy: Policy, portal: Portal) -> BoundPolicy:
    """Bind a policy to the portal as last pulled; UserError where it does not fit."""
    try:
        return bind(policy, portal)
    except PolicyError as error:
        raise UserError(
            f"{error}\nThis is the portal as it was when it was last pulled: where it has changed "
            "since, run `connector pull` first."
        ) from error


def all_refs(
    context: DecisionContext, kinds: Sequence[ObjectType] = ORDER
) -> Iterator[Sequence[Ref]]:
    """Yield all companies, then all contacts, in chunks; archived ones are left out."""
    return live_refs(context.reading, kinds)


def refs_in_stages(
    context: DecisionContext,
    kind: ObjectType,
    stages: Collection[str],
    *,
    or_with_deals: bool = False,
) -> Iterator[Sequence[Ref]]:
    """Yield in chunks the live records that may be in one of these stages, or have a deal."""

    def read_page(session: Transaction, after_id: str) -> Sequence[Ref]:
        return mirror_queries.read_in_stages(
            session, kind, stages, or_with_deals=or_with_deals, after_id=after_id, limit=_CHUNK
        )

    return read_pages(context.reading, read_page, start="0", key_of=lambda ref: ref.id)


def live_refs(
    reading: Callable[[], AbstractContextManager[Transaction]], kinds: Sequence[ObjectType]
) -> Iterator[Sequence[Ref]]:
    """Yield the live records of these types in chunks, each read in a transaction of its own."""
    for kind in kinds:
        read_page = partial(_read_live_page, kind=kind)
        yield from read_pages(reading, read_page, start="0", key_of=lambda ref: ref.id)


def _read_live_page(session: Transaction, after_id: str, *, kind: ObjectType) -> Sequence[Ref]:
    return mirror.live_refs(session, kind, after_id=after_id, limit=_CHUNK)
