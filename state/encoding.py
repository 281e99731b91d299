"""Write nouns as canonical JSON text, and read them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from connector.core.holds import Aside, Why
from connector.core.model import Correction, Direction, Ref
from state.moments import from_millis, to_millis


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and without spaces: equal values are equal texts."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def parsed(text: str) -> Any:
    """Return the value of a JSON text."""
    return orjson.loads(text)


def corrections_text(corrections: Iterable[Correction]) -> str:
    """Return the corrections of one record as JSON, each as the plan file shows it."""
    return canonical([_written(one) for one in corrections])


def corrections_told(text: str) -> tuple[Correction, ...]:
    """Return the corrections that `corrections_text` wrote."""
    return tuple(_told(one) for one in parsed(text))


def aside_text(one: Aside) -> str:
    """Return what is left aside as JSON."""
    return canonical(
        {
            "correction": _written(one.correction),
            "why": one.why.value,
            "reason": one.reason,
            "by": one.by,
            "until": None if one.until is None else to_millis(one.until),
        }
    )


def aside_told(text: str) -> Aside:
    """Return what `aside_text` wrote."""
    told = parsed(text)
    return Aside(
        correction=_told(told["correction"]),
        why=Why(told["why"]),
        reason=told["reason"],
        by=told["by"],
        until=None if told["until"] is None else from_millis(told["until"]),
    )


def _written(one: Correction) -> dict[str, Any]:
    return {
        "record": str(one.record),
        "property_name": one.property_name,
        "before": one.before,
        "after": one.after,
        "direction": one.direction.value,
        "rule": one.rule,
        "reason": one.reason,
        "evidence": list(one.evidence),
    }


def _told(one: Mapping[str, Any]) -> Correction:
    return Correction(
        record=Ref.parse(one["record"]),
        property_name=one["property_name"],
        before=one["before"],
        after=one["after"],
        direction=Direction(one["direction"]),
        rule=one["rule"],
        reason=one["reason"],
        evidence=tuple(one["evidence"]),
    )
