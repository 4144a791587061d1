"""One connection of the wire client against servers that are good, rude, broken and dead: every request ends, once."""

import asyncio
import itertools
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from harness.clients import connection as connection_module
from harness.clients.exchange import Outcome, Request
from harness.clients.wire import send, send_all
from tests.clients.servers import (
    NODE_REFUSAL,
    OK,
    WAIT_S,
    app,
    gather,
    read_number,
    replying,
    request,
    requests,
    resetting,
    server,
)


async def test_requests_behind_a_refused_one_get_a_new_connection() -> None:
    processed: list[int] = []

    async def refuses_the_third(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            number = await read_number(reader)
            if number == 2:
                writer.write(NODE_REFUSAL)
                return
            processed.append(number)
            writer.write(OK % (1, b"k"))
            await writer.drain()

    async with server(refuses_the_third) as address:
        replies = await gather(address, requests(5), connections=1)
    assert {number for number, reply in replies.items() if reply.outcome is Outcome.REFUSED} == {2}
    assert processed == [0, 1, 3, 4]


GOODBYES = {
    "says close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nk",
    "says close, no length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nk",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nk",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nk",
    "HTTP/1.0, no length": b"HTTP/1.0 200 OK\r\n\r\nk",
    "chunked": b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nk\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("goodbye", GOODBYES.values(), ids=GOODBYES.keys())
async def test_requests_behind_a_last_reply_get_a_new_connection(goodbye: bytes) -> None:
    processed: list[int] = []

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        processed.append(await read_number(reader))
        writer.write(goodbye)
        writer.close()
        await writer.wait_closed()

    async with server(answers_once) as address:
        replies = await gather(address, [tuple(requests(12))], connections=2)
    assert processed == list(range(12))
    assert {(reply.outcome, reply.status, reply.body) for reply in replies.values()} == {
        (Outcome.REPLY, 200, b"k")
    }


async def test_request_without_a_reply_is_not_sent_again() -> None:
    read: list[int] = []

    async def answers_every_other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await read_number(reader))
        writer.write(OK % (1, b"k"))
        read.append(await read_number(reader))

    async with server(answers_every_other) as address:
        replies = await gather(address, requests(4), connections=1)
    assert read == [0, 1, 2, 3]
    assert [replies[number].outcome for number in range(4)] == [Outcome.REPLY, Outcome.REFUSED] * 2
    assert (replies[1].status, replies[1].reason) == (0, "closed without a reply")


async def test_every_request_ends_once_when_connections_end_at_random() -> None:
    dice = random.Random(7)
    read: Counter[int] = Counter()

    async def moody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            number = await read_number(reader)
            read[number] += 1
            mood = dice.random()
            if mood < 0.05:
                writer.transport.abort()
                return
            if mood < 0.1:
                writer.write(NODE_REFUSAL)
                return
            if mood < 0.15:
                writer.write((OK % (20, b"half"))[: dice.randrange(1, 40)])
                return
            writer.write(OK % (len(b"%d" % number), b"%d" % number))

    async with server(moody) as address:
        replies = await gather(address, requests(500), connections=4)
    assert sorted(replies) == list(range(500))
    assert all(reply.body == b"%d" % number for number, reply in replies.items() if reply.status == 200)
    assert max(read.values()) == 1
    assert Counter(reply.outcome for reply in replies.values())[Outcome.TIMEOUT] == 0


BROKEN = {
    "garbage": (b"\x16\x03\x01 this is not HTTP\r\n\r\n", "closed: the reply is not HTTP/1.1"),
    "bad length": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "closed: the reply is not HTTP/1.1"),
    "other protocol": (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "closed: the reply is not HTTP/1.1",
    ),
    "nothing": (b"", "closed without a reply"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", "closed within the reply"),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "closed within the reply"),
    "half a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        "closed within the reply",
    ),
}


@pytest.mark.parametrize(("said", "reason"), BROKEN.values(), ids=BROKEN.keys())
async def test_broken_reply_is_recorded_as_closed(said: bytes, reason: str) -> None:
    async with server(replying(said)) as address:
        replies = await gather(address, requests(10), connections=2)
    assert len(replies) == 10
    assert {(reply.outcome, reply.status) for reply in replies.values()} == {(Outcome.REFUSED, 0)}
    assert all(reply.reason.startswith(reason) for reply in replies.values())


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 100 C\r\n\r\n"]
)
async def test_missing_end_of_a_reply_is_a_timeout(said: bytes) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await asyncio.Event().wait()

    async with server(silent) as address:
        replies = await gather(address, requests(6), connections=2, timeout_s=0.2)
    assert {(reply.outcome, reply.status) for reply in replies.values()} == {(Outcome.TIMEOUT, 0)}
    assert sorted(replies) == list(range(6))


async def test_timeout_counts_from_the_write_of_each_request() -> None:
    first_answered = asyncio.Event()

    async def answers_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_number(reader)
        writer.write(OK % (1, b"k"))
        await reader.read()

    async def source() -> AsyncIterator[Request]:
        loop = asyncio.get_running_loop()
        yield request(0)
        loop.call_later(0.2, first_answered.set)
        await first_answered.wait()
        yield request(1)

    async with server(answers_one) as address:
        replies = await gather(address, source(), connections=1, timeout_s=0.6)
    assert [replies[number].outcome for number in range(2)] == [Outcome.REPLY, Outcome.TIMEOUT]


async def test_server_that_never_reads_is_a_timeout_and_is_sent_little() -> None:
    async def deaf(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # streams offer no other way to stop
        await asyncio.Event().wait()

    numbers = itertools.count()
    large = (Request("/", (), b"b" * 1_000_000) for _ in numbers)
    async with (
        server(deaf) as address,
        aclosing(send_all(address, large, connections=1, timeout_s=0.3)) as all,
    ):
        async with asyncio.timeout(WAIT_S):
            _, reply = await anext(all)
    assert reply.outcome is Outcome.TIMEOUT
    assert next(numbers) < 100


async def test_endless_reply_is_cut_off() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_number(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"k" * 100_000)
            await writer.drain()

    async with server(endless) as address:
        reply = await send(address, request())
    assert (reply.outcome, reply.reason) == (
        Outcome.REFUSED,
        "closed: the reply is longer than 8388608 bytes",
    )


async def test_nobody_listening_is_recorded_for_every_request() -> None:
    async with server(replying(OK % (1, b"k"))) as address:
        pass
    replies = await gather(address, requests(5))
    assert sorted(replies) == list(range(5))
    assert all(
        reply.outcome is Outcome.REFUSED and "no connection to" in reply.reason for reply in replies.values()
    )


async def test_event_stream_is_read_to_its_end() -> None:
    events = (b'data: {"id": "gen-%d"}\n\n', b"data: [DONE]\n\n")
    chunks = [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream \r\nTransfer-Encoding: chunked\r\n\r\n"]
    chunks += [b"%x\r\n%b\r\n" % (len(event.replace(b"%d", b"7")), event) for event in events]
    async with server(replying(*chunks, b"0\r\n\r\n")) as address:
        reply = await send(address, request(7))
    assert reply.body == b"".join(events).replace(b"%d", b"7")
    assert (reply.header("content-type"), reply.upstream_id) == ("text/event-stream", "gen-7")


async def test_interim_reply_is_passed_over() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with server(replying(early, OK % (1, b"k"))) as address:
        reply = await send(address, request())
    assert (reply.status, reply.body, reply.headers) == (200, b"k", ((b"content-length", b"1"),))


RESET = {
    "refused": (NODE_REFUSAL, (Outcome.REFUSED, 400)),
    "cut off": (b"HTTP/1.1 200 OK\r\n\r\nhal", (Outcome.REFUSED, 0)),
    "cut off at once": (b"HTTP/1.1 200 OK\r\n\r\n", (Outcome.REFUSED, 0)),
    "refused with half a reason": (b"HTTP/1.1 400 Bad Request\r\n\r\n{", (Outcome.REFUSED, 0)),
}


@pytest.mark.parametrize(("said", "outcome"), RESET.values(), ids=RESET.keys())
async def test_reset_ends_only_a_refusal_without_length(said: bytes, outcome: tuple[Outcome, int]) -> None:
    async with resetting(said) as address:
        reply = await send(address, request())
    assert (reply.outcome, reply.status) == outcome


@pytest.mark.parametrize("status", [400, 431])
async def test_refusal_with_a_body_is_a_reply(status: int) -> None:
    async with server(replying(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\n{}" % status)) as address:
        reply = await send(address, request())
    assert (reply.outcome, reply.status, reply.body) == (Outcome.REPLY, status, b"{}")


@pytest.mark.parametrize("at_once", [0, 5, 40, 44])
async def test_reply_nobody_asked_for_is_given_to_nobody(at_once: int) -> None:
    more = OK % (4, b"more")

    async def doubles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            number = b"%d" % await read_number(reader)
            writer.write(OK % (len(number), number) + more[:at_once])
            await reader.readexactly(1)  # of the next request on this connection, if there is one
            writer.write(more[at_once:])

    async with server(doubles) as address:
        replies = await gather(address, requests(20), connections=2)
    assert all(replies[number].body == b"%d" % number for number in range(1 if at_once == 0 else 20))


async def test_connection_that_never_stands_is_a_timeout() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for client in (first, second):  # one more than its backlog: the next one waits
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        replies = await gather(full.getsockname(), requests(2), timeout_s=0.2)
    assert {(reply.outcome, reply.status) for reply in replies.values()} == {(Outcome.TIMEOUT, 0)}
    assert all(reply.reason.startswith("no connection to 127.0.0.1:") for reply in replies.values())


async def test_connection_is_not_used_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "IDLE_S_MAX", -1.0)
    answered_one = asyncio.Event()

    async def source() -> AsyncIterator[Request]:
        yield request(0)
        await answered_one.wait()
        yield request(1)

    seen: list[tuple[int, bytes]] = []
    async with app(seen) as address, aclosing(send_all(address, source(), connections=1)) as answered:
        async for _ in answered:
            answered_one.set()
    assert [body for _, body in seen] == [b"0", b"1"]
    assert len({client for client, _ in seen}) == 2
