"""New customers."""

from db import accounts, tariffs
from db.connection import Conn
from telephony.billing import wallets
from telephony.clock import Instant
from telephony.secrets import Vault

COUNTRY = "US"


def add_customer(
    conn: Conn, vault: Vault, name: str, webhook_secret: str, now: Instant,
    kyc_approved_at: Instant | None = None,
) -> str:  # fmt: skip
    """A customer with empty wallets on the public price list; the account's id."""
    tariff = tariffs.tariff_named(conn, tariffs.PUBLIC)
    assert tariff is not None
    account_id = accounts.add_account(
        conn, now, name=name, currency=tariff["currency"], country=COUNTRY,
        kyc_approved_at=kyc_approved_at, tariff_id=tariff["id"],
        webhook_secret_sealed=vault.seal(webhook_secret),
    )  # fmt: skip
    wallets.open_pots(conn, account_id, tariff["currency"])
    return account_id
