"""Customers for tests, made with the deeds that the platform itself uses."""

from dataclasses import dataclass
from typing import Any

from db import accounts as stored
from db import tariffs
from db.connection import Conn
from db.database import Database
from telephony import accounts
from telephony.audit import Actor
from telephony.billing import wallets
from telephony.clock import now
from telephony.money import Micros, to_micros

CURRENCY = "USD"
ACTOR = Actor("test", "test")
TARIFF = tariffs.PUBLIC


@dataclass(frozen=True)
class Customer:
    """An account that buys by the public tariff, with one key that has every scope."""

    account_id: str
    mode: str
    key: str
    key_id: str


def rate(prefix: str, **prices: Any) -> dict[str, Any]:
    """A rate of 0.006 a segment and 0.012 a minute (60/60), but for what `prices` says."""
    return {
        "prefix": prefix,
        "country": f"Country {prefix}",
        "iso": "XX",
        "route": "direct",
        "sms_per_segment": 6_000,
        "voice_per_minute": 12_000,
        "voice_connect_fee": 0,
        "voice_initial_seconds": 60,
        "voice_increment_seconds": 60,
        "voice_free_seconds": 0,
        **prices,
    }


RATES = (rate("1"), rate("1555", sms_per_segment=7_000), rate("49", voice_connect_fee=5_000))


def seed_platform(conn: Conn, rates: tuple[dict[str, Any], ...] = RATES) -> str:
    """The platform's account, its pots and the tariff, unless they are there; the tariff's id."""
    tariff = tariffs.tariff_named(conn, TARIFF)
    if tariff:
        return str(tariff["id"])
    if not stored.account_named(conn, "platform"):
        stored.add_account(conn, now(), id=stored.PLATFORM, name="platform", currency=CURRENCY)
        wallets.open_pots(conn, stored.PLATFORM, CURRENCY)
    return tariffs.add_tariff(conn, TARIFF, CURRENCY, list(rates), now())


def add_customer(
    conn: Conn, /, *, funds: Micros, sip_funds: Micros, mode: str, scopes: tuple[str, ...],
    **facts: Any,
) -> Customer:  # fmt: skip
    """The deed of `customer`; amounts in millionths, `facts` are columns of the account."""
    at = now()
    tariff_id = seed_platform(conn)
    account_id = stored.add_account(
        conn, at, **{"currency": CURRENCY, "kyc_approved_at": at, "tariff_id": tariff_id, **facts}
    )
    wallets.open_pots(conn, account_id, CURRENCY)
    if funds + sip_funds:
        wallets.fund(conn, account_id, mode, funds + sip_funds,
                     reference=f"fund:{account_id}", actor="test", now=at)  # fmt: skip
    if sip_funds:
        wallets.top_up_sip(conn, account_id, mode, sip_funds,
                           reference=f"topup:{account_id}", actor="test", now=at)  # fmt: skip
    key = accounts.new_key(mode)
    key_id = accounts.add_key(conn, account_id, key, "test key", at, scopes)
    return Customer(account_id, mode, key, key_id)


async def customer(
    database: Database, *, funds: str = "100", sip_funds: str = "0", mode: str = "test",
    scopes: tuple[str, ...] = accounts.SCOPES, name: str = "Customer", **facts: Any,
) -> Customer:  # fmt: skip
    """A customer with these amounts (in units of USD) free in the wallets of `mode`; `facts` are
    columns of the account, such as `country` or `kyc_approved_at=None`."""
    return await database.write(
        add_customer, funds=to_micros(funds), sip_funds=to_micros(sip_funds), mode=mode,
        scopes=scopes, name=name, **facts,
    )  # fmt: skip
