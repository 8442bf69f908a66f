"""A walk over every page that is declared, as somebody who may open it. Where a path names one
of a list, the first link to it that was met is followed; so new pages come by themselves."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, BrowserContext, ViewportSize
from playwright.sync_api import Page as Tab

from api.app import PAGES
from api.web.page import PUBLIC, Page
from db.migrate import upgrade
from telephony.users.mails import Post
from telephony.users.roles import PLATFORM
from tests.users.world import People
from tests.web.browser import START_SECONDS, Site, Watch
from tests.web.furniture import Home, furnish, parts

LINKS = "[...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href'))"
VISITORS = {
    "/confirm": "doubtful", "/sign-in/code": "begun", "/dashboard/security/two-factor": "developer",
}  # fmt: skip
"""Who sees more than a redirection, or more than that there is nothing to do."""


@contextmanager
def furnished() -> Iterator[tuple[Site, Home]]:
    """A site with something to see, and who lives there."""
    with TemporaryDirectory(prefix="sms-voip-screens-") as folder:
        database = Path(folder) / "site.db"
        upgrade(f"sqlite:///{database}")
        site = Site(database)
        yield site, site.thread.run(furnish(People(site.db, Post(site.vault, site.url))))
        site.stop()


def shown(page: Page) -> bool:
    """Whether it is a page to look at, and not a file or a stream."""
    return page.method == "GET" and bool(page.template)


def name_of(page: Page) -> str:
    """`/dashboard/keys/{id}` → `dashboard-keys-id`."""
    return re.sub(r"[^a-z0-9]+", "-", page.path.lower()).strip("-") or "start"


@dataclass
class Tour:
    """One look at every page. Visitors are `nobody`, somebody who has `begun` to sign in, and
    those who have a session at home."""

    site: Site
    home: Home
    watch: Watch
    links: set[str] = field(default_factory=set)
    missed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def walk(
        self, chromium: Browser, size: ViewportSize, scheme: str = "light"
    ) -> Iterator[tuple[str, Tab]]:
        """The name of each page, and a tab that shows it."""
        visitors = ("nobody", "begun", *self.home.sessions)
        tabs = {who: self._tab(chromium, who, size, scheme) for who in visitors}
        for page in self.pages():
            path = self._path(page)
            if path is None:
                self.missed.append(page.path)
                continue
            tab = tabs[self._who(page)]
            self.site.write(parts)
            tab.goto("about:blank")  # else only the fragment would change
            answer = tab.goto(path)
            if answer is None or answer.status >= 400:
                self.broken.append(f"{path}: {answer and answer.status}")
            tab.wait_for_load_state("load")
            self.links |= {link.partition("?")[0] for link in tab.evaluate(LINKS)}
            yield name_of(page), tab
        for tab in tabs.values():
            tab.context.close()

    @staticmethod
    def pages() -> list[Page]:
        """What there is to look at; what needs a link goes last."""
        return sorted(filter(shown, PAGES), key=lambda page: page.path.count("{"))

    def _tab(self, chromium: Browser, who: str, size: ViewportSize, scheme: str) -> Tab:
        context = chromium.new_context(
            base_url=self.site.url, viewport=size, color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(START_SECONDS * 1000)
        self._let_in(context, who)
        return self.watch.open(context)

    def _let_in(self, context: BrowserContext, who: str) -> None:
        cookies = {who: {"session": token} for who, token in self.home.sessions.items()}
        cookies |= {"nobody": {}, "begun": {"sign_in": "token"}}
        for name, value in cookies[who].items():
            context.add_cookies([{"name": name, "value": value, "url": self.site.url}])

    def _path(self, page: Page) -> str | None:
        if "{" not in page.path:
            return page.path
        pattern = re.sub(r"\\\{\w+(:path)?\\\}", "[^/]+", re.escape(page.path))
        found = sorted(
            link for link in self.links | self.home.mailed if re.fullmatch(pattern, link)
        )
        taken = {one.path for one in PAGES}
        return next((link for link in found if link not in taken), None)

    def _who(self, page: Page) -> str:
        if page.path in VISITORS:
            return VISITORS[page.path]
        if page.roles is PUBLIC:
            return "nobody"
        return "admin" if set(page.roles or ()) <= set(PLATFORM) else "owner"
