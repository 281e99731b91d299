"""Says which of the associated deals count for a contact or company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.core.model import Association, ObjectType, Ref


def linked_deals(
    record: Ref,
    links: Sequence[Association],
    ends: Mapping[Ref, Sequence[Association]],
    *,
    labels: frozenset[str] = frozenset(),
) -> tuple[Ref, ...]:
    """Return the deals that count for a record, in the order of their ids.

    `links` are the record's associations with deals, `ends` those of each such deal with
    companies. A contact counts by its association labels (none asked for: always); a company
    counts where it is the deal's primary one, or where the deal has no primary company.
    """
    deals = ((_deal(one), one) for one in links)
    if record.object_type is ObjectType.CONTACTS:
        found = {deal for deal, link in deals if not labels or labels & link.labels}
    else:
        found = {deal for deal, _ in deals if _is_primary(record, ends.get(deal, ()))}
    return tuple(sorted(found))


def _deal(link: Association) -> Ref:
    return link.target if link.target.object_type is ObjectType.DEALS else link.source


def _is_primary(company: Ref, links: Sequence[Association]) -> bool:
    """Whether a company is a deal's primary one, or no other is."""
    primary = {end for one in links if one.is_primary for end in (one.source, one.target)}
    companies = {one for one in primary if one.object_type is ObjectType.COMPANIES}
    return not companies or company in companies
