"""Show what somebody may not want of a first plan, each group with the setting against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from connector.core.safe_text import markdown_cell, one_line

HEADING: Final = "What you may not want"
_NOTE: Final = (
    "These rules are new in this portal. A line that begins with settings, rules or lead_status "
    "goes into your policy file and treats the group otherwise."
)
_NAMES: Final = {"contacts": "contact", "companies": "company"}


def unwanted_lines(groups: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Yield the groups as lines for a terminal; nothing where there are none."""
    if not groups:
        return
    yield Text(HEADING, style="bold")
    yield Text(_NOTE)
    for heading, is_corrected in (("Would be changed:", True), ("Would stay:", False)):
        chosen = [group for group in groups if group["is_corrected"] is is_corrected]
        if chosen:
            yield Text(heading)
        for group in chosen:
            yield Text(f"  {group_text(group)}")
            yield Text(f"    {', '.join(group['examples'])}")
            # Folded between words, and indented, it is still YAML that means the same.
            yield Padding(Text(group["setting"]), (0, 0, 0, 4), expand=False)
    yield Text("")


def write_unwanted_markdown(out: TextIO, groups: Sequence[Mapping[str, Any]]) -> None:
    """Write the groups as a list of Markdown; nothing where there are none."""
    if not groups:
        return
    out.write(f"## {HEADING}\n\n{_NOTE}\n\n")
    for group in groups:
        change = "would be changed" if group["is_corrected"] else "would stay"
        examples = ", ".join(group["examples"])
        out.write(f"- **{markdown_cell(group_text(group))}** {change}: {examples}\n\n")
        out.write(f"  ```yaml\n  {one_line(group['setting'])}\n  ```\n")
    out.write("\n")


def group_text(group: Mapping[str, Any]) -> str:
    """Return how many records a group has, and what they have in common.

    >>> group_text({"records": 1, "object_type": "contacts", "rule": "won", "text": "→ Customer"})
    '1 contact → Customer (won)'
    """
    count, object_type = group["records"], group["object_type"]
    name = _NAMES[object_type] if count == 1 else object_type
    return f"{count:,} {name} {group['text']} ({group['rule']})"
