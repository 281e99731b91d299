"""Read a long list page by page, without a transaction that stays open between pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from state.db.transaction import Transaction

_Item = TypeVar("_Item")
_Key = TypeVar("_Key")


def read_pages(
    reading: Callable[[], AbstractContextManager[Transaction]],
    read_page: Callable[[Transaction, _Key], Sequence[_Item]],
    *,
    start: _Key,
    key_of: Callable[[_Item], _Key],
) -> Iterator[Sequence[_Item]]:
    """Yield pages until one is empty; each is read in a reading transaction of its own.

    `read_page` returns the items whose key comes after the given one, ordered by that key. No
    transaction is open while the caller works with a page, so that it may write and ask HubSpot;
    what it changes behind the last key is not seen again.
    """
    after = start
    while page := _read_page(reading, read_page, after):
        yield page
        after = key_of(page[-1])


def _read_page(
    reading: Callable[[], AbstractContextManager[Transaction]],
    read_page: Callable[[Transaction, _Key], Sequence[_Item]],
    after: _Key,
) -> Sequence[_Item]:
    with reading() as session:
        return read_page(session, after)
