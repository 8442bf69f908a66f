"""Errors of webhooks that a customer can get; the others are in `telephony.errors`."""

from telephony.errors import Problem


class EndpointDisabledError(Problem):
    """Nothing is sent to it."""

    status, code = 409, "endpoint_disabled"
    title = "The webhook endpoint is disabled. Enable it, then send this again."


class EndpointLimitError(Problem):
    """`limit` is how many an account may have in a mode."""

    status, code = 409, "endpoint_limit"
    title = "There are as many webhook endpoints as are allowed. Delete one first."


class ReplayLimitError(Problem):
    """`limit` is how many may be under way."""

    status, code = 429, "replay_limit"
    title = "This endpoint has as many replays under way as are allowed. Try again shortly."
    retry_after_seconds = 30


class ListenerLimitError(Problem):
    """`limit` is how many an account may have at once."""

    status, code = 429, "listener_limit"
    title = "As many listen to events as are allowed. Stop one of them, or try again shortly."
    retry_after_seconds = 15
