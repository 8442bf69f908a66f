"""What pages refuse beside the errors that the API has, too."""

from telephony.errors import Problem


class ForgedFormError(Problem):
    """A form of a page that came from another site, or without its token."""

    status, code = 403, "form_forged"
    title = "This form is too old or came from another site. Open the page again and resend it."


class RoleMissingError(Problem):
    """A page that the role of the signed-in user does not open."""

    status, code = 403, "role_missing"
    title = "Your role in this account does not allow this. Ask an owner of the account."


class LooksOnlyError(Problem):
    """An administrator who looks at a customer's account."""

    status, code = 403, "looks_only"
    title = "You only look at this account. Nothing was changed; end the look to act yourself."


class TooManyStreamsError(Problem):
    """As many pages as may be follow what happens already."""

    status, code = 503, "too_many_streams"
    title = "Too many pages are open at once. This one is shown without live updates."
    retry_after_seconds = 30
