"""Static files, kept in memory under a URL with a hash of their content."""

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml", ".woff2": "font/woff2",
}  # fmt: skip
FOREVER = "public, max-age=31536000, immutable"
_URL = re.compile(r"url\(([\w/.-]+)\)")
_SOURCE_MAP = re.compile(rb"\n(?://|/\*)# sourceMappingURL=.*\s*\Z")
"""Maps are not vendored; a browser's tools would ask for them in vain."""


@dataclass(frozen=True)
class Asset:
    """A file as it is sent; `packed` is its gzip where that is smaller."""

    url: str
    media_type: str
    body: bytes
    packed: bytes | None


@cache
def load(name: str) -> Asset:
    """A file below the folder; KeyError if there is none that may be sent."""
    path = (FOLDER / name).resolve()
    media_type = MEDIA_TYPES[path.suffix]
    if path != Path(f"{FOLDER}/{name}") or name.endswith("/") or not path.is_file():
        raise KeyError(name)
    body = _SOURCE_MAP.sub(b"\n", path.read_bytes())
    if path.parent == FOLDER and path.suffix == ".css":  # ours may name others
        body = _URL.sub(lambda found: f"url({url(found[1])})", body.decode()).encode()
    packed = gzip.compress(body, 9, mtime=0)
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Asset(f"/static/{digest}/{name}", media_type, body,
                 packed if len(packed) < len(body) else None)  # fmt: skip


def url(name: str) -> str:
    """Where a browser gets the file; another content has another URL."""
    return load(name).url


@cache
def icon(name: str) -> Markup:
    """A vendored icon as an inline SVG that screen readers pass over."""
    text = (FOLDER / f"vendor/icons/{name}.svg").read_text()
    return Markup(text.replace("<svg ", '<svg aria-hidden="true" ', 1))


async def _serve(request: Request) -> Response:
    try:
        asset = await asyncio.to_thread(load, request.path_params["name"])
    except KeyError as error:
        raise HTTPException(404) from error
    if asset.url != request.url.path:
        raise HTTPException(404)
    headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, 200, {**headers, "Content-Encoding": "gzip"},
                        asset.media_type)  # fmt: skip
    return Response(asset.body, 200, headers, asset.media_type)


ROUTE = Route("/static/{digest}/{name:path}", _serve, methods=["GET"])
