"""Server time of every declared page, as the owner of an account with very many messages and calls
and as an administrator: each list also with every filter that its form offers, and far down."""

import argparse
import asyncio
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from rich.console import Console
from starlette.types import ASGIApp, Message, Scope

from api.app import PAGES, create_app
from api.commands.serve import spare_the_collector
from api.web.page import PUBLIC, Page
from bench import pages_asked, pages_stored, stored
from bench.call_log import p99
from bench.report import Figure, Report
from bench.server import UNLIMITED
from db.session import open_database
from telephony.settings import Settings
from telephony.users.roles import PLATFORM
from tests.users.world import People
from tests.web.furniture import ADMIN, OWNER

ROWS, ROUNDS, WARM_UP = 1_000_000, 10, 2
ROUNDS_OF_DOUBT = 100
"""Of what was over the limit at first: few rounds do not tell a page that is slow from a machine
that was busy with something else for once."""
MILLISECONDS_MAX = 100
PATIENCE_MILLISECONDS = 1_000
"""What takes longer is not asked again."""
FILLED_IN = re.compile(r"\\\{\w+\\\}")

say = Console(stderr=True).print


@dataclass
class Answer:
    """What came back, and after how long: all of a page, the beginning of a file or a stream."""

    status: int
    milliseconds: float
    body: bytes


@dataclass
class Site:
    """The application with its people; `links` are those that were met."""

    app: ASGIApp
    people: People
    users: dict[str, str]
    large: str
    links: set[str] = field(default_factory=set)

    async def ask(self, url: str, token: str, whole: bool) -> Answer:
        """One GET."""
        path, _, query = url.partition("?")
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": unquote(path), "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "headers": [(b"host", b"127.0.0.1:8000"), (b"cookie", f"session={token}".encode())],
        }  # fmt: skip
        answer, enough = Answer(0, 0, b""), asyncio.Event()

        async def receive() -> Message:
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            answer.status = message.get("status", answer.status)
            answer.body += message.get("body", b"")
            last = message["type"] == "http.response.body" and not message.get("more_body")
            if last or (answer.body and not whole):
                answer.milliseconds = answer.milliseconds or (time.perf_counter() - began) * 1000
                enough.set()

        began = time.perf_counter()
        running = asyncio.ensure_future(self.app(scope, receive, send))
        told = asyncio.create_task(enough.wait())
        await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
        for one in (told, *([] if whole else [running])):
            one.cancel()
        await asyncio.gather(running, told, return_exceptions=True)
        return answer

    async def token(self, page: Page) -> str:
        """Of a new session, which has proved lately who it is."""
        if page.roles is PUBLIC:
            return ""
        return await self.people.token(self.users[who(page)])

    def url(self, page: Page) -> str | None:
        """Where it is: about the large account, else about the newest of what was met."""
        pattern = FILLED_IN.sub("[^/]+", re.escape(page.path))
        taken = {one.path for one in PAGES}
        found = [link for link in self.links if re.fullmatch(pattern, link) and link not in taken]
        if "{" not in page.path:
            return page.path
        return max(found, key=lambda link: (self.large in link, link), default=None)


def who(page: Page) -> str:
    """Whom it is shown to."""
    if page.roles is PUBLIC:
        return "nobody"
    return "admin" if set(page.roles or ()) <= set(PLATFORM) else "owner"


@asynccontextmanager
async def site_of(url: str) -> AsyncIterator[Site]:
    """The platform's web side on a database that was filled."""
    db = await open_database(url)
    people = pages_stored.people(db)
    try:
        users = {name: (await people.user(email))["id"]
                 for name, email in (("owner", OWNER), ("admin", ADMIN))}  # fmt: skip
        large = await people.member_of(OWNER, "Northwind Couriers")
        settings = Settings.model_validate({"public_url": pages_stored.PUBLIC_URL, **UNLIMITED})
        yield Site(create_app(settings, db, people.vault), people, users, large)
    finally:
        await db.close()


def shown() -> list[Page]:
    """Pages that can be asked for; those that need a link go last."""
    return sorted((page for page in PAGES if page.method == "GET"),
                  key=lambda page: (page.path.count("{"), page.path.endswith(".csv")))  # fmt: skip


async def measured(site: Site, page: Page, rounds: int) -> dict[str, list[float]]:
    """Milliseconds by query; empty where nothing leads to the page."""
    url, whole, taken = site.url(page), bool(page.template), dict[str, list[float]]()
    if url is None:
        return taken
    token = await site.token(page)
    first = await site.ask(url, token, whole)
    today = datetime.now(UTC)
    days = [f"{today - timedelta(back):%Y-%m-%d}" for back in (pages_stored.DAYS - 5, 30, 0)]
    seen = pages_asked.seen(first.body.decode("utf-8", "replace") if whole else "", days)
    site.links |= {link.partition("?")[0].partition("#")[0] for link in seen.links}
    early = today - timedelta(pages_stored.DAYS - 1)
    for query in pages_asked.queries(seen, int(early.timestamp() * 1000)):
        taken[query] = await _several(
            site, f"{url}?{query}" if query else url, token, whole, rounds
        )
    return taken


async def _several(site: Site, url: str, token: str, whole: bool, rounds: int) -> list[float]:
    taken = await _asked(site, url, token, whole, rounds)
    if taken and statistics.median(taken) < MILLISECONDS_MAX <= max(taken):
        taken += await _asked(site, url, token, whole, ROUNDS_OF_DOUBT)
        say(f"in doubt: {url}: {_p99(taken):.0f} ms at p99, {max(taken):.0f} ms at most")
    return taken


async def _asked(site: Site, url: str, token: str, whole: bool, rounds: int) -> list[float]:
    taken: list[float] = []
    for turn in range(WARM_UP + rounds):
        answer = await site.ask(url, token, whole)
        # Only the row of a recording is there, and not its file.
        assert 200 <= answer.status < (404 if whole else 405), (
            f"{url}: {answer.status} {answer.body[:2000]!r}"
        )
        if turn >= WARM_UP or answer.milliseconds > PATIENCE_MILLISECONDS:
            taken.append(answer.milliseconds)
        if answer.milliseconds > PATIENCE_MILLISECONDS:
            break
    return taken


def figure(database: str, page: Page, taken: dict[str, list[float]]) -> Figure:
    """The p99 of its slowest query, beside that query's median."""
    query = max(taken, key=lambda one: _p99(taken[one]))
    asked = f"{page.path}{'?' if query else ''}{query}"
    return Figure(
        f"{database}, {asked}, p99", _p99(taken[query]), "ms",
        f"its p50; worst of {len(taken)} queries", statistics.median(taken[query]),
    )  # fmt: skip


def _p99(values: list[float]) -> float:
    return p99(values) if len(values) > 1 else sum(values)


async def on(url: str, database: str, rounds: int, only: str, limit: float) -> list[Figure]:
    """What the slowest took, then a figure for each page, the slowest first."""
    figures: list[Figure] = []
    async with site_of(url) as site:
        spare_the_collector()
        for page in shown():
            taken = await measured(site, page, rounds if re.search(only, page.path) else 0)
            if not taken:
                say(f"no address: {page.path}")
            elif any(taken.values()):
                figures.append(figure(database, page, taken))
                say(f"{figures[-1].what}: {figures[-1].value:.1f} ms")
    figures.sort(key=lambda one: -one.value)
    what = f"{database}, the slowest of {len(figures)} pages, p99"
    worst = max((one.value for one in figures), default=0.0)
    return [Figure(what, worst, "ms", limit=limit), *figures]


def run(
    rows: int = ROWS, databases: tuple[str, ...] = ("sqlite", "postgres"), rounds: int = ROUNDS,
    folder: Path | None = None, only: str = "", limit: float = MILLISECONDS_MAX,
) -> Report:  # fmt: skip
    """The figures on both databases."""
    title = f"Pages among {rows:,} messages and {rows:,} calls: server time"
    report = Report("pages", title)
    for database in databases:
        with stored.opened(database, [pages_stored.filling(rows)], folder, say) as (url,):
            report.figures += asyncio.run(on(url, database, rounds, only, limit))
    return report


def main(words: list[str]) -> int:
    """Other sizes, one of the databases or some pages; status 1 if a page is too slow."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", choices=("sqlite", "postgres"), action="append")
    parser.add_argument("--folder", type=Path, help="where the filled databases are kept")
    parser.add_argument("--only", default="", help="a pattern that paths of pages must have")
    parser.add_argument("--save", action="store_true", help="keep the figures in bench/results")
    asked = parser.parse_args(words)
    both = tuple(asked.database or ("sqlite", "postgres"))
    report = run(asked.rows, both, asked.rounds, asked.folder, asked.only)
    report.show(Console())
    if asked.save:
        report.save()
    return 1 if report.missed() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
