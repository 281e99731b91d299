"""Match texts with the patterns of a policy: whole words, or `*` for anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_LETTER_OR_DIGIT: Final = r"[^\W_]"
_NO_LETTER_BEFORE: Final = rf"(?<!{_LETTER_OR_DIGIT})"
_NO_LETTER_AFTER: Final = rf"(?!{_LETTER_OR_DIGIT})"
_NOTHING: Final = r"(?!)"


class TextPattern:
    """Several patterns as one test.

    A pattern without `*` is found as whole words anywhere in the text; words end where a letter
    or digit meets anything else, `_` and `-` included. A pattern with `*` must fit the whole
    text, and `*` stands for anything. Case and accents do not matter. The test never backtracks
    into a `*`, so its time grows with the length of the text alone.

    >>> demo = TextPattern(["demo", "*webinar"])
    >>> [demo.fits(name) for name in ("Book_a_DÉMO", "Demographics", "A webinar", "Webinars")]
    [True, False, True, False]
    """

    __slots__ = ("_regex",)

    def __init__(self, patterns: Iterable[str]) -> None:
        alternatives = [
            _whole_text_regex(words) if "*" in words else _words_regex(words)
            for words in map(_fold, patterns)
            if words
        ]
        self._regex = re.compile("|".join(alternatives) or _NOTHING)

    def fits(self, text: str) -> bool:
        """Return whether one of the patterns fits a text."""
        return self._regex.search(_fold(text)) is not None


@lru_cache(maxsize=8192)
def _fold(text: str) -> str:
    """Return a text in small letters, without accents, with single spaces.

    The names of forms repeat in thousands of records, therefore the cache.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    without_accents = "".join(char for char in folded if not unicodedata.combining(char))
    return " ".join(without_accents.split())


def _words_regex(words: str) -> str:
    """Return the regular expression of whole words; a space also fits `_` and `-`."""
    escaped = "[ _-]".join(map(re.escape, words.split(" ")))
    return f"{_NO_LETTER_BEFORE}{escaped}{_NO_LETTER_AFTER}"


def _whole_text_regex(pattern: str) -> str:
    """Return a pattern with `*` as a regular expression; each `*` takes the first fitting place."""
    first, *later_parts = map(re.escape, re.split(r"\*+", pattern))
    middle = "".join(f"(?>.*?{part})" for part in later_parts[:-1])
    return rf"\A{first}{middle}.*{later_parts[-1]}\Z"
