"""A person sorts the page of a plan by clicks, in a real browser that loads nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from connector.core.model import Ref
from tests.cli.render.test_plan import FORWARD_CORRECTION
from tests.cli.render.test_plan_page import page_of

CHROMIUM = shutil.which("chromium")
# Numbers that no sorting as text puts in this order, and a reason for each.
RECORDS = {"contacts/10": "beta", "contacts/9": "Äpfel", "contacts/100": "alpha"}
SECOND_TABLE, WHY = 1, 4
# A heading is clicked as a person does it, by events; the title then holds the order of the rows
# before any click, after the first, and after the second.
CLICK = """\
<script>
addEventListener("load", () => {
  const table = document.querySelectorAll("table")[%d], orders = [];
  for (let clicks = 0; clicks <= 2; clicks++) {
    if (clicks) table.querySelectorAll("th")[%d].click();
    orders.push([...table.tBodies[0].rows].map(row => row.cells[0].textContent).join(" "));
  }
  document.title = orders.join("|");
});
</script>
"""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="there is no chromium here: nobody has clicked on the headings of `plan --html`",
)


def orders_of_records(path: Path, *, column: int) -> list[list[str]]:
    """Return the records in the order of their rows after no, one and two clicks on a heading."""
    page = page_of(
        *(
            replace(FORWARD_CORRECTION, record=Ref.parse(name), reason=reason)
            for name, reason in RECORDS.items()
        )
    )
    script = CLICK % (SECOND_TABLE, column)
    file = path / "plan.html"
    file.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
    browser = subprocess.run(
        [
            CHROMIUM or "",
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--lang=en", f"--user-data-dir={path / 'profile'}"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"),
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    title = re.search(r"<title>([^<]*)</title>", browser.stdout)
    assert title, browser.stderr
    return [order.split() for order in title[1].split("|")]


def test_a_click_on_a_heading_sorts_ids_as_numbers_and_a_second_one_turns_the_order(
    tmp_path: Path,
) -> None:
    by_id = ["contacts/9", "contacts/10", "contacts/100"]
    assert orders_of_records(tmp_path, column=0) == [[*RECORDS], by_id, by_id[::-1]]


def test_reasons_are_sorted_as_people_sort_words(tmp_path: Path) -> None:
    by_reason = ["contacts/100", "contacts/9", "contacts/10"]
    assert orders_of_records(tmp_path, column=WHY)[1] == by_reason
