"""The local server of the page: for this machine alone, and only for who knows the address that it printed."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..io import FileProblem
from .data import Library
from .page_files import TYPES, page_files
from .picture_files import SHOWN_BY_BROWSERS, file_within

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ASKED = re.compile(r"(pictures|payload|image)/(\d{1,9})")


class Server:
    """Serves a library of pictures at `address` from `start` to `close`.

    Args:
        images: the folder, or the one picture, that pictures may come from; None: there are none.
        start: the settings that the page begins with.
        port: 0 takes a free one.

    Raises:
        FileProblem: the port is taken.
    """

    def __init__(self, library: Library, images: Path | None, start: Mapping[str, Any], port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        try:
            self._http = _Http(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise FileProblem(f"--port {port} cannot be had: {error.strerror or error}") from error
        self._http.serves = _Served(self.token, library, images, start)
        self.port: int = self._http.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/{self.token}/"
        self._closing = threading.Event()
        self._threads = (
            threading.Thread(target=self._http.serve_forever, daemon=True),
            threading.Thread(target=library.fill, args=(self._closing.is_set,), daemon=True),
        )

    def start(self) -> None:
        """Answers from now on, and reads the files meanwhile."""
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Until it is closed."""
        while self._threads[0].is_alive():
            self._threads[0].join(0.5)  # an interrupt is heard between

    def close(self) -> None:
        """Answers no more. A file that is being read is not waited for: it may be large."""
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        for thread in self._threads:
            thread.join(1)


class _Served:
    """What there is to ask for."""

    def __init__(self, token: str, library: Library, images: Path | None, start: Mapping[str, Any]) -> None:
        self.token, self.library, self._images, self._start = token, library, images, start
        self._page = page_files()

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Content type and content; None: there is nothing of this name."""
        file = self._page.get(path or "index.html")
        if file is not None:
            return TYPES[file.suffix], file.read_bytes()
        if path == "start":
            return _json(self._start)
        asked = ASKED.fullmatch(path)
        if asked is None:
            return None
        number = int(asked[2])
        if asked[1] == "pictures":
            return _json(self.library.listed(number))
        if number >= len(self.library):
            return None
        if asked[1] == "payload":
            return "application/octet-stream", self.library.payload(number)
        return self._image(number)

    def _image(self, number: int) -> tuple[str, bytes] | None:
        image = self.library.image(number)
        if image is None or self._images is None:
            return None
        there = file_within(self._images, image)  # a link may have changed since it was listed
        kind = SHOWN_BY_BROWSERS.get(there.suffix.lower())
        return None if kind is None else (kind, there.read_bytes())


def _json(value: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps(value, allow_nan=False).encode()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False  # a port that another program listens on is taken
    request_queue_size = 128  # with the usual 5 a few silent clients keep the page waiting for seconds
    serves: _Served

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves in the middle of an answer is no error: it does so when another picture is chosen."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    server_version, sys_version = "ptdet", ""
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds for a client that says nothing

    def do_GET(self) -> None:
        host = self.headers.get_all("Host") or []
        port = self.server.server_address[1]
        # another name that leads here is a page of elsewhere that wants to read along (DNS rebinding)
        if len(host) != 1 or host[0] not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        if self._is_asked_by_another_page():
            return self._refuse(HTTPStatus.FORBIDDEN)
        token, *rest = self.path.partition("?")[0].removeprefix("/").split("/", 1)
        if not hmac.compare_digest(token.encode(), self.server.serves.token.encode()):
            return self._refuse(HTTPStatus.FORBIDDEN)
        found, why = None, ""
        try:
            found = self.server.serves.answer(rest[0]) if rest else None
        except FileProblem as problem:  # a file has gone since it was listed
            why = str(problem)
        except OSError:  # so has a picture
            pass
        if found is None:
            return self._refuse(HTTPStatus.NOT_FOUND, why)
        self._send(HTTPStatus.OK, *found)

    def _is_asked_by_another_page(self) -> bool:
        """A link that is followed is none: a terminal may be a page of its own."""
        if self.headers.get("Origin") not in (None, f"http://{self.headers['Host']}"):  # old browsers say no more
            return True
        site, mode, place = (self.headers.get(f"Sec-Fetch-{name}", "") for name in ("Site", "Mode", "Dest"))
        return site not in ("", "none", "same-origin") and (mode, place) != ("navigate", "document")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses, as an unknown method: without its page, which repeats what came."""
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is printed: the token is part of each path."""

    def _refuse(self, status: HTTPStatus, why: str = "") -> None:
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", f"{why or status.phrase}\n".encode(errors="replace"))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **HEADERS}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
