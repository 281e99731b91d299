"""Read a plan file, and refuse an incomplete or edited one, or one of another portal or policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from connector.context import RunContext
from connector.core.corrections.plan import PlanCounter, digest_prefix, parse_correction
from connector.core.model import Correction, Ref
from connector.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """A reviewed plan: its digest, and the corrections of each record."""

    digest: str
    moves: Mapping[Ref, tuple[Correction, ...]]


def read_plan(context: RunContext, path: Path) -> PlanFile:
    """Return a plan file's content; raise UserError where it must not be applied in this portal."""
    document, corrections = _parse(path)
    policy = document.get("policy") or {}
    digest = str(document.get("digest"))
    hint = "write a new one by `connector plan --out FILE`"
    portal_id = str(document.get("portal_id"))
    if portal_id != context.portal_id:
        raise UserError(
            f"{path} is a plan for portal {portal_id}, and this token belongs to portal "
            f"{context.portal_id}: nothing was written. Use the right token, or {hint}."
        )
    if _plan_digest(portal_id, str(policy.get("digest")), corrections) != digest:
        raise UserError(
            f"{path} was edited since it was written (its digest does not fit): nothing was "
            f"written. Change the policy instead, and {hint}."
        )
    if policy.get("digest") != context.policy.digest:
        raise UserError(
            f"{path} was made by another policy, or by {policy.get('name')} before it, or the "
            f"portal's stages, changed: nothing was written. Please {hint}, and review it."
        )
    return PlanFile(digest=digest, moves=_by_record(corrections))


def plan_policy(path: Path) -> str | None:
    """Return the preset or file of the policy that a plan was made by; None in older plans."""
    document, _ = _parse(path)
    source = document.get("policy_source")
    return source if isinstance(source, str) else None


def _parse(path: Path) -> tuple[dict[str, Any], list[Correction]]:
    try:
        document = orjson.loads(path.read_bytes())
        return document, [parse_correction(row) for row in document["corrections"]]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not a plan: write one by `connector plan --out FILE`."
        ) from error


def _plan_digest(portal_id: str, policy_digest: str, corrections: Sequence[Correction]) -> str:
    tally = PlanCounter(digest_prefix=digest_prefix(portal_id, policy_digest))
    for _, group in groupby(corrections, key=lambda item: item.record):
        tally.add(tuple(group))
    return tally.digest


def _by_record(corrections: Sequence[Correction]) -> dict[Ref, tuple[Correction, ...]]:
    moves: dict[Ref, tuple[Correction, ...]] = {}
    for item in corrections:
        moves[item.record] = (*moves.get(item.record, ()), item)
    return moves
