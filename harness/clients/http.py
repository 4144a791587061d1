"""The ordinary HTTP client, httpx: extensions as their users run them, health checks, HTTP/2.

What httpx refuses to send, or changes, and what must be sent faster than it can, goes through `wire`. There is no
third way.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Final

import httpx

from harness.clients.coding import without_length
from harness.clients.connection import REFUSAL_STATUSES
from harness.clients.exchange import NO_CONNECTION, Address, Outcome, Reply, Request

TIMEOUT_S: Final = 10.0
OF_CONNECTION: Final = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"})
"""Fields of a connection, which are no part of a request over HTTP/2 (RFC 9113, 8.2.2)."""


async def send(address: Address, request: Request, *, timeout_s: float = TIMEOUT_S) -> Reply:
    """The reply to one request over http, on a connection of its own."""
    async with _client(timeout_s=timeout_s) as client:
        response = await _response(client, _origin(address), request)
    return response if isinstance(response, Reply) else _read(response)


async def send_over_http2(
    url: str, requests: Sequence[Request], *, timeout_s: float, tls: ssl.SSLContext | None
) -> list[Reply] | None:
    """A reply to each request, one after the other over one connection; None where the site speaks HTTP/1.1 only.

    `url` has no path. `tls` is the context of the site's other connections; None: the system's. A site offers HTTP/2
    in its TLS handshake (RFC 9113, 3.2).
    """
    if not url.startswith("https:"):
        return None
    replies: list[Reply] = []
    async with _client(timeout_s=timeout_s, tls=tls or ssl.create_default_context(), http2=True) as client:
        for request in requests:
            lines = tuple(line for line in request.headers if line[0].lower() not in OF_CONNECTION)
            response = await _response(client, url, replace(request, headers=lines))
            if isinstance(response, httpx.Response) and response.http_version != "HTTP/2":
                return None
            replies.append(response if isinstance(response, Reply) else _read(response))
    return replies


@asynccontextmanager
async def chunks(
    address: Address, request: Request, *, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The chunks of a reply as they come. Whoever ends the context earlier than the reply leaves the server alone.

    Raises httpx.TransportError where there is no reply, and while chunks are read.
    """
    async with _client(timeout_s=timeout_s) as client:
        response = await client.send(_request(_origin(address), request), stream=True)
        async with contextlib.aclosing(response):
            yield response.aiter_raw()


def _client(*, timeout_s: float, tls: ssl.SSLContext | None = None, http2: bool = False) -> httpx.AsyncClient:
    return httpx.AsyncClient(http2=http2, verify=tls or _no_authorities(), timeout=timeout_s, trust_env=False)


@lru_cache(maxsize=1)
def _no_authorities() -> ssl.SSLContext:
    """Trusts nobody. httpx makes a context for each client, also for http; reading all authorities takes 10 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _origin(address: Address) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _response(client: httpx.AsyncClient, origin: str, request: Request) -> httpx.Response | Reply:
    """The response, read to its end; or why there is none."""
    timeout_s = client.timeout.read
    try:
        # httpx bounds the wait for each part of a reply; a reply that drips in takes as long as it likes.
        async with asyncio.timeout(timeout_s):
            return await client.send(_request(origin, request))
    except httpx.ConnectError as error:
        return Reply(Outcome.REFUSED, 0, reason=f"{NO_CONNECTION} to {origin}: {error}")
    except (TimeoutError, httpx.TimeoutException):
        return Reply(Outcome.TIMEOUT, 0, reason=f"no whole reply in {timeout_s:g} s")
    except httpx.RequestError as error:
        return Reply(Outcome.REFUSED, 0, reason=f"closed: {error or type(error).__name__}")


def _request(origin: str, request: Request) -> httpx.Request:
    # Not `client.build_request`, which adds lines of the client's own: accept, accept-encoding, connection, user-agent.
    lines = list(request.headers)
    return httpx.Request(request.method, origin + request.path, headers=lines, content=request.body)


def _read(response: httpx.Response) -> Reply:
    headers = tuple((name.lower(), value) for name, value in response.headers.raw)
    if "content-encoding" in response.headers:  # which httpx has undone
        headers = without_length(headers)
    refused = response.status_code in REFUSAL_STATUSES and not response.content
    outcome = Outcome.REFUSED if refused else Outcome.REPLY
    return Reply(outcome, response.status_code, headers, response.content)
