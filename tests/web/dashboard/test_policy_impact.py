"""A changed policy file is compared with the policy in force, and nothing of it is kept."""

from __future__ import annotations

import pytest

from connector.core.model import Ref
from connector.pull.poll import pull
from connector.web.dashboard import policy_impact
from state import audit, plans
from tests.fakes.connected_portal import OPEN, ConnectedPortal
from tests.web.asgi_client import Response, send_request
from tests.web.dashboard.test_forms import Browser, elsewhere, here
from tests.web.dashboard.test_pages import SCRIPT

CHANGED = "extends: standard\nrules:\n  - {name: open-deal, delete: yes}\n"
KEEPING = (
    "extends: standard\nrules:\n  - {name: wait-for-it, for: both, when: deals.open > 0, "
    "stage: keep, reason: REASON}\n"
)


def upload(
    browser: Browser, text: bytes, *, token: str | None = None, name: str = "mine.yaml"
) -> Response:
    token = browser.token("/policy") if token is None else token
    body = (
        (
            f'--XX\r\nContent-Disposition: form-data; name="token"\r\n\r\n{token}\r\n'
            f'--XX\r\nContent-Disposition: form-data; name="policy"; filename="{name}"\r\n'
            "Content-Type: application/yaml\r\n\r\n"
        ).encode()
        + text
        + b"\r\n--XX--\r\n"
    )
    headers = {**browser._headers(), "Content-Type": "multipart/form-data; boundary=XX"}
    return send_request(browser.app, "POST", "/policy/impact", headers=headers, body=body)


@pytest.fixture
def contact(portal: ConnectedPortal) -> Ref:
    """Return a lead with an open deal, which the policy in force makes an opportunity."""
    ref = portal.contact("lead")
    portal.deal(OPEN, ref)
    pull(portal.context())
    return ref


def test_a_changed_file_shows_what_changes_by_rule_with_examples(
    portal: ConnectedPortal, contact: Ref
) -> None:
    answer = upload(here(portal), KEEPING.encode())
    assert answer.status == 200
    assert "<strong>1</strong> would end differently" in answer.body
    assert '<th scope="row">open-deal</th><td>forward</td>' in answer.body
    assert f'<a href="/records/{contact}">{contact}</a>' in answer.body
    assert "no longer open-deal" in answer.body


def test_a_reader_may_look_and_nothing_is_stored(portal: ConnectedPortal, contact: Ref) -> None:
    browser = elsewhere(portal, "bob")
    token = browser.token("/policy")
    for _ in range(2):
        assert upload(browser, KEEPING.encode(), token=token).status == 200
    with portal.store.reading("1") as session:
        assert plans.latest(session) is None
        assert list(audit.read(session)) == []


def test_mistakes_are_shown_with_line_and_column(portal: ConnectedPortal, contact: Ref) -> None:
    answer = upload(here(portal), b"extends: standard\nsettings:\n  default_stag: lead\n")
    assert answer.status == 400
    assert "mine.yaml:3:3: " in answer.body
    assert "default_stage" in answer.body
    answer = upload(here(portal), b"extends: standard\nsettings:\n  default_stage: Kunde2\n")
    assert (answer.status, "mine.yaml:3:" in answer.body) == (400, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Choose a policy file first"),
        (b"token: secret-of-mine\n", "is not a policy"),
        (b"\xff\xfe\x00", "is not a text file in UTF-8"),
    ],
)
def test_what_is_no_policy_is_said_and_not_shown(
    portal: ConnectedPortal, contact: Ref, content: bytes, message: str
) -> None:
    answer = upload(here(portal), content)
    assert (answer.status, message in answer.body) == (400, True)
    assert "secret-of-mine" not in answer.body


def test_what_a_file_says_is_shown_as_text(portal: ConnectedPortal, contact: Ref) -> None:
    text = (
        "extends: standard\nrules:\n  - {name: mine, for: both, when: deals.open > 0, "
        f"stage: customer, reason: '{SCRIPT}'}}\n"
    )
    answer = upload(here(portal), text.encode(), name="<script>.yaml")
    body = answer.body
    assert answer.status == 200, body
    assert "<script" not in body
    assert "mine: &lt;script&gt;" in body, body.partition("<main")[2]
    body = upload(here(portal), f"extends: standard\n'{SCRIPT}': 1\n".encode()).body
    assert "<script" not in body


def test_a_file_without_the_token_or_too_large_is_refused(
    portal: ConnectedPortal, contact: Ref
) -> None:
    assert upload(here(portal), KEEPING.encode(), token="").status == 403
    large = b"#" * (policy_impact.MAX_UPLOAD_BYTES + 1)
    assert upload(here(portal), large).status == 413


def test_a_large_portal_is_looked_at_in_part_and_that_is_said(
    portal: ConnectedPortal, contact: Ref, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Not all records" not in upload(here(portal), KEEPING.encode()).body
    monkeypatch.setattr(policy_impact, "RECORDS_OF_EACH_TYPE", 0)
    answer = upload(here(portal), KEEPING.encode())
    assert "Not all records were looked at" in answer.body
