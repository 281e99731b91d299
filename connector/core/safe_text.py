"""Make text from a portal safe to show: in a terminal, in Markdown, in a spreadsheet."""

from __future__ import annotations

from typing import Final

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# C0 and C1 control characters (but tab and line feed), DEL, and the characters that reorder or
# break lines in Unicode: in a terminal they move the cursor, set titles, or hide what follows.
_CONTROLS: Final = dict.fromkeys(
    [
        *(code for code in range(0x20) if code not in {0x09, 0x0A}),
        *range(0x7F, 0xA0),
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ],
    _REPLACEMENT,
)
_FORMULA_STARTS: Final = frozenset("=+-@\t\n")
_MARKDOWN_SIGNS: Final = frozenset("\\|*_`[]~")


def safe_text(text: str) -> str:
    r"""Return a text without characters that control a terminal; tab and line feed stay.

    >>> safe_text("Kunde\x1b[2J")
    'Kunde�[2J'
    """
    return text.translate(_CONTROLS)


def one_line(text: str) -> str:
    r"""Return a text for one line of a table: safe, and without tabs and line feeds.

    >>> one_line("a\tb\nc")
    'a b c'
    """
    return safe_text(text).replace("\n", " ").replace("\t", " ")


def markdown_cell(text: str) -> str:
    r"""Return a text that breaks no Markdown table, marks nothing up, and holds no HTML.

    >>> markdown_cell("a|b <img> [x](y)")
    'a\\|b &lt;img&gt; \\[x\\](y)'
    """
    escaped = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{sign}" if sign in _MARKDOWN_SIGNS else sign for sign in escaped)


def spreadsheet_cell(text: str) -> str:
    r"""Return a text that no spreadsheet takes for a formula.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("lead")
    ("'=1+1", 'lead')
    """
    safe = safe_text(text)
    return f"'{safe}" if safe[:1] in _FORMULA_STARTS else safe
