"""What a new installation begins with: the platform's own pots, the price list, a demo account
whose credentials `sms-voip up` prints."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from db import accounts, caller_ids, sip, tariffs, users
from db.connection import Conn
from telephony.accounts import add_key, new_key
from telephony.billing import customers, wallets
from telephony.billing.customers import COUNTRY
from telephony.billing.decks.reader import ILLUSTRATIVE, read
from telephony.clock import Instant
from telephony.money import MICROS
from telephony.secrets import Vault, write_private
from telephony.users.passwords import ARGON2
from telephony.voice import sip_accounts
from telephony.webhooks.signing import new_secret

FILE = "demo.json"
CURRENCY = "USD"
NUMBER = "+15550111222"
"""The number that the public page's samples use."""
FUNDS = 100 * MICROS
SIP_FUNDS = 50 * MICROS
PHONES = ("demo1", "demo2")
ADMIN = "admin@example.com"


@dataclass
class Credentials:
    """The demo account's secrets: in a file that only its owner reads, since they are printed
    again at every start; the database has only hashes and sealed digests."""

    test_key: str = field(default_factory=lambda: new_key("test"))
    live_key: str = field(default_factory=lambda: new_key("live"))
    webhook_secret: str = field(default_factory=new_secret)
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    sip: dict[str, str] = field(
        default_factory=lambda: {phone: sip_accounts.new_secret() for phone in PHONES}
    )


def credentials(var_dir: Path) -> Credentials:
    """Those of the file, which is made on first use."""
    path = var_dir / FILE
    if not path.exists():
        write_private(path, json.dumps(asdict(Credentials()), indent=2))
    return Credentials(**json.loads(path.read_text()))


def seed(conn: Conn, vault: Vault, realm: str, demo: Credentials, now: Instant) -> None:
    """Add what is missing; a seeded database stays as it is."""
    if accounts.account_named(conn, "platform"):
        return
    seed_platform(conn, now)
    account_id = customers.open_account(
        conn, vault, "demo", COUNTRY, now, kyc_approved_at=now, webhook_secret=demo.webhook_secret
    )
    for key in (demo.test_key, demo.live_key):
        add_key(conn, account_id, key, "demo", now)
    for mode in wallets.MODES:
        customers.fill(conn, account_id, mode, FUNDS, SIP_FUNDS, reference=f"seed:{mode}",
                       actor="seed", now=now)  # fmt: skip
    caller_ids.verify(conn, account_id, NUMBER, "seed", now)
    for username, secret in demo.sip.items():
        sip_accounts.create(
            conn, vault, realm, account_id=account_id, username=username, secret=secret,
            caller_id=NUMBER, dial_mode="test", now=now,
        )  # fmt: skip
    password = ARGON2.hash(demo.admin_password)
    users.add(conn, now, ADMIN, name="Administrator", password_argon2=password,
              platform_role="admin", verified_at=now)  # fmt: skip


def seed_platform(conn: Conn, now: Instant) -> None:
    """The business's own account with its pots, and the price list that everybody may see."""
    accounts.add_account(
        conn, now, id=wallets.PLATFORM, name="platform", currency=CURRENCY, country=COUNTRY,
        kyc_approved_at=now, tariff_id=None, webhook_secret_sealed="",
    )  # fmt: skip
    wallets.open_pots(conn, wallets.PLATFORM, CURRENCY)
    with ILLUSTRATIVE.open(newline="") as lines:
        tariffs.add_tariff(conn, tariffs.PUBLIC, CURRENCY, read(lines), now)


def valid_secrets(
    conn: Conn, vault: Vault, realm: str, phones: dict[str, str]
) -> dict[str, str | None]:
    """The demo phones with their secrets, None for one that was changed since."""
    found: dict[str, str | None] = {}
    for username, secret in phones.items():
        row = sip.by_username(conn, username)
        given = sip_accounts.digests(username, realm, secret)
        same = row is not None and vault.open(row["digests_sealed"]) == given
        found[username] = secret if same else None
    return found
