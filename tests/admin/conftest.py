"""The application with its own pages, as those of the dashboard have it, and who administers it."""

import httpx
import pytest

from telephony.users.sessions import Member
from tests.dashboard.conftest import (  # noqa: F401
    ada,
    app,
    bob,
    client,
    people,
    settings,
    sqlite,
    vault,
)
from tests.dashboard.visitor import Visitor
from tests.fixtures_smsc import smsc, smsc_process  # noqa: F401
from tests.users.world import People

ROOT, HELP = "root@example.com", "help@example.com"


@pytest.fixture
async def root(people: People, client: httpx.AsyncClient) -> Visitor:  # noqa: F811
    """An administrator with a browser, signed in."""
    await people.admin("admin", ROOT)
    visitor = Visitor(client)
    await visitor.sign_in(ROOT)
    return visitor


@pytest.fixture
async def helper(people: People, bob: Visitor) -> Visitor:  # noqa: F811
    """Somebody of support, who only looks."""
    await people.admin("support", HELP)
    await bob.sign_in(HELP)
    return bob


@pytest.fixture
async def admin(people: People) -> Member:  # noqa: F811
    """An administrator, for deeds."""
    return await people.admin("admin", "deeds@example.com")
