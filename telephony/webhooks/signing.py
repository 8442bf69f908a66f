"""Signs what we send, in our own scheme and in that of Standard Webhooks."""

import base64
import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300
KEYS_CACHED_MAX = 2048
Verdict = Literal["genuine", "old", "wrong", "malformed"]
"""`old`: the right secret has signed it, longer ago than a receiver accepts."""
_HEADER = re.compile(r"(?:^|,)\s*t=[0-9]{1,12}\s*(?:,|$)")


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as stock libraries of Standard Webhooks take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(
    secret: str | Iterable[str], event_id: str, body: bytes, at_seconds: int
) -> dict[str, str]:
    """The signature headers of one POST; with several secrets (while one replaces another) each
    signs. Raises ValueError if a secret is not `whsec_` and base64."""
    keys = [secret] if isinstance(secret, str) else list(secret)
    ours = [_ours(key, at_seconds, body) for key in keys]
    standard = [_standard(key, event_id, at_seconds, body) for key in keys]
    return {
        "X-Signature": ",".join([f"t={at_seconds}", *(f"v1={digest}" for digest in ours)]),
        "webhook-id": event_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(f"v1,{digest}" for digest in standard),
    }


def verify(
    secret: str, header: str, body: bytes, now: float, tolerance: float = TOLERANCE_SECONDS
) -> bool:
    """True if one `v1` of an `X-Signature` is the secret's and its time is within `tolerance`
    seconds of `now`; whatever else the header holds, False."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        return False
    if abs(now - int(times[0])) > tolerance:
        return False
    wanted = _ours(secret, int(times[0]), body).encode()
    given = [value.encode() for name, _, value in parts if name == "v1"]
    return any(hmac.compare_digest(wanted, digest) for digest in given)


def judge(secrets: Iterable[str], header: str, body: bytes, now: float) -> Verdict:
    """What a receiver would find of a request, and why."""
    if not _HEADER.search(header):
        return "malformed"
    signers = [secret for secret in secrets if verify(secret, header, body, now, math.inf)]
    if not signers:
        return "wrong"
    return "genuine" if verify(signers[0], header, body, now) else "old"


def _ours(secret: str, at_seconds: int, body: bytes) -> str:
    return _hmac(secret.encode(), b"%d.%b" % (at_seconds, body)).hex()


def _standard(secret: str, event_id: str, at_seconds: int, body: bytes) -> str:
    if not secret.startswith(PREFIX):
        raise ValueError(f"a webhook secret starts with {PREFIX}")
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    message = b"%b.%d.%b" % (event_id.encode(), at_seconds, body)
    return base64.b64encode(_hmac(key, message)).decode()


def _hmac(key: bytes, message: bytes) -> bytes:
    begun = _keyed(key).copy()
    begun.update(message)
    return begun.digest()


@lru_cache(KEYS_CACHED_MAX)
def _keyed(key: bytes) -> hmac.HMAC:
    """Half the work, and `hmac.digest` gives Python's lock away and waits to get it back."""
    return hmac.new(key, digestmod=hashlib.sha256)
