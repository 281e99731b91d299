"""The sandbox's answers have the shape of HubSpot's recorded answers to the same requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.sandbox.schema import folders
from tests.sandbox.schema.deviations import FROM_RECORDINGS, unexpected
from tests.sandbox.schema.recordings import PASSED_OVER, Recording, read, reason_to_pass_over
from tests.sandbox.schema.scripts import SCRIPTS, rehearse
from tests.sandbox.schema.shapes import differences, shape

VARIABLE = "HUBSPOT_RECORDED_DIR"
FOLDER = folders.named(VARIABLE)
ALL = list(read(FOLDER)) if FOLDER and FOLDER.is_dir() else []
SERVED = [one for one in ALL if not reason_to_pass_over(one)]


KNOWN: dict[str, list[str]] = {}


def found(recording: Recording) -> list[str]:
    """Return where the sandbox's answer differs from the recorded one; ask once."""
    if recording.name not in KNOWN:
        KNOWN[recording.name] = list(compare(recording))
    return KNOWN[recording.name]


def compare(recording: Recording) -> Iterator[str]:
    answer = rehearse(recording)
    if answer.status != recording.status:
        yield f"status: {answer.status} where {recording.status} was"
    if answer.content_type != recording.content_type:
        yield f"content type: {answer.content_type} where {recording.content_type} was"
    if recording.headers:
        yield from (f"header {one}: wrong" for one in answer.headers ^ recording.headers)
    yield from differences(shape([recording.answer]), shape([answer.body]))


def test_the_recorded_answers_are_there() -> None:
    folders.required(VARIABLE)
    assert len(SERVED) >= 114


@pytest.mark.parametrize("recording", SERVED, ids=lambda one: one.name)
def test_an_answer_has_the_shape_of_the_recorded_one(recording: Recording) -> None:
    assert unexpected(FROM_RECORDINGS, recording.name, found(recording)) == []


def test_what_is_passed_over_has_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    folders.required(VARIABLE)
    reasons = Counter(filter(None, map(reason_to_pass_over, ALL)))
    with capsys.disabled():
        lines = [f"{count:3} {why}" for why, count in reasons.most_common()]
        print(f"\nof {len(ALL)} recordings passed over:", *lines, sep="\n  ")  # noqa: T201 -- asked for
    assert reasons.keys() == {why for *_, why in PASSED_OVER}


def test_every_reviewed_deviation_is_still_one() -> None:
    folders.required(VARIABLE)
    seen = [(one.name, difference) for one in SERVED for difference in found(one)]
    stale = [one for one in FROM_RECORDINGS if not any(one.covers(*pair) for pair in seen)]
    assert stale == []


def test_every_script_belongs_to_a_recording() -> None:
    folders.required(VARIABLE)
    names = {one.name.rpartition("/")[2].removesuffix("-0") for one in SERVED}
    assert SCRIPTS.keys() <= names
