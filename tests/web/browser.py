"""A real browser on a real server, for the modules of tests that ask for it: those have plain
functions only, since Playwright's own loop would get into the way of pytest's."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
import uvicorn
from cryptography.fernet import Fernet
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from api.app import create_app
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.factories import seed_platform
from tests.fixtures_pbx import LoopThread
from tests.ports import free_port
from tests.users.world import PASSWORD
from tests.web.vendor import MODULES

P = ParamSpec("P")
T = TypeVar("T")

AXE = MODULES / "axe-core/axe.min.js"
GRAVE = {"serious", "critical"}
WIDE, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
START_SECONDS = 60
RUN_AXE = """async only => (await axe.run(document, {resultTypes: ['violations'],
    ...(only ? {runOnly: [only]} : {})})).violations.map(
  one => ({id: one.id, impact: one.impact, help: one.help,
           nodes: one.nodes.slice(0, 5).map(node => node.target.join(' ') + ' ' + node.html)}))"""


class Site:
    """The platform's web side on SQLite, served by uvicorn in a thread; no worker runs."""

    def __init__(self, database: Path, **changes: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = Settings(public_url=self.url, http_port=self.port, **changes)
        self.vault = Vault(Fernet.generate_key().decode())
        self.thread = LoopThread()
        self.db: Database = self.thread.run(open_database(f"sqlite:///{database}"))
        config = uvicorn.Config(
            create_app(self.settings, self.db, self.vault), host="127.0.0.1", port=self.port,
            lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), self.thread.loop)
        self.thread.run(self._started())

    def write(
        self, deed: Callable[Concatenate[Conn, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed."""
        return self.thread.run(self.db.write(deed, *args, **kwargs))

    def stop(self) -> None:
        """End the server and close the database."""
        self._server.should_exit = True
        self._serving.result(START_SECONDS)
        self.thread.run(self.db.close())
        self.thread.close()

    async def _started(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            while not self._server.started:
                await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def site(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A platform with the public tariff."""
    made = Site(Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("site") / "site.db")))
    made.write(seed_platform)
    yield made
    made.stop()


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window, with a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@dataclass
class Watch:
    """What a browser complained of: errors of the console, of scripts, of the policy, and
    requests that went to other hosts."""

    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, context: BrowserContext) -> Page:
        """A tab that is watched."""
        page = context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", lambda request: self._request(request.url))
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "about:", "blob:")):
            self.complaints.append(f"asked another host: {url}")


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    """Collects complaints; any fails the test at its end."""
    watching = Watch(site.url)
    yield watching
    assert watching.complaints == []


@pytest.fixture
def browser_page(site: Site, chromium: Browser, watch: Watch) -> Iterator[Page]:
    """A tab on a wide screen, with paths relative to the site; the clipboard is allowed."""
    context = chromium.new_context(base_url=site.url, viewport=WIDE)  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(START_SECONDS * 1000)
    yield watch.open(context)
    context.close()


@pytest.fixture
def phone_page(site: Site, chromium: Browser, watch: Watch) -> Iterator[Page]:
    """A tab on a phone, in the dark."""
    context = chromium.new_context(
        base_url=site.url, viewport=PHONE, color_scheme="dark", has_touch=True,  # type: ignore[arg-type]
    )  # fmt: skip
    context.set_default_timeout(START_SECONDS * 1000)
    yield watch.open(context)
    context.close()


def assert_accessible(page: Page, only: str = "") -> None:
    """axe-core finds nothing serious or critical in the page as it is now; `only` names a rule."""
    page.evaluate(AXE.read_text())
    found = [one for one in page.evaluate(RUN_AXE, only) if one["impact"] in GRAVE]
    assert not found, "\n".join(f"{one['id']}: {one['help']} {one['nodes']}" for one in found)


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} px too wide"


def look(page: Page, heading: str | re.Pattern[str]) -> None:
    """The page has this heading, and nothing is wrong with it."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    assert_accessible(page)
    assert_fits(page)


def sign_in(page: Page, email: str, path: str = "/dashboard") -> None:
    """Ask for a page, and give what is asked for first."""
    page.goto(path)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"**{path}")
