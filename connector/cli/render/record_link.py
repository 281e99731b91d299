"""Lead from a record that is shown to its page in HubSpot."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from connector.core.model import Ref
from connector.core.record_address import record_address


def record_text(portal_id: str, name: str) -> Text:
    """Return a cell with a record's name, which a terminal that can follows to HubSpot.

    The link is an OSC 8 sequence (https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda),
    which the console writes to terminals only: never into a pipe, and not to a dumb one.
    """
    text = Text(name)
    if address := record_url(portal_id, name):
        text.stylize(Style(link=address))
    return text


def record_url(portal_id: str, name: str) -> str:
    """Return the address of a record by its name, "" where the name is not of a record.

    >>> record_url("4711", "companies/45")
    'https://app.hubspot.com/contacts/4711/record/0-2/45'
    >>> record_url("4711", "@fjord.example"), record_url("", "contacts/1")
    ('', '')
    """
    try:
        ref = Ref.parse(name)
    except ValueError:
        return ""
    return record_address(portal_id, ref) if portal_id else ""


def markdown_record(portal_id: str, ref: Ref) -> str:
    """Return a record as a link of Markdown.

    >>> markdown_record("4711", Ref.parse("companies/45"))
    '[companies/45](https://app.hubspot.com/contacts/4711/record/0-2/45)'
    """
    return f"[{ref}]({record_address(portal_id, ref)})"
