"""Report problems of a policy file with their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

from connector.errors import UserError


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; lines and columns count from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a policy, and its place."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class PolicyError(UserError):
    """A policy file has problems: the message has a line `file:line:column: message` for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def policy_error(place: Place, message: str) -> PolicyError:
    """Return an error with one problem."""
    return PolicyError((Problem(place, message),))


class Problems:
    """Collects the problems of several steps, so that all are reported at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect the policy errors of the block, and go on after it."""
        try:
            yield
        except PolicyError as error:
            self._problems.extend(error.problems)

    def raise_all(self) -> None:
        """Raise every collected problem, in the order of the file; do nothing if there is none."""
        if self._problems:
            unique = dict.fromkeys(self._problems)
            raise PolicyError(
                sorted(
                    unique,
                    key=lambda problem: (
                        problem.place.source,
                        problem.place.line,
                        problem.place.column,
                    ),
                )
            )


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ` (did you mean …?)` for the nearest known word, or nothing.

    >>> did_you_mean("scor", ["score", "email"])
    " (did you mean 'score'?)"
    >>> did_you_mean("zzz", ["score"])
    ''
    """
    by_lowercase = {candidate.casefold(): candidate for candidate in reversed(known)}
    matches = get_close_matches(word.casefold(), list(by_lowercase), n=1, cutoff=0.6)
    return f" (did you mean {by_lowercase[matches[0]]!r}?)" if matches else ""
