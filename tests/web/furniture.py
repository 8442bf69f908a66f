"""What an installation has after some weeks, so that its pages have something to show: people,
money, phones, messages, calls, webhooks, and traffic of sixty days."""

import random
from dataclasses import dataclass
from typing import Any

from db import accounts, caller_ids, components, messages, notices, sip_contacts, traffic
from db.calls import CallStatus
from db.calls import go as move_call
from db.connection import Conn
from db.ids import first_id, new_id
from db.messages import MessageStatus
from db.traffic import DAY, MESSAGES
from telephony import files
from telephony.accounts import SCOPES, create_key
from telephony.billing import limits, wallets
from telephony.billing.rating import Rate
from telephony.clock import SECOND, Instant, now
from telephony.money import MICROS
from telephony.secrets import Vault
from telephony.users import identity, team, tickets, tokens
from telephony.users.sessions import CONFIRMED_SECONDS, Member
from telephony.voice import numbers, sip_accounts
from telephony.webhooks import endpoints
from telephony.webhooks.endpoints import Place
from telephony.webhooks.events import emit
from telephony.webhooks.samples import SAMPLES
from tests.db.rows import add_call, add_message
from tests.factories import Customer, rate, seed_platform
from tests.users.world import People, secure
from tests.web.furniture_texting import answers, carriers

OWNER, ADMIN = "ada@example.com", "root@example.com"
COUNTRIES = {
    "1": ("United States", "US"), "33": ("France", "FR"), "44": ("United Kingdom", "GB"),
    "49": ("Germany", "DE"), "81": ("Japan", "JP"), "91": ("India", "IN"),
}  # fmt: skip
REMOTE = ("sms", "trunk")
PARTS = (
    ("database", "database", "operational", "a write takes 3 ms"),
    ("pbx1", "pbx", "operational", "both links are ready"),
    ("sandbox", "sms", "operational", "answers at once"),
    ("acme-carrier", "trunk", "degraded", "no answer to OPTIONS for 40 s"),
    ("webhooks", "worker", "operational", "nothing waits"),
)
DAYS = 60
TEXTS = (
    "Your parcel arrives today between 14:00 and 16:00.", "Your code is 481 516.",
    "Grüße aus Köln! Ihr Termin ist am Montag.", "Réservation confirmée 🎉",
)  # fmt: skip
ENDS = (*["delivered"] * 8, "sent", "sent", "undelivered", "failed", "queued")
CALL_ENDS = (*["completed"] * 8, "no_answer", "no_answer", "busy", "failed", "answered")
PHONES = ("reception", "warehouse", "driver-7")
NUMBER = "+15550111222"
RATE = Rate("1555", "USD", 6_000, 12_000, 0, 60, 60)


@dataclass(frozen=True)
class Home:
    """Who lives here: tokens of their sessions (`doubtful` is the owner, long after a proof), and
    links that they had by mail."""

    owner: Member
    sessions: dict[str, str]
    mailed: frozenset[str]


def platform(conn: Conn) -> None:
    """Prices and parts as an installation has them."""
    rates = (rate(prefix, country=country, iso=iso) for prefix, (country, iso) in COUNTRIES.items())
    seed_platform(conn, tuple(rates))
    parts(conn)


def parts(conn: Conn) -> None:
    """How they are, as the worker would say every few seconds."""
    for name, kind, status, detail in PARTS:
        components.report(conn, name, kind, status, detail, now(), kind in REMOTE)


async def furnish(people: People) -> Home:
    """Everything; who lives here."""
    await people.database.write(platform)
    admin = await people.admin(email=ADMIN)
    owner = await people.owner(OWNER, "Northwind Couriers")
    zoe = await people.owner("zoe@example.com", "Zoe's Bakery")
    developer = await people.colleague(owner, "developer", "dev@example.com")
    await people.colleague(owner, "billing", "books@example.com")
    for deed in (money, keys, phones, conversations, webhooks, answers, carriers, days):
        await people.database.write(deed, people.vault, owner, random.Random(deed.__name__))
    await people.database.write(
        team.invite, people.post, owner, "new@example.com", "read_only", now()
    )
    links = {f"/invitation/{await people.mailed_token()}"}
    for kind, user in (("register", {}), ("reset", {"user_id": owner.user_id})):
        token = await people.database.write(tokens.give, kind, now(), email=OWNER, **user)
        links.add(f"/{kind}/{token}")
    await people.database.write(secure, people.vault, owner.user_id)
    await questions(people, owner, admin)
    await people.database.write(identity_check, people.vault, zoe)
    who = {"owner": owner.user_id, "admin": admin.user_id, "developer": developer.user_id}
    sessions = {name: await people.token(user_id) for name, user_id in who.items()}
    sessions["doubtful"] = await people.token(owner.user_id, now() - CONFIRMED_SECONDS * SECOND)
    return Home(owner, sessions, frozenset(links))


def money(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """Deposits in both modes, a threshold and caps."""
    account_id, at = owner.account_id, now()
    accounts.change(conn, account_id, kyc_approved_at=at, spend_day_max=400 * MICROS)
    for mode in wallets.MODES:
        for number, amount in enumerate((500, 250, 120)):
            wallets.fund(
                conn, account_id, mode, amount * MICROS, now=at, actor="seed",
                reference=f"{mode}{number}", reason=f"bank transfer {number + 1}",
            )  # fmt: skip
        wallets.top_up_sip(conn, account_id, mode, 200 * MICROS, reference=f"sip{mode}",
                           actor="seed", now=at)  # fmt: skip
        limits.spend(conn, limits.Payer(account_id, mode, None, at), 337_420_000)
    limits.set_threshold(conn, account_id, "live", "sip", 250 * MICROS, at)


def keys(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """One for each purpose, and one that ends soon."""
    for name, mode, ends, scopes in (
        ("Web shop", "live", None, SCOPES),
        ("Dispatch", "live", 3, SCOPES),
        ("CI", "test", None, ("sms:send", "sms:read", "rates:read")),
    ):
        create_key(
            conn, owner.account_id, mode, name=name, actor=owner.actor, now=now(),
            cidrs=["192.0.2.0/24"] if ends else [], expires_at=now() + ends * DAY if ends else None,
            scopes=scopes, spend_day_max=50 * MICROS,
        )  # fmt: skip


def phones(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """SIP accounts, one of which is registered, and a number that rings them."""
    caller_ids.verify(conn, owner.account_id, NUMBER, "seed", now())
    for number, username in enumerate(PHONES):
        made = sip_accounts.create(
            conn, vault, "sms-voip", account_id=owner.account_id, username=username,
            secret=sip_accounts.new_secret(), caller_id=NUMBER, dial_mode="live", now=now(),
            label=username.title(),
        )  # fmt: skip
        if not number:
            sip_contacts.put(
                conn, sip_account_id=made, node="pbx1", uri="sip:reception@203.0.113.7:5060",
                user_agent="Linphone/5.2", address="203.0.113.7:5060", registered_at=now(),
                expires_at=now() + 3600 * SECOND,
            )  # fmt: skip
    numbers.own(
        conn, number="+15550222001", account_id=owner.account_id, mode="live", strategy="order",
        ring_seconds=25, targets=PHONES[:2], forward_to="+4930123456", now=now(),
    )  # fmt: skip


def conversations(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """Messages and calls of the last hours, in every state, in both modes."""
    for number in range(90):
        mode, at = chance.choice(wallets.MODES), now() - (90 - number) * 613 * SECOND
        who = Customer(owner.account_id, mode, "", "key_seed")
        _message(conn, who, chance.choice(ENDS), at, chance)
        _call(conn, who, chance.choice(CALL_ENDS), at, chance)


def _message(conn: Conn, who: Customer, end: str, at: Instant, chance: random.Random) -> None:
    made = add_message(
        conn, who, id=f"{first_id('msg', at // 1000)[:-6]}{chance.randrange(10**6):06d}",
        to_number=_number(chance), from_number=NUMBER, body=chance.choice(TEXTS),
        created_at=at, expires_at=at + DAY, next_attempt_at=at, reference=f"order-{at % 9973}",
    )  # fmt: skip
    if end == "queued":
        return
    messages.go(conn, made, MessageStatus.sending, at)
    if end != "failed":
        messages.go(conn, made, MessageStatus.sent, at + SECOND, sent_at=at + SECOND)
    if end != "sent":
        messages.go(conn, made, MessageStatus(end), at + 3 * SECOND,
                    error_code=None if end == "delivered" else "absent_subscriber")  # fmt: skip


def _call(conn: Conn, who: Customer, end: str, at: Instant, chance: random.Random) -> None:
    made = add_call(
        conn, who, id=f"{first_id('call', at // 1000)[:-6]}{chance.randrange(10**6):06d}",
        created_at=at, to_number=_number(chance), from_number=NUMBER, caller_id=NUMBER,
        sip_account=chance.choice(PHONES), last_seen_at=at, rate=RATE.to_text(),
    )  # fmt: skip
    move_call(conn, made, CallStatus.dialing, at, started_at=at, node="pbx1")
    move_call(conn, made, CallStatus.ringing, at + SECOND, ringing_at=at + SECOND)
    if end in ("answered", "completed"):
        move_call(conn, made, CallStatus.answered, at + 6 * SECOND, answered_at=at + 6 * SECOND)
    if end != "answered":
        talked = chance.randrange(8, 900) if end == "completed" else 0
        over = at + (12 + talked) * SECOND
        move_call(
            conn, made, CallStatus(end), over, "normal_clearing", ended_at=over, billsec=talked,
            duration=talked + 6, cost=12_000 * -(-talked // 60), hangup_cause="normal_clearing",
        )  # fmt: skip


def _number(chance: random.Random) -> str:
    return chance.choice(("+1555", "+4930", "+3314", "+4420")) + f"{chance.randrange(10**7):07d}"


async def questions(people: People, owner: Member, admin: Member) -> None:
    """Tickets, one of which was answered, with a file."""
    file = files.sealed(people.vault, "file", "trace.pdf", b"%PDF-1.7 trace")
    for kind, subject in (("voice", "One-way audio behind our firewall"),
                          ("api", "402 although the wallet is full")):  # fmt: skip
        asked = tickets.Question(
            kind, subject, "It began at 09:40 UTC.\nSee the trace.", "req-7d1f req-7d20"
        )
        made = await people.database.write(
            tickets.open_ticket, people.post, "", owner, asked, [file], now()
        )
        if kind == "voice":
            text = "Open UDP 10000 to 10199 towards your phones, then call again."
            await people.database.write(
                tickets.answer, people.post, admin, made, text, [], now()
            )  # fmt: skip


def identity_check(conn: Conn, vault: Vault, zoe: Member) -> None:
    """One that waits for a decision."""
    paper = files.sealed(vault, "document", "register.pdf", b"%PDF-1.7 extract")
    told = {
        "kind": "company", "legal_name": "Zoe's Bakery Ltd", "registration": "HRB 4711",
        "country": "gb", "address": "1 Dorset Street\nLondon W1U", "website": "",
        "purpose": "Tell customers that their bread is ready.",
    }  # fmt: skip
    identity.submit(conn, zoe, vault, told, [paper], now())


def webhooks(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """Endpoints in both modes, events with deliveries in every state, and a notice."""
    for mode in wallets.MODES:
        place = Place(owner.account_id, mode)
        row, _ = endpoints.create(
            conn, vault, place, url=f"https://hooks.example.com/{mode}", events=list(SAMPLES),
            description="Order system", enabled=True, now=now(),
        )  # fmt: skip
        for number, (kind, payload) in enumerate(SAMPLES.items(), -len(SAMPLES)):
            emit(
                conn, account_id=owner.account_id, mode=mode, kind=kind, fact="1", payload=payload,
                subject=new_id("sample"), callback_url=None, now=now() + number * SECOND,
            )  # fmt: skip
        notices.add(conn, owner.account_id, mode, "disabled", row["id"],
                    "Your endpoint https://old.example.com answered 410 and was disabled.",
                    now())  # fmt: skip
    for number, delivery in enumerate(conn.all("SELECT id FROM delivery ORDER BY id")):
        _attempts(conn, delivery["id"], ("delivered", "failed", "pending")[min(number % 5, 2)])


def _attempts(conn: Conn, delivery_id: str, state: str) -> None:
    tries = {"delivered": (200,), "failed": (500, 503, None), "pending": (502,)}[state]
    conn.insert_all("delivery_attempt", [
        {"delivery_id": delivery_id, "number": number, "at": now(), "latency_us": 48_000 * number,
         "status_code": code, "error": "" if code else "timed out", "reply": "ok" if code else ""}
        for number, code in enumerate(tries, 1)
    ])  # fmt: skip
    conn.run("UPDATE delivery SET state = :state, attempts = :n WHERE id = :id", state=state,
             n=len(tries), id=delivery_id)  # fmt: skip


def days(conn: Conn, vault: Vault, owner: Member, chance: random.Random) -> None:
    """What the worker would have counted."""
    today, rows = now() // DAY * DAY, []
    for back in range(DAYS):
        for mode, size in (("live", 900), ("test", 40)):
            weekend = 0.3 if back % 7 in (1, 2) else 1
            many = int(size * weekend * chance.uniform(0.8, 1.2) * (1 - back / DAYS / 2))
            rows += _day(owner.account_id, mode, today - back * DAY, many, chance)
    traffic.add(conn, MESSAGES, None, first_id("mh", now() // 1000), rows)


def _day(
    account_id: str, mode: str, day: Instant, many: int, chance: random.Random
) -> list[dict[str, Any]]:
    lost, missed = int(many * chance.uniform(0.01, 0.06)), int(many * chance.uniform(0.1, 0.2))
    talk = (many // 3 - missed // 3) * 96
    counted = (
        ("message", "sent", many, many, many * 7_000),
        ("message", "delivered", many - lost, many - lost, 0),
        ("message", "undelivered", lost, lost, 0), ("reply", "received", many // 9, many // 9, 0),
        ("call", "completed", many // 3 - missed // 3, talk, talk * 200),
        ("call", "no_answer", missed // 4, 0, 0), ("call", "busy", missed // 9, 0, 0),
    )  # fmt: skip
    return [
        {"account_id": account_id, "mode": mode, "day": day, "kind": kind, "outcome": outcome,
         "count": count, "units": units, "cost": cost}
        for kind, outcome, count, units, cost in counted
    ]  # fmt: skip
