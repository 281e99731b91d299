"""Find the records that make a batch fail, so that the others are read all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from connector.core.model import Ref
from connector.hubspot.http.failures import BadAnswer, RequestRefused, ServerFailed

MAX_FAILING: Final = 10
"""Records of one batch that may fail alone; where more do, it is not the records that fail."""
_TRIES: Final = 2
_UNKNOWN_ID: Final = "0"
"""An id that no record has: HubSpot finds nothing, and is seen to answer this kind of request."""

Result = TypeVar("Result")


def isolate_failing_records(
    refs: Sequence[Ref], read: Callable[[Sequence[Ref], int | None], Result]
) -> tuple[list[Result], dict[Ref, str]]:
    """Read records of one type in one request, or in parts where that keeps failing.

    `read` sends one request for some records, at most so many times (None: as often as usual).
    Return the results of the parts that succeeded, and why the records failed that fail alone.
    Raise the failure of the whole batch where HubSpot fails for other records as well: then it
    is HubSpot, or the way to it, that fails.
    """
    try:
        return [read(refs, None)], {}
    except (ServerFailed, BadAnswer) as error:
        failure = error
    # HubSpot answers the same request for an unknown id: so it may be the records that fail.
    _require_answer(refs, read, failure)
    results: list[Result] = []
    failing: dict[Ref, str] = {}
    parts = _halves(refs)
    if not parts:
        failing[refs[0]] = _reason(failure)
    while parts:
        part = parts.pop()
        try:
            results.append(read(part, _TRIES))
        except (ServerFailed, BadAnswer) as error:
            if len(part) > 1:
                parts.extend(_halves(part))
            else:
                failing[part[0]] = _reason(error)
        # So many bad records at once are none: HubSpot fails for another reason.
        if len(failing) > MAX_FAILING:
            raise failure
    # HubSpot may have failed only meanwhile: then these records were not the reason.
    if failing:
        _require_answer(refs, read, failure)
    return results, failing


def _halves(refs: Sequence[Ref]) -> list[Sequence[Ref]]:
    middle = len(refs) // 2
    return [refs[middle:], refs[:middle]] if middle else []


def _require_answer(
    refs: Sequence[Ref],
    read: Callable[[Sequence[Ref], int | None], Result],
    failure: ServerFailed | BadAnswer,
) -> None:
    """Raise the failure where HubSpot does not answer the same request for an unknown record."""
    try:
        read([Ref(refs[0].object_type, _UNKNOWN_ID)], _TRIES)
    except (ServerFailed, BadAnswer):
        raise failure from None
    except RequestRefused:
        return


def _reason(failure: ServerFailed | BadAnswer) -> str:
    return f"HubSpot fails whenever a request names it: {failure}"
