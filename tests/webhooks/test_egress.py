"""Where webhooks go: by address, by URL, and by what a listening socket sees."""

import asyncio
import socket
from ipaddress import ip_address, ip_network
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.settings import Settings
from telephony.webhooks.egress import Egress, EgressRefusedError, check_url
from tests.webhooks.sinks import raw_server, running_sink

PUBLIC = Egress(Settings(bind_host="0.0.0.0", webhook_allow_cidrs=[]))
LOCAL = Egress(Settings(bind_host="127.0.0.1", webhook_allow_cidrs=[]))

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.9",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
TAKEN = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1",
         "223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1"]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_private_and_reserved_addresses_are_refused(address: str) -> None:
    assert not PUBLIC.allows(address)


@pytest.mark.parametrize("address", TAKEN)
def test_public_addresses_are_taken(address: str) -> None:
    assert PUBLIC.allows(address)


@given(st.ip_addresses(v=4))
def test_nothing_that_the_registry_calls_private_passes(address: Any) -> None:
    if not address.is_global or address.is_multicast:
        assert not PUBLIC.allows(str(address))
    assert PUBLIC.allows(f"::ffff:{address}") == PUBLIC.allows(str(address))


@given(st.ip_addresses(v=6))
def test_only_global_unicast_passes_of_v6(address: Any) -> None:
    if PUBLIC.allows(str(address)):
        assert address.ipv4_mapped or address in ip_network("2000::/3")


def test_loopback_is_taken_only_on_a_developers_machine() -> None:
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert LOCAL.allows(address)
    for address in ("10.0.0.1", "169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"):
        assert not LOCAL.allows(address)


def test_an_operator_may_allow_networks_and_nothing_beside_them() -> None:
    cidrs = ["10.1.0.0/16", "fd12::/16", "192.168.7.7"]
    egress = Egress(Settings(bind_host="0.0.0.0", webhook_allow_cidrs=cidrs))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "192.168.7.7"):
        assert egress.allows(address)
    for address in ("10.2.0.1", "192.168.7.8", "127.0.0.1", "fd13::1"):
        assert not egress.allows(address)


def test_a_malformed_network_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="not-a-network"):
        Egress(Settings(webhook_allow_cidrs=["not-a-network"]))


@pytest.mark.parametrize("url", [
    "https://example.com", "https://example.com/hook?x=1&y=%20", "https://EXAMPLE.com:8443/a",
    "https://8.8.8.8/hook", "https://[2606:4700::1111]/", "https://xn--bcher-kva.example/",
    "https://1.1.1.1:443/", "https://10.example.com/", "https://" + "a" * 50 + ".example/",
])  # fmt: skip
def test_urls_that_may_be_called(url: str) -> None:
    check_url(url, PUBLIC)


@pytest.mark.parametrize(("url", "sentence"), [
    ("http://example.com/", "https"),
    ("ftp://example.com/", "https"),
    ("file:///etc/passwd", "https"),
    ("javascript:alert(1)", "https"),
    ("//example.com/", "https"),
    ("example.com/hook", "https"),
    ("", "https"),
    ("https://", "host"),
    ("https:///path", "host"),
    ("https://user@example.com/", "user name"),
    ("https://user:secret@example.com/", "user name"),
    ("https://:@example.com/", "user name"),
    ("https://example.com/#part", "fragment"),
    ("https://example.com/#", "fragment"),
    ("https://example.com:0/", "valid"),
    ("https://example.com:65536/", "valid"),
    ("https://example.com:x/", "valid"),
    ("https://[::1/", "valid"),
    ("https://example.com/" + "a" * 2048, "2048"),
    ("https://example.com/a b", "percent"),
    ("https://example.com/\r\nX-Header: 1", "percent"),
    ("https://example.com\\@127.0.0.1/", "percent"),
    ("https://bücher.example/", "punycode"),
    ("https://１２７.0.0.1/", "punycode"),
    ("https://localhost/", "private"),
    ("https://LOCALHOST.:8000/", "private"),
    ("https://127.0.0.1/", "private"),
    ("https://127.1/", "private"),
    ("https://2130706433/", "private"),
    ("https://0x7f000001/", "private"),
    ("https://0x7f.0.0.1/", "private"),
    ("https://0177.0.0.1/", "private"),
    ("https://017700000001/", "private"),
    ("https://0/", "private"),
    ("https://[::1]/", "private"),
    ("https://[::]/", "private"),
    ("https://[::ffff:127.0.0.1]/", "private"),
    ("https://[::ffff:7f00:1]/", "private"),
    ("https://[::127.0.0.1]/", "private"),
    ("https://[64:ff9b::7f00:1]/", "private"),
    ("https://[fe80::1%25eth0]/", "private"),
    ("https://169.254.169.254/latest/meta-data/", "private"),
    ("https://[fd00:ec2::254]/", "private"),
    ("https://192.168.0.1:8443/", "private"),
])  # fmt: skip
def test_urls_that_may_not(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_url(url, PUBLIC)


def test_a_refusal_does_not_repeat_the_url() -> None:
    with pytest.raises(ValueError, match="user name") as refused:
        check_url("https://name:hunter2@example.com/?token=abc", PUBLIC)
    assert "hunter2" not in str(refused.value)
    assert "abc" not in str(refused.value)


def test_plain_http_is_for_machines_of_developers_and_allowed_networks() -> None:
    check_url("http://127.0.0.1:9000/hook", LOCAL)
    check_url("http://localhost:9000/hook", LOCAL)
    inside = Egress(Settings(bind_host="0.0.0.0", webhook_allow_cidrs=["10.0.0.0/8"]))
    check_url("http://10.0.0.5/hook", inside)
    with pytest.raises(ValueError, match="private"):
        check_url("http://127.0.0.1/hook", inside)


@pytest.fixture
def pretended_dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that resolve to the listed addresses, as a customer's own name server would say."""
    names: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host not in names:
            return real(host, port, *rest, **more)
        kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            (kinds[ip_address(one).version], socket.SOCK_STREAM, 6, "",
             (one, port) if ip_address(one).version == 4 else (one, port, 0, 0))
            for one in names[host]
        ]  # fmt: skip

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


HOME = ("127.0.0.1", "127.0.0.2", "::1")
FORMS = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost",
         "[::ffff:127.0.0.1]", "[::1]", "127.0.0.2", "[::]"]  # fmt: skip


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", FORMS)
async def test_no_packet_reaches_a_listener_on_this_machine(host: str, scheme: str) -> None:
    async with (
        raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", hosts=HOME) as listener,
        PUBLIC.session() as session,
    ):
        # aiohttp itself refuses the odd spellings of IPv4, in the versions that know them.
        with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL)) as refused:
            await session.post(f"{scheme}://{host}:{listener.port}/", data=b"{}")
        if isinstance(refused.value, aiohttp.ClientConnectorError):
            assert isinstance(refused.value.os_error, EgressRefusedError)
        await asyncio.sleep(0.01)
        assert listener.connections == 0


async def test_the_listener_of_these_tests_would_hear_a_packet() -> None:
    async with raw_server(hosts=HOME) as listener, LOCAL.session() as session:
        for number, host in enumerate(("127.0.0.1", "127.0.0.2", "[::1]"), 1):
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await session.post(f"http://{host}:{listener.port}/", data=b"{}")
            assert listener.connections == number


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"],
                                      ["::1", "127.0.0.1"], ["0.0.0.0"]])  # fmt: skip
async def test_a_name_that_leads_home_reaches_nothing(
    addresses: list[str], pretended_dns: dict[str, list[str]]
) -> None:
    pretended_dns["hooks.customer.example"] = addresses
    check_url("https://hooks.customer.example/", PUBLIC)
    async with raw_server(hosts=HOME) as listener, PUBLIC.session() as session:
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await session.post(f"http://hooks.customer.example:{listener.port}/", data=b"{}")
        assert isinstance(refused.value.os_error, EgressRefusedError)
        await asyncio.sleep(0.01)
        assert listener.connections == 0


async def test_a_name_that_leads_home_the_second_time_is_refused_the_second_time(
    pretended_dns: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.webhooks.egress.DNS_CACHE_SECONDS", 0)
    egress = Egress(Settings(bind_host="0.0.0.0", webhook_allow_cidrs=["127.0.0.1/32"]))
    answer = b"HTTP/1.1 204 No\r\nconnection: close\r\n\r\n"
    async with raw_server(answer, hosts=HOME) as listener:
        url = f"http://rebinding.example:{listener.port}/"
        async with egress.session() as session:
            pretended_dns["rebinding.example"] = ["127.0.0.1"]
            async with session.post(url, data=b"{}") as reply:
                assert reply.status == 204
            pretended_dns["rebinding.example"] = ["127.0.0.2"]
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(url, data=b"{}")
        assert listener.connections == 1


async def test_the_client_ignores_proxies_and_keeps_no_cookies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_sink() as sink, raw_server() as proxy, LOCAL.session() as session:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        sink.headers = {"Set-Cookie": "session=1; Path=/"}
        for _ in range(2):
            async with session.post(f"{sink.url}/hook", data=b"{}") as reply:
                assert reply.status == 200
        assert [("Cookie" in one.headers) for one in sink.received] == [False, False]
        assert proxy.connections == 0
