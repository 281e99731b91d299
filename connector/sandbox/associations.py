"""Links between records: both directions, one primary, labels, HubSpot's type ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

# (from, to) → type id without a label, type id of the primary link
TYPES: Final = {
    ("contacts", "companies"): (279, 1),
    ("companies", "contacts"): (280, 2),
    ("deals", "contacts"): (3, None),
    ("contacts", "deals"): (4, None),
    ("deals", "companies"): (341, 5),
    ("companies", "deals"): (342, 6),
    ("contacts", "tasks"): (203, None),
    ("tasks", "contacts"): (204, None),
    ("companies", "tasks"): (191, None),
    ("tasks", "companies"): (192, None),
    ("deals", "tasks"): (215, None),
    ("tasks", "deals"): (216, None),
}
_FIRST_LABEL: Final = 28


class Link(NamedTuple):
    """How one record is linked to another."""

    primary: bool = False
    labels: tuple[str, ...] = ()


class Links:
    """All links of a portal."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], dict[int, dict[int, Link]]] = {}
        self._labels: dict[str, int] = {}

    def of(self, source: str, record_id: int, target: str) -> dict[int, Link]:
        """Return the links of a record to one kind, by the other record's id."""
        return self._links.get((source, target), {}).get(record_id, {})

    def add(self, one: tuple[str, int], other: tuple[str, int], link: Link) -> bool:
        """Link two records in both directions; tell whether anything changed."""
        if (one[0], other[0]) not in TYPES:
            raise ValueError(f"{one[0]} and {other[0]} cannot be associated")
        if self.of(one[0], one[1], other[0]).get(other[1]) == link:
            return False
        if link.primary:
            self._demote(one, other)
        self._row(one, other[0])[other[1]] = link
        self._row(other, one[0])[one[1]] = link
        return True

    def remove(self, one: tuple[str, int], other: tuple[str, int]) -> bool:
        """Take a link out in both directions; tell whether there was one."""
        found = self._row(one, other[0]).pop(other[1], None)
        self._row(other, one[0]).pop(one[1], None)
        return found is not None

    def neighbours(self, kind: str, record_id: int) -> Iterator[tuple[str, int, Link]]:
        """Yield every record that a record is linked to."""
        for source, target in list(self._links):
            if source == kind:
                for other, link in list(self.of(source, record_id, target).items()):
                    yield target, other, link

    def types(self, source: str, target: str, link: Link) -> list[dict[str, Any]]:
        """Write the types of a link as HubSpot answers them."""
        plain, primary = TYPES[source, target]
        listed = [_type(primary, "Primary")] if link.primary and primary else []
        named = [_type(self._label_id(one), one, "USER_DEFINED") for one in link.labels]
        return [*listed, _type(plain, None), *named]

    def label_of(self, type_id: int) -> str:
        """Return the label behind a type id of the portal's own, or the id as text."""
        found = (label for label, known in self._labels.items() if known == type_id)
        return next(found, str(type_id))

    def _label_id(self, label: str) -> int:
        return self._labels.setdefault(label, _FIRST_LABEL + 2 * len(self._labels))

    def _row(self, one: tuple[str, int], target: str) -> dict[int, Link]:
        return self._links.setdefault((one[0], target), {}).setdefault(one[1], {})

    def _demote(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        """Only one company is primary, seen from the contact or deal."""
        owner, company = (other, one) if one[0] == "companies" else (one, other)
        row = self._row(owner, company[0])
        for linked, link in row.items():
            if link.primary:
                row[linked] = link._replace(primary=False)
                self._row((company[0], linked), owner[0])[owner[1]] = row[linked]


def _type(type_id: int | None, label: str | None, owner: str = "HUBSPOT_DEFINED") -> dict[str, Any]:
    return {"category": owner, "typeId": type_id, "label": label}
