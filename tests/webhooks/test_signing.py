"""Signatures, against a stock library and against the recipe in the API's documentation."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from telephony.webhooks.signing import judge, new_secret, sign, verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHER = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
BODY = b'{"event":"delivery_report"}'
NOW = 1_768_249_200
OPENSSL_DIGEST = "b8055fbee3a74eda3342e193ea00e9bddac863428d8dce28bd1356dbbe418e3b"


def ours(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_our_header_is_the_documented_recipe() -> None:
    headers = sign(SECRET, "evt_1", BODY, NOW)
    assert headers["X-Signature"] == f"t={NOW},v1={ours(SECRET, NOW, BODY)}"


def test_a_signature_computed_elsewhere() -> None:
    # printf '1768249200.{}' | openssl dgst -sha256 -hmac whsec_c2VjcmV0
    digest = sign("whsec_c2VjcmV0", "evt_1", b"{}", NOW)["X-Signature"].partition("v1=")[2]
    assert digest == OPENSSL_DIGEST


def test_the_standard_headers_name_event_and_time() -> None:
    headers = sign(SECRET, "evt_1", BODY, NOW)
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == str(NOW)
    assert set(headers) == {
        "X-Signature", "webhook-id", "webhook-timestamp", "webhook-signature",
    }  # fmt: skip


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50)), st.integers(0, 10**6))
def test_a_stock_library_takes_what_we_sign(payload: dict[str, str], number: int) -> None:
    body = json.dumps(payload, ensure_ascii=number % 2 == 0).encode("utf-8", "replace")
    secret, at = new_secret(), int(time.time())
    headers = sign(secret, f"evt_{number}", body, at)
    assert Webhook(secret).verify(body, headers) == json.loads(body)
    assert verify(secret, headers["X-Signature"], body, at)


@pytest.mark.parametrize("broken", ["body", "id", "secret"])
def test_a_stock_library_refuses_what_was_altered(broken: str) -> None:
    headers = sign(SECRET, "evt_1", BODY, int(time.time()))
    body = BODY + b" " if broken == "body" else BODY
    headers["webhook-id"] = "evt_2" if broken == "id" else "evt_1"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER if broken == "secret" else SECRET).verify(body, headers)


def test_while_a_secret_is_replaced_both_verify() -> None:
    at = int(time.time())
    headers = sign([OTHER, SECRET], "evt_1", BODY, at)
    assert headers["X-Signature"].count("v1=") == 2
    for secret in (SECRET, OTHER):
        assert verify(secret, headers["X-Signature"], BODY, at)
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    assert not verify(new_secret(), headers["X-Signature"], BODY, at)


@pytest.mark.parametrize(("drift", "accepted"), [(0, True), (300, True), (-300, True),
                                                (301, False), (-301, False)])  # fmt: skip
def test_an_old_or_early_signature_is_refused(drift: int, accepted: bool) -> None:
    header = sign(SECRET, "evt_1", BODY, NOW)["X-Signature"]
    assert verify(SECRET, header, BODY, NOW + drift) is accepted


def test_another_time_in_the_header_breaks_the_signature() -> None:
    header = sign(SECRET, "evt_1", BODY, NOW)["X-Signature"]
    assert not verify(SECRET, header.replace(f"t={NOW}", f"t={NOW + 1}"), BODY, NOW)
    assert not verify(SECRET, header, BODY + b"\n", NOW)
    assert not verify(OTHER, header, BODY, NOW)


@pytest.mark.parametrize("header", [
    "", "t=", "v1=", "nonsense", f"t={NOW}", f"t={NOW},v1=", f"v1={ours(SECRET, NOW, BODY)}",
    f"t={NOW},t={NOW},v1={ours(SECRET, NOW, BODY)}", f"t=-1,v1={ours(SECRET, -1, BODY)}",
    f"t={NOW},v0={ours(SECRET, NOW, BODY)}", "t=١٢,v1=ü", f"t={'9' * 400},v1=0",
])  # fmt: skip
def test_a_malformed_header_is_refused_quietly(header: str) -> None:
    assert not verify(SECRET, header, BODY, NOW)


@given(st.text(max_size=80))
def test_no_header_makes_verify_raise_or_agree(header: str) -> None:
    assert not verify(SECRET, header, BODY, NOW)


def test_new_secrets_are_long_and_different() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 32


@pytest.mark.parametrize("secret", ["", "plain", "whsec_not base64", "whsec_c2VjcmV"])
def test_a_secret_of_another_shape_is_an_error(secret: str) -> None:
    with pytest.raises(ValueError, match=r"whsec_|padding|base64|alphabet"):
        sign(secret, "evt_1", BODY, NOW)


def test_a_judge_says_why() -> None:
    header = sign(SECRET, "evt_1", BODY, NOW)["X-Signature"]
    for secrets, given_header, body, now, verdict in (
        ([SECRET], header, BODY, NOW, "genuine"),
        ([OTHER, SECRET], header, BODY, NOW + 300, "genuine"),
        ([SECRET], header, BODY, NOW + 301, "old"),
        ([SECRET], header, BODY, NOW - 301, "old"),
        ([OTHER], header, BODY, NOW, "wrong"),
        ([], header, BODY, NOW, "wrong"),
        ([SECRET], header, BODY + b"\n", NOW, "wrong"),
        ([SECRET], f"t={NOW}", BODY, NOW, "wrong"),
        ([SECRET], f" t={NOW} , v1=ab", BODY, NOW, "wrong"),
        ([SECRET], "v1=ab", BODY, NOW, "malformed"),
        ([SECRET], "t=soon,v1=ab", BODY, NOW, "malformed"),
        ([SECRET], "", BODY, NOW, "malformed"),
    ):
        assert judge(secrets, given_header, body, now) == verdict, (given_header, body, now)


@given(st.text())
def test_no_header_makes_a_judge_raise_or_agree(header: str) -> None:
    assert judge([SECRET], header, BODY, NOW) in ("wrong", "malformed")
