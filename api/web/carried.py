"""What a form brings along while its user proves to be the one who signed in: its fields travel
through the page that asks for the proof, but for what is secret and for files."""

from collections.abc import Collection

from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from api.fields import Body
from api.web import csrf
from telephony.errors import ValidationFailedError

PROOF = "confirm_"
"""Begins the names of the fields that the asking page adds to those of the form."""
PASSWORD, PASSKEY, LEFT_OUT = f"{PROOF}password", f"{PROOF}passkey", f"{PROOF}left_out"


def own(form: FormData) -> dict[str, object]:
    """What the form itself says: text, and files."""
    return {name: value for name, value in form.items() if _is_own(name)}


def carried(form: FormData, takes: type[BaseModel] | None) -> list[tuple[str, str]]:
    """Its fields in their order, but for secrets and files; and, in place of each of these, that it
    was left out."""
    secret = _secret_names(takes)
    found = [(name, value) for name, value in form.multi_items()
             if isinstance(value, str) and _is_own(name) and name not in secret]  # fmt: skip
    return found + [(LEFT_OUT, name) for name in _left_out(form, secret)]


def must_be_whole(form: FormData) -> None:
    """ValidationFailedError that asks once more for what was left out."""
    message = "This was not kept while you confirmed that it is you. Give it again and send."
    if left_out := form.getlist(LEFT_OUT):
        errors = [{"field": str(name), "code": "left_out", "message": message}
                  for name in left_out]  # fmt: skip
        raise ValidationFailedError(message, errors=errors)


def _is_own(name: str) -> bool:
    return name != csrf.FIELD and not name.startswith(PROOF)


def _left_out(form: FormData, secret: Collection[str]) -> list[str]:
    before = [str(name) for name in form.getlist(LEFT_OUT)]
    now = [name for name, value in form.multi_items() if _is_own(name)
           and (value.filename if isinstance(value, UploadFile) else value and name in secret)
           ]  # fmt: skip
    return list(dict.fromkeys(before + now))


def _secret_names(takes: type[BaseModel] | None) -> Collection[str]:
    return takes.secret_names() if takes and issubclass(takes, Body) else ()
