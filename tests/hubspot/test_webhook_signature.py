"""HubSpot's own signature examples are accepted, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.hubspot.webhook_signature import (
    Delivery,
    SigningSettings,
    decode_uri,
    signature_problem,
    v1_signature,
    v3_signature,
)

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URI = "https://www.example.com/webhook_uri"
# The body and the signature of HubSpot's page on validating requests.
V1_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,'
    b'"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)
V1 = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
# From tests/spec/utils/test_signature.py of HubSpot/hubspot-api-python.
V3_BODY, V3_AT = b"{'example_field':'example_value'}", "1693657560000"
V3 = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
SENT = datetime.fromtimestamp(int(V3_AT) / 1000, UTC)
STRICT = SigningSettings(secret=SECRET)


def delivery(**extra_headers: str) -> Delivery:
    headers = {"x-hubspot-signature-v3": V3, "x-hubspot-request-timestamp": V3_AT, **extra_headers}
    return Delivery(method="POST", uri=URI, body=V3_BODY, headers=headers)


def test_hubspots_vector_of_v3_is_accepted() -> None:
    assert v3_signature(SECRET, delivery(), V3_AT) == V3
    assert signature_problem(delivery(), STRICT, SENT) == ""


@pytest.mark.parametrize(
    ("seconds_late", "expected_problem"),
    [(300, ""), (300.1, "too old"), (-60, ""), (-60.1, "from the future")],
)
def test_five_minutes_late_and_one_minute_early_is_the_most(
    seconds_late: float, expected_problem: str
) -> None:
    assert (
        signature_problem(delivery(), STRICT, SENT + timedelta(seconds=seconds_late))
        == expected_problem
    )


@pytest.mark.parametrize("wrong", ["", "abc", "-1693657560000", "1693657560000.0", "9" * 400, "١٢"])
def test_a_time_that_is_none_is_refused(wrong: str) -> None:
    incoming = delivery(**{"x-hubspot-request-timestamp": wrong})
    assert signature_problem(incoming, STRICT, SENT) == "no time"


@pytest.mark.parametrize("wrong", [V3[:-1], V3.lower(), "æøå", "\udcff", V3 + " "])
def test_another_signature_is_refused(wrong: str) -> None:
    assert (
        signature_problem(delivery(**{"x-hubspot-signature-v3": wrong}), STRICT, SENT)
        == "wrong signature"
    )


def test_v1_is_accepted_only_where_it_is_switched_on() -> None:
    headers = {"x-hubspot-signature": V1, "x-hubspot-signature-version": "v1"}
    incoming = Delivery(method="POST", uri=URI, body=V1_BODY, headers=headers)
    assert v1_signature(SECRET, V1_BODY) == V1
    assert signature_problem(incoming, SigningSettings(secret=SECRET, legacy=True), SENT) == ""
    assert signature_problem(incoming, STRICT, SENT) == "no signature"


def test_a_wrong_v3_is_not_saved_by_a_right_v1() -> None:
    headers = {"x-hubspot-signature": v1_signature(SECRET, V3_BODY), "x-hubspot-signature-v3": "x"}
    assert (
        signature_problem(delivery(**headers), SigningSettings(secret=SECRET, legacy=True), SENT)
        == "wrong signature"
    )


def test_v2_is_never_taken_for_v1() -> None:
    headers = {"x-hubspot-signature": V1, "x-hubspot-signature-version": "v2"}
    incoming = Delivery(method="POST", uri=URI, body=V1_BODY, headers=headers)
    assert (
        signature_problem(incoming, SigningSettings(secret=SECRET, legacy=True), SENT)
        == "no signature"
    )


def test_only_the_twelve_signs_of_hubspots_list_are_decoded() -> None:
    coded = "%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"
    assert decode_uri(coded) == ":/?@!$'()*,;"
    assert decode_uri("%20%26%3D%25%2B") == "%20%26%3D%25%2B"
