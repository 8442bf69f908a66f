"""What a SIP account is allowed, as a real Asterisk reads it: networks, codecs, media, NAT."""

import asyncio
import json
from typing import Any

import pytest

from telephony.clock import now
from telephony.settings import Settings
from telephony.voice import sip_accounts
from telephony.voice.ami.values import LINE_BYTES_MAX
from telephony.voice.astdb import astdb_rows
from telephony.voice.sip_rules import CIDRS_MAX, networks
from tests.factories import Customer
from tests.pbx.sip_wires import UdpWire
from tests.voice.calling import VAULT
from tests.voice.real_pbx import SECRET, Voice
from tests.voice.test_sip_account_ends import applied

OUTSIDE = "127.0.0.2"
"""Another address of the loopback network."""


async def change(voice: Voice, who: Customer, **facts: Any) -> str:
    """Change the customer's only phone, and wait for the PBX; its name."""
    (name,) = voice.phones
    await voice.database.write(sip_accounts.change, who.account_id, name, facts, now())
    await applied(voice, name)
    return name


def statuses(voice: Voice, name: str, host: str) -> tuple[int, int]:
    """What a REGISTER and an INVITE from an address are answered with."""
    wire = UdpWire("127.0.0.1", voice.settings.sip_port, local_host=host)
    with voice.pbx.phone(name, SECRET, wire=wire) as phone:
        return phone.register(), phone.invite("+15550200002")


@pytest.mark.parametrize(
    "cidrs",
    [
        "127.0.0.1/32",
        "10.0.0.0/8,127.0.0.1/32,2001:db8::/32",
        "2001:db8::/32,127.0.0.0/31,192.0.2.0/24",
    ],
)
async def test_networks_let_some_in_and_refuse_the_rest(voice: Voice, cidrs: str) -> None:
    who = await voice.customer()
    name = await change(voice, who, cidrs=cidrs)
    inside = await asyncio.to_thread(statuses, voice, name, "127.0.0.1")
    assert inside == (200, 486)
    assert await asyncio.to_thread(statuses, voice, name, OUTSIDE) == (401, 401)
    await change(voice, who, cidrs="")
    assert await asyncio.to_thread(statuses, voice, name, OUTSIDE) == (200, 486)


async def test_networks_of_the_other_kind_alone_let_nobody_in(voice: Voice) -> None:
    who = await voice.customer()
    name = await change(voice, who, cidrs="2001:db8::/32")
    for host in ("127.0.0.1", OUTSIDE):
        assert await asyncio.to_thread(statuses, voice, name, host) == (401, 401)


def shown(voice: Voice, name: str) -> dict[str, str]:
    """The endpoint and its aor as Asterisk reads them."""
    with voice.pbx.ami("provisioning") as ami:
        rows = ami.rows("PJSIPShowEndpoint", "EndpointDetailComplete", Endpoint=name)
    kinds = ("EndpointDetail", "AorDetail")
    return {key: row[key] for row in rows if row["Event"] in kinds for key in row}


async def test_codecs_media_and_nat_are_what_was_asked(voice: Voice) -> None:
    who = await voice.customer()
    name = await change(voice, who, codecs="g722,gsm", media="srtp", nat=False, max_contacts=2)
    found = await asyncio.to_thread(shown, voice, name)
    assert (found["Allow"], found["MediaEncryption"]) == ("(g722|gsm)", "sdes")
    assert found["MaxContacts"] == "2"
    nat = ("ForceRport", "RewriteContact", "RtpSymmetric")
    assert [found[name] for name in nat] == ["false"] * 3
    await change(voice, who, media="webrtc", nat=True)
    found = await asyncio.to_thread(shown, voice, name)
    assert (found["MediaEncryption"], found["IceSupport"]) == ("dtls", "true")
    assert [found[name] for name in nat] == ["true"] * 3
    await change(voice, who, media="rtp")
    found = await asyncio.to_thread(shown, voice, name)
    assert (found["MediaEncryption"], found["IceSupport"]) == ("no", "false")


def test_the_longest_account_fits_into_a_line() -> None:
    longest = [f"2001:db8:{at:04x}:ffff:ffff:ffff:ffff:ffff/128" for at in range(CIDRS_MAX)]
    row = {
        "username": "x" * 32, "account_id": f"acc_{'0' * 26}", "caller_id": "+" + "9" * 15,
        "codecs": "ulaw,alaw,g722,gsm", "media": "webrtc", "max_contacts": 10, "nat": True,
        "cidrs": networks(longest), "digests_sealed": VAULT.seal("x" * 110),
    }  # fmt: skip
    host = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
    for value in astdb_rows(row, VAULT, Settings(bind_host=host)).values():
        assert len(f"Val: {value}\r\n") <= LINE_BYTES_MAX
        assert all(isinstance(one, str) for one in json.loads(value).values())
