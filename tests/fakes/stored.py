"""Ask and change what is stored in ways that only tests need."""

from __future__ import annotations

from collections.abc import Iterable

from connector.core.corrections.moves import correction_key
from connector.core.model import Correction
from state import mirror, quarantine
from state.db.transaction import Transaction


def quarantined_keys(session: Transaction, corrections: Iterable[Correction]) -> frozenset[str]:
    """Return the keys of those corrections that are quarantined."""
    keys = {correction_key(correction) for correction in corrections}
    return frozenset(keys & {failed.key for failed in quarantine.read_quarantined(session)})


def erase_mirror(session: Transaction) -> None:
    """Delete every mirrored record of the portal."""
    session.execute(mirror.TABLE.delete().where(mirror.TABLE.c.portal_id == session.portal_key))
