"""Encode corrections and held-back corrections as canonical JSON text, and decode them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from connector.core.corrections.holds import HeldBack, HeldBackCause
from connector.core.model import Correction, Direction, Ref
from state.db.timestamps import from_millis, to_millis


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and without spaces: equal values are equal texts."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def parse_json(text: str) -> Any:
    """Return the value of a JSON text."""
    return orjson.loads(text)


def corrections_text(corrections: Iterable[Correction]) -> str:
    """Return the corrections of one record as JSON, each as the plan file shows it."""
    return canonical_json([_correction_document(correction) for correction in corrections])


def parse_corrections(text: str) -> tuple[Correction, ...]:
    """Return the corrections that `corrections_text` wrote."""
    return tuple(_parse_correction(document) for document in parse_json(text))


def held_back_text(held_back: HeldBack) -> str:
    """Return a held-back correction as JSON."""
    return canonical_json(
        {
            "correction": _correction_document(held_back.correction),
            "why": held_back.cause.value,
            "reason": held_back.reason,
            "by": held_back.by,
            "until": None if held_back.until is None else to_millis(held_back.until),
        }
    )


def parse_held_back(text: str) -> HeldBack:
    """Return the held-back correction that `held_back_text` wrote."""
    document = parse_json(text)
    return HeldBack(
        correction=_parse_correction(document["correction"]),
        cause=HeldBackCause(document["why"]),
        reason=document["reason"],
        by=document["by"],
        until=None if document["until"] is None else from_millis(document["until"]),
    )


def _correction_document(correction: Correction) -> dict[str, Any]:
    return {
        "record": str(correction.record),
        "property_name": correction.property_name,
        "before": correction.before,
        "after": correction.after,
        "direction": correction.direction.value,
        "rule": correction.rule,
        "reason": correction.reason,
        "evidence": list(correction.evidence),
    }


def _parse_correction(document: Mapping[str, Any]) -> Correction:
    return Correction(
        record=Ref.parse(document["record"]),
        property_name=document["property_name"],
        before=document["before"],
        after=document["after"],
        direction=Direction(document["direction"]),
        rule=document["rule"],
        reason=document["reason"],
        evidence=tuple(document["evidence"]),
    )
