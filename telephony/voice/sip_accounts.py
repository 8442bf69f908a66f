"""SIP accounts: the phone's user name, the digests of its secret, the caller id it shows."""

import hashlib
import json
import re
import secrets
from ipaddress import ip_address

from db import caller_ids, sip
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.errors import CallerIdNotAllowedError, NotFoundError, ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings

CHANNEL = "provisioning"
APPLIED = "applied"
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
RESERVED = frozenset({"trunk", "anonymous", "asterisk", "default"})
SECRET_LENGTHS = (12, 128)
GENERATED_BYTES = 18
COMMON = frozenset({
    "password1234", "123456789012", "passwordpassword", "qwertyuiop12", "administrator",
    "letmeinletmein", "changemechangeme", "1234567890123", "iloveyou1234", "welcome12345",
})  # fmt: skip


def new_secret() -> str:
    """A secret for a phone: 24 characters that can be typed."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def check_secret(secret: str, username: str) -> None:
    """Raise ValidationFailedError for a secret that is too short, common or the user name."""
    shortest, longest = SECRET_LENGTHS
    if not shortest <= len(secret) <= longest:
        raise _bad_secret(f"Use {shortest} to {longest} characters.")
    if not all(" " <= char <= "~" for char in secret):
        raise _bad_secret("Use printable ASCII characters only.")
    if secret.lower() in COMMON or len(set(secret)) < 4:
        raise _bad_secret("This secret is too common.")
    lower = secret.lower()
    if lower in username or len(lower.replace(username, "")) < shortest // 2:
        raise _bad_secret("The secret must not be made of the user name.")


def _bad_secret(message: str) -> ValidationFailedError:
    field = {"field": "sip_password", "code": "weak", "message": message}
    return ValidationFailedError(message, errors=[field])


def digests(username: str, realm: str, secret: str) -> str:
    """`MD5:<hex>,SHA-256:<hex>` of user:realm:secret. As good as the secret for that realm, so
    it is sealed wherever it is kept, and never logged."""
    text = f"{username}:{realm}:{secret}".encode()
    return f"MD5:{hashlib.md5(text).hexdigest()},SHA-256:{hashlib.sha256(text).hexdigest()}"


def create(
    conn: Conn, vault: Vault, realm: str, *, account_id: str, username: str, secret: str,
    caller_id: str, dial_mode: str, now: Instant,
) -> str:  # fmt: skip
    """Add a phone's account; its id."""
    if not USERNAME.fullmatch(username) or username in RESERVED:
        raise ValidationFailedError("A user name is 2 to 32 of a-z, 0-9, dot, dash, underscore.")
    check_secret(secret, username)
    conn.wake(CHANNEL)
    return sip.add(
        conn, account_id=account_id, username=username, caller_id=caller_id, dial_mode=dial_mode,
        digests_sealed=vault.seal(digests(username, realm, secret)), created_at=now,
    )  # fmt: skip


def pick(conn: Conn, account_id: str, username: str | None) -> Row:
    """The account's SIP account of that name, or its only or first one; NotFoundError."""
    for row in sip.of_account(conn, account_id):
        if username in (None, row["username"], row["id"]):
            return row
    raise NotFoundError("The account has no such SIP account.")


def set_secret(
    conn: Conn, vault: Vault, realm: str, account_id: str, username: str | None, secret: str
) -> Row:
    """Replace the secret on every PBX node as soon as this commits; the account's new row."""
    row = pick(conn, account_id, username)
    check_secret(secret, row["username"])
    sealed = vault.seal(digests(row["username"], realm, secret))
    conn.wake(CHANNEL)
    return sip.change(conn, row["id"], digests_sealed=sealed)


def set_caller_id(conn: Conn, account_id: str, username: str | None, number: str) -> Row:
    """Show another number from now on; it must be a verified one of the account."""
    if not caller_ids.may_show(conn, account_id, number):
        raise CallerIdNotAllowedError(f"{number} is not a verified number of this account.")
    row = pick(conn, account_id, username)
    conn.wake(CHANNEL)
    return sip.change(conn, row["id"], caller_id=number)


def astdb_rows(row: Row, vault: Vault, settings: Settings) -> dict[str, str]:
    """What AstDB holds of an account, by family: flat JSON of strings, in the order to write.
    A bad value would make the object vanish, and one bad row hides all of its kind, so this is
    the only place that writes them."""
    username = row["username"]
    password_digest = vault.open(row["digests_sealed"])
    aor = {"max_contacts": "5", "remove_existing": "yes", "qualify_frequency": "0"}
    auth = {
        "auth_type": "digest", "username": username, "realm": settings.realm,
        "password_digest": password_digest, "supported_algorithms_uas": settings.sip_digests,
    }  # fmt: skip
    endpoint = {
        "aors": username, "auth": username, "context": "from-phone", "disallow": "all",
        "allow": "ulaw,alaw", "direct_media": "no", "rtp_symmetric": "yes",
        "force_rport": "yes", "rewrite_contact": "yes", "allow_transfer": "no",
        "trust_id_inbound": "no", "accountcode": row["account_id"],
        "callerid": row["caller_id"], "rtp_timeout": "120",
    }  # fmt: skip
    if not ip_address(settings.bind_host).is_unspecified:
        # Else audio binds to every address, and every call looks up this host's name.
        endpoint |= {"media_address": settings.bind_host, "bind_rtp_to_media_address": "yes"}
    rows = {"ps/aor": aor, "ps/auth": auth, "ps/endpoint": endpoint}
    return {family: json.dumps(values, sort_keys=True) for family, values in rows.items()}
