"""Know our own versions in histories: the ids that HubSpot gives the app whose token we use.

No answer of HubSpot tells an app its own id. So it is learnt from writes that were read back: the
newest version, newer than the last reading and with the value that was sent, is ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connector.context import RunContext
from connector.core.history.writers import Source, is_by_integration, source_of
from connector.core.model import Version
from connector.plan.storing import noting_storage_failures
from state import checkpoints
from state.db.transaction import Transaction

_CHECKPOINT: Final = "own-sources"
_REMEMBERED: Final = 10
"""Writes that are remembered: the id of an app whose token was replaced is forgotten with them."""


def own_sources(context: RunContext) -> frozenset[Source]:
    """Return the sources of the last writes that were ours; empty while none was read back."""
    if context.state.own_sources is None:
        stored: list[list[str]] = []
        with noting_storage_failures(context), context.reading() as session:
            stored = checkpoints.get(session, _CHECKPOINT) or []
        context.state.own_sources = frozenset((kind, app) for kind, app in stored)
    return context.state.own_sources


def note_own_versions(
    context: RunContext, session: Transaction, versions: Iterable[Version]
) -> None:
    """Remember whose versions these are, which are known to be ours."""
    sources = [
        source_of(version)
        for version in versions
        if version.source_id and is_by_integration(version)
    ]
    stored = [(kind, app) for kind, app in checkpoints.get(session, _CHECKPOINT) or []]
    remembered = [*stored, *sources][-_REMEMBERED:]
    if remembered != stored:
        checkpoints.put(session, _CHECKPOINT, remembered)
    context.state.own_sources = frozenset(remembered)
