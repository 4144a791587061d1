"""Sends requests as an ordinary HTTP client does, over httpx. Bytes that httpx would refuse go through `wire`."""

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx

from harness.clients.exchange import Outcome, Reply, Request

CONCURRENT: Final = 8
TIMEOUT_S: Final = 20.0


async def send_all(
    origin: str, requests: Sequence[Request], *, concurrent: int = CONCURRENT, timeout_s: float = TIMEOUT_S
) -> list[Reply]:
    """One reply for each request, in their order; a request without an answer in time is a reply that says so."""
    slots = asyncio.Semaphore(concurrent)
    limits = httpx.Limits(max_connections=concurrent)
    async with httpx.AsyncClient(
        base_url=origin, timeout=timeout_s, limits=limits, trust_env=False
    ) as client:

        async def send(request: Request) -> Reply:
            async with slots:
                return await send_one(client, request)

        return list(await asyncio.gather(*(send(request) for request in requests)))


async def send_one(client: httpx.AsyncClient, request: Request) -> Reply:
    """The reply to one request; its body is read to the end."""
    try:
        got = await client.request(
            request.method, request.path, headers=list(request.headers), content=request.body
        )
    except httpx.TimeoutException:
        return Reply(Outcome.TIMEOUT, 0)
    except httpx.TransportError:
        return Reply(Outcome.REFUSED, 0)
    headers = tuple((name.lower(), value) for name, value in got.headers.raw)
    refused = got.status_code in (400, 431) and not got.content
    return Reply(Outcome.REFUSED if refused else Outcome.REPLY, got.status_code, headers, got.content)
