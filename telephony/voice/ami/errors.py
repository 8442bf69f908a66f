"""What can go wrong with an action, told apart by what the caller may conclude from it."""


class AmiError(Exception):
    """Base of every failure that the manager link reports."""


class AmiValueError(AmiError, ValueError):
    """A value could not be sent as one line; nothing was sent."""


class AmiNotReady(AmiError):
    """The link is down or Asterisk still boots; nothing was sent and nothing will be."""


class AmiOutcomeUnknown(AmiError):
    """The action was written and no answer came: it may or may not have been carried out."""


class AmiRefused(AmiError):
    """Asterisk answered `Response: Error`; the text is its own message."""


class AmiLoginRefused(AmiRefused):
    """Asterisk did not accept the user name or secret of the link."""
