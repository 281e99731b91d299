"""Render screens as a terminal of some width would show them."""

from __future__ import annotations

from io import StringIO

from rich.console import RenderableType

from connector.cli.render.console import console

WIDE, NARROW = 200, 60


def rendered_text(screen: RenderableType, *, width: int = WIDE) -> str:
    """Return what a terminal shows."""
    buffer = StringIO()
    console(buffer, width=width).print(screen)
    return buffer.getvalue()


def collapse_whitespace(text: str) -> str:
    """Return the text without its line breaks and columns."""
    return " ".join(text.split())
