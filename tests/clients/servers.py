"""Servers for the wire client's tests, and what they are asked."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from harness.backend.http import NodeProtocol
from harness.clients.dispatch import Items
from harness.clients.exchange import Address, HeaderLine, Reply, Request
from harness.clients.wire import send_all

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

WAIT_S = 20.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
NODE_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"


def request(number: int = 0, *lines: HeaderLine) -> Request:
    return Request("/path", lines, b"%d" % number)


def requests(count: int) -> Iterator[Request]:
    return (request(number) for number in range(count))


async def gather(address: Address, items: Items, **options: Any) -> dict[int, Reply]:
    """Every reply by its index; fails when an index comes twice."""
    replies: dict[int, Reply] = {}
    async with asyncio.timeout(WAIT_S), aclosing(send_all(address, items, **options)) as answered:
        async for index, reply in answered:
            assert index not in replies
            replies[index] = reply
    return replies


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[Address]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.transport.abort()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def read_number(reader: asyncio.StreamReader) -> int:
    """The number of the next request of a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[-1].split(b"\r\n")[0])
    return int(await reader.readexactly(length))


def replying(*parts: bytes) -> Talk:
    """A server that answers each request with these bytes, which hold its number where they say %d; then it closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = await read_number(reader)
        for part in parts:
            writer.write(part.replace(b"%d", b"%d" % number))
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    return talk


@asynccontextmanager
async def resetting(said: bytes) -> AsyncIterator[Address]:
    """A server that reads one byte, says this, and closes on what it has not read: the kernel resets behind it."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        async def serve() -> None:
            while True:
                client, _ = await loop.sock_accept(listener)
                with client:
                    await loop.sock_recv(client, 1)
                    await loop.sock_sendall(client, said)

        task = asyncio.create_task(serve())
        yield listener.getsockname()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def app(seen: list[tuple[int, bytes]]) -> AsyncIterator[Address]:
    """A uvicorn server with Node's manners, whose app notes (connection, body) and replies with the body."""

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append((scope["client"][1], message["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    config = uvicorn.Config(
        echo,
        http=NodeProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=int(10 * WAIT_S),
    )
    config.load()
    state = ServerState()
    listener = await asyncio.get_running_loop().create_server(
        lambda: NodeProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with listener:
        yield listener.sockets[0].getsockname()
        for connection in list(state.connections):
            connection.transport.abort()
