"""Carriers, and which of them reaches which prefix."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text


class Trunk(Table, table=True):
    """A carrier's SIP peer. Without a user name it is known by its address alone; `cidrs` are
    further networks that its calls come from. `caller_id_format` is how it wants numbers;
    `capacity` the calls that it takes at once, None: any number."""

    __table_args__ = (
        one_of("status", ("active", "disabled")),
        one_of("transport", ("udp", "tcp", "tls")),
        one_of("caller_id_format", ("e164", "digits", "national")),
    )

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    host: str
    port: int
    transport: str
    username: str = ""
    secret_sealed: str = text(default="")
    registers: bool = False
    codecs: str
    caller_id_format: str
    cidrs: str = ""
    capacity: int | None = None
    status: str
    created_at: int = instant()


class TrunkRoute(Table, table=True):
    """Numbers that begin with `prefix` (digits; empty: all) go to the trunk: lower `priority`
    first, among equals by `weight`. `strip` digits are taken off and `prepend` is put before."""

    __tablename__ = "trunk_route"

    prefix: str = Field(primary_key=True)
    trunk_id: str = Field(primary_key=True, foreign_key="trunk.id")
    priority: int
    weight: int
    strip: int = 0
    prepend: str = ""
