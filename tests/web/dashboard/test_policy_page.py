"""The policy's page tells it stage by stage, draws the path, and prints on two pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from connector.config import presets
from connector.core.explain.policy_document import document_policy
from connector.core.model import STAGE, ObjectType
from connector.web.dashboard.path_picture import path_picture
from connector.web.dashboard.policy_file import policy_html
from tests.core.builders import bind_policy
from tests.core.builders import portal as portal_of_tests
from tests.fakes.connected_portal import ConnectedPortal
from tests.web.dashboard.test_pages import SCRIPT, get, source_of

CHROMIUM = shutil.which("chromium")


def picture_of(text: str = "extends: standard") -> ET.Element:
    """Return the drawn picture, as XML."""
    policy = bind_policy(text)
    svg = re.search(r"<svg.*?</svg>", policy_html(policy, portal_of_tests()), re.DOTALL)
    assert svg
    return ET.fromstring(svg.group())


def test_the_page_says_what_the_policy_in_force_does(portal: ConnectedPortal) -> None:
    body = get(source_of(portal), "/policy").body
    label = source_of(portal).labels()["customer"]
    assert f"becomes {label}" in body
    assert "Lead status of contacts here" in body
    assert "nothing is named" not in body


def test_the_picture_draws_each_stage_once_and_each_rule_that_moves() -> None:
    document = document_policy(bind_policy("extends: standard"), portal_of_tests())
    picture = path_picture(document)
    labels = [stage.label for stage in picture.boxes]
    assert labels == ["No stage", *document.labels.values()]
    drawn = {text for arrow in picture.arrows for text, _, _ in arrow.lines}
    assert drawn == {move.rule for move in document.moves}
    alternatives = {arrow.alternative for arrow in picture.arrows}
    assert "To Sales Qualified Lead from Opportunity, Customer: lost." in alternatives


def test_nothing_of_the_picture_lies_outside_of_it() -> None:
    document = document_policy(bind_policy("extends: churn"), portal_of_tests())
    picture = path_picture(document)
    for stage in picture.boxes:
        assert 0 <= stage.x <= picture.width - picture.box_width
        assert 0 <= stage.y <= picture.height - picture.box_height
    for arrow in picture.arrows:
        for text, x, y in arrow.lines:
            left = x if arrow.anchor == "start" else x - 7 * len(text)
            assert 0 <= left <= picture.width - 7 * len(text) * (arrow.anchor == "start")
            assert 0 < y < picture.height


def test_the_picture_has_a_title_and_says_every_arrow_in_words() -> None:
    svg = picture_of()
    spoken = svg.attrib["aria-labelledby"].split()
    texts = {element.attrib["id"]: element.text for element in svg if "id" in element.attrib}
    assert set(spoken) == set(texts)
    assert "To Customer from Subscriber, Lead," in " ".join(texts[spoken[1]].split())


def test_labels_rules_and_reasons_are_shown_as_text() -> None:
    in_portal = portal_of_tests(stages={"lead": SCRIPT, "customer": "<b>Kunde</b>"})
    policy = bind_policy(
        f"extends: standard\nname: '{SCRIPT}'\nrules:\n"
        f"  - {{name: mine, for: both, stage: lead, when: stage is blank, reason: '{SCRIPT}'}}\n",
        in_portal,
    )
    page = policy_html(policy, in_portal)
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("&lt;script&gt;") > 3


def test_labels_of_the_portal_are_text_on_the_dashboards_page(portal: ConnectedPortal) -> None:
    source = source_of(portal)
    page = get(source, "/policy").body
    assert "<script" not in page
    options = source.portal.options(ObjectType.CONTACTS, STAGE)
    assert all(option.label in page for option in options)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, to print")
@pytest.mark.parametrize("name", ["standard", "recycle"])
def test_the_policy_prints_on_two_pages(tmp_path: Path, name: str) -> None:
    assert name in presets.names()
    page, printed = tmp_path / "policy.html", tmp_path / "policy.pdf"
    page.write_text(
        policy_html(bind_policy(f"extends: {name}"), portal_of_tests()), encoding="utf-8"
    )
    subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
    )
    assert re.findall(rb"/Count (\d+)", printed.read_bytes()) == [b"2"]
