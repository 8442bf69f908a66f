"""URLs that customers hand us."""

from telephony.errors import ValidationFailedError
from telephony.settings import Settings
from telephony.webhooks.egress import Egress, check_url


def callback(url: str | None, settings: Settings) -> str | None:
    """The callback URL itself; ValidationFailedError where events must not be sent there."""
    return None if url is None else receiver(url, settings, "callback_url")


def receiver(url: str, settings: Settings, field: str = "url") -> str:
    """The URL of a field itself; ValidationFailedError where events must not be sent there."""
    try:
        check_url(url, Egress(settings))
    except ValueError as error:
        finding = {"field": field, "code": "url_not_allowed", "message": str(error)}
        raise ValidationFailedError(f"{field}: {error}", errors=[finding]) from error
    return url
