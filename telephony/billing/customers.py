"""Opening an account: a customer, its wallets, its price list, its secret."""

from db import account_search, accounts, tariffs
from db.connection import Conn
from telephony.billing import wallets
from telephony.clock import Instant
from telephony.errors import ValidationFailedError
from telephony.money import Micros
from telephony.secrets import Vault
from telephony.webhooks.signing import new_secret

COUNTRY = "US"
"""Of customers who have not said another one."""
NAME_LENGTH_MAX = 200


def open_account(
    conn: Conn, /, vault: Vault, name: str, country: str, now: Instant, *,
    tariff: str = tariffs.PUBLIC, kyc_approved_at: Instant | None = None,
    webhook_secret: str | None = None,
) -> str:  # fmt: skip
    """A customer with empty wallets on a price list, whose currency is the account's; its id.
    Without approval only test keys work. Raises ValidationFailedError."""
    if not 1 <= len(name.strip()) <= NAME_LENGTH_MAX:
        raise _bad("name", f"An account has a name of 1 to {NAME_LENGTH_MAX} characters.")
    if not (len(country) == 2 and country.isascii() and country.isupper()):
        raise _bad("country", "Write the country as two letters, such as US.")
    prices = tariffs.tariff_named(conn, tariff)
    if prices is None:
        raise _bad("tariff", f"There is no price list {tariff}.")
    account_id = accounts.add_account(
        conn, now, name=name.strip(), currency=prices["currency"], country=country,
        kyc_approved_at=kyc_approved_at, tariff_id=prices["id"],
        webhook_secret_sealed=vault.seal(webhook_secret or new_secret()),
    )  # fmt: skip
    account_search.add_words(conn, account_id, name)
    wallets.open_pots(conn, account_id, prices["currency"])
    return account_id


def fill(
    conn: Conn, account_id: str, mode: str, funds: Micros, sip_funds: Micros, *, reference: str,
    actor: str, now: Instant,
) -> None:  # fmt: skip
    """Put that much into the wallet and the SIP wallet of a new account; both above zero."""
    wallets.fund(conn, account_id, mode, funds + sip_funds, reference=reference, actor=actor,
                 now=now)  # fmt: skip
    wallets.top_up_sip(conn, account_id, mode, sip_funds, reference=f"{reference}:sip",
                       actor=actor, now=now)  # fmt: skip


def _bad(field: str, message: str) -> ValidationFailedError:
    error = {"field": field, "code": "invalid", "message": message}
    return ValidationFailedError(message, errors=[error])
