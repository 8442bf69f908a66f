"""What the tests of this folder are given: links to a fake and to a real Asterisk, FastAGI."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.voice.ami import AmiLink
from telephony.voice.fastagi import FastAgiServer
from tests.fixtures_pbx import Pbx
from tests.voice.agi_peer import AgiPeer, agi_peer
from tests.voice.deciding import LIMITS, Decider
from tests.voice.fake_ami import FakeAmi, fake_ami
from tests.voice.real_ami import user


@pytest_asyncio.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with fake_ami() as server:
        yield server


@pytest_asyncio.fixture
async def link(ami: FakeAmi) -> AsyncIterator[AmiLink]:
    async with ami.ready() as ready:
        yield ready


@pytest_asyncio.fixture
async def calls(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "calls") as link:
        await link.wait_ready(10)
        yield link


@pytest_asyncio.fixture
async def provisioning(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "provisioning") as link:
        await link.wait_ready(10)
        yield link


@pytest.fixture
def decider() -> Decider:
    return Decider()


@pytest_asyncio.fixture
async def server(decider: Decider) -> AsyncIterator[FastAgiServer]:
    async with FastAgiServer(decider, "127.0.0.1", 0, LIMITS) as running:
        yield running


@pytest_asyncio.fixture
async def peer(server: FastAgiServer) -> AsyncIterator[AgiPeer]:
    async with agi_peer(server.port) as connected:
        yield connected
