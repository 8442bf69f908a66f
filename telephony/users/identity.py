"""Members tell who their account is, and hand documents in, so that live keys may work."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from db import identity
from db.connection import Conn, Row
from telephony import audit, files
from telephony.clock import Instant
from telephony.files import SealedFile
from telephony.secrets import Vault
from telephony.users.problems import IdentityDecidedError, IdentityWaitsError, bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must

KINDS = {"company": "A company or organisation", "person": "A person"}
DOCUMENTS_MAX = 2
LENGTHS = {"legal_name": (2, 200), "registration": (0, 100), "address": (5, 500),
           "website": (0, 200), "purpose": (10, 2_000)}  # fmt: skip
"""Of what is written, in characters."""


@dataclass(frozen=True)
class Identity:
    """What is told. `registration` is a company's number in the register of its country."""

    kind: str
    legal_name: str
    registration: str
    country: str
    address: str
    website: str
    purpose: str


def submit(
    conn: Conn, member: Member, vault: Vault, told: Mapping[str, str],
    documents: Sequence[SealedFile], now: Instant,
) -> str:  # fmt: skip
    """Hand a check in; its id. ValidationFailedError, IdentityWaitsError, IdentityDecidedError."""
    must(member, Right.manage)
    if member.live:
        raise IdentityDecidedError
    found = checked(told)
    if not 1 <= len(documents) <= DOCUMENTS_MAX:
        raise bad("document", "missing", "Choose a document that proves who you are.")
    conn.lock(f"identity:{member.account_id}")
    if identity.open_of(conn, member.account_id):
        raise IdentityWaitsError
    check_id = identity.add(
        conn, now, account_id=member.account_id, submitted_by=member.user_id,
        form_sealed=vault.seal(json.dumps(asdict(found))),
    )  # fmt: skip
    for document in documents:
        files.keep(conn, document, check_id, member.account_id, now)
    audit.record(conn, member.actor, "identity.submitted", check_id, now,
                 account_id=member.account_id, after={"documents": len(documents)})  # fmt: skip
    return check_id


def checked(told: Mapping[str, str]) -> Identity:
    """What is told, in the form that it is kept in; ValidationFailedError of the field."""
    if told["kind"] not in KINDS:
        raise bad("kind", "unknown", "Say whether you are a company or a person.")
    facts = {name: _text(name, told[name]) for name in LENGTHS}
    if told["kind"] == "company" and not facts["registration"]:
        raise bad("registration", "missing", "Write the number under which it is registered.")
    country = told["country"].strip().upper()
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise bad("country", "invalid", "Write the country as two letters, such as US.")
    return Identity(kind=told["kind"], country=country, **facts)


def opened(vault: Vault, row: Row) -> Identity:
    """What a stored check tells."""
    return Identity(**json.loads(vault.open(row["form_sealed"])))


def _text(name: str, text: str) -> str:
    least, most = LENGTHS[name]
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    plain = "\n".join(line for line in lines if line)
    if not least <= len(plain) <= most:
        raise bad(name, "invalid", f"Write {least or 'up'} to {most} characters.")
    return plain
