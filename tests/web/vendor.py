"""`make vendor`: copies the pinned parts of the pages from tests/web/node_modules, where
`npm ci` has put them by checksum, to api/web/static/vendor, and writes down what they weigh.
"""

import hashlib
import shutil
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
VENDOR = HERE.parents[1] / "api/web/static/vendor"
SUMS = VENDOR / "SHA256SUMS"
FILES = {
    "bootstrap": ("LICENSE", "dist/css/bootstrap.min.css", "dist/js/bootstrap.bundle.min.js"),
    "chart.js": ("LICENSE.md", "dist/chart.umd.min.js"),
    "htmx.org": ("LICENSE", "dist/htmx.min.js"),
    "htmx-ext-sse": ("LICENSE", "dist/sse.min.js"),
    "@fontsource-variable/inter": ("LICENSE", "files/inter-latin-wght-normal.woff2"),
    "@fontsource-variable/jetbrains-mono": (
        "LICENSE", "files/jetbrains-mono-latin-wght-normal.woff2",
    ),
}  # fmt: skip
ICONS = (HERE / "icons.txt").read_text().split()


def wanted() -> dict[str, Path]:
    """Name below the vendor folder → where npm has it."""
    found = {
        f"{package.removeprefix('@fontsource-variable/')}/{Path(name).name}": MODULES
        / package
        / name
        for package, names in FILES.items()
        for name in names
    }
    icons = MODULES / "bootstrap-icons"
    found["icons/LICENSE"] = icons / "LICENSE"
    return found | {f"icons/{name}.svg": icons / "icons" / f"{name}.svg" for name in ICONS}


def checksum(path: Path) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sums() -> dict[str, str]:
    """Name → SHA-256, as it was written down."""
    lines = SUMS.read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def copy() -> None:
    """Make the vendor folder anew."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    for name, source in wanted().items():
        target = VENDOR / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    lines = [f"{checksum(VENDOR / name)}  {name}\n" for name in sorted(wanted())]
    SUMS.write_text("".join(lines))


if __name__ == "__main__":
    copy()
