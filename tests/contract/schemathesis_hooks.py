"""What a schema cannot say: values that are good by their form and by the clock."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st

COUNTRIES = ("+1555", "+4930", "+4420")
DISTINCT = 4
PHONE = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
CURSOR = base64.urlsafe_b64encode(b'["Germany", "49"]').decode()
LIMITS = ("max_price", "max_price_per_minute")
AMOUNTS = ("amount", *LIMITS)

schemathesis.openapi.format(
    "phone-number",
    st.builds("{}{:07d}".format, st.sampled_from(COUNTRIES), st.integers(0, 9_999_999)),
)
# Each of its own: a replay would tell of what was deleted since.
schemathesis.openapi.format("idempotency-key", st.uuids().map(str))
schemathesis.openapi.format("cursor", st.just(CURSOR))
schemathesis.openapi.format(
    "cidr", st.sampled_from(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"])
)
schemathesis.openapi.format(
    "uri", st.from_regex(r"https://[a-z]{1,9}\.example\.com/[a-z]{0,9}", fullmatch=True)
)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Dates within the next days, amounts of at most six decimals, a secret that is not a common
    one, calls from the only phone there is."""
    for one in [case.body, *_list(case.body, "messages")]:
        if isinstance(one, dict):
            _adjust(one)
    calling = case.operation.path == "/voice/call" and isinstance(case.body, dict)
    if calling and PHONE.fullmatch(str(case.body.get("from"))):
        case.body["from"] = ""


def _list(body: Any, name: str) -> list[Any]:
    found = body.get(name) if isinstance(body, dict) else None
    return found if isinstance(found, list) else []


def _adjust(body: dict[str, Any]) -> None:
    if isinstance(body.get("send_at"), str):
        body["send_at"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for name in AMOUNTS:
        if isinstance(body.get(name), float):
            body[name] = round(body[name], 6) or body[name]
            if name in LIMITS and body[name] > 0:
                body[name] = max(body[name], 1.0)  # a lower one rightly refuses what costs more
    secret = body.get("sip_password")
    if isinstance(secret, str) and len(set(secret)) < DISTINCT and 12 <= len(secret) <= 128:
        body["sip_password"] = "a secret of many letters"
