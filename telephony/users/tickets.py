"""Tickets: what customers ask support, with the ids of requests and files; answers, and mails that
say that there is one, never what it says."""

from collections.abc import Sequence
from dataclasses import dataclass

from db import tickets, users
from db.connection import Conn, Row
from telephony import audit, files
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.files import SealedFile
from telephony.users import mails
from telephony.users.mails import Post
from telephony.users.problems import RoleMissingError, TicketsFullError, bad
from telephony.users.roles import PLATFORM, Right
from telephony.users.sessions import Member
from telephony.users.team import must

SUBJECT_LENGTH_MAX = 150
BODY_LENGTH_MAX = 10_000
REQUEST_IDS_MAX = 20
REQUEST_ID_LENGTH_MAX = 128
UNCLOSED_MAX = 50
"""Of one account."""
ENTRIES_MAX = 200


@dataclass(frozen=True)
class Question:
    """What a form says of a new ticket."""

    kind: str
    subject: str
    body: str
    request_ids: str = ""


def open_ticket(
    conn: Conn, post: Post, support: str, member: Member, asked: Question,
    attached: Sequence[SealedFile], now: Instant,
) -> str:  # fmt: skip
    """Open a ticket of the member's account and mail `support`, where there is such an address;
    the ticket's id. ValidationFailedError, TicketsFullError."""
    must(member, Right.look)
    if asked.kind not in tickets.KINDS:
        raise bad("kind", "unknown", f"A ticket is about one of {', '.join(tickets.KINDS)}.")
    subject = " ".join(asked.subject.split())
    if not 0 < len(subject) <= SUBJECT_LENGTH_MAX or not subject.isprintable():
        raise bad("subject", "invalid", f"Write a subject of 1 to {SUBJECT_LENGTH_MAX} characters.")
    ids, body = _request_ids(asked.request_ids), _body(asked.body)
    conn.lock(f"tickets:{member.account_id}")
    if tickets.count_unclosed(conn, member.account_id, UNCLOSED_MAX) >= UNCLOSED_MAX:
        raise TicketsFullError
    ticket_id = tickets.add(
        conn, now, account_id=member.account_id, opened_by=member.user_id, kind=asked.kind,
        subject=subject, request_ids=ids,
    )  # fmt: skip
    _write(conn, member, ticket_id, body, attached, "open", now)
    _tell_support(conn, post, support, ticket_id, member, now)
    _record(conn, member, "ticket.opened", ticket_id, member.account_id, now)
    return ticket_id


def reply(
    conn: Conn, post: Post, support: str, member: Member, ticket_id: str, body: str,
    attached: Sequence[SealedFile], now: Instant,
) -> None:  # fmt: skip
    """Write to a ticket of the member's account, which is open again then; NotFoundError."""
    _own(conn, member, ticket_id)
    _write(conn, member, ticket_id, _body(body), attached, "open", now)
    _tell_support(conn, post, support, ticket_id, member, now)
    _record(conn, member, "ticket.replied", ticket_id, member.account_id, now)


def close(conn: Conn, member: Member, ticket_id: str, now: Instant) -> None:
    """Close a ticket of the member's account; NotFoundError."""
    _own(conn, member, ticket_id)
    tickets.change(conn, ticket_id, "closed", now)
    _record(conn, member, "ticket.closed", ticket_id, member.account_id, now)


def answer(
    conn: Conn, post: Post, member: Member, ticket_id: str, body: str,
    attached: Sequence[SealedFile], now: Instant,
) -> None:  # fmt: skip
    """Write to any ticket as support, and mail whoever opened it; NotFoundError."""
    row = _any(conn, member, ticket_id)
    _write(conn, member, ticket_id, _body(body), attached, "answered", now, by_support=True)
    if users.role(conn, row["opened_by"], row["account_id"]):
        email = users.by_id(conn, row["opened_by"])["email"]
        mails.ticket_answered(conn, post, email, ticket_id, now)
    _record(conn, member, "ticket.answered", ticket_id, row["account_id"], now)


def close_as_support(conn: Conn, member: Member, ticket_id: str, now: Instant) -> None:
    """Close any ticket; NotFoundError."""
    row = _any(conn, member, ticket_id)
    tickets.change(conn, ticket_id, "closed", now)
    _record(conn, member, "ticket.closed", ticket_id, row["account_id"], now)


def _own(conn: Conn, member: Member, ticket_id: str) -> Row:
    must(member, Right.look)
    row = tickets.locked(conn, ticket_id)
    if row is None or row["account_id"] != member.account_id:
        raise NotFoundError
    return row


def _any(conn: Conn, member: Member, ticket_id: str) -> Row:
    if not member.roles & set(PLATFORM):
        raise RoleMissingError
    row = tickets.locked(conn, ticket_id)
    if row is None:
        raise NotFoundError
    return row


def _write(
    conn: Conn, member: Member, ticket_id: str, body: str, attached: Sequence[SealedFile],
    status: str, now: Instant, by_support: bool = False,
) -> None:  # fmt: skip
    if tickets.count_entries(conn, ticket_id) >= ENTRIES_MAX:
        raise TicketsFullError("This ticket is full. Close it and open another one.")
    entry_id = tickets.write(
        conn, ticket_id, status, now, author=member.user_id, body=body, by_support=by_support,
        author_name=member.name or member.email,
    )  # fmt: skip
    for file in attached:
        files.keep(conn, file, entry_id, member.account_id or None, now)


def _body(text: str) -> str:
    body = text.replace("\r\n", "\n").strip()
    if not 0 < len(body) <= BODY_LENGTH_MAX:
        raise bad("body", "invalid", f"Write 1 to {BODY_LENGTH_MAX:,} characters.")
    return body


def _request_ids(text: str) -> str:
    found = list(dict.fromkeys(text.replace(",", " ").split()))
    if len(found) > REQUEST_IDS_MAX or any(not _is_id(one) for one in found):
        message = f"Write at most {REQUEST_IDS_MAX} request ids, with blanks between them."
        raise bad("request_ids", "invalid", message)
    return " ".join(found)


def _is_id(text: str) -> bool:
    return len(text) <= REQUEST_ID_LENGTH_MAX and text.isascii() and text.isprintable()


def _tell_support(
    conn: Conn, post: Post, support: str, ticket_id: str, member: Member, now: Instant
) -> None:
    if support:
        mails.ticket_asked(conn, post, support, ticket_id, member.account, now)


def _record(
    conn: Conn, member: Member, action: str, ticket_id: str, account_id: str, now: Instant
) -> None:
    audit.record(conn, member.actor, action, ticket_id, now, account_id=account_id)
