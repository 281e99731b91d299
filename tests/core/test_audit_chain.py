"""What the audit's chain promises: it knows the values, yet holds without them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.core.audit import link, seal


@given(before=st.text(), after=st.text(), other=st.text())
def test_other_values_have_another_seal(before: str, after: str, other: str) -> None:
    known = seal(b"salt", before, after)
    assert (seal(b"salt", before, other) == known) == (other == after)
    assert (seal(b"salt", other, after) == known) == (other == before)


def test_the_same_values_under_another_salt_have_another_seal() -> None:
    assert seal(b"one", "lead", "customer") != seal(b"two", "lead", "customer")


def test_values_do_not_flow_into_each_other() -> None:
    assert seal(b"salt", "ab", "c") != seal(b"salt", "a", "bc")


def test_a_link_hangs_on_the_one_before_and_on_its_content() -> None:
    known = link("head", {"rule": "won", "at": 1})
    assert link("head", {"at": 1, "rule": "won"}) == known
    assert link("other", {"rule": "won", "at": 1}) != known
    assert link("head", {"rule": "won", "at": 2}) != known
