"""The mails that people get about signing in, in plain text."""

from dataclasses import dataclass

from db.connection import Conn
from telephony.clock import Instant
from telephony.mail.outbox import queue
from telephony.secrets import Vault
from telephony.settings import Settings

PLATFORM = "SMS & Voice Platform"


@dataclass(frozen=True)
class Post:
    """What mails are made with: the vault that seals them, and where links lead."""

    vault: Vault
    base_url: str

    @classmethod
    def of(cls, vault: Vault, settings: Settings) -> "Post":
        """As the settings say."""
        return cls(vault, settings.api_url)


def register(conn: Conn, post: Post, email: str, token: str, now: Instant) -> None:
    """The link that opens an account."""
    _send(conn, post, email, "Confirm your email address", now, (
        "Somebody, we hope you, wants to open an account with this address.",
        f"Open this link within 24 hours to go on:\n{post.base_url}/register/{token}",
        "If it was not you, do nothing: no account is opened.",
    ))  # fmt: skip


def known_already(conn: Conn, post: Post, email: str, now: Instant) -> None:
    """For somebody who registers twice."""
    _send(conn, post, email, "You have an account already", now, (
        "Somebody, we hope you, wants to open an account with this address. You have one.",
        f"Sign in: {post.base_url}/sign-in\nSet a new password: {post.base_url}/reset",
        "If it was not you, do nothing.",
    ))  # fmt: skip


def reset(conn: Conn, post: Post, email: str, token: str, now: Instant) -> None:
    """The link that sets a new password."""
    _send(conn, post, email, "Set a new password", now, (
        "Somebody, we hope you, wants to set a new password for this address.",
        f"Open this link within an hour to go on:\n{post.base_url}/reset/{token}",
        "If it was not you, do nothing: your password stays as it is.",
    ))  # fmt: skip


def invited(
    conn: Conn, post: Post, email: str, token: str, account: str, by: str, now: Instant
) -> None:
    """The link that makes somebody a member of an account."""
    _send(conn, post, email, f"You are invited to {_one_line(account)}", now, (
        f"{by} invites you to work in the account “{_one_line(account)}”.",
        f"Open this link within seven days to accept:\n{post.base_url}/invitation/{token}",
        f"If you do not know {by}, do nothing.",
    ))  # fmt: skip


def changed(conn: Conn, post: Post, email: str, what: str, now: Instant) -> None:
    """Tell somebody that how to sign in has changed: perhaps it was somebody else."""
    _send(conn, post, email, "Your sign-in has changed", now, (
        f"{what} If it was you, all is well.",
        f"If it was not, set a new password at once: {post.base_url}/reset",
    ))  # fmt: skip


def identity_approved(conn: Conn, post: Post, email: str, account: str, now: Instant) -> None:
    """Live keys work from now on."""
    _send(conn, post, email, "Your identity is checked", now, (
        f"The identity check of the account “{_one_line(account)}” is approved.",
        f"Live keys work from now on. Make one: {post.base_url}/dashboard/keys",
    ))  # fmt: skip


def identity_rejected(
    conn: Conn, post: Post, email: str, account: str, reason: str, now: Instant
) -> None:
    """What was missing, and where to hand it in."""
    _send(conn, post, email, "Your identity could not be checked", now, (
        f"The identity check of the account “{_one_line(account)}” was not approved:"
        f" {_one_line(reason)}",
        f"Hand it in once more: {post.base_url}/dashboard/identity",
    ))  # fmt: skip


def sender_approved(conn: Conn, post: Post, email: str, sender: str, now: Instant) -> None:
    """Messages may show it from now on."""
    _send(conn, post, email, "Your sender id is approved", now, (
        f"The sender id “{_one_line(sender)}” is approved: messages may show it from now on.",
        f"Your sender ids: {post.base_url}/dashboard/messages/senders",
    ))  # fmt: skip


def sender_refused(
    conn: Conn, post: Post, email: str, sender: str, reason: str, now: Instant
) -> None:
    """Why, and where to ask again."""
    _send(conn, post, email, "Your sender id was refused", now, (
        f"The sender id “{_one_line(sender)}” was refused: {_one_line(reason)}",
        f"Ask for it again, or for another one: {post.base_url}/dashboard/messages/senders",
    ))  # fmt: skip


def ticket_asked(
    conn: Conn, post: Post, support: str, ticket_id: str, account: str, now: Instant
) -> None:
    """Tell support that a customer has written; not what."""
    _send(conn, post, support, f"Ticket of {_one_line(account)}", now, (
        f"“{_one_line(account)}” has written to a ticket.",
        f"Read and answer it here:\n{post.base_url}/admin/tickets/{ticket_id}",
    ))  # fmt: skip


def ticket_answered(conn: Conn, post: Post, email: str, ticket_id: str, now: Instant) -> None:
    """Tell a customer that support has answered; not what."""
    _send(conn, post, email, "Support has answered", now, (
        "There is an answer to your ticket.",
        f"Read it here:\n{post.base_url}/dashboard/tickets/{ticket_id}",
    ))  # fmt: skip


def _send(
    conn: Conn, post: Post, email: str, subject: str, now: Instant, paragraphs: tuple[str, ...]
) -> None:
    body = "\n\n".join(("Hello,", *paragraphs, PLATFORM)) + "\n"
    queue(conn, post.vault, email, subject, body, now)


def _one_line(text: str) -> str:
    return " ".join(text.split())
