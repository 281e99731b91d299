"""Logs: names and ids as structured events, and no secret in any output."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from connector.cli import check_explain, main, setup
from connector.config.run_clock import RunClock
from connector.sandbox.http.faults import Fault
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from connector.telemetry import logs

TOKEN = "pat-eu1-0123abcd-4567-89ef"
CLIENT_SECRET = "5f1c0e0a-secret-of-the-app"
OPAQUE_TOKEN = "CJTE6aLsMBICAgEYmL-OPAQUE-OAUTH"


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    """Begin with nothing to hide, and leave logging as it was."""
    hidden = set(logs._KNOWN_SECRETS)
    logs._KNOWN_SECRETS.clear()
    yield
    logs._KNOWN_SECRETS.clear()
    logs._KNOWN_SECRETS.update(hidden)
    structlog.reset_defaults()


def log_to_stream(form: str = "json") -> tuple[StringIO, structlog.BoundLogger]:
    stream = StringIO()
    logs.configure(log_format=form, stream=stream)
    return stream, structlog.get_logger()


def test_an_event_is_one_json_line_with_level_and_utc_time() -> None:
    stream, log = log_to_stream()
    log.info("run.finished", run="r1", applied=3)
    (line,) = stream.getvalue().splitlines()
    event = orjson.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "run.finished", "level": "info", "run": "r1", "applied": 3}


def test_the_pretty_form_is_for_people() -> None:
    stream, log = log_to_stream("console")
    log.warning("correction.ignored", record="contacts/123")
    assert "correction.ignored" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


class Terminal(StringIO):
    """A terminal, as far as anybody asks."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "pretty"), [(StringIO(), False), (Terminal(), True)])
def test_by_itself_it_is_pretty_on_a_terminal_and_json_elsewhere(
    stream: StringIO, pretty: bool
) -> None:
    logs.configure(stream=stream)
    structlog.get_logger().info("run.finished")
    assert stream.getvalue().startswith("{") is not pretty


def test_logs_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="json")
    structlog.get_logger().info("run.finished")
    output = capsys.readouterr()
    assert output.out == ""
    assert "run.finished" in output.err


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_log_on_a_full_disk_stops_nothing(form: str) -> None:
    went_on = False
    # Each flush says that no room is left, the last one, of closing, too.
    with (
        pytest.raises(OSError, match="No space left"),
        Path("/dev/full").open("w", encoding="utf-8") as stream,
    ):
        logs.configure(log_format=form, stream=stream)
        structlog.get_logger().error("storing.failed", portal="1")
        went_on = True
    assert went_on


def test_debug_is_not_logged() -> None:
    stream, log = log_to_stream()
    log.debug("detail")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_logged_with_its_trace_and_without_secrets(form: str) -> None:
    stream, log = log_to_stream(form)
    try:
        int(TOKEN)
    except ValueError:
        log.exception("poll.failing")
    assert "ValueError" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
    assert "pat-eu1-***" in stream.getvalue()


# Masking


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"token {TOKEN} was refused", "token pat-eu1-*** was refused"),
        ("pat-na1-abcdef and pat-eu1-ghijkl", "pat-na1-*** and pat-eu1-***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("contacts/123 is a customer", "contacts/123 is a customer"),
        ("compat-eu1 is a word", "compat-eu1 is a word"),
    ],
)
def test_what_looks_like_a_token_is_masked_by_its_kind(text: str, wanted: str) -> None:
    assert logs.masked_text(text) == wanted


def test_a_secret_that_is_known_is_masked_whatever_it_looks_like() -> None:
    assert OPAQUE_TOKEN in logs.masked_text(f"the answer held {OPAQUE_TOKEN}")
    logs.add_secrets(OPAQUE_TOKEN, CLIENT_SECRET)
    assert logs.masked_text(f"{OPAQUE_TOKEN}, {CLIENT_SECRET}!") == "***, ***!"


def test_a_secret_that_is_a_part_of_another_leaves_nothing_of_it() -> None:
    for number in range(20):  # in whatever order they are kept
        logs.add_secrets(f"long-{number}-secret-of-the-app", f"long-{number}-secret")
        assert logs.masked_text(f"long-{number}-secret-of-the-app") == "***"


def test_what_is_too_short_to_be_a_secret_masks_no_words() -> None:
    logs.add_secrets("", "a", "stage")
    assert logs.masked_text("a stage") == "a stage"


def test_secrets_are_masked_wherever_they_stand_in_an_event() -> None:
    logs.add_secrets(CLIENT_SECRET)
    stream, log = log_to_stream()
    log.info(
        f"told.{CLIENT_SECRET}",
        text=f"Bearer {OPAQUE_TOKEN}",
        nested={"list": [TOKEN, {"deep": CLIENT_SECRET}], "set": {TOKEN}, CLIENT_SECRET[:3]: 1},
        error=ValueError(TOKEN),
        path=Path(TOKEN),
        count=3,
        ratio=0.5,
        nothing=None,
        yes=True,
    )
    output = stream.getvalue()
    assert TOKEN not in output
    assert CLIENT_SECRET not in output
    assert OPAQUE_TOKEN not in output
    event = orjson.loads(output)
    assert (event["count"], event["ratio"], event["nothing"], event["yes"]) == (3, 0.5, None, True)


@given(before=st.text(), after=st.text())
def test_a_token_is_masked_whatever_stands_around_it(before: str, after: str) -> None:
    assert TOKEN not in logs.masked_text(f"{before}{TOKEN}{after}")


# Nothing secret in any output


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a portal that only knows our token, with every secret in the settings.

    Waiting takes no time, and every library logs as much as it can.
    """
    instant_clock = RunClock(wait=lambda _: None, monotonic=time.monotonic)
    monkeypatch.setattr(setup, "REAL_CLOCK", instant_clock)
    monkeypatch.setattr(check_explain, "REAL_CLOCK", instant_clock)
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    monkeypatch.setattr(root, "handlers", [*root.handlers, logging.StreamHandler()])
    with Sandbox(Portal(), token=TOKEN) as running_sandbox:
        for name, value in {
            "HUBSPOT_API_URL": running_sandbox.url,
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
            "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
            "HUBSPOT_REFRESH_TOKEN": OPAQUE_TOKEN,
            "HUBSPOT_WEBHOOK_SECRET": f"{CLIENT_SECRET}-2",
            "CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path / 'connector.db'}",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield running_sandbox


COMMANDS = (
    ["check"],
    ["check", "--json"],
    ["sync"],
    ["plan", "--json"],
    ["explain", "contact", "51"],
    ["audit"],
    ["audit", "verify"],
    ["sync", "--policy", TOKEN],
    ["explain", TOKEN],
    ["plan", "--policy", f"{CLIENT_SECRET}.yaml"],
)


@pytest.mark.network
@pytest.mark.parametrize("kind", ["", "401", "403", "500", "html", "429-daily", "empty"])
def test_no_command_shows_a_secret_whatever_hubspot_answers(
    sandbox: Sandbox, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox.portal.create("contacts", {"email": "anna@fjord.example", "lifecyclestage": ""})
    if kind:
        sandbox.faults.add(Fault(kind=kind, times=0, route="search"))
    for command in COMMANDS:
        main.run_command(list(command))
    output = "".join(capfd.readouterr())
    assert output
    for secret in (TOKEN, CLIENT_SECRET, OPAQUE_TOKEN):
        assert secret not in output
    assert "anna@fjord.example" not in output
