"""The users of a real Asterisk's manager: who gets in, and what each may do."""

import re

import pytest

from telephony.voice.ami import (
    Action,
    AmiLink,
    AmiLoginRefused,
    AmiRefused,
    Connected,
    CoreStatus,
    DBDel,
    DBPut,
    Ping,
    Redirect,
    SetVar,
)
from tests.fixtures_pbx import Pbx
from tests.voice.fake_ami import until
from tests.voice.real_ami import call, seen, user


async def test_both_users_become_ready(calls: AmiLink, provisioning: AmiLink) -> None:
    for link in (calls, provisioning):
        connected = await seen(link, "Connected")
        assert isinstance(connected, Connected)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", connected.started)
        assert not connected.restarted
        assert (await link.action(Ping()))["ping"] == "Pong"
        assert (await link.action(CoreStatus()))["corecurrentcalls"].isdigit()


async def test_a_wrong_secret_is_refused(pbx: Pbx, caplog: pytest.LogCaptureFixture) -> None:
    async with user(pbx, "calls", "wrong") as link:
        await until(lambda: "refused user calls: Authentication failed" in caplog.text)
        assert not link.ready
    assert issubclass(AmiLoginRefused, AmiRefused)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("calls", DBPut("ami-test", "k", "v")),
        ("calls", DBDel("ami-test", "k")),
        ("provisioning", call()),
        ("provisioning", SetVar("nobody", "V", "x")),
        ("provisioning", Redirect("nobody", "api-call", "s")),
    ],
    ids=lambda value: value.name if isinstance(value, Action) else value,
)
async def test_each_user_may_only_do_its_own(pbx: Pbx, name: str, action: Action) -> None:
    async with user(pbx, name) as link:
        await link.wait_ready(10)
        with pytest.raises(AmiRefused, match="Permission denied"):
            await link.action(action)  # type: ignore[call-overload]
