"""Links between records: both directions, one primary, labels, HubSpot's type ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

# (from, to) → type id without a label, type id of the primary link
TYPE_IDS: Final = {
    ("contacts", "companies"): (279, 1),
    ("companies", "contacts"): (280, 2),
    ("deals", "contacts"): (3, None),
    ("contacts", "deals"): (4, None),
    ("deals", "companies"): (341, 5),
    ("companies", "deals"): (342, 6),
    ("leads", "contacts"): (578, None),
    ("contacts", "leads"): (579, None),
    ("contacts", "tasks"): (203, None),
    ("tasks", "contacts"): (204, None),
    ("companies", "tasks"): (191, None),
    ("tasks", "companies"): (192, None),
    ("deals", "tasks"): (215, None),
    ("tasks", "deals"): (216, None),
}
_FIRST_LABEL: Final = 28


class Link(NamedTuple):
    """The link from one record to another."""

    primary: bool = False
    labels: tuple[str, ...] = ()


class Links:
    """All links of a portal."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], dict[int, dict[int, Link]]] = {}
        self._labels: dict[str, int] = {}

    def of(self, source: str, record_id: int, target: str) -> dict[int, Link]:
        """Return the links of a record to one object type, by the id of the linked record."""
        return self._links.get((source, target), {}).get(record_id, {})

    def add(self, ref: tuple[str, int], other_ref: tuple[str, int], link: Link) -> bool:
        """Link two records in both directions; return whether anything changed."""
        if (ref[0], other_ref[0]) not in TYPE_IDS:
            raise ValueError(f"{ref[0]} and {other_ref[0]} cannot be associated")
        if self.of(ref[0], ref[1], other_ref[0]).get(other_ref[1]) == link:
            return False
        if link.primary:
            self._unset_other_primary(ref, other_ref)
        self._links_of(ref, other_ref[0])[other_ref[1]] = link
        self._links_of(other_ref, ref[0])[ref[1]] = link
        return True

    def remove(self, ref: tuple[str, int], other_ref: tuple[str, int]) -> bool:
        """Remove a link in both directions; return whether there was one."""
        removed = self._links_of(ref, other_ref[0]).pop(other_ref[1], None)
        self._links_of(other_ref, ref[0]).pop(ref[1], None)
        return removed is not None

    def linked_records(self, object_type: str, record_id: int) -> Iterator[tuple[str, int, Link]]:
        """Yield every record that a record is linked to."""
        for source, target in list(self._links):
            if source == object_type:
                for linked_id, link in list(self.of(source, record_id, target).items()):
                    yield target, linked_id, link

    def types(self, source: str, target: str, link: Link) -> list[dict[str, Any]]:
        """Write the types of a link as HubSpot answers them."""
        unlabelled, primary = TYPE_IDS[source, target]
        primary_types = [_type_json(primary, "Primary")] if link.primary and primary else []
        label_types = [
            _type_json(self._label_id(label), label, "USER_DEFINED") for label in link.labels
        ]
        return [*primary_types, _type_json(unlabelled, None), *label_types]

    def label_of(self, type_id: int) -> str:
        """Return the label behind a type id of the portal's own, or the id as text."""
        labels = (label for label, label_id in self._labels.items() if label_id == type_id)
        return next(labels, str(type_id))

    def _label_id(self, label: str) -> int:
        return self._labels.setdefault(label, _FIRST_LABEL + 2 * len(self._labels))

    def _links_of(self, ref: tuple[str, int], target: str) -> dict[int, Link]:
        return self._links.setdefault((ref[0], target), {}).setdefault(ref[1], {})

    def _unset_other_primary(self, ref: tuple[str, int], other_ref: tuple[str, int]) -> None:
        """Only one company is primary, seen from the contact or deal."""
        record_ref, company_ref = (other_ref, ref) if ref[0] == "companies" else (ref, other_ref)
        company_links = self._links_of(record_ref, company_ref[0])
        for linked_id, link in company_links.items():
            if link.primary:
                company_links[linked_id] = link._replace(primary=False)
                self._links_of((company_ref[0], linked_id), record_ref[0])[record_ref[1]] = (
                    company_links[linked_id]
                )


def _type_json(
    type_id: int | None, label: str | None, category: str = "HUBSPOT_DEFINED"
) -> dict[str, Any]:
    return {"category": category, "typeId": type_id, "label": label}
