"""URLs that customers hand us."""

from telephony.errors import ValidationFailedError
from telephony.settings import Settings
from telephony.webhooks.egress import Egress, check_url


def callback(url: str | None, settings: Settings) -> str | None:
    """The callback URL itself; ValidationFailedError where events must not be sent there."""
    if url is None:
        return None
    try:
        check_url(url, Egress(settings))
    except ValueError as error:
        finding = {"field": "callback_url", "code": "url_not_allowed", "message": str(error)}
        raise ValidationFailedError(f"callback_url: {error}", errors=[finding]) from error
    return url
