"""What somebody may not want is shown with settings that can be copied, whatever labels hold."""

from __future__ import annotations

from io import StringIO
from textwrap import dedent

import yaml
from rich.console import Group

from connector.cli.render.unwanted import unwanted_lines, write_unwanted_markdown
from tests.cli.render.terminal import NARROW, collapse_whitespace, rendered_text

SETTING = 'settings: {deals: {pipelines: {exclude: ["Hiring [red]| 2026, for the whole company"]}}}'


def group(*, is_corrected: bool) -> dict[str, object]:
    return {
        "rule": "open-deal",
        "kind": "pipeline",
        "object_type": "companies",
        "records": 1,
        "text": "by deals in the pipeline Hiring [red]| → Opportunity",
        "examples": ["companies/1"],
        "setting": SETTING,
        "is_corrected": is_corrected,
    }


def test_a_setting_that_a_narrow_terminal_folds_still_means_the_same() -> None:
    groups = [group(is_corrected=False), group(is_corrected=True)]
    text = rendered_text(Group(*unwanted_lines(groups)), width=NARROW)
    lines = text.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("    settings:"))
    assert yaml.safe_load(dedent("\n".join(lines[first : first + 2]))) == yaml.safe_load(SETTING)
    assert collapse_whitespace(text).count(SETTING) == 2
    assert lines.index("Would be changed:") < lines.index("Would stay:")
    assert any("1 company by deals" in line for line in lines)


def test_markdown_keeps_a_setting_as_it_is_and_marks_nothing_up() -> None:
    out = StringIO()
    write_unwanted_markdown(out, [group(is_corrected=True)])
    assert f"  {SETTING}\n" in out.getvalue()
    assert "Hiring \\[red\\]\\|" in out.getvalue()


def test_without_groups_there_is_no_heading() -> None:
    out = StringIO()
    write_unwanted_markdown(out, [])
    assert (out.getvalue(), list(unwanted_lines([]))) == ("", [])
