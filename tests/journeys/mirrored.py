"""Compare a mirror with the portal that it should be like."""

from __future__ import annotations

from connector.core.model import ObjectType, Ref
from state import associations, mirror, mirror_parts
from tests.journeys.bench import Bench

_NAMES = {
    ObjectType.CONTACTS: ("lifecyclestage", "hs_lead_status", "associatedcompanyid"),
    ObjectType.COMPANIES: ("lifecyclestage",),
    ObjectType.DEALS: ("dealstage", "pipeline"),
}


def differences(bench: Bench) -> dict[str, object]:
    """Return what is not the same in mirror and portal, by record; {} where all is."""
    true = _portal(bench)
    found = _mirror(bench)
    return {
        name: (true.get(name), found.get(name))
        for name in sorted({*true, *found})
        if true.get(name) != found.get(name)
    }


def _portal(bench: Bench) -> dict[str, object]:
    portal = bench.portal
    told: dict[str, object] = {}
    for kind, names in _NAMES.items():
        for record in portal.records(kind):
            values = tuple(portal.read(record, name) for name in names)
            links = {
                f"{to}/{number}"
                for to, number, _ in portal.links.neighbours(kind, record.id)
                if "deals" in {to, kind}
                and to in {"contacts", "companies", "deals"}
                and portal.tables[to].records[number].archived_at is None
            }
            told[f"{kind}/{record.id}"] = (values, sorted(links))
    return told


def _mirror(bench: Bench) -> dict[str, object]:
    portal_id = str(bench.portal.portal_id)
    told: dict[str, object] = {}
    with bench.store() as store, store.reading() as session:
        for kind, names in _NAMES.items():
            within = mirror_parts.within(session, portal_id, kind, after_id="0", up_to_id=None)
            refs = [ref for ref, gone in within.items() if gone is None]
            links: dict[Ref, set[str]] = {ref: set() for ref in refs}
            for to in ObjectType:
                if to is not kind and ObjectType.DEALS in {to, kind}:
                    for ref, many in associations.linked(session, portal_id, refs, to).items():
                        ends = mirror.get(session, portal_id, [one.target for one in many])
                        links[ref] |= {str(end) for end, one in ends.items() if not one.archived}
            for ref, record in mirror.get(session, portal_id, refs).items():
                values = tuple(record.properties.get(name) or "" for name in names)
                told[str(ref)] = (values, sorted(links[ref]))
    return told
