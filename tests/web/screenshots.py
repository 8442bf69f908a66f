"""`make screenshots`: every page at two widths, light and dark, into a folder to look at."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from tests.web.browser import PHONE, WIDE, Watch, running_chromium
from tests.web.tour import Tour, furnished

OUT = Path("build/screenshots")
PARTS = {
    "docs-sms": "/docs#post-send-message", "docs-webhooks": "/docs#webhooks",
    "docs-sandbox": "/docs#sandbox", "docs-try": "/docs/try?operation=send_message",
    "rates-of-a-number": "/rates?to=%2B49301234567", "not-found": "/nothing/here",
    "sign-in": "/sign-in",
}  # fmt: skip
"""Of long pages, and what only a query shows."""
SETTLE = """async (fragment) => {
  await document.fonts.ready;
  if (fragment.length > 1) document.querySelector(fragment).scrollIntoView();
}"""
TALL = ("docs", "start")
"""Pages of which only the beginning is shown."""


def shoot(page: Page, target: Path, whole: bool, fragment: str = "") -> None:
    """One picture, once fonts and charts are there."""
    page.evaluate(SETTLE, f"#{fragment}")
    page.wait_for_timeout(150)
    page.screenshot(path=target, full_page=whole)
    print(target)


def shoot_all(tour: Tour, chromium: Browser, out: Path, size: ViewportSize, scheme: str) -> None:
    """Every page in one size and scheme."""
    for name, page in tour.walk(chromium, size, scheme):
        shoot(page, out / f"{name}-{size['width']}-{scheme}.png", name not in TALL)
        if name != "docs":
            continue
        for part, path in PARTS.items():
            page.goto("about:blank")
            page.goto(path)
            page.wait_for_load_state("load")
            shoot(page, out / f"{part}-{size['width']}-{scheme}.png", False, path.partition("#")[2])


def main(out: Path) -> None:
    """All of them, in a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with furnished() as (site, home), running_chromium() as chromium:
        tour = Tour(site, home, Watch(site.url))
        for size in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                shoot_all(tour, chromium, out, ViewportSize(**size), scheme)  # type: ignore[typeddict-item]
        for path in sorted(set(tour.broken)):
            print(f"broken: {path}")
        for path in sorted(set(tour.missed)):
            print(f"not shown, since no page leads there: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
