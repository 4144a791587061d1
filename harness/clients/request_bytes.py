"""A request as bytes on the wire, and the name of an address in them. Pure."""

import re
from functools import lru_cache
from typing import Final

from harness.clients.exchange import FRAMING, Address, Request
from harness.rule.policy import FIELD_BYTES

HEAD_BYTES_SURE: Final = 8 * 1024


FIELDS_SURE: Final = 90
"""Up to this size every common server takes a head; above it, some refuse (nginx and Apache: 8 KiB, 100 lines)."""


HTTP_PORT: Final = 80


HTTPS_PORT: Final = 443
"""Left out of the Host header, as clients do (RFC 9110, 7.2); some sites know their name only so."""


_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # RFC 9110, 5.6.2


_TARGET = re.compile(r"/[!-~]*")


def request_bytes(request: Request, host: str) -> bytes:
    """The request as it is written: header lines byte for byte, Host before them and Content-Length after them."""
    parts = [f"{request.method} {request.path} HTTP/1.1\r\nHost: {host}\r\n".encode("latin-1")]
    parts += [b"%b: %b\r\n" % line for line in request.headers]
    parts.append(b"Content-Length: %d\r\n\r\n%b" % (len(request.body), request.body))
    return b"".join(parts)


def ends_connection(request: Request, data: bytes) -> bool:
    """Whether a server may see less or more than one request in `data`, the request's bytes.

    What it sees behind the first would be answered before the next request is, so that one gets a connection of its
    own.
    """
    head = data[: len(data) - len(request.body)]
    line_ends = b"\r\n" * (len(request.headers) + 4)  # request line, Host, Content-Length, empty line
    # What is left without the bytes that a field value may have are exactly the line ends, unless one is in a value.
    if head.translate(None, FIELD_BYTES) != line_ends or not _TARGET.fullmatch(request.path):
        return True
    return any(_may_frame(name) for name, _ in request.headers)


@lru_cache(maxsize=512)  # most names are in every request
def _may_frame(name: bytes) -> bool:
    return not name or bool(name.translate(None, _TOKEN)) or name.lower() in FRAMING


def host_of(address: Address, default_port: int = HTTP_PORT) -> str:
    """What the Host header says of an address."""
    host, port = address
    name = f"[{host}]" if ":" in host else host
    return name if port == default_port else f"{name}:{port}"
