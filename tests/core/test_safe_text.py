"""What a portal says never controls a terminal, a Markdown page or a spreadsheet."""

from __future__ import annotations

from io import StringIO

import pytest
import structlog
from rich.table import Table
from rich.text import Text

from connector.cli.render.console import console, echo
from connector.cli.render.plan_formats import write_csv, write_csv_plan
from connector.core.model import STAGE, Correction, Direction, Ref
from connector.core.safe_text import markdown_cell, spreadsheet_cell
from connector.telemetry import logs
from tests.cli.render.terminal import rendered_text

HOSTILE = "Kunde\x1b[2J\x1b]0;owned\x07\x9b31m\r\u202egnp.exe\u2066"
CONTROLS = ("\x1b", "\x07", "\x9b", "\r", "\u202e", "\u2066")


def table_of(text: str) -> Table:
    table = Table("label", title=f"title {text}", box=None)
    table.add_row(text)
    table.add_row(Text(text))
    return table


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_terminal_gets_no_control_character(width: int) -> None:
    shown = rendered_text(table_of(HOSTILE), width=width) + rendered_text(Text(HOSTILE))
    assert "Kunde" in shown
    assert not any(character in shown for character in CONTROLS)


def test_a_pipe_gets_no_control_character() -> None:
    pipe = StringIO()
    console(pipe).print(table_of(HOSTILE), Text(HOSTILE))
    assert "Kunde" in pipe.getvalue()
    assert not any(character in pipe.getvalue() for character in CONTROLS)


def test_a_line_of_a_command_gets_no_control_character(
    capsys: pytest.CaptureFixture[str],
) -> None:
    echo(HOSTILE)
    echo(HOSTILE, err=True)
    shown = capsys.readouterr()
    assert "Kunde" in shown.out
    assert "Kunde" in shown.err
    assert not any(character in shown.out + shown.err for character in CONTROLS)


def test_a_log_for_people_gets_no_control_character() -> None:
    stream = StringIO()
    logs.configure(log_format="console", stream=stream)
    structlog.get_logger().warning("correction.refused", note=HOSTILE)
    structlog.reset_defaults()
    assert "Kunde" in stream.getvalue()
    assert not any(character in stream.getvalue() for character in CONTROLS)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    assert spreadsheet_cell(text).startswith("'")


def test_a_csv_is_safe_in_every_column_evidence_included() -> None:
    correction = Correction(
        record=Ref.parse("contacts/1"),
        property_name=STAGE,
        before="",
        after=HOSTILE,
        direction=Direction.FORWARD,
        rule="won",
        reason="=HYPERLINK(1)",
        evidence=("@deals/9",),
    )
    out = StringIO()
    write_csv_plan(out, [correction], "1")
    write_csv(out, ["name"], [[HOSTILE], ["=1"]])
    assert "'=HYPERLINK(1),'@deals/9" in out.getvalue()
    assert not any(character in out.getvalue() for character in CONTROLS)


def test_markdown_shows_what_is_written_and_nothing_else() -> None:
    cell = markdown_cell("a|b\n<img src=x> [click](javascript:x) `code` \x1b[1m")
    assert cell.count("|") == cell.count("\\|")
    assert "<" not in cell
    assert "\\[click\\]" in cell
    assert not any(character in cell for character in ("\n", "\x1b"))
