"""The ordinary client: each request ends in a reply, a refusal or a timeout, as over the wire."""

import asyncio
import contextlib

import pytest

from harness.clients import http
from harness.clients.exchange import NO_CONNECTION, Outcome, Request
from harness.clients.listening import is_listening
from tests.clients.servers import (
    NODE_REFUSAL,
    OK,
    WAIT_S,
    app,
    read_number,
    replying,
    request,
    requests,
    resetting,
    server,
)

SEEN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


async def test_each_request_gets_its_own_reply() -> None:
    async with app([]) as address:
        replies = await asyncio.gather(*(http.send(address, each) for each in requests(30)))
    assert [reply.body for reply in replies] == [b"%d" % number for number in range(30)]


async def test_only_the_lines_given_are_sent() -> None:
    async def shows_its_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(SEEN % (len(head), head))
        await reader.read()

    async with server(shows_its_head) as address:
        reply = await http.send(address, request(7, (b"X-Odd", b"\xff")))
    assert reply.body == b"POST /path HTTP/1.1\r\nHost: %b:%d\r\nX-Odd: \xff\r\nContent-Length: 1\r\n\r\n" % (
        address[0].encode(),
        address[1],
    )


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        (OK % (1, b"k"), (Outcome.REPLY, 200), ""),
        (NODE_REFUSAL, (Outcome.REFUSED, 400), ""),
        (b"HTTP/1.1 431 No\r\nContent-Length: 2\r\n\r\n{}", (Outcome.REPLY, 431), ""),
        (b"", (Outcome.REFUSED, 0), "closed: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", (Outcome.REFUSED, 0), "closed: "),
        (b"this is not HTTP\r\n\r\n", (Outcome.REFUSED, 0), "closed: "),
    ],
)
async def test_a_request_ends_as_over_the_wire(
    said: bytes, outcome: tuple[Outcome, int], reason: str
) -> None:
    async with server(replying(said)) as address:
        reply = await http.send(address, request())
    assert (reply.outcome, reply.status) == outcome
    assert reply.reason.startswith(reason)


@pytest.mark.parametrize("pause_s", [60, 0.05])
async def test_silence_and_a_reply_without_end_are_timeouts(pause_s: float) -> None:
    async def drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"k")
            await asyncio.sleep(pause_s)

    async with server(drips) as address:
        reply = await http.send(address, request(), timeout_s=0.2)
    assert (reply.outcome, reply.reason) == (Outcome.TIMEOUT, "no whole reply in 0.2 s")


async def test_nobody_listening_is_told_from_a_closed_connection() -> None:
    async def leaves(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with server(leaves) as address:
        assert await is_listening(address)
    assert not await is_listening(address)
    reply = await http.send(address, request())
    assert reply.reason.startswith(f"{NO_CONNECTION} to http://127.0.0.1:")


async def test_a_reset_connection_is_a_refusal_without_a_status() -> None:
    async with resetting(b"") as address:
        reply = await http.send(address, Request("/", (), b"b" * 100_000))
    assert (reply.outcome, reply.status) == (Outcome.REFUSED, 0)


async def test_a_client_can_leave_in_the_middle_of_a_stream() -> None:
    gone = asyncio.Event()

    async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_number(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()

    async with server(streams) as address, asyncio.timeout(WAIT_S):
        async with http.chunks(address, request()) as chunks:
            assert await anext(chunks) == b"data:"
            assert not gone.is_set()
        await gone.wait()
