"""What a SIP account may be: its names, its secret, the networks that it may come from."""

import re
from ipaddress import ip_network

from phonenumbers import is_emergency_number

from telephony.errors import ValidationFailedError

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
RESERVED = frozenset({"trunk", "anonymous", "asterisk", "default"})
SHORT_NUMBER = re.compile(r"[1-9][0-9]{1,5}")
EMERGENCY = frozenset({"112", "911", "999"})
"""Where people have travelled from; those of the account's own country come on top."""
CIDRS_MAX = 8
"""All of them are one line of the manager interface, of at most 1,024 bytes."""
SECRET_LENGTHS = (12, 128)
COMMON = frozenset({
    "password1234", "123456789012", "passwordpassword", "qwertyuiop12", "administrator",
    "letmeinletmein", "changemechangeme", "1234567890123", "iloveyou1234", "welcome12345",
})  # fmt: skip


def bad(field: str, code: str, message: str) -> ValidationFailedError:
    """The error of one field."""
    return ValidationFailedError(
        message, errors=[{"field": field, "code": code, "message": message}]
    )


def check_username(username: str) -> None:
    """Raise ValidationFailedError for a name that cannot be one."""
    if not USERNAME.fullmatch(username) or username in RESERVED:
        message = "A user name is 2 to 32 of a-z, 0-9, dot, dash, underscore."
        raise bad("username", "invalid", message)


def check_short_number(number: str, country: str) -> None:
    """Raise ValidationFailedError for a number that somebody may mean otherwise."""
    if not SHORT_NUMBER.fullmatch(number):
        message = "A short number is 2 to 6 digits, and the first one is not 0."
        raise bad("short_number", "invalid", message)
    if number in EMERGENCY or (country and is_emergency_number(number, country)):
        raise bad("short_number", "emergency", f"{number} is an emergency number.")


def networks(cidrs: list[str]) -> str:
    """The networks as they are stored: each once, without host bits; ValidationFailedError."""
    try:
        found = dict.fromkeys(str(ip_network(cidr.strip(), strict=False)) for cidr in cidrs)
    except ValueError as error:
        message = f"{error}. Write a network such as 192.0.2.0/24 or 2001:db8::/32."
        raise bad("cidrs", "invalid", message) from error
    if len(cidrs) > CIDRS_MAX:
        raise bad("cidrs", "too_many", f"A SIP account has at most {CIDRS_MAX} networks.")
    return ",".join(found)


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
    return bad("sip_password", "weak", message)
