"""What everybody, or one account, pays at an instant: read in pages by country and prefix."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.connection import Reader, Row
from db.tariffs import IN_FORCE, NUMBERS, PRICE, PUBLIC, precedence

_VERSION = f"{IN_FORCE.format(tariff='t.id')} AS version_id"
_ROW = f"{NUMBERS}, :currency AS currency"
_PUBLIC_PRICE = (
    f"SELECT {NUMBERS}, t.currency, r.version_id FROM tariff t"
    f" JOIN rate r ON r.version_id = {IN_FORCE.format(tariff='t.id')}"
    " WHERE t.name = :name AND r.prefix IN :prefixes ORDER BY r.prefix DESC LIMIT 1"
)


@dataclass(frozen=True)
class Stand:
    """Which prices are in force: the version of a list, empty where there is none, and the set of
    rates that the account has for itself. Equal stands have equal prices."""

    currency: str
    version_id: str
    own_rates: str = ""
    account_id: str = ""


async def stand(reader: Reader, account_id: str | None, now: int) -> Stand:
    """What an account, or with None everybody, buys by at an instant."""
    if account_id is None:
        row = await reader.one(
            f"SELECT t.currency, {_VERSION} FROM tariff t WHERE t.name = :name",
            name=PUBLIC, now=now,
        )  # fmt: skip
        return Stand(row["currency"], row["version_id"] or "") if row else Stand("", "")
    row = await reader.one(
        f"SELECT a.currency, a.own_rates, {_VERSION} FROM account a LEFT JOIN tariff t"
        " ON t.id = a.tariff_id AND t.currency = a.currency WHERE a.id = :id",
        id=account_id, now=now,
    )  # fmt: skip
    assert row is not None, account_id
    return Stand(row["currency"], row["version_id"] or "", row["own_rates"], account_id)


async def page(
    reader: Reader, at: Stand, *, limit: int, iso: str | None = None,
    after: tuple[str, str] = ("", ""),
) -> list[Row]:  # fmt: skip
    """Rates by country and prefix that follow `after`; the account's own in place of the list's.
    A page of a list costs its rows; an account's own rates are few, and all sorted."""
    only = " AND r.iso = :iso" if iso else ""
    where = f"(r.country, r.prefix) > (:country, :prefix){only}"
    order = "ORDER BY r.country, r.prefix LIMIT :limit"
    listed = f"SELECT {_ROW} FROM rate r WHERE r.version_id = :version_id AND {where}"
    if at.own_rates:
        listed += (
            " AND NOT EXISTS (SELECT 1 FROM account_rate o"
            " WHERE o.account_id = :account_id AND o.prefix = r.prefix)"
        )
    sql = f"{listed} {order}"
    if at.own_rates:
        sql = (
            f"SELECT * FROM ({sql}) AS listed UNION ALL SELECT * FROM (SELECT {_ROW}"
            f" FROM account_rate r WHERE r.account_id = :account_id AND {where} {order}) AS owned"
            " ORDER BY country, prefix LIMIT :limit"
        )
    params = {"iso": iso} if iso else {}
    params |= {"account_id": at.account_id} if at.own_rates else {}
    return await reader.all(
        sql, currency=at.currency, version_id=at.version_id, country=after[0], prefix=after[1],
        limit=limit, **params,
    )  # fmt: skip


async def price(
    reader: Reader, account_id: str | None, prefixes: Sequence[str], now: int
) -> Row | None:
    """What an account, or with None everybody, pays for a number with these prefixes;
    `version_id` is empty for an account's own rate."""
    if account_id is None:
        return await reader.one(_PUBLIC_PRICE, name=PUBLIC, prefixes=prefixes, now=now)
    found = await reader.all(PRICE, account_id=account_id, prefixes=prefixes, now=now)
    return max(found, key=precedence, default=None)
