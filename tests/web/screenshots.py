"""`make screenshots`: every public page at two widths, light and dark, into a folder to look at."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from db import components
from db.connection import Conn
from db.migrate import upgrade
from telephony.clock import now
from tests.factories import rate, seed_platform
from tests.web.browser import PHONE, WIDE, Site, running_chromium

OUT = Path("build/screenshots")
PAGES = {
    "docs": "/docs", "docs-sms": "/docs#post-send-message", "docs-webhooks": "/docs#webhooks",
    "docs-sandbox": "/docs#sandbox", "errors": "/docs/errors",
    "try": "/docs/try?operation=send_message", "rates": "/rates?to=%2B49301234567",
    "status": "/status", "not-found": "/nothing/here",
}  # fmt: skip
COUNTRIES = {
    "1": ("United States", "US"), "33": ("France", "FR"), "44": ("United Kingdom", "GB"),
    "49": ("Germany", "DE"), "81": ("Japan", "JP"), "91": ("India", "IN"),
}  # fmt: skip
SETTLE = """async (fragment) => {
  await document.fonts.ready;
  if (fragment.length > 1) document.querySelector(fragment).scrollIntoView();
}"""
REMOTE = ("sms", "trunk")
PARTS = (
    ("database", "database", "operational", "a write takes 3 ms"),
    ("pbx1", "pbx", "operational", "both links are ready"),
    ("sandbox", "sms", "operational", "answers at once"),
    ("acme-carrier", "trunk", "degraded", "no answer to OPTIONS for 40 s"),
    ("webhooks", "worker", "operational", "nothing waits"),
)


def furnish(conn: Conn) -> None:
    """Prices and parts as an installation has them."""
    rates = (rate(prefix, country=country, iso=iso) for prefix, (country, iso) in COUNTRIES.items())
    seed_platform(conn, tuple(rates))
    for name, kind, status, detail in PARTS:
        components.report(conn, name, kind, status, detail, now(), kind in REMOTE)


@contextmanager
def furnished() -> Iterator[Site]:
    """A site with something to see."""
    with tempfile.TemporaryDirectory(prefix="sms-voip-screens-") as folder:
        database = Path(folder) / "site.db"
        upgrade(f"sqlite:///{database}")
        site = Site(database)
        site.write(furnish)
        yield site
        site.stop()


def shoot(site: Site, chromium: Browser, out: Path, size: Any, scheme: Any) -> None:
    """Every page in one size and scheme."""
    context = chromium.new_context(base_url=site.url, viewport=size, color_scheme=scheme)
    page = context.new_page()
    for name, path in PAGES.items():
        page.goto("about:blank")  # else only the fragment changes, and it scrolls while we look
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate(SETTLE, f"#{path.partition('#')[2]}")
        page.wait_for_timeout(300)
        target = out / f"{name}-{size['width']}-{scheme}.png"
        page.screenshot(path=target)
        print(target)
    context.close()


def main(out: Path) -> None:
    """All of them, in a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with furnished() as site, running_chromium() as chromium:
        for size in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                shoot(site, chromium, out, size, scheme)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
