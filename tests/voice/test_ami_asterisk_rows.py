"""A real Asterisk's database and the phones in it, written and read over the link."""

import asyncio
import time

import pytest

from telephony.voice.ami import (
    AmiLink,
    AmiRefused,
    AmiValueError,
    DBDel,
    DBGet,
    DBGetTree,
    DBPut,
    PJSIPShowContacts,
    PJSIPShowEndpoint,
)
from telephony.voice.ami.values import LINE_BYTES_MAX
from tests.fixtures_pbx import Pbx


async def test_2000_rows_are_written_read_and_deleted(provisioning: AmiLink) -> None:
    family = f"ami-test-{time.time_ns()}/rows"
    value = '{"password_digest": "MD5:0123456789abcdef", "name": "Jörg 漢字"}'
    rows = range(2_000)
    await asyncio.gather(*(provisioning.action(DBPut(family, f"{n}", value)) for n in rows))
    listed = await provisioning.action(DBGetTree(family))
    assert {row.fields["key"] for row in listed} == {f"/{family}/{n}" for n in rows}
    assert {row.fields["val"] for row in listed} == {value}
    await asyncio.gather(*(provisioning.action(DBDel(family, f"{n}")) for n in rows))
    assert await provisioning.action(DBGetTree(family)) == []


async def test_a_row_that_is_not_there(provisioning: AmiLink) -> None:
    assert await provisioning.action(DBGet("ami-test-none", "k")) == []
    assert await provisioning.action(DBGetTree("ami-test-none")) == []
    with pytest.raises(AmiRefused):
        await provisioning.action(DBDel("ami-test-none", "k"))


async def test_a_tree_is_one_family_and_no_other(provisioning: AmiLink) -> None:
    for family in ("ami-tree", "ami-tree-2", "ami-tree/sub"):
        await provisioning.action(DBPut(family, "k", family))
    listed = await provisioning.action(DBGetTree("ami-tree"))
    for family in ("ami-tree", "ami-tree-2", "ami-tree/sub"):
        await provisioning.action(DBDel(family, "k"))
    assert {row.fields["val"] for row in listed} == {"ami-tree", "ami-tree/sub"}


async def test_the_longest_line_that_asterisk_takes(provisioning: AmiLink) -> None:
    """With one byte more it answers "line too long"; the link refuses before that."""
    longest = "x" * (LINE_BYTES_MAX - len("Val: \r\n"))
    await provisioning.action(DBPut("ami-test", "long", longest))
    (row,) = await provisioning.action(DBGet("ami-test", "long"))
    await provisioning.action(DBDel("ami-test", "long"))
    assert row.fields["val"] == longest
    with pytest.raises(AmiValueError):
        await provisioning.action(DBPut("ami-test", "long", longest + "x"))


async def test_a_blank_line_in_a_value_is_refused(provisioning: AmiLink) -> None:
    for end in ("\r\n", "\n"):
        value = f"v{end}{end}Action: DBPut{end}Family: ami-test{end}Key: injected{end}Val: x"
        with pytest.raises(AmiValueError):
            await provisioning.action(DBPut("ami-test", "k", value))
    assert await provisioning.action(DBGet("ami-test", "injected")) == []
    assert await provisioning.action(DBGet("ami-test", "k")) == []


async def test_an_account_is_read_back(pbx: Pbx, provisioning: AmiLink) -> None:
    await asyncio.to_thread(pbx.provision, "ami-reader", "pw")
    details = await provisioning.action(PJSIPShowEndpoint("ami-reader"))
    named = {event.name: event.fields for event in details}
    assert named["EndpointDetail"]["accountcode"] == "ami-reader"
    assert named["AuthDetail"]["realm"] == pbx.settings.realm
    with pytest.raises(AmiRefused, match="Unable to retrieve endpoint"):
        await provisioning.action(PJSIPShowEndpoint("ami-nobody"))


async def test_a_registered_phone_is_listed(pbx: Pbx, provisioning: AmiLink) -> None:
    await asyncio.to_thread(pbx.provision, "ami-phone", "pw")
    assert await asyncio.to_thread(pbx.register, "ami-phone", "pw") == 200
    listed = await provisioning.action(PJSIPShowContacts())
    assert "ami-phone" in {event.fields["endpoint"] for event in listed}
