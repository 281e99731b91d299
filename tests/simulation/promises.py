"""Check what must be true of a portal and its connector at all times.

Written from the portal's own histories: nothing here asks the connector what it did, but the
audit, whose truth is one of the promises.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.core.corrections.audit import IntactChain
from connector.core.model import ObjectType, Outcome, Ref
from connector.sandbox.portal import calculated
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.record import Record, Version
from connector.sandbox.portal.state import APP_ID
from state import associations, audit, mirror, mirror_queries
from state.db.store import Store
from tests.simulation.connector_process import ALWAYS_ALLOWED

STAGE, STATUS = "lifecyclestage", "hs_lead_status"
PROPERTIES = {"contacts": (STAGE, STATUS), "companies": (STAGE,)}
_DAY_MS = 86_400_000
_HOLD_DAYS = 30
_PEOPLE = {"CRM_UI", "MOBILE_IOS"}
_MIRRORED = {
    ObjectType.CONTACTS: (STAGE, STATUS, "associatedcompanyid"),
    ObjectType.COMPANIES: (STAGE,),
    ObjectType.DEALS: ("dealstage", "pipeline"),
}


@dataclass
class Promises:
    """Asks a portal's histories; `held_since` and `permitted_at` are in milliseconds.

    `may_be_blank` holds the records whose blank an undo restores.
    """

    portal: Portal
    held_since: dict[str, int] = field(default_factory=dict)
    permitted_at: int = 0
    may_be_blank: set[str] = field(default_factory=set)

    def broken_at_any_time(self) -> list[str]:
        """Return what may not be, even while requests fail and processes die."""
        return [*self._writes_while_held(), *self._over_limit()]

    def broken_after_a_good_cycle(self) -> list[str]:
        """Return what may not be once a whole cycle ran without any failure."""
        return [*self._blanks_of_ours(), *self._overwritten_edits()]

    def _records(self, *object_types: str) -> list[Record]:
        return [
            record for object_type in object_types for record in self.portal.records(object_type)
        ]

    def expect_undone_blanks(self, since: int) -> None:
        """Note the records that were blank before we first wrote them since a time."""
        for record in self._records("contacts", "companies"):
            versions = record.history(STAGE)
            ours = [
                index
                for index, version in enumerate(versions)
                if _is_ours(version) and version.at >= since
            ]
            if ours and not (ours[0] and versions[ours[0] - 1].value):
                self.may_be_blank.add(_name(record))

    def _blanks_of_ours(self) -> list[str]:
        for record in self._records("contacts", "companies"):
            if record.values.get(STAGE):
                self.may_be_blank.discard(_name(record))
        return [
            f"{_name(record)} was left blank by us"
            for record in self._records("contacts", "companies")
            if not record.values.get(STAGE)
            and _name(record) not in self.may_be_blank
            and (versions := record.history(STAGE))
            and _is_ours(versions[-1])
        ]

    def _overwritten_edits(self) -> list[str]:
        """Return what a person set within the hold time, without newer evidence, and is gone."""
        return [
            f"{_name(record)}.{name}: {edit.value or 'blank'} of a person became"
            f" {record.values.get(name) or 'blank'}"
            for record in self._records("contacts", "companies")
            if not record.merged
            for name in PROPERTIES[record.object_type.name]
            if (edit := self._protected_edit(record, name))
            and record.values.get(name, "") != edit.value
        ]

    def _protected_edit(self, record: Record, name: str) -> Version | None:
        foreign_versions = [version for version in record.history(name) if not _is_ours(version)]
        if not foreign_versions or foreign_versions[-1].source.type not in _PEOPLE:
            return None
        edit = foreign_versions[-1]
        is_young = self.portal.clock.ms() < edit.at + _HOLD_DAYS * _DAY_MS
        return edit if is_young and self._latest_evidence(record) <= edit.at else None

    def _latest_evidence(self, record: Record) -> int:
        deals = self.portal.tables["deals"].records
        times = [version.at for version in record.history("recent_conversion_date")[-1:]]
        for deal_id in self.portal.links.of(record.object_type.name, record.id, "deals"):
            times += [version.at for version in deals[deal_id].history("dealstage")[-1:]]
        return max(times, default=0)

    def _writes_while_held(self) -> list[str]:
        return [
            f"{_name(record)}.{name} was written to {version.value or 'blank'} while held"
            for record in self._records("contacts", "companies")
            if (since := self.held_since.get(_name(record))) is not None
            for name in PROPERTIES[record.object_type.name]
            for version in record.history(name)
            if _is_ours(version) and version.at > since
        ]

    def _over_limit(self) -> list[str]:
        since = self.portal.clock.ms() - _DAY_MS
        if self.permitted_at > since:
            return []
        broken = []
        for object_type, names in PROPERTIES.items():
            written = {
                record.id
                for record in self._records(object_type)
                for name in names
                if any(_is_ours(version) and version.at > since for version in record.history(name))
            }
            if len(written) > ALWAYS_ALLOWED:
                broken.append(f"{len(written)} {object_type} were written within a day")
        return broken

    def audit_differences(self, store: Store) -> list[str]:
        """Return where the audit and the portal's histories differ about what we wrote."""
        with store.reading(str(self.portal.portal_id)) as session:
            assert isinstance(audit.verify(session), IntactChain)
            lines = list(audit.read(session))
        by_property: dict[tuple[str, str], list[object]] = {}
        for line in lines:
            by_property.setdefault((str(line.record), line.property_name), []).append(line)
        differences = []
        for record in self._records("contacts", "companies"):
            for name in () if record.merged else PROPERTIES[record.object_type.name]:
                ours = [version for version in record.history(name) if _is_ours(version)]
                property_lines = by_property.get((_name(record), name), [])
                differences += [
                    f"{_name(record)}.{name}: we wrote {version.value!r}, and no line says so"
                    for version in ours
                    if version.value or name == STATUS
                    if not any(
                        line.after == version.value or line.outcome is not Outcome.APPLIED  # type: ignore[attr-defined]  # lines
                        for line in property_lines
                    )
                ]
                written = {version.value for version in ours}
                differences += [
                    f"{_name(record)}.{name}: a line says {line.after!r}, and we never wrote it"  # type: ignore[attr-defined]  # as above
                    for line in property_lines
                    if line.outcome is Outcome.APPLIED and line.after not in written  # type: ignore[attr-defined]  # as above
                ]
        return differences

    def mirror_differences(self, store: Store) -> list[str]:
        """Return the records whose values or deals differ between mirror and portal."""
        expected, mirrored = self._portal_records(), self._mirror_records(store)
        return [
            f"{name}: the portal has {expected.get(name)}, the mirror {mirrored.get(name)}"
            for name in sorted({*expected, *mirrored})
            if expected.get(name) != mirrored.get(name)
        ]

    def _portal_records(self) -> dict[str, object]:
        records: dict[str, object] = {}
        for object_type, names in _MIRRORED.items():
            for record in self.portal.records(object_type):
                values = [calculated.read(self.portal, record, name) for name in names]
                links = [
                    f"{target}/{linked_id}"
                    for target, linked_id, _ in self.portal.links.linked_records(
                        object_type, record.id
                    )
                    if "deals" in {target, object_type}
                    and self.portal.tables[target].records[linked_id].archived_at is None
                ]
                records[_name(record)] = (values, sorted(links))
        return records

    def _mirror_records(self, store: Store) -> dict[str, object]:
        records: dict[str, object] = {}
        with store.reading(str(self.portal.portal_id)) as session:
            for object_type, names in _MIRRORED.items():
                known = mirror_queries.read_id_range(
                    session, object_type, after_id="0", up_to_id=None
                )
                refs = [ref for ref, missing_since in known.items() if missing_since is None]
                links: dict[Ref, set[str]] = {ref: set() for ref in refs}
                for target_type in ObjectType:
                    if target_type is object_type:
                        continue
                    if ObjectType.DEALS not in {target_type, object_type}:
                        continue
                    for ref, rows in associations.read(session, refs, target_type).items():
                        targets = mirror.get(session, [row.target for row in rows])
                        links[ref] |= {
                            str(target) for target, row in targets.items() if not row.archived
                        }
                for ref, row in mirror.get(session, refs).items():
                    values = [row.properties.get(name) or "" for name in names]
                    records[str(ref)] = (values, sorted(links[ref]))
        return records


def _name(record: Record) -> str:
    return f"{record.object_type.name}/{record.id}"


def _is_ours(version: Version) -> bool:
    return version.source.id == APP_ID
