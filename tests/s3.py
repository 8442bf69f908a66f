"""A bucket at a socket: as much of S3 as keeping recordings takes. Every request must be signed
(AWS Signature Version 4) with the right key, over the very bytes that arrived."""

import hashlib
import hmac
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS_KEY, SECRET_KEY, REGION, BUCKET = "AKIATEST", "the bucket's secret", "eu-test-1", "calls"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/([^/]+)/s3/aws4_request), ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)


@dataclass
class Bucket:
    """What was put: `objects` by key. `fail_next` requests are answered with 500; `asked` counts
    methods."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    fail_next: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A server that runs until left."""
    kept = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(kept))
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def _handler(kept: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(_Request):
        bucket = kept

    return Handler


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing on stderr."""

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        name, _, key = unquote(url.path).removeprefix("/").partition("/")
        self.bucket.asked[self.command] += 1
        why = self._unsigned(body)
        if why or name != BUCKET:
            self.bucket.refused.append(why)
            return self._answer(HTTPStatus.FORBIDDEN, _error("AccessDenied", why))
        if self.bucket.fail_next:
            self.bucket.fail_next -= 1
            return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, _error("InternalError", "soon"))
        return getattr(self, f"_{self.command.lower()}")(key, query, body)  # type: ignore[no-any-return]

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.bucket.uploads[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self._keep(key, body, self.headers.get("Content-Type", ""))
        self._answer(HTTPStatus.OK, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def _post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            upload = f"{key}-{len(self.bucket.uploads)}".replace("/", "-")
            self.bucket.uploads[upload] = {}
            self.bucket.types[upload] = self.headers.get("Content-Type", "")
            self._answer(HTTPStatus.OK, _xml("InitiateMultipartUploadResult", UploadId=upload))
        else:
            parts = self.bucket.uploads.pop(query["uploadId"])
            whole = b"".join(parts[number] for number in sorted(parts))
            self._keep(key, whole, self.bucket.types[query["uploadId"]])
            self._answer(HTTPStatus.OK, _xml("CompleteMultipartUploadResult", ETag='"whole"'))

    def _keep(self, key: str, body: bytes, media_type: str) -> None:
        self.bucket.objects[key] = body
        self.bucket.types[key] = media_type

    def _get(self, key: str, query: dict[str, str], body: bytes) -> None:
        found = self.bucket.objects.get(key)
        if found is None:
            return self._answer(HTTPStatus.NOT_FOUND, _error("NoSuchKey", "no such key"))
        headers = {"ETag": '"it"', "Last-Modified": "Mon, 12 Jan 2026 00:00:00 GMT"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            return self._answer(HTTPStatus.OK, found, headers)
        start, last = int(asked[1]), min(int(asked[2]), len(found) - 1)
        headers["Content-Range"] = f"bytes {start}-{last}/{len(found)}"
        return self._answer(HTTPStatus.PARTIAL_CONTENT, found[start : last + 1], headers)

    def _delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        if self.bucket.objects.pop(key, None) is None:
            return self._answer(HTTPStatus.NOT_FOUND, _error("NoSuchKey", "no such key"))
        return self._answer(HTTPStatus.NO_CONTENT, b"")

    def _answer(
        self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _unsigned(self, body: bytes) -> str:
        """What is wrong with the signature; empty if nothing is."""
        found = AUTHORIZATION.fullmatch(self.headers.get("Authorization", ""))
        if found is None:
            return "not signed"
        access_key, scope, region, names, signature = found.groups()
        if (access_key, region) != (ACCESS_KEY, REGION):
            return "another key or region"
        digest = self.headers["x-amz-content-sha256"]
        if digest != hashlib.sha256(body).hexdigest():
            return "the digest is not that of the body"
        request = self._canonical(names.split(";"), digest)
        signed = "\n".join(("AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope,
                            hashlib.sha256(request.encode()).hexdigest()))  # fmt: skip
        right = hmac.new(_signing_key(scope), signed.encode(), hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(right, signature) else "the signature is wrong"

    def _canonical(self, names: list[str], digest: str) -> str:
        url = urlsplit(self.path)
        pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        return "\n".join((self.command, url.path, query, headers, ";".join(names), digest))


def _signing_key(scope: str) -> bytes:
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _xml(name: str, **members: str) -> bytes:
    inner = "".join(f"<{tag}>{escape(value)}</{tag}>" for tag, value in members.items())
    return f'<?xml version="1.0"?><{name}>{inner}</{name}>'.encode()


def _error(code: str, message: str) -> bytes:
    return _xml("Error", Code=code, Message=message)
