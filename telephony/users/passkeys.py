"""Passkeys (WebAuthn): a device proves a person by itself, without password and second factor, so
the person must have been verified by the device."""

import json
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from db import credentials, users
from db.connection import Conn, Row
from telephony import audit
from telephony.clock import Instant
from telephony.settings import Settings
from telephony.users import mails, tokens
from telephony.users.mails import PLATFORM, Post
from telephony.users.problems import PasskeyRefusedError, bad
from telephony.users.register import checked_name
from telephony.users.sessions import Member, Origin
from telephony.users.sign_in import SignedIn, confirmed, let_in, may_sign_in

PASSKEYS_MAX = 20
ANSWER_LENGTH_MAX = 20_000


@dataclass(frozen=True)
class Site:
    """To whom a passkey belongs: a host name (never an address) and the pages' origin."""

    host: str
    origin: str

    @classmethod
    def of(cls, settings: Settings) -> "Site":
        """The public URL's; `localhost` in the place of a loopback address, since no browser
        takes an address."""
        parts = urlsplit(settings.api_url)
        host = parts.hostname or ""
        if _on_loopback(host):
            host = "localhost"
        port = f":{parts.port}" if parts.port else ""
        return cls(host, f"{parts.scheme}://{host}{port}")


def _on_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def add_options(conn: Conn, site: Site, member: Member, held: list[Row], now: Instant) -> str:
    """What `navigator.credentials.create` takes, as JSON; its challenge counts for 5 minutes."""
    member.must_be_confirmed(now)
    if len(held) >= PASSKEYS_MAX:
        raise bad("name", "too_many", f"There are {PASSKEYS_MAX} passkeys. Remove one first.")
    token = tokens.new_token()
    options = webauthn.generate_registration_options(
        rp_id=site.host, rp_name=PLATFORM, user_name=member.email,
        user_display_name=member.name or member.email, user_id=member.user_id.encode(),
        challenge=base64url_to_bytes(token),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(base64url_to_bytes(row["id"])) for row in held
        ],
    )  # fmt: skip
    tokens.give(conn, "passkey_add", now, token, user_id=member.user_id)
    return webauthn.options_to_json(options)


def add(
    conn: Conn, post: Post, site: Site, member: Member, name: str, answer: str, now: Instant
) -> None:
    """Keep the public key out of what the browser answered; PasskeyRefusedError."""
    member.must_be_confirmed(now)
    token = _challenge(answer)
    if tokens.use(conn, "passkey_add", token, now)["user_id"] != member.user_id:
        raise PasskeyRefusedError
    try:
        verified = webauthn.verify_registration_response(
            credential=answer, expected_challenge=base64url_to_bytes(token),
            expected_rp_id=site.host, expected_origin=site.origin,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefusedError from error
    facts = {"name": checked_name(name, "name"), "created_at": now,
             "public_key": bytes_to_base64url(verified.credential_public_key)}  # fmt: skip
    passkey_id = bytes_to_base64url(verified.credential_id)
    if not credentials.add_passkey(conn, id=passkey_id, user_id=member.user_id,
                                   sign_count=verified.sign_count, **facts):  # fmt: skip
        raise PasskeyRefusedError("This passkey is known already.")
    mails.changed(conn, post, member.email, f"A passkey was added: {facts['name']}.", now)
    _record(conn, member, "passkey.added", str(facts["name"]), now)


def remove(conn: Conn, post: Post, member: Member, passkey_id: str, now: Instant) -> None:
    """Forget a passkey; NotFound is not told apart from one that is gone already."""
    member.must_be_confirmed(now)
    row = credentials.remove_passkey(conn, member.user_id, passkey_id)
    if row:
        mails.changed(conn, post, member.email, f"A passkey was removed: {row['name']}.", now)
        _record(conn, member, "passkey.removed", row["name"], now)


def use_options(conn: Conn, site: Site, now: Instant) -> str:
    """What `navigator.credentials.get` takes, as JSON; the device tells which passkeys it has."""
    token = tokens.give(conn, "passkey_use", now)
    options = webauthn.generate_authentication_options(
        rp_id=site.host, challenge=base64url_to_bytes(token),
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return webauthn.options_to_json(options)


def sign_in(
    conn: Conn, post: Post, site: Site, answer: str, origin: Origin, now: Instant
) -> SignedIn:
    """Let in who holds the passkey; PasskeyRefusedError."""
    passkey = _used(conn, site, answer, now)
    user = users.by_id(conn, passkey["user_id"])
    if not may_sign_in(user):
        raise PasskeyRefusedError
    return let_in(conn, post.vault, user, "passkey", origin, now)


def confirm(conn: Conn, site: Site, member: Member, answer: str, now: Instant) -> str:
    """Let the member prove by passkey to be the one who signed in; the session's new token."""
    if _used(conn, site, answer, now)["user_id"] != member.user_id:
        raise PasskeyRefusedError
    return confirmed(conn, member, "passkey", now)


def _used(conn: Conn, site: Site, answer: str, now: Instant) -> Row:
    token = _challenge(answer)
    tokens.use(conn, "passkey_use", token, now)
    passkey = credentials.passkey(conn, _credential_id(answer))
    if passkey is None:
        raise PasskeyRefusedError
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer, expected_challenge=base64url_to_bytes(token),
            expected_rp_id=site.host, expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(passkey["public_key"]),
            credential_current_sign_count=passkey["sign_count"], require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefusedError from error
    if not credentials.passkey_used(conn, passkey["id"], verified.new_sign_count, now):
        raise PasskeyRefusedError
    return passkey


def _credential_id(answer: str) -> str:
    return str(_parsed(answer).get("id", ""))


def _challenge(answer: str) -> str:
    """The challenge that an answer says it belongs to; it is the token that we gave."""
    try:
        told = _parsed(answer)["response"]["clientDataJSON"]
        return str(json.loads(base64url_to_bytes(told))["challenge"])
    except (ValueError, KeyError, TypeError) as error:
        raise PasskeyRefusedError from error


def _parsed(answer: str) -> dict[str, dict[str, str]]:
    if len(answer) > ANSWER_LENGTH_MAX:
        raise PasskeyRefusedError
    try:
        parsed = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PasskeyRefusedError from error
    if not isinstance(parsed, dict):
        raise PasskeyRefusedError
    return parsed


def _record(conn: Conn, member: Member, action: str, name: str, now: Instant) -> None:
    audit.record(conn, member.actor, action, member.user_id, now,
                 account_id=member.account_id or None, after={"name": name})  # fmt: skip
