"""Divide records among requests: parts of one size, of one object type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from connector.core.model import ObjectType, Ref

Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield parts of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def object_type_of(refs: Sequence[Ref]) -> ObjectType:
    """Return the one type of these records; several in one request are a bug of ours."""
    object_types = {ref.object_type for ref in refs}
    if len(object_types) != 1:
        raise ValueError(
            f"one request, {len(object_types)} object types: send one request for each"
        )
    return object_types.pop()
