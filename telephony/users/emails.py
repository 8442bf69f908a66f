"""Email addresses as they are stored: one spelling for each."""

import re
import unicodedata

from telephony.users.problems import bad

LENGTH_MAX = 254
_ADDRESS = re.compile(r"[^\s@<>\"',;:\\()\[\]]{1,64}@(?:[^\W_](?:[\w-]*[^\W_])?\.)*[^\W_][\w-]*")


def normal(email: str) -> str:
    """In lower case and composed; ValidationFailedError for what cannot be an address."""
    spelled = unicodedata.normalize("NFC", email.strip()).lower()
    if len(spelled) > LENGTH_MAX or not _ADDRESS.fullmatch(spelled) or not spelled.isprintable():
        raise bad("email", "invalid", "Write an email address such as ada@example.com.")
    return spelled
