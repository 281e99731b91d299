"""The page on the sandbox names every switch, fault and endpoint."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from connector.sandbox.http.admin import ENDPOINTS
from connector.sandbox.http.faults import FAULT_KINDS
from connector.sandbox.portal.switches import UNCERTAIN, Switches
from connector.sandbox.world.first_run import WORLDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


def test_the_page_names_every_switch_fault_endpoint_and_world():
    text = PAGE.read_text(encoding="utf-8")
    names = (
        *(f"| `{switch.name}` |" for switch in fields(Switches)),
        *(f"`{kind}`" for kind in FAULT_KINDS),
        *(f"`{world}`" for world in WORLDS),
    )
    assert [name for name in names if name not in text] == []
    assert [name for _, name in ENDPOINTS if name not in text] == []


def test_the_page_lists_every_possible_value_of_an_uncertain_switch():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for name, values in UNCERTAIN.items():
        (line,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        assert line.split("|")[2].count("·") == len(values) - 1
