"""The HTTP side of the Flask backend: a connection for each request, strict header lines, and its bad days.

Must not know what the requests are about.
"""

import itertools
import os
import random
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from email.utils import formatdate
from io import BufferedIOBase, BytesIO
from time import time
from typing import Any, NoReturn

from werkzeug.serving import WSGIRequestHandler
from werkzeug.wsgi import get_input_stream

from tests.backends.options import DIED

HEADER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n")
"""RFC 9112, 5: no blank before the colon, no folding, no control characters, no bare CR or LF."""

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class _Lines:
    """A reader that remembers the lines read through it."""

    def __init__(self, reader: BufferedIOBase) -> None:
        self._reader = reader
        self.seen: list[bytes] = []

    def readline(self, limit: int = -1) -> bytes:
        line = self._reader.readline(limit)
        self.seen.append(line)
        return line


class OneRequest(WSGIRequestHandler):
    """One request, then the connection closes; Python's own parser takes header lines that HTTP forbids."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def parse_request(self) -> bool:
        reader = self.rfile
        lines = _Lines(reader)
        self.rfile = lines  # type: ignore[assignment]  # http.client only calls readline
        try:
            parsed = super().parse_request()
        finally:
            self.rfile = reader
        if parsed and not all(HEADER_LINE.fullmatch(line) for line in lines.seen[:-1]):
            self.send_error(400, "Malformed header field")
            self._let_go()
            return False
        return parsed

    def _let_go(self) -> None:
        """Reads on until the client is done, for a close with bytes unread would take the reply back."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1)
        with suppress(OSError):
            while self.connection.recv(65536):
                pass

    def connection_dropped(self, *_: object) -> None:
        self.close_connection = True  # else the handler waits for another request

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: a line for each request helps nobody here."""


class BadDay:
    """A WSGI application that treats requests as its mode says, and hands the rest on."""

    def __init__(self, app: WsgiApp, mode: str | None, seed: int) -> None:
        self._app = app
        self._mode = mode or ""
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._count = itertools.count(1)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = get_input_stream(environ).read()  # whole, for what is left unread delays the close
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
        with self._lock:
            chance, count = self._chance.random(), next(self._count)
        if self._mode.startswith("die-after-") and count > int(self._mode.removeprefix("die-after-")):
            os._exit(DIED)
        if self._mode == "hang":
            _keep_silent(environ["werkzeug.socket"])
        if self._mode == "html":
            start_response("200 OK", [("content-type", "text/html"), ("content-length", str(len(PAGE)))])
            return [PAGE]
        if self._mode == "429-half" and chance < 0.5:
            later = formatdate(time() + 1, usegmt=True)
            start_response("429 Too Many Requests", [("retry-after", later), ("content-length", "5")])
            return [b"later"]
        if self._mode == "500-half" and chance < 0.5:
            start_response("500 Internal Server Error", [("content-length", "4")])
            return [b"oops"]
        if self._mode == "close-random" and chance < 0.25:
            raise ConnectionAbortedError
        reply = self._app(environ, start_response)
        return _half(reply) if self._mode == "close-random" and chance < 0.5 else reply


PAGE = b"<!doctype html><title>Sign in</title><p>This network asks you to sign in first."


def _keep_silent(connection: socket.socket) -> NoReturn:
    """Waits until the client gives up."""
    connection.settimeout(None)
    while connection.recv(65536):
        pass
    raise ConnectionAbortedError


def _half(reply: Iterable[bytes]) -> Iterator[bytes]:
    first = next(iter(reply))
    yield first[: len(first) // 2]
    raise ConnectionAbortedError
