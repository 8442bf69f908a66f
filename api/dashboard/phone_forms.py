"""Forms of SIP accounts: what the API takes, as a browser sends it."""

from typing import Any, get_args

from pydantic import field_validator, model_validator

from api.dashboard.forms import Text
from api.v1.sip_account_forms import CONTACTS_MAX, LABEL_CHARS_MAX, SipAccountOptions, Transport

TRANSPORTS: tuple[str, ...] = get_args(Transport)
CODECS = ("ulaw", "alaw", "g722", "gsm")
TICKED = "transport-"
LIMITS = {"contacts": CONTACTS_MAX, "label": LABEL_CHARS_MAX}


class PhoneForm(SipAccountOptions):
    """Lists are words with commas between them; each transport that is ticked is a field, and
    what is left empty stays as it is."""

    @model_validator(mode="before")
    @classmethod
    def _reshaped(cls, given: dict[str, str]) -> dict[str, Any]:
        plain: dict[str, Any] = {
            name: value for name, value in given.items() if not name.startswith(TICKED)
        }
        plain["transports"] = [one for one in TRANSPORTS if TICKED + one in given]
        plain["cidrs"] = given.get("cidrs", "").replace(",", " ").split()
        plain["short_number"] = given.get("short_number") or None
        plain["nat"] = "nat" in given
        if not plain.get("caller_id"):
            plain.pop("caller_id", None)
        return plain

    @field_validator("codecs", mode="before")
    @classmethod
    def _codecs(cls, given: str) -> list[str]:
        names = given.lower().replace(",", " ").split()
        if not names or set(names) - set(CODECS):
            raise ValueError(f"Write some of {', '.join(CODECS)}, the best one first.")
        return names

    @field_validator("transports", mode="before")
    @classmethod
    def _transports(cls, given: list[str]) -> list[str]:
        if not given:
            raise ValueError("Tick at least one way in which phones may connect.")
        return given


class NewPhoneForm(PhoneForm):
    """A new one; without a username it gets one."""

    username: Text = ""
    mode: Text
