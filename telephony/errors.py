"""Every error that a customer can get: its code, its sentence, its HTTP status. The docs page
and the OpenAPI document are made from these classes."""

from typing import Any, ClassVar


class Problem(Exception):
    """Base of all. `detail` says what to do; `extra` adds members to the problem document. After
    `retry_after_seconds` it may go well; an error that knows better than its class says so."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    retry_after_seconds: int | None = None

    def __init__(
        self, detail: str = "", *, retry_after_seconds: int | None = None, **extra: Any
    ) -> None:
        super().__init__(detail or self.title)
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds
        self.detail = detail or self.title
        self.extra = extra


class ValidationFailedError(Problem):
    """`errors` lists field, code and message."""

    status, code, title = 400, "validation_error", "A parameter is missing or not valid."


class MalformedJsonError(Problem):
    """The body is not JSON."""

    status, code, title = 400, "malformed_json", "The body is not a JSON object."


class UnknownFieldError(Problem):
    """A field that the endpoint does not have."""

    status, code, title = 400, "unknown_field", "The body has a field that is not known here."


class IdempotencyKeyInvalidError(Problem):
    """Empty, too long or not printable."""

    status, code = 400, "idempotency_key_invalid"
    title = "An Idempotency-Key is 1 to 255 printable ASCII characters."


class MissingApiKeyError(Problem):
    """No Authorization header."""

    status, code, title = 401, "missing_api_key", "Send an API key: Authorization: Bearer sk_test_…"


class InvalidApiKeyError(Problem):
    """Not one of ours."""

    status, code = 401, "invalid_api_key"
    title = "The API key is not valid. Copy it again from the dashboard; it has no spaces."


class RevokedApiKeyError(Problem):
    """Revoked."""

    status, code, title = 401, "revoked_api_key", "The API key was revoked. Create a new one."


class ExpiredApiKeyError(Problem):
    """Past its expiry."""

    status, code, title = 401, "expired_api_key", "The API key has expired. Create a new one."


class InsufficientFundsError(Problem):
    """`required` and `available` are in the account's currency."""

    status, code = 402, "insufficient_funds"
    title = "The wallet that pays for this does not cover it. Top it up and send the request again."


class SpendCapReachedError(Problem):
    """`cap` is in the account's currency; `period` is day or month, `of` account or key."""

    status, code = 402, "spend_cap_reached"
    title = "A spend cap of the account or key does not leave room for this."


class AccountSuspendedError(Problem):
    """Suspended by an admin."""

    status, code, title = 403, "account_suspended", "The account is suspended. Contact support."


class IpNotAllowedError(Problem):
    """The key is for other networks."""

    status, code = 403, "ip_not_allowed"
    title = "The API key may not be used from this address. Add its network to the key's list."


class ScopeMissingError(Problem):
    """The key may not do this."""

    status, code = 403, "scope_missing"
    title = "The API key does not have the scope that this endpoint needs."


class KycRequiredError(Problem):
    """A live key before the identity check."""

    status, code = 403, "kyc_required"
    title = "Live keys work once the account's identity check (KYC) is approved. Use a test key."


class WrongEnvironmentError(Problem):
    """A live key where test keys belong, or the other way round."""

    status, code = 403, "wrong_environment"
    title = "This is for trying things out. Send the request with a test key."


class SignatureInvalidError(Problem):
    """A provider that did not prove itself, or is not one of ours."""

    status, code = 403, "signature_invalid"
    title = "The signature is not that of a provider. Check its secret and header on both sides."


class LinkForgedError(Problem):
    """A signed link that was changed, or that another installation made."""

    status, code = 403, "link_invalid"
    title = "The signature of this link is not valid. Copy the whole link, or send an API key."


class LinkExpiredError(Problem):
    """A signed link after its time."""

    status, code = 403, "link_expired"
    title = "This link has expired. Read the call again for a new one, or send an API key."


class CallerIdNotAllowedError(Problem):
    """Not verified and not owned."""

    status, code = 403, "caller_id_not_allowed"
    title = "The caller id is neither a verified number of this account nor one that it owns."


class SenderIdNotAllowedError(Problem):
    """A sender that the account may not use."""

    status, code, title = 403, "sender_id_not_allowed", "This account may not use the sender."


class DestinationNotAllowedError(Problem):
    """No price, no route or no permission."""

    status, code, title = 403, "destination_not_allowed", "This destination is not offered."


class RecipientOptedOutError(Problem):
    """The recipient answered STOP."""

    status, code, title = 403, "recipient_opted_out", "The recipient does not want messages."


class NotFoundError(Problem):
    """Nothing there, or another account's."""

    status, code, title = 404, "not_found", "There is no such thing here."


class MethodNotAllowedError(Problem):
    """The Allow header names the methods."""

    status, code, title = 405, "method_not_allowed", "The path does not take this method."


class IdempotencyInProgressError(Problem):
    """The first request with the key has not ended."""

    status, code = 409, "idempotency_in_progress"
    title = "The first request with this Idempotency-Key is still running. Try again shortly."


class CallAlreadyEndedError(Problem):
    """There is nothing left to hang up."""

    status, code, title = 409, "call_already_ended", "The call has ended: read it to see how."


class ConcurrencyLimitError(Problem):
    """`limit` is how many calls may be open; `of` is account or key."""

    status, code = 429, "concurrency_limit"
    title = "There are as many calls at once as are allowed. Try again when one has ended."
    retry_after_seconds = 5


class SipAccountExistsError(Problem):
    """A name that must be unique."""

    status, code = 409, "sip_account_exists"
    title = "Another SIP account has this user name or short number. Choose another one."


class MessageNotCancelableError(Problem):
    """It is being sent, was sent, or has ended."""

    status, code = 409, "message_not_cancelable"
    title = "Only a scheduled or queued message can be canceled. Read it to see where it is."


class NoLineFreeError(Problem):
    """Every trunk that reaches the number has as many calls as it takes; nothing was charged."""

    status, code = 503, "no_line_free"
    title = "All lines to this destination are in use: try again in a moment."
    retry_after_seconds = 5


class OutgoingStoppedError(Problem):
    """The operator's kill switch."""

    status, code, title = 503, "outgoing_stopped", "Outgoing traffic is stopped; see /status."
    retry_after_seconds = 60


class CallerIdInUseError(Problem):
    """A phone still shows it."""

    status, code = 409, "caller_id_in_use"
    title = "A SIP account shows this number. Give it another caller id first."


class RateLimitedError(Problem):
    """Too often."""

    status, code, title = 429, "rate_limited", "That was too often. Try again later."
    retry_after_seconds = 60


class BodyTooLargeError(Problem):
    """Over the limit."""

    status, code, title = 413, "body_too_large", "The body is larger than 256 KiB."


class UnsupportedMediaTypeError(Problem):
    """Not JSON by its header."""

    status, code = 415, "unsupported_media_type"
    title = "Send the body as JSON with Content-Type: application/json."


class RangeNotSatisfiableError(Problem):
    """`size` is that of the whole, in bytes."""

    status, code = 416, "range_not_satisfiable"
    title = "The Range begins behind the end of the file. Content-Range tells its size."


class IdempotencyKeyReusedError(Problem):
    """The key belongs to another request."""

    status, code = 422, "idempotency_key_reused"
    title = "This Idempotency-Key was used with another request. Use a new key."


class InternalError(Problem):
    """A defect of ours."""

    status, code = 500, "internal_error"
    title = "Something failed on our side. Nothing was charged; support can find the request id."


class StoreUnavailableError(Problem):
    """The store of recordings did not answer."""

    status, code = 503, "store_unavailable"
    title = "The recording cannot be read just now. Try again shortly."
    retry_after_seconds = 5


class QueueFullError(Problem):
    """As much waits as may; `of` is account or platform."""

    status, code = 503, "queue_full"
    title = "The queue is full. Nothing was charged; send the request again in a moment."
    retry_after_seconds = 5


class DatabaseUnavailableError(Problem):
    """The database did not take the transaction in time."""

    status, code, title = 503, "database_busy", "The platform is busy. Nothing was charged; retry."
    retry_after_seconds = 1
