"""Gather every table, so that the migrations can be compared with them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from state import (  # noqa: F401 - importing a file registers its tables
    aliases,
    associations,
    audit,
    checkpoints,
    cuts,
    holds,
    inbox,
    ledger,
    mirror,
    outbox,
    plans,
    portals,
    runs,
    sendings,
    strikes,
    tasks,
    tokens,
    writings,
)

METADATA: Final[MetaData] = SQLModel.metadata
