"""Compare a mirror with the portal that it mirrors."""

from __future__ import annotations

from connector.core.model import ObjectType, Ref
from connector.sandbox.portal import calculated
from state import associations, mirror, mirror_queries
from tests.journeys.workspace import Workspace

_NAMES = {
    ObjectType.CONTACTS: ("lifecyclestage", "hs_lead_status", "associatedcompanyid"),
    ObjectType.COMPANIES: ("lifecyclestage",),
    ObjectType.DEALS: ("dealstage", "pipeline"),
}


def differences(workspace: Workspace) -> dict[str, object]:
    """Return what is not the same in mirror and portal, by record; {} where all is."""
    expected = _portal_records(workspace)
    mirrored = _mirror_records(workspace)
    return {
        name: (expected.get(name), mirrored.get(name))
        for name in sorted({*expected, *mirrored})
        if expected.get(name) != mirrored.get(name)
    }


def _portal_records(workspace: Workspace) -> dict[str, object]:
    portal = workspace.portal
    records: dict[str, object] = {}
    for object_type, names in _NAMES.items():
        for record in portal.records(object_type):
            values = tuple(calculated.read(portal, record, name) for name in names)
            links = {
                f"{target_type}/{target_id}"
                for target_type, target_id, _ in portal.links.linked_records(object_type, record.id)
                if "deals" in {target_type, object_type}
                and target_type in {"contacts", "companies", "deals"}
                and portal.tables[target_type].records[target_id].archived_at is None
            }
            records[f"{object_type}/{record.id}"] = (values, sorted(links))
    return records


def _mirror_records(workspace: Workspace) -> dict[str, object]:
    portal_id = str(workspace.portal.portal_id)
    records: dict[str, object] = {}
    with workspace.store() as store, store.reading(portal_id) as session:
        for object_type, names in _NAMES.items():
            missing_since = mirror_queries.read_id_range(
                session, object_type, after_id="0", up_to_id=None
            )
            refs = [ref for ref, since in missing_since.items() if since is None]
            links: dict[Ref, set[str]] = {ref: set() for ref in refs}
            for target_type in ObjectType:
                if target_type is not object_type and ObjectType.DEALS in {
                    target_type,
                    object_type,
                }:
                    for ref, ref_links in associations.read(session, refs, target_type).items():
                        target_records = mirror.get(session, [link.target for link in ref_links])
                        links[ref] |= {
                            str(target)
                            for target, record in target_records.items()
                            if not record.archived
                        }
            for ref, record in mirror.get(session, refs).items():
                values = tuple(record.properties.get(name) or "" for name in names)
                records[str(ref)] = (values, sorted(links[ref]))
    return records
