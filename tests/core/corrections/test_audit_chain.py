"""The audit's chain proves the values, and still holds once they are redacted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.core.corrections.audit import line_hash, values_digest


@given(before=st.text(), after=st.text(), different=st.text())
def test_other_values_have_another_seal(before: str, after: str, different: str) -> None:
    original_seal = values_digest(b"salt", before, after)
    assert (values_digest(b"salt", before, different) == original_seal) == (different == after)
    assert (values_digest(b"salt", different, after) == original_seal) == (different == before)


def test_the_same_values_under_another_salt_have_another_seal() -> None:
    assert values_digest(b"one", "lead", "customer") != values_digest(b"two", "lead", "customer")


def test_values_do_not_flow_into_each_other() -> None:
    assert values_digest(b"salt", "ab", "c") != values_digest(b"salt", "a", "bc")


def test_a_link_hangs_on_the_one_before_and_on_its_content() -> None:
    original_link = line_hash("head", {"rule": "won", "at": 1})
    assert line_hash("head", {"at": 1, "rule": "won"}) == original_link
    assert line_hash("other", {"rule": "won", "at": 1}) != original_link
    assert line_hash("head", {"rule": "won", "at": 2}) != original_link
