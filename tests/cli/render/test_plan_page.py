"""The plan as a page: whole, sortable, led to HubSpot, and made of nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

from connector.cli.render.plan_page import write_html_plan
from tests.cli.render.test_plan import (
    BACKWARD_CORRECTION,
    FORWARD_CORRECTION,
    LABELS,
    OSLO,
    plan_document,
)


def page_of(*corrections: object) -> str:
    out = StringIO()
    moves = [(correction,) for correction in corrections]
    write_html_plan(out, plan_document(*moves), corrections, [], LABELS, OSLO)  # type: ignore[arg-type]
    return out.getvalue()


def test_each_correction_leads_to_its_record_in_hubspot() -> None:
    page = page_of(BACKWARD_CORRECTION, FORWARD_CORRECTION)
    addresses = re.findall(r'href="([^"]+)"', page)
    assert addresses == [
        f"https://app.hubspot.com/contacts/147893286/record/0-1/{number}" for number in (1, 2)
    ]
    assert "Kunde [bold red] → Mulighet :fire: [/]" in page
    assert "<td>won</td>" in page


def test_the_page_needs_nothing_else_and_its_policy_forbids_it() -> None:
    page = page_of(FORWARD_CORRECTION)
    assert not re.search(r"\b(?:src|@import|url)\s*[=(]|<link", page)
    assert "default-src 'none'" in page
    assert "th.onclick" in page


def test_a_text_of_the_portal_is_no_html() -> None:
    page = page_of(replace(FORWARD_CORRECTION, reason='<script>alert("x")</script>\x1b[31m'))
    assert page.count("<script>") == 1
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
