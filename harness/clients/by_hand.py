"""A request as one line for a shell, to be sent by hand: curl where it writes these bytes, else Python.

Both are printable ASCII for any POSIX shell. curl writes Host first, then the lines given, then Content-Length, as the
wire client does; it drops or mends what is no plain header line, and sends lines of its own, which are switched off.
"""

import re
import shlex
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from harness.clients.exchange import Request
from harness.clients.request_bytes import HTTP_PORT, HTTPS_PORT, host_of, request_bytes

WAIT_S: Final = 30
CURL_ADDS: Final = (b"accept", b"user-agent", b"content-type")
"""Lines that curl sends of its own unless a request has them or they are switched off."""
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.-]+: [!-?A-~](?:[ -?A-~]*[!-?A-~])?")
"""A line that curl sends as it is; one with an @ is left to Python, which can escape it: it may look like an e-mail."""
_FRAMES: Final = frozenset(
    b"content-length expect host proxy-connection te trailer transfer-encoding upgrade".split()
)
"""Names that curl acts on beside sending them."""
_PATH: Final = re.compile(r"/[!-~]*")

Hidden = Mapping[bytes, bytes]
"""By the name of a header in lower case what is printed in place of its value, which is a secret: `Bearer $TOKEN`."""
_NOTHING_HIDDEN: Final[Hidden] = {}


def line_by_hand(request: Request, url: str, hidden: Hidden = _NOTHING_HIDDEN) -> str:
    """The line that sends a request to the site at `url` (http or https, without a path) and prints the reply."""
    site = url.rstrip("/")
    lines = tuple((name, hidden.get(name.lower(), b"") or value) for name, value in request.headers)
    printed = Request(request.path, lines, request.body, request.method)
    return _curl(printed, site, hidden) if _is_for_curl(printed) else _python(printed, site, hidden)


def _is_for_curl(request: Request) -> bool:
    """Whether curl writes exactly these bytes."""
    lines = all(
        _PLAIN.fullmatch(b"%b: %b" % line) and line[0].lower() not in _FRAMES for line in request.headers
    )
    body = (
        request.body.isascii()
        and request.body.decode("ascii").isprintable()
        and not request.body.startswith(b"@")
    )
    return lines and body and request.method == "POST" and bool(_PATH.fullmatch(request.path))


def _curl(request: Request, site: str, hidden: Hidden) -> str:
    names = {name.lower() for name, _ in request.headers}
    arguments = [
        "curl",
        "-sgi",
        "--http1.1",
        "--path-as-is",
        "-m",
        str(WAIT_S),
        shlex.quote(site + request.path),
    ]
    for name, value in request.headers:
        line = f"{name.decode()}: {value.decode()}"
        arguments += ["-H", f'"{line}"' if name.lower() in hidden else shlex.quote(line)]
    for name in CURL_ADDS:
        arguments += [] if name in names else ["-H", f"{name.decode()}:"]
    return " ".join([*arguments, "--data-binary", shlex.quote(request.body.decode())])


def _python(request: Request, site: str, hidden: Hidden) -> str:
    parts = urlsplit(site)
    tls = parts.scheme == "https"
    usual_port = HTTPS_PORT if tls else HTTP_PORT
    address = (parts.hostname or "", parts.port or usual_port)
    lines = [
        (name, value.replace(b"$", _MARK) if name.lower() in hidden else value)
        for name, value in request.headers
    ]
    marked = Request(request.path, tuple(lines), request.body, request.method)
    first, *pieces = request_bytes(marked, host_of(address, usual_port)).split(_MARK)
    sent = _literal(first)
    for piece in pieces:
        variable, end, rest = piece.partition(b"\r\n")
        sent += f'+os.environb[b"{variable.decode()}"]+{_literal(end + rest)}'
    steps = [f"import socket,http.client{',ssl' * tls}{',os' * bool(pieces)}"]
    steps.append(f'c=socket.create_connection(("{address[0]}",{address[1]}),{WAIT_S})')
    if tls:
        steps.append(f'c=ssl.create_default_context().wrap_socket(c,server_hostname="{address[0]}")')
    steps += [f"c.sendall({sent})", 'r=http.client.HTTPResponse(c,method="POST")', "r.begin()"]
    steps.append("print(r.status,r.reason,r.headers,ascii(r.read()))")
    return f"python3 -c '{';'.join(steps)}'"


_MARK: Final = b"\x00the shell's variable\x00"


def _literal(data: bytes) -> str:
    """Bytes as Python writes them between double quotes, without a single quote, for a word in single quotes."""
    return 'b"' + "".join(_BYTES[byte] for byte in data) + '"'


def _byte(byte: int) -> str:
    named = {0x0D: r"\r", 0x0A: r"\n", 0x09: r"\t", 0x22: r"\"", 0x5C: r"\\"}
    if byte in named:
        return named[byte]
    return chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'@" else f"\\x{byte:02x}"


_BYTES: Final = tuple(map(_byte, range(256)))
