"""What came back from phones and what programs asked, for pictures of the pages that show it."""

import random

from db import inbound, request_log, sms_accounts
from db.connection import Conn
from db.ids import first_id
from db.sms_accounts import SenderStatus
from telephony.billing import wallets
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from telephony.users.sessions import Member
from telephony.voice import trunks

WEB = '{"url": "https://sms.example.com/send"}'
OURS = "+15550111222"
SAID = (("Thanks, see you then!", ""), ("STOP", "stop"), ("Können Sie später kommen? 🙂", ""))
SENDERS = (
    ("NORTHWIND", SenderStatus.approved, ""), ("COURIER", SenderStatus.requested, ""),
    ("POST", SenderStatus.refused, "This name belongs to the national post."),
)  # fmt: skip
ASKED = (
    ("POST", "/api/v1/sms/send", 202, None), ("GET", "/api/v1/sms/{message_id}", 200, None),
    ("POST", "/api/v1/sms/send", 402, "insufficient_funds"), ("GET", "/api/v1/wallet", 200, None),
    ("POST", "/api/v1/voice/call", 503, "pbx_unavailable"),
)  # fmt: skip


def carriers(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """A trunk and a provider, each with a route."""
    trunks.add(
        conn, vault, name="north", host="192.0.2.7", port=5061, transport="tls", username="",
        secret="", registers=False, codecs=["ulaw"], caller_id_format="digits", cidrs=[],
        capacity=30, now=now(),
    )  # fmt: skip
    trunks.route(conn, prefix="4930", name="north", priority=7, weight=3, strip=0, prepend="")
    configured.add(conn, vault, Settings(), "web", "http", WEB, now())
    routes.add(conn, provider="web", prefix="33", sender="", mode="live", priority=0, weight=1,
               account_id="")  # fmt: skip


def answers(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """Received messages, opt-outs, sender ids in every state, and requests."""
    for sender, status, note in SENDERS:
        sms_accounts.request_sender(conn, owner.account_id, sender, now())
        if status != SenderStatus.requested:
            sms_accounts.decide_sender(conn, owner.account_id, sender, status, note, now())
    for number in range(24):
        at, mode = now() - number * 977 * SECOND, wallets.MODES[number % 2]
        text, keyword = SAID[number // 2 % len(SAID)]
        phone = f"+1555123{number:04d}"
        inbound.add(
            conn, id=f"{first_id('msg', at // 1000)[:-6]}{chance.randrange(10**6):06d}",
            account_id=owner.account_id, mode=mode, provider="sandbox", from_number=phone,
            to_number=OURS, body=text, segments=1, keyword=keyword, fact=f"seed {number}",
            created_at=at,
        )  # fmt: skip
        if keyword:
            sms_accounts.opt_out(conn, owner.account_id, mode, OURS, phone, "STOP", at)
    request_log.add_all(conn, [_asked(owner, number, chance) for number in range(40)])


def _asked(owner: Member, number: int, chance: random.Random) -> dict[str, object]:
    method, path, status, code = ASKED[number % len(ASKED)]
    at = now() - number * 331 * SECOND
    return {
        "id": f"{first_id('rql', at // 1000)[:-6]}{number:06d}", "at": at,
        "request_id": f"req_{chance.randrange(16**24):024x}", "account_id": owner.account_id,
        "mode": "live", "key_id": "key_seed", "method": method, "path": path, "status": status,
        "code": code, "latency_us": chance.randrange(1_500, 48_000),
    }  # fmt: skip
