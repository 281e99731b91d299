"""Where something stands in a policy file, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

from connector.errors import UserError


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; lines and columns count from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a policy, and where."""

    mark: Mark
    message: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.message}"


class PolicyError(UserError):
    """What is wrong in a policy file: one line `file:line:column: message` for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = tuple(problems)


def wrong(mark: Mark, message: str) -> PolicyError:
    """Return the error that says one thing about one place."""
    return PolicyError((Problem(mark, message),))


class Problems:
    """Collects the problems of several steps, so that all are told at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Note the policy errors of the block, and go on after it."""
        try:
            yield
        except PolicyError as error:
            self._found.extend(error.problems)

    def tell(self) -> None:
        """Raise everything noted, in the order of the file; do nothing if all is well."""
        if self._found:
            unique = dict.fromkeys(self._found)
            raise PolicyError(
                sorted(unique, key=lambda one: (one.mark.source, one.mark.line, one.mark.column))
            )


def nearest(word: str, known: Sequence[str]) -> str:
    """Return ` (did you mean …?)` for the nearest known word, or nothing.

    >>> nearest("scor", ["score", "email"])
    " (did you mean 'score'?)"
    >>> nearest("zzz", ["score"])
    ''
    """
    lower = {one.casefold(): one for one in reversed(known)}
    close = get_close_matches(word.casefold(), list(lower), n=1, cutoff=0.6)
    return f" (did you mean {lower[close[0]]!r}?)" if close else ""
