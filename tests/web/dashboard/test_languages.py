"""The pages speak six languages: every text of theirs, with every value in its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

import connector.web.dashboard
from connector.core.model import Ref
from connector.web.dashboard.rendering import render_alone
from connector.web.dashboard.translations import LANGUAGES, catalogue, choose_language
from connector.web.dashboard.words import WORDS
from tests.fakes.connected_portal import ConnectedPortal
from tests.web.asgi_client import FakeDaemon, Response, send_request
from tests.web.dashboard.test_pages import PATHS, SCRIPT, contact, source_of

__all__ = ["contact"]  # a fixture
TEMPLATES = Path(connector.web.dashboard.__path__[0]) / "templates"
TRANSLATED = [code for code in LANGUAGES if code != "en"]
OPTIONS = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "newstyle_gettext": "true"}
MESSAGES = {
    str(message)
    for _, _, message, _, _ in extract_from_dir(
        TEMPLATES, [("**.html", "jinja2")], {"**.html": OPTIONS}
    )
}
# Read where no language is known: an error's page, and the policy as a file of its own.
ENGLISH_ONLY = {"message.html", "policy_alone.html"}


def get(portal: ConnectedPortal, path: str, query: str = "", **headers: str) -> Response:
    daemon = FakeDaemon(dashboard_source=source_of(portal))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send_request(
        daemon.app(), "GET", path, headers={"Host": "127.0.0.1:8080", **named}, query=query.encode()
    )


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_pages_is_in_every_catalogue_and_none_is_left_over(language: str) -> None:
    texts = catalogue(language)
    assert set(texts) == MESSAGES | WORDS
    assert [text for text, translation in texts.items() if not translation.strip()] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_same_values_and_marks_as_the_english_text(language: str) -> None:
    differing = [
        text
        for text, translation in catalogue(language).items()
        for pattern in (r"%\(\w+\)s", r"</?\w+[^>]*>", r"<code>[^<]*</code>")
        if sorted(re.findall(pattern, text)) != sorted(re.findall(pattern, translation))
    ]
    assert differing == []


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_has_a_text_that_cannot_be_translated(path: Path) -> None:
    if path.name in ENGLISH_ONLY:
        return
    source = path.read_text(encoding="utf-8")
    for pattern in (
        r"{#.*?#}",
        r"{%-? trans .*?%}.*?{% endtrans \+?%}",
        r"{%.*?%}",
        r"{{.*?}}",
        r"<[^>]*>",
        r"&\w+;",
    ):
        source = re.sub(pattern, " ", source, flags=re.DOTALL)
    assert re.findall(r"[^\W\d_]{2,}", source) == []


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "de-DE,de;q=0.9,en;q=0.8", "de"),
        ("", "fr, sv;q=0.5, fi;q=0.7", "fi"),
        ("", "nn-NO, en;q=0.9", "nb"),
        ("", "no", "nb"),
        ("", "da;q=0, en", "en"),
        ("", "da;q=high, fr", "en"),
        ("", "da;v=1", "da"),
        ("sv", "de", "sv"),
        ("<script>", "de", "de"),
    ],
)
def test_a_page_speaks_what_its_reader_chose_or_else_what_the_browser_asks_for(
    chosen: str, accepted: str, language: str
) -> None:
    assert choose_language(chosen, accepted) == language


@pytest.mark.parametrize("language", TRANSLATED)
def test_each_page_is_shown_in_each_language(
    portal: ConnectedPortal, contact: Ref, language: str
) -> None:
    for path in PATHS:
        if path != "/style.css":
            answer = get(portal, path, accept_language=language)
            assert answer.status == 200
            assert f'<html lang="{language}">' in answer.body
            assert f">{catalogue(language)['Today']}</a>" in answer.body
            assert ">Today</a>" not in answer.body
            assert f'lang="{language}" hreflang="{language}" aria-current="true"' in answer.body


def test_sentences_that_follow_each_other_have_a_space_between(
    portal: ConnectedPortal, contact: Ref
) -> None:
    portal.propose()
    # Only what stands within a line joins the words around it.
    inline = r"</?(?:a|code|strong)\b[^>]*>"
    bodies = [get(portal, path).body for path in PATHS if path != "/style.css"]
    texts = [re.sub(r"<[^>]*>", " ", re.sub(inline, "", body)) for body in bodies]
    assert [re.findall(r"\w+\.[A-Z]\w+", text) for text in texts] == [[] for _ in texts]


def test_a_language_is_chosen_by_a_link_that_leads_back_and_is_kept(
    portal: ConnectedPortal, contact: Ref
) -> None:
    answer = get(portal, "/language", "code=de&back=/runs")
    assert (answer.status, answer.headers["location"]) == (303, "/runs")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert ">Heute</a>" in get(portal, "/", cookie=cookie, accept_language="sv").body


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/%0d%0ax"]
)
def test_the_choice_of_a_language_leads_to_no_other_place(
    portal: ConnectedPortal, back: str
) -> None:
    answer = get(portal, "/language", f"code=xx&back={back}")
    assert (answer.headers["location"], "set-cookie" in answer.headers) == ("/", False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_goes_into_a_translated_sentence_is_shown_as_text(language: str) -> None:
    page = render_alone("login.html", language, message=SCRIPT, token=SCRIPT, path=SCRIPT)
    assert "<script" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_in_a_translated_sentence_is_shown_as_text(
    portal: ConnectedPortal, contact: Ref, language: str
) -> None:
    portal.propose()
    body = get(portal, "/corrections", "rule=%3Cscript%3E", accept_language=language).body
    assert "&lt;script&gt;" in body
    assert "<script" not in body
