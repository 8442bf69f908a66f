"""Members limit their own account and its keys: the lower cap counts, rights are checked."""

import pytest

from db import accounts, ledger, spending
from db.database import Database
from telephony.accounts import add_key, create_key, new_key
from telephony.billing import limits, wallets
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.money import MICROS
from telephony.users import keys, own_limits
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.roles import SHOWN
from telephony.users.sessions import Member
from tests.users.world import MINUTE, People


async def refused_at(database: Database, member: Member, amount: int, mode: str = "test") -> object:
    """The cap that has no room for it, in units; None if it was counted."""
    payer = limits.Payer(member.account_id, mode, None, now())
    error = await database.write(limits.spend, payer, amount * MICROS)
    return error.extra["cap"] if error else None


@pytest.mark.parametrize(
    ("allowed", "own", "cap"),
    [(None, None, None), (5, None, 5), (None, 3, 3), (5, 3, 3), (3, 5, 3), (5, 0, 0), (0, 5, 0)],
)
async def test_the_lower_cap_counts(
    database: Database, people: People, allowed: int | None, own: int | None, cap: int | None
) -> None:
    owner = await people.owner()

    def micros(units: int | None) -> int | None:
        return None if units is None else units * MICROS

    for period in ("day", "month"):
        await database.write(
            accounts.change, owner.account_id, **{f"spend_{period}_max": micros(allowed)}
        )
        caps = {"day": None, "month": None, period: micros(own)}
        await database.write(own_limits.set_caps, owner, caps["day"], caps["month"], now())
        found = await spending.caps_of(database, owner.account_id)
        assert (found[f"account_{period}"], found[f"own_{period}"]) == (micros(cap), micros(own))
        assert await refused_at(database, owner, 100) == cap
        if cap is None:
            payer = limits.Payer(owner.account_id, "test", None, now())
            await database.write(limits.give_back, payer, 100 * MICROS)
        await database.write(
            accounts.change, owner.account_id, **{f"spend_{period}_max": None}
        )  # fmt: skip


async def test_a_threshold_warns_at_once_where_the_wallet_is_low(
    database: Database, people: People
) -> None:
    owner = await people.owner()
    await database.write(
        wallets.fund, owner.account_id, "live", 5 * MICROS, reference="f", actor="test", now=now()
    )
    await database.write(own_limits.set_threshold, owner, "live", "wallet", 9 * MICROS, now())
    pots = await ledger.balances(database, owner.account_id, "live")
    assert pots["wallet"]["low_threshold"] == 9 * MICROS
    assert pots["sip"]["low_threshold"] is None
    (event,) = await database.all("SELECT * FROM event")
    assert (event["type"], event["account_id"]) == ("wallet_low", owner.account_id)
    await database.write(own_limits.set_threshold, owner, "live", "wallet", None, now())
    entry = await database.one("SELECT * FROM audit_log WHERE before LIKE '%9000000%'")
    assert entry is not None
    assert (entry["action"], entry["subject"]) == ("wallet.threshold_set", "live wallet")
    for mode, wallet in (("real", "wallet"), ("live", "revenue"), ("live", "")):
        with pytest.raises(ValidationFailedError):
            await database.write(own_limits.set_threshold, owner, mode, wallet, 1, now())


@pytest.mark.parametrize("role", [role for role in SHOWN if role != "owner"])
async def test_who_may_pay_sets_limits(database: Database, people: People, role: str) -> None:
    other = await people.colleague(await people.owner(), role, "bob@example.com")
    deeds = (
        lambda conn: own_limits.set_caps(conn, other, MICROS, None, now()),
        lambda conn: own_limits.set_threshold(conn, other, "test", "sip", MICROS, now()),
    )
    for deed in deeds:
        if role == "billing":
            await database.write(deed)
        else:
            with pytest.raises(RoleMissingError):
                await database.write(deed)


async def test_caps_need_a_confirmation(database: Database, people: People) -> None:
    owner = await people.owner()
    stale = await people.enter(owner.user_id, now() - 11 * MINUTE)
    with pytest.raises(ConfirmFirstError):
        await database.write(own_limits.set_caps, stale, None, None, now())


async def test_a_key_is_limited_by_its_own_account_alone(
    database: Database, people: People
) -> None:
    owner, eve = await people.owner(), await people.owner("eve@example.com", "Eve's")
    made = await database.write(
        create_key, owner.account_id, "test", name="Shop", actor=owner.actor, now=now()
    )
    await database.write(
        keys.change, owner, made.id, ["192.0.2.9/24"], {"calls_max": 3, "spend_day_max": 5}, now()
    )
    row = await accounts.find_key(database, owner.account_id, made.id)
    assert row is not None
    assert (row["cidrs"], row["calls_max"], row["spend_day_max"]) == ("192.0.2.0/24", 3, 5)
    assert await accounts.find_key(database, eve.account_id, made.id) is None
    reader = await people.colleague(owner, "billing", "books@example.com")
    for member, error in ((eve, NotFoundError), (reader, RoleMissingError)):
        with pytest.raises(error):
            await database.write(keys.change, member, made.id, [], {"calls_max": None}, now())
    with pytest.raises(ValidationFailedError):
        await database.write(keys.change, owner, made.id, ["nowhere"], {}, now())
    other = await database.write(add_key, eve.account_id, new_key("test"), "x", now())
    with pytest.raises(NotFoundError):
        await database.write(keys.change, owner, other, [], {}, now())
