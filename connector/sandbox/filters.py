"""The filters of a search, read once and then tested on each record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox import refusals
from connector.sandbox.kinds import Kind
from connector.sandbox.properties import Definition
from connector.sandbox.record import Record, parse_time

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside

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
_FOREVER: Final = 1 << 45
_MODIFIED: Final = frozenset({"lastmodifieddate", "hs_lastmodifieddate"})
_WORD: Final = re.compile(r"[\w*]+")
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "LT": lambda one, other: bool(one < other),
    "LTE": lambda one, other: bool(one <= other),
    "GT": lambda one, other: bool(one > other),
    "GTE": lambda one, other: bool(one >= other),
    "EQ": lambda one, other: bool(one == other),
}


@dataclass(slots=True)
class Group:
    """Filters that must all hold: a window of last-modified, tests of ids, tests of records."""

    low: int = 0
    high: int = _FOREVER
    id_tests: list[Callable[[int], bool]] = field(default_factory=list)
    tests: list[Callable[[Record], bool]] = field(default_factory=list)

    @property
    def is_window(self) -> bool:
        """Tell whether the group asks for a window of last-modified."""
        return (self.low, self.high) != (0, _FOREVER)


EVERYTHING: Final = Group()


def groups(portal: Inside, kind: Kind, given: list[JSON]) -> tuple[Group, ...]:
    """Read filter groups; refuse too many, and unknown operators or properties."""
    most, most_in_one, most_in_all = portal.switches.search_filter_limits
    lists = [one.get("filters") or [] for one in given]
    if len(lists) > most or any(len(one) > most_in_one for one in lists):
        raise refusals.invalid(f"At most {most} filter groups with {most_in_one} filters each")
    if sum(map(len, lists)) > most_in_all:
        raise refusals.invalid(f"At most {most_in_all} filters")
    return tuple(_group(portal, kind, one) for one in lists)


def _group(portal: Inside, kind: Kind, given: Iterable[JSON]) -> Group:
    group = Group()
    for one in given:
        operator, name = str(one.get("operator")), str(one.get("propertyName"))
        if operator not in OPERATORS:
            listed = ", ".join(OPERATORS)
            message = (
                f"Invalid input JSON on line 1, column 66: Enum type must be one of: [{listed}]"
            )
            raise refusals.invalid(message)
        if name == kind.modified and operator in {*_COMPARE, "BETWEEN"}:
            _narrow(group, operator, _times(one))
        elif name == "hs_object_id" and operator in _COMPARE:
            group.id_tests.append(_id_test(operator, str(one.get("value", ""))))
        else:
            group.tests.append(_test(portal, kind, name, one))
    return group


def _times(one: JSON) -> tuple[int, int]:
    try:
        low = parse_time(one.get("value", ""))
        return low, parse_time(one["highValue"]) if "highValue" in one else low
    except ValueError as error:
        raise refusals.invalid(f"{one.get('value')} is not a time") from error


def _narrow(group: Group, operator: str, times: tuple[int, int]) -> None:
    value, highest = times
    low = {"GT": value + 1, "GTE": value, "EQ": value, "BETWEEN": value}.get(operator, 0)
    high = {"LT": value - 1, "LTE": value, "EQ": value, "BETWEEN": highest}.get(operator, _FOREVER)
    group.low, group.high = max(group.low, low), min(group.high, high)


def _id_test(operator: str, value: str) -> Callable[[int], bool]:
    if not value.isdigit():
        raise refusals.invalid(f"{value} is not a number")
    compare, number = _COMPARE[operator], int(value)
    return lambda record_id: compare(record_id, number)


def _test(portal: Inside, kind: Kind, name: str, one: JSON) -> Callable[[Record], bool]:
    if name.startswith("associations."):
        return _linked(portal, name.partition(".")[2], one)
    definition = portal.schema.definitions(kind).get(name)
    if definition is None and name not in _MODIFIED:
        raise refusals.invalid(f"There was a problem with the request: no property {name}")
    getter = portal.getters(kind).get(name)
    matches = _matcher(definition or Definition(name=name, label=name), one)
    if getter is None:
        return lambda record: matches(record.values.get(name, ""))
    return lambda record: matches(getter(record))


def _linked(portal: Inside, target: str, one: JSON) -> Callable[[Record], bool]:
    other = portal.kind(target).name
    wanted = {int(value) for value in one.get("values") or [one.get("value", 0)]}
    return lambda record: bool(wanted & portal.links.of(record.kind.name, record.id, other).keys())


def _matcher(definition: Definition, one: JSON) -> Callable[[str], bool]:
    operator = str(one["operator"])
    if operator == "HAS_PROPERTY":
        return bool
    if operator == "NOT_HAS_PROPERTY":
        return lambda text: not text
    if operator.endswith("CONTAINS_TOKEN"):
        return _tokens(str(one.get("value", "")), wanted=operator == "CONTAINS_TOKEN")
    if operator.endswith("IN"):
        return _among(definition, one, wanted=operator == "IN")
    return _compared(definition, one)


def _tokens(value: str, *, wanted: bool) -> Callable[[str], bool]:
    asked = _WORD.findall(value.lower())

    def test(text: str) -> bool:
        words = _WORD.findall(text.lower())
        holds = bool(asked) and all(any(fnmatchcase(word, one) for word in words) for one in asked)
        return holds is wanted

    return test


def _among(definition: Definition, one: JSON, *, wanted: bool) -> Callable[[str], bool]:
    values = {str(value) for value in one.get("values") or []}
    lowered = definition.type == "string"  # the index holds text in lower case

    def test(text: str) -> bool:
        if not text:
            return not wanted
        return ((text.lower() if lowered else text) in values) is wanted

    return test


def _compared(definition: Definition, one: JSON) -> Callable[[str], bool]:
    operator = str(one["operator"])
    low = sortable(definition, str(one.get("value", "")))
    if operator == "BETWEEN":
        high = sortable(definition, str(one.get("highValue", "")))
        return lambda text: bool(text) and low <= sortable(definition, text) <= high
    if operator == "NEQ":
        return lambda text: not text or sortable(definition, text) != low
    compare = _COMPARE[operator]
    return lambda text: bool(text) and compare(sortable(definition, text), low)


def sortable(definition: Definition, text: str) -> tuple[int, Any]:
    """Return a value that compares as HubSpot compares its type; blanks come last.

    >>> sortable(Definition(name="n", label="N", type="number"), "17")
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
