"""Mails that anybody can have sent to anybody: a few an hour to one address, and some more from
one place."""

from collections.abc import Callable

from db import sign_in_failures
from db.connection import Conn
from telephony.clock import SECOND, Instant
from telephony.users import slowing
from telephony.users.mails import Post
from telephony.users.problems import SlowDownError

WINDOW_SECONDS = 3600
TO_ONE_MAX = 5
FROM_ONE_MAX = 30

Ask = Callable[[Conn, Post, str, Instant], None]


def within(conn: Conn, ask: Ask, post: Post, email: str, address: str, now: Instant) -> None:
    """Run a deed that mails to `email`, unless that had enough mails lately: the page says the
    same then. SlowDownError for an address that asks for too many."""
    who = slowing.subjects(post.vault, address, email)
    if not _taken(conn, f"mails from {who.address}", FROM_ONE_MAX, now):
        raise SlowDownError("Too many mails were asked for from here. Try again in an hour.")
    if _taken(conn, f"mails to {who.email}", TO_ONE_MAX, now):
        ask(conn, post, email, now)


def _taken(conn: Conn, subject: str, most: int, now: Instant) -> bool:
    since = now - WINDOW_SECONDS * SECOND
    if sign_in_failures.recent(conn, subject, since) >= most:
        return False
    sign_in_failures.count(conn, subject, now, since)
    return True
