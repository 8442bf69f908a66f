"""From an email address to an account, and to a new password. A user comes to be only once the
link in a mail was opened, so nobody can take an address that belongs to somebody else, and no
page tells who has an account: that is told by mail alone."""

from db import one_use_tokens, sessions, users
from db.connection import Conn, Row
from telephony import audit
from telephony.audit import Actor
from telephony.billing import customers
from telephony.clock import Instant
from telephony.money import MICROS
from telephony.users import mails, tokens
from telephony.users.mails import Post
from telephony.users.problems import LinkUsedError, bad

NAME_LENGTH_MAX = 100


def ask(conn: Conn, post: Post, email: str, now: Instant) -> None:
    """Mail a link that opens an account, or word that there is one."""
    if users.with_email(conn, email):
        mails.known_already(conn, post, email, now)
        return
    one_use_tokens.forget_links(conn, "register", email)
    mails.register(conn, post, email, tokens.give(conn, "register", now, email=email), now)


def open_account(
    conn: Conn, post: Post, token: str, name: str, company: str, password_argon2: str,
    address: str, now: Instant, *, play_money: int = 0,
) -> Row:  # fmt: skip
    """Use the link up: a user, and an account that the user owns and that works in test mode at
    once, with so many whole units of play money in each wallet; the user."""
    email = tokens.use(conn, "register", token, now)["email"]
    user = add_user(conn, email, name, password_argon2, now)
    account = checked_name(company or email, "company")
    account_id = customers.open_account(conn, post.vault, account, customers.COUNTRY, now)
    if play_money:
        customers.fill(conn, account_id, "test", play_money * MICROS, play_money * MICROS,
                       reference=f"play-money:{account_id}", actor=user["id"], now=now)  # fmt: skip
    users.found_account(conn, user["id"], account_id, now)
    audit.record(
        conn, Actor(user["id"], email, address), "account.opened", account_id, now,
        account_id=account_id, after={"name": account, "owner": email},
    )  # fmt: skip
    return user


def add_user(conn: Conn, email: str, name: str, password_argon2: str, now: Instant) -> Row:
    """A user whose address is proved; LinkUsedError if there is one already."""
    facts = {"name": checked_name(name, "name"), "password_argon2": password_argon2}
    user_id = users.add(conn, now, email, verified_at=now, **facts)
    if user_id is None:
        raise LinkUsedError("There is an account with this address: sign in.")
    return users.by_id(conn, user_id)


def checked_name(name: str, field: str) -> str:
    """A name in one line, without what cannot be seen; ValidationFailedError."""
    shown = " ".join(name.split())
    if not 0 < len(shown) <= NAME_LENGTH_MAX or not shown.isprintable():
        raise bad(field, "invalid", f"Write a name of 1 to {NAME_LENGTH_MAX} characters.")
    return shown


def ask_reset(conn: Conn, post: Post, email: str, now: Instant) -> None:
    """Mail a link that sets a new password, or nothing where nobody has that address."""
    user = users.with_email(conn, email)
    if user is None or user["disabled_at"] is not None:
        return
    one_use_tokens.forget_links(conn, "reset", email)
    token = tokens.give(conn, "reset", now, email=email, user_id=user["id"])
    mails.reset(conn, post, email, token, now)


def reset(
    conn: Conn, post: Post, token: str, password_argon2: str, address: str, now: Instant
) -> None:
    """Use the link up: a new password, which ends every session. A second factor stays."""
    user = users.by_id(conn, tokens.use(conn, "reset", token, now)["user_id"])
    set_password(conn, post, user, password_argon2, now)
    sessions.end_all(conn, user["id"])
    actor = Actor(user["id"], user["email"], address)
    audit.record(conn, actor, "password.reset", user["id"], now,
                 account_id=users.first_account(conn, user["id"]))  # fmt: skip


def set_password(conn: Conn, post: Post, user: Row, password_argon2: str, now: Instant) -> None:
    """Store a new password; what was begun with the old one is not to be finished."""
    users.change(conn, user["id"], password_argon2=password_argon2)
    one_use_tokens.forget_of_user(conn, user["id"])
    mails.changed(conn, post, user["email"], "Your password was changed.", now)
