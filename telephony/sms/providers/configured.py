"""The providers of this installation."""

from telephony.settings import Settings
from telephony.sms.providers import smpp_options
from telephony.sms.providers.base import Provider
from telephony.sms.providers.registry import build


def configured(settings: Settings) -> list[Provider]:
    """Test mode's, and that of the settings `SMS_VOIP_SMPP_*`, neither of them started."""
    found = [build("sandbox", "sandbox", {}, settings)]
    if settings.smpp_host:
        found.append(build("smpp", "smpp", smpp_options.from_settings(settings), settings))
    return found
