"""The filters of a search, read once and then tested on each record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox.portal import calculated, refusals
from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.properties import Definition
from connector.sandbox.portal.record import Record, parse_time

if TYPE_CHECKING:
    from connector.sandbox.portal.state import PortalState

JSON = dict[str, Any]
OPERATORS: Final = (
    "IN",
    "NOT_HAS_PROPERTY",
    "LT",
    "EQ",
    "GT",
    "NOT_IN",
    "GTE",
    "CONTAINS_TOKEN",
    "HAS_PROPERTY",
    "LTE",
    "NOT_CONTAINS_TOKEN",
    "BETWEEN",
    "NEQ",
)
_MAX_TIME: Final = 1 << 45
_MODIFIED_PROPERTIES: Final = frozenset({"lastmodifieddate", "hs_lastmodifieddate"})
_WORD: Final = re.compile(r"[\w*]+")
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "LT": lambda left, right: bool(left < right),
    "LTE": lambda left, right: bool(left <= right),
    "GT": lambda left, right: bool(left > right),
    "GTE": lambda left, right: bool(left >= right),
    "EQ": lambda left, right: bool(left == right),
}


@dataclass(slots=True)
class FilterGroup:
    """Filters that must all hold: a window of last-modified, tests of ids, tests of records."""

    low: int = 0
    high: int = _MAX_TIME
    id_tests: list[Callable[[int], bool]] = field(default_factory=list)
    tests: list[Callable[[Record], bool]] = field(default_factory=list)

    @property
    def is_window(self) -> bool:
        """Return whether the group asks for a window of last-modified."""
        return (self.low, self.high) != (0, _MAX_TIME)


MATCH_ALL: Final = FilterGroup()


def parse_groups(
    portal: PortalState, object_type: ObjectType, group_bodies: list[JSON]
) -> tuple[FilterGroup, ...]:
    """Read filter groups; refuse too many, and unknown operators or properties."""
    max_groups, max_per_group, max_total = portal.switches.search_filter_limits
    filter_lists = [group_body.get("filters") or [] for group_body in group_bodies]
    if len(filter_lists) > max_groups or any(
        len(filter_list) > max_per_group for filter_list in filter_lists
    ):
        raise refusals.invalid(
            f"At most {max_groups} filter groups with {max_per_group} filters each"
        )
    if sum(map(len, filter_lists)) > max_total:
        raise refusals.invalid(f"At most {max_total} filters")
    return tuple(_parse_group(portal, object_type, filter_list) for filter_list in filter_lists)


def _parse_group(
    portal: PortalState, object_type: ObjectType, filter_bodies: Iterable[JSON]
) -> FilterGroup:
    group = FilterGroup()
    for filter_body in filter_bodies:
        operator, name = str(filter_body.get("operator")), str(filter_body.get("propertyName"))
        if operator not in OPERATORS:
            operators = ", ".join(OPERATORS)
            message = (
                f"Invalid input JSON on line 1, column 66: Enum type must be one of: [{operators}]"
            )
            raise refusals.invalid(message)
        if name == object_type.modified_property and operator in {*_COMPARISONS, "BETWEEN"}:
            _narrow_window(group, operator, _time_bounds(filter_body))
        elif name == "hs_object_id" and operator in _COMPARISONS:
            group.id_tests.append(_id_test(operator, str(filter_body.get("value", ""))))
        else:
            group.tests.append(_record_test(portal, object_type, name, filter_body))
    return group


def _time_bounds(filter_body: JSON) -> tuple[int, int]:
    try:
        low = parse_time(filter_body.get("value", ""))
        return low, parse_time(filter_body["highValue"]) if "highValue" in filter_body else low
    except ValueError as error:
        raise refusals.invalid(f"{filter_body.get('value')} is not a time") from error


def _narrow_window(group: FilterGroup, operator: str, bounds: tuple[int, int]) -> None:
    value, highest = bounds
    low = {"GT": value + 1, "GTE": value, "EQ": value, "BETWEEN": value}.get(operator, 0)
    high = {"LT": value - 1, "LTE": value, "EQ": value, "BETWEEN": highest}.get(operator, _MAX_TIME)
    group.low, group.high = max(group.low, low), min(group.high, high)


def _id_test(operator: str, value: str) -> Callable[[int], bool]:
    if not value.isdigit():
        raise refusals.invalid(f"{value} is not a number")
    compare, number = _COMPARISONS[operator], int(value)
    return lambda record_id: compare(record_id, number)


def _record_test(
    portal: PortalState, object_type: ObjectType, name: str, filter_body: JSON
) -> Callable[[Record], bool]:
    if name.startswith("associations."):
        return _association_test(portal, name.partition(".")[2], filter_body)
    definition = portal.schema.definitions(object_type).get(name)
    if definition is None and name not in _MODIFIED_PROPERTIES:
        raise refusals.invalid(f"There was a problem with the request: no property {name}")
    getter = calculated.getters(portal, object_type).get(name)
    matches = _value_test(definition or Definition(name=name, label=name), filter_body)
    if getter is None:
        return lambda record: matches(record.values.get(name, ""))
    return lambda record: matches(getter(record))


def _association_test(
    portal: PortalState, target: str, filter_body: JSON
) -> Callable[[Record], bool]:
    target_type = portal.resolve_type(target).name
    wanted_ids = {
        int(value) for value in filter_body.get("values") or [filter_body.get("value", 0)]
    }
    return lambda record: bool(
        wanted_ids & portal.links.of(record.object_type.name, record.id, target_type).keys()
    )


def _value_test(definition: Definition, filter_body: JSON) -> Callable[[str], bool]:
    operator = str(filter_body["operator"])
    if operator == "HAS_PROPERTY":
        return bool
    if operator == "NOT_HAS_PROPERTY":
        return lambda text: not text
    if operator.endswith("CONTAINS_TOKEN"):
        return _token_test(str(filter_body.get("value", "")), expected=operator == "CONTAINS_TOKEN")
    if operator.endswith("IN"):
        return _membership_test(definition, filter_body, expected=operator == "IN")
    return _comparison_test(definition, filter_body)


def _token_test(value: str, *, expected: bool) -> Callable[[str], bool]:
    patterns = _WORD.findall(value.lower())

    def test(text: str) -> bool:
        words = _WORD.findall(text.lower())
        holds = bool(patterns) and all(
            any(fnmatchcase(word, pattern) for word in words) for pattern in patterns
        )
        return holds is expected

    return test


def _membership_test(
    definition: Definition, filter_body: JSON, *, expected: bool
) -> Callable[[str], bool]:
    values = {str(value) for value in filter_body.get("values") or []}
    is_lowercase = definition.type == "string"  # the index holds text in lower case

    def test(text: str) -> bool:
        if not text:
            return not expected
        return ((text.lower() if is_lowercase else text) in values) is expected

    return test


def _comparison_test(definition: Definition, filter_body: JSON) -> Callable[[str], bool]:
    operator = str(filter_body["operator"])
    low = sort_key(definition, str(filter_body.get("value", "")))
    if operator == "BETWEEN":
        high = sort_key(definition, str(filter_body.get("highValue", "")))
        return lambda text: bool(text) and low <= sort_key(definition, text) <= high
    if operator == "NEQ":
        return lambda text: not text or sort_key(definition, text) != low
    compare = _COMPARISONS[operator]
    return lambda text: bool(text) and compare(sort_key(definition, text), low)


def sort_key(definition: Definition, text: str) -> tuple[int, Any]:
    """Return a value that compares as HubSpot compares its type; blanks come last.

    >>> sort_key(Definition(name="n", label="N", type="number"), "17")
    (0, 17.0)
    """
    if not text:
        return 2, ""
    try:
        if definition.type == "number":
            return 0, float(text)
        if definition.type in {"datetime", "date"}:
            return 0, float(parse_time(text))
    except ValueError:
        return 1, text
    return 0, text if definition.type == "enumeration" else text.lower()
