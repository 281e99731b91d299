"""Write nouns as canonical JSON text, and read them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from connector.core.model import Correction, Direction, Ref


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
