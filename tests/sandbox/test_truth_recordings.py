"""The sandbox's answers have the shape of HubSpot's recorded answers to the same requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.sandbox.schema import folders
from tests.sandbox.schema.deviations import FROM_RECORDINGS, unexpected
from tests.sandbox.schema.recordings import UNSUPPORTED, Recording, read, unsupported_reason
from tests.sandbox.schema.requests import SCRIPTS, replay_recording
from tests.sandbox.schema.shapes import differences, shape

VARIABLE = "HUBSPOT_RECORDED_DIR"
FOLDER = folders.folder_from_environment(VARIABLE)
ALL_RECORDINGS = list(read(FOLDER)) if FOLDER and FOLDER.is_dir() else []
COMPARABLE = [recording for recording in ALL_RECORDINGS if not unsupported_reason(recording)]


DIFFERENCES_BY_NAME: dict[str, list[str]] = {}


def differences_of(recording: Recording) -> list[str]:
    """Return where the sandbox's answer differs from the recorded one; ask once."""
    if recording.name not in DIFFERENCES_BY_NAME:
        DIFFERENCES_BY_NAME[recording.name] = list(compare(recording))
    return DIFFERENCES_BY_NAME[recording.name]


def compare(recording: Recording) -> Iterator[str]:
    answer = replay_recording(recording)
    if answer.status != recording.status:
        yield f"status: {answer.status} where {recording.status} was"
    if answer.content_type != recording.content_type:
        yield f"content type: {answer.content_type} where {recording.content_type} was"
    if recording.headers:
        yield from (f"header {header}: wrong" for header in answer.headers ^ recording.headers)
    yield from differences(shape([recording.answer]), shape([answer.body]))


def test_the_recorded_answers_are_there() -> None:
    folders.required_folder(VARIABLE)
    assert len(COMPARABLE) >= 114


@pytest.mark.parametrize("recording", COMPARABLE, ids=lambda entry: entry.name)
def test_an_answer_has_the_shape_of_the_recorded_one(recording: Recording) -> None:
    assert unexpected(FROM_RECORDINGS, recording.name, differences_of(recording)) == []


def test_what_is_passed_over_has_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    folders.required_folder(VARIABLE)
    reasons = Counter(filter(None, map(unsupported_reason, ALL_RECORDINGS)))
    with capsys.disabled():
        lines = [f"{count:3} {reason}" for reason, count in reasons.most_common()]
        print(f"\nof {len(ALL_RECORDINGS)} recordings passed over:", *lines, sep="\n  ")  # noqa: T201 -- asked for
    assert reasons.keys() == {reason for *_, reason in UNSUPPORTED}


def test_every_reviewed_deviation_is_still_one() -> None:
    folders.required_folder(VARIABLE)
    observed = [
        (recording.name, difference)
        for recording in COMPARABLE
        for difference in differences_of(recording)
    ]
    stale = [
        deviation
        for deviation in FROM_RECORDINGS
        if not any(deviation.covers(*pair) for pair in observed)
    ]
    assert stale == []


def test_every_script_belongs_to_a_recording() -> None:
    folders.required_folder(VARIABLE)
    names = {recording.name.rpartition("/")[2].removesuffix("-0") for recording in COMPARABLE}
    assert SCRIPTS.keys() <= names
