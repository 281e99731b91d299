"""Tables suit what they are written to: a wide terminal, a narrow one, a pipe."""

from __future__ import annotations

from io import StringIO

from rich.console import Group
from rich.table import Table
from rich.text import Text

from connector.cli.render.console import console, new_table
from tests.cli.render.terminal import rendered_text

REASON = "no deal is won any more, and deals/30000000479 is open since 2026-09-01, see there"


def plan_table() -> Table:
    table = new_table("record", "rule", "why")
    table.add_row("contacts/30000000479", "reopened", REASON)
    table.add_row("contacts/30000000480", "won", "deals/9 is won\nsince\t2026")
    return table


def test_a_pipe_gets_a_line_for_each_row_with_tabs_between_whole_cells() -> None:
    pipe = StringIO()
    console(pipe).print(Group(Text("Plan"), plan_table()))
    assert pipe.getvalue().splitlines() == [
        "Plan",
        "record\trule\twhy",
        f"contacts/30000000479\treopened\t{REASON}",
        "contacts/30000000480\twon\tdeals/9 is won since 2026",
    ]


def test_a_narrow_terminal_shows_the_cells_of_a_row_below_each_other() -> None:
    lines = rendered_text(plan_table(), width=60).splitlines()
    assert lines[:2] == ["record: contacts/30000000479", "rule: reopened"]
    assert max(map(len, lines)) <= 60


def test_ids_never_fold_at_any_width() -> None:
    for width in (40, 60, 80, 120, 200):
        assert "contacts/30000000479" in rendered_text(plan_table(), width=width)


def test_a_wide_terminal_shows_columns() -> None:
    first_line, second_line, *_ = rendered_text(plan_table(), width=120).splitlines()
    assert first_line.split() == ["record", "rule", "why"]
    assert second_line.split()[:2] == ["contacts/30000000479", "reopened"]


def test_a_table_that_fits_a_narrow_terminal_stays_a_table() -> None:
    table = new_table("record", "count", right=["count"])
    table.add_row("contacts/1", "12")
    assert rendered_text(table, width=60).splitlines()[0].split() == ["record", "count"]
