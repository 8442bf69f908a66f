"""Which price list an account buys by, and the rates that it has for itself."""

from db import tariffs
from db.connection import Conn, Row
from telephony.billing.decks.reader import DeckError, RateRow


def assign(conn: Conn, account: str, name: str) -> None:
    """Let an account (its id, or its name where only one has it) buy by a price list; raises
    DeckError for one in another currency than the account's wallets."""
    buyer, tariff = _buyer(conn, account), tariffs.tariff_named(conn, name)
    if tariff is None:
        raise DeckError(f"there is no price list {name}")
    if tariff["currency"] != buyer["currency"]:
        raise DeckError(f"{name} is in {tariff['currency']}, the account in {buyer['currency']}")
    tariffs.assign(conn, buyer["id"], tariff["id"])


def override(conn: Conn, account: str, rates: list[RateRow]) -> None:
    """Give an account rates of its own, in its currency, in place of those that it had."""
    tariffs.override(conn, _buyer(conn, account)["id"], rates)


def _buyer(conn: Conn, account: str) -> Row:
    found = tariffs.buyers(conn, account)
    if len(found) != 1:
        raise DeckError(f"{len(found)} accounts have the id or name {account}")
    return found[0]
