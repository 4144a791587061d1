"""Sends requests over HTTP/2, where a site offers it in its TLS handshake (ALPN); httpx speaks it for us.

Source: RFC 9113, 3.2 (ALPN "h2"), and 8.2.2: the fields of a connection are no part of a request there.
"""

import ssl
from collections.abc import Sequence
from typing import Final

import httpx

from harness.clients.exchange import Outcome, Reply, Request

OF_CONNECTION: Final = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"})


async def send_over_http2(
    url: str, requests: Sequence[Request], *, timeout_s: float, tls: ssl.SSLContext | None
) -> list[Reply] | None:
    """A reply to each request, one after the other over one connection; None where the site speaks HTTP/1.1 only.

    `url` has no path. `tls` is the context of the site's other connections; None: the system's.
    """
    if not url.startswith("https:"):
        return None
    context = tls or ssl.create_default_context()
    replies: list[Reply] = []
    async with httpx.AsyncClient(http2=True, http1=True, verify=context, timeout=timeout_s) as client:
        for request in requests:
            lines = [line for line in request.headers if line[0].lower() not in OF_CONNECTION]
            sent = httpx.Request(request.method, url + request.path, headers=lines, content=request.body)
            try:
                response = await client.send(sent)
            except httpx.TimeoutException:
                replies.append(Reply(Outcome.TIMEOUT, 0, reason=f"no whole reply in {timeout_s:g} s"))
            except httpx.HTTPError as error:
                replies.append(Reply(Outcome.REFUSED, 0, reason=str(error) or type(error).__name__))
            else:
                if response.http_version != "HTTP/2":
                    return None
                headers = tuple((name.lower(), value) for name, value in response.headers.raw)
                replies.append(Reply(Outcome.REPLY, response.status_code, headers, response.content))
    return replies
