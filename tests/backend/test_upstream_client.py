"""The proxy's client: replies as they come, connections kept, and each way in which a reply breaks off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.backend.upstream_client import UpstreamClient, UpstreamError
from tests.clients.servers import server

CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ndone"


@asynccontextmanager
async def upstream(*replies: bytes, keeps: bool = False) -> AsyncIterator[tuple[UpstreamClient, list[int]]]:
    """A server that answers each request of a connection with the next reply; the numbers of its connections."""
    asked: list[int] = []
    connections = 0
    left = iter(replies)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        while True:
            await reader.readuntil(b"{}")
            asked.append(number)
            writer.write(next(left))
            if not keeps:
                return

    async with server(talk) as address, UpstreamClient(f"http://{address[0]}:{address[1]}") as client:
        yield client, asked


async def read(client: UpstreamClient) -> tuple[int, bytes]:
    reply = await client.post("/", b"{}")
    await reply.head()
    return reply.status, b"".join([chunk async for chunk in reply.chunks()])


def test_a_connection_is_kept() -> None:
    async def run() -> None:
        async with upstream(PLAIN, PLAIN, keeps=True) as (client, asked):
            assert [await read(client) for _ in range(2)] == [(200, b"done")] * 2
            assert asked == [1, 1]

    asyncio.run(run())


def test_a_connection_that_ended_is_not_used_again() -> None:
    async def run() -> None:
        last = PLAIN.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        async with upstream(last, last) as (client, asked):
            assert [await read(client) for _ in range(2)] == [(200, b"done")] * 2
            assert asked == [1, 2]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (CHUNK + b"1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN, b"done"),
    ],
    ids=["without a length", "in chunks", "after early hints"],
)
def test_a_body_ends_as_its_head_says(reply: bytes, body: bytes) -> None:
    async def run() -> None:
        async with upstream(reply) as (client, _):
            assert await read(client) == (200, body)

    asyncio.run(run())


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        PLAIN[:-1],
        PLAIN[:20],
        CHUNK,
        b"no HTTP\r\n\r\n",
    ],
    ids=["none", "a byte short", "within the head", "without a last chunk", "no HTTP"],
)
def test_a_reply_that_breaks_off_is_an_error(reply: bytes) -> None:
    async def run() -> None:
        async with upstream(reply) as (client, _):
            with pytest.raises(UpstreamError):
                await read(client)

    asyncio.run(run())


def test_nobody_listens() -> None:
    async def run() -> None:
        async with upstream() as (client, _):
            pass
        with pytest.raises(UpstreamError):
            await client.post("/", b"{}")

    asyncio.run(run())


def test_a_reply_that_is_given_up_ends_its_connection() -> None:
    async def run() -> None:
        async with upstream(PLAIN[:-1], PLAIN, keeps=True) as (client, asked):
            reply = await client.post("/", b"{}")
            await reply.head()
            reply.close()
            with pytest.raises(UpstreamError):
                _ = [chunk async for chunk in reply.chunks()]
            assert await read(client) == (200, b"done")
            assert asked == [1, 2]

    asyncio.run(run())
