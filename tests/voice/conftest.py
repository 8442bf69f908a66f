"""What the tests of this folder are given: links to a fake and to a real Asterisk, FastAGI."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from db import components
from db.database import Database
from telephony.clock import now
from telephony.voice.ami import AmiLink
from telephony.voice.ami.listing import AstDbReader
from telephony.voice.drift import Drift
from telephony.voice.fastagi import FastAgiServer
from telephony.voice.provisioning import Provisioner
from tests.factories import Customer, customer
from tests.fixtures_pbx import Pbx
from tests.voice.agi_peer import AgiPeer, agi_peer
from tests.voice.calling import VAULT
from tests.voice.deciding import LIMITS, Decider
from tests.voice.fake_ami import FakeAmi, fake_ami
from tests.voice.provisioned import ignore
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


@pytest.fixture
async def provisioner(database: Database, provisioning: AmiLink, pbx: Pbx) -> Provisioner:
    await database.write(components.introduce, pbx.settings.node, "pbx", now())
    return Provisioner(database, provisioning, VAULT, pbx.settings, ignore)


@pytest.fixture
def watch(database: Database, provisioning: AmiLink, pbx: Pbx, provisioner: Provisioner) -> Drift:
    settings = pbx.settings
    secret = pbx.secrets.ami_provisioning
    reader = AstDbReader(settings.ami_host, settings.ami_port, "provisioning", secret)
    return Drift(database, provisioning, reader, provisioner, VAULT, settings)


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)
