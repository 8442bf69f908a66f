"""Numbers (DIDs) that accounts own, and what rings when somebody calls them."""

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, valid_mode


class OwnedNumber(Table, table=True):
    """Who calls `number` rings the SIP accounts of `targets` (user names, by comma), all at once
    or in order, each for `ring_seconds`; if none answers, `forward_to` (E.164), if set."""

    __tablename__ = "owned_number"
    __table_args__ = (
        valid_mode(),
        one_of("strategy", ("all", "order")),
        Index("ix_owned_number_account", "account_id", "mode"),
    )

    number: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    strategy: str
    ring_seconds: int
    targets: str = ""
    forward_to: str = ""
    created_at: int = instant()


class DestinationRule(Table, table=True):
    """Whether an account may call numbers that begin with `prefix`; the longest prefix counts,
    and without any rule everything that has a price is allowed."""

    __tablename__ = "destination_rule"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    prefix: str = Field(primary_key=True)
    allowed: bool
