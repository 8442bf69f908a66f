"""What can go wrong when people sign in and out; the pages show these sentences."""

from telephony.errors import Problem, ValidationFailedError


class SignInRefusedError(Problem):
    """Unknown, disabled, or the wrong password: the answer does not tell which."""

    status, code = 403, "sign_in_refused"
    title = "Email and password do not belong together. Try again, or set a new password."


class CodeRefusedError(Problem):
    """Of a second factor."""

    status, code = 403, "code_refused"
    title = "This code is not valid. Wait for the next one in your app, or use a recovery code."


class PasskeyRefusedError(Problem):
    """Unknown here, or its proof does not hold."""

    status, code = 403, "passkey_refused"
    title = "The passkey was not accepted. Try again, or sign in with your password."


class LinkUsedError(Problem):
    """A link out of a mail that is too old, was used, or was never one of ours."""

    status, code = 403, "link_used"
    title = "This link was used already, or is too old. Ask for a new one."


class SlowDownError(Problem):
    """Too many failures to sign in from one address."""

    status, code = 429, "slow_down"
    title = "There were too many wrong passwords from here. Wait a little and try again."
    retry_after_seconds = 60


class CrowdedError(Problem):
    """More people sign in than this machine can check passwords of."""

    status, code = 503, "crowded"
    title = "Too many people are signing in just now. Try again in a moment."
    retry_after_seconds = 2


class ConfirmFirstError(Problem):
    """What only someone may do who has proved it lately."""

    status, code = 403, "confirm_first"
    title = "Confirm that it is you before you do this."


class RoleMissingError(Problem):
    """A member who may not do this."""

    status, code = 403, "role_missing"
    title = "Your role in this account does not allow this. Ask an owner of the account."


class IdentityWaitsError(Problem):
    """One check at a time."""

    status, code = 409, "identity_waits"
    title = "The identity check was handed in already. You get a mail when it is decided."


class IdentityDecidedError(Problem):
    """A check is decided once."""

    status, code = 409, "identity_decided"
    title = "This identity check is decided already."


class LastOwnerError(Problem):
    """Somebody has to own an account."""

    status, code = 409, "last_owner"
    title = "An account needs an owner. Make somebody else an owner first."


class TicketsFullError(Problem):
    """Support is asked one thing after the other."""

    status, code = 409, "tickets_full"
    title = "Too many tickets of this account are open. Close one first."


class AlreadyMemberError(Problem):
    """Nobody is invited twice."""

    status, code = 409, "already_member"
    title = "This person is a member of the account already."


def bad(field: str, code: str, message: str) -> ValidationFailedError:
    """The error of one field of a form."""
    finding = {"field": field, "code": code, "message": message}
    return ValidationFailedError(message, errors=[finding])
