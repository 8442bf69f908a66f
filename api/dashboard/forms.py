"""What the forms of signing in and of the dashboard carry."""

from typing import Annotated

from pydantic import Field

from api.fields import SECRET, Body

Text = Annotated[str, Field(max_length=1_000)]
Secret = Annotated[str, Field(max_length=1_000, json_schema_extra=SECRET)]
Answer = Annotated[str, Field(max_length=20_000)]


class NextQuery(Body):
    """Where to go on afterwards."""

    next: str = Field("", max_length=500)


class PasswordForm(NextQuery):
    """Email and password."""

    email: Text
    password: Secret


class CodeForm(NextQuery):
    """A code of the app, or a recovery code."""

    code: Text


class PasskeyForm(NextQuery):
    """What the browser answered for a passkey."""

    answer: Answer


class EmailForm(Body):
    """An address."""

    email: Text


class OpenForm(Body):
    """A new account."""

    name: Text
    company: Text = ""
    password: Secret


class JoinForm(Body):
    """A new user of an account that is there."""

    name: Text
    password: Secret


class NewPasswordForm(Body):
    """A new password."""

    password: Secret


class IdForm(Body):
    """What one of a list is to be acted on."""

    id: Text


class TotpForm(Body):
    """The first code of a new app."""

    code: Secret


class AddPasskeyForm(PasskeyForm):
    """A new passkey and how its owner calls it."""

    name: Text


class InviteForm(Body):
    """Somebody who is to work in the account."""

    email: Text
    role: Text


class RoleForm(IdForm):
    """Another role of a member."""

    role: Text
