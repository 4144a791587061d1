"""The wire client against servers that are good, bad, rude and dead; each test builds the one it needs."""

import asyncio
import contextlib
import itertools
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from harness.backend.http import NodeProtocol
from harness.clients import connection as connection_module
from harness.clients.dispatch import Address, Items
from harness.clients.exchange import HeaderLine, Outcome, Reply, Request
from harness.clients.wire import replay_line, request_bytes, send, send_all
from harness.errors import MisuseError

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
async def app(seen: list[tuple[int, bytes]]) -> AsyncIterator[Address]:
    """A uvicorn server with Node's manners, whose app notes (connection, body) and replies with the body."""

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append((scope["client"][1], message["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    config = uvicorn.Config(echo, http=NodeProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    listener = await asyncio.get_running_loop().create_server(
        lambda: NodeProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with listener:
        yield listener.sockets[0].getsockname()
        for connection in list(state.connections):
            connection.transport.abort()


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(("connections", "depth"), [(1, 1), (1, 16), (8, 1), (8, 8)])
def test_each_request_gets_its_own_reply(loop_factory: Any, connections: int, depth: int) -> None:
    seen: list[tuple[int, bytes]] = []

    async def scenario() -> dict[int, Reply]:
        async with app(seen) as address:
            return await gather(address, requests(500), connections=connections, depth=depth)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        replies = runner.run(scenario())
    assert [replies[number].body for number in range(500)] == [b"%d" % number for number in range(500)]
    assert {reply.outcome for reply in replies.values()} == {Outcome.REPLY}
    assert len({client for client, _ in seen}) <= connections


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("depth", [1, 8])
def test_refused_requests_and_those_around_them_are_each_seen_once(loop_factory: Any, depth: int) -> None:
    seen: list[tuple[int, bytes]] = []
    values = (b"fine", b"\x00", b"a\r\n b", b"a\nb", b"fine", b"a" * 20_000, b"fine", b"a\x7f", b"a" * 12_000)
    many = [request(number, (b"x-id", values[number % len(values)])) for number in range(300)]

    async def scenario() -> dict[int, Reply]:
        async with app(seen) as address:
            return await gather(address, many, connections=3, depth=depth)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        replies = runner.run(scenario())
    statuses = {number: (reply.outcome, reply.status) for number, reply in replies.items()}
    good, refused = (Outcome.REPLY, 200), (Outcome.REFUSED, 400)
    by_value = (good, refused, refused, refused, good, (Outcome.REFUSED, 431), good, refused, good)
    assert statuses == {number: by_value[number % len(values)] for number in range(300)}
    assert Counter(body for _, body in seen) == {
        b"%d" % n: 1 for n, status in statuses.items() if status == good
    }


async def test_value_that_smuggles_a_request_takes_no_reply_from_the_next_one() -> None:
    seen: list[tuple[int, bytes]] = []
    inner = b"a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nx: "
    many = [request(number, *([(b"x-id", inner)] if number % 2 else [])) for number in range(20)]
    async with app(seen) as address:
        replies = await gather(address, many, connections=1, depth=4)
    assert all(replies[number].body == b"%d" % number for number in range(0, 20, 2))


async def test_requests_behind_a_refused_one_are_sent_again() -> None:
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
        replies = await gather(address, requests(5), connections=1, depth=5)
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
@pytest.mark.parametrize("depth", [1, 4])
async def test_requests_behind_a_last_reply_are_sent_again(goodbye: bytes, depth: int) -> None:
    processed: list[int] = []

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        processed.append(await read_number(reader))
        writer.write(goodbye)
        writer.close()
        await writer.wait_closed()

    async with server(answers_once) as address:
        replies = await gather(address, requests(12), connections=2, depth=depth)
    assert sorted(processed) == list(range(12))
    assert {(reply.outcome, reply.status, reply.body) for reply in replies.values()} == {
        (Outcome.REPLY, 200, b"k")
    }


async def test_requests_without_a_reply_are_not_sent_again_when_the_connection_just_ends() -> None:
    read: list[int] = []

    async def answers_one_of_three(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            read.append(await read_number(reader))
        writer.write(OK % (1, b"k"))
        writer.close()
        await writer.wait_closed()

    async with server(answers_one_of_three) as address:
        replies = await gather(address, requests(3), connections=1, depth=3)
    assert read == [0, 1, 2]
    assert [replies[number].outcome for number in range(3)] == [
        Outcome.REPLY,
        Outcome.REFUSED,
        Outcome.REFUSED,
    ]
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
        replies = await gather(address, requests(500), connections=4, depth=6)
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
        replies = await gather(address, requests(10), connections=2, depth=2)
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
        replies = await gather(address, requests(6), connections=2, depth=3, timeout_s=0.2)
    assert {(reply.outcome, reply.status) for reply in replies.values()} == {(Outcome.TIMEOUT, 0)}
    assert sorted(replies) == list(range(6))


async def test_server_that_never_reads_is_a_timeout() -> None:
    async def deaf(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # streams offer no other way to stop
        await asyncio.Event().wait()

    large = [Request("/", (), b"b" * 8_000_000) for _ in range(4)]
    async with server(deaf) as address:
        replies = await gather(address, large, connections=1, depth=2, timeout_s=0.3)
    assert [replies[number].outcome for number in range(4)] == [Outcome.TIMEOUT] * 4


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


async def test_refusal_counts_when_the_server_resets_behind_it() -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # what is left unread makes the kernel reset
        writer.write(NODE_REFUSAL)

    async with server(resets) as address:
        reply = await send(address, Request("/", (), b"b" * 300_000))
    assert (reply.outcome, reply.status) in {(Outcome.REFUSED, 400), (Outcome.REFUSED, 0)}


async def test_reply_nobody_asked_for_is_given_to_nobody() -> None:
    async def doubles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            number = b"%d" % await read_number(reader)
            writer.write(OK % (len(number), number) + OK % (4, b"more"))

    async with server(doubles) as address:
        replies = await gather(address, requests(20), connections=2)
    assert all(replies[number].body == b"%d" % number for number in range(20))


async def test_sequence_goes_over_one_connection_with_nothing_between() -> None:
    seen: list[tuple[int, bytes]] = []
    sequences = [
        tuple(request(number) for number in range(first, first + 5)) for first in range(1000, 2000, 5)
    ]
    items = [item for pair in zip(sequences, requests(200), strict=True) for item in pair]
    async with app(seen) as address:
        replies = await gather(address, items, connections=4, depth=3)
    assert sorted(replies) == list(range(1200))
    by_connection: dict[int, list[int]] = {}
    for client, body in seen:
        by_connection.setdefault(client, []).append(int(body))
    places = {
        number: (client, at) for client, those in by_connection.items() for at, number in enumerate(those)
    }
    for first in range(1000, 2000, 5):
        client, at = places[first]
        assert by_connection[client][at : at + 5] == list(range(first, first + 5))


async def test_index_counts_requests_over_single_ones_and_sequences() -> None:
    async with app([]) as address:
        replies = await gather(address, [request(0), (), (request(1), request(2)), [request(3)]])
    assert {index: reply.body for index, reply in replies.items()} == {n: b"%d" % n for n in range(4)}


async def test_endless_source_is_read_no_further_than_its_replies_are_taken() -> None:
    numbers = itertools.count()
    seen: list[tuple[int, bytes]] = []
    async with app(seen) as address, aclosing(send_all(address, map(request, numbers), depth=4)) as answered:
        for _ in range(50):
            await anext(answered)
        for _ in range(1000):  # nothing is taken meanwhile, as much as the loop turns
            await asyncio.sleep(0)
    assert next(numbers) < 50 + 3 * 64
    assert len(seen) < 50 + 3 * 64


async def test_asynchronous_source_is_sent_as_it_comes() -> None:
    first_answered = asyncio.Event()

    async def source() -> AsyncIterator[Request]:
        yield request(0)
        await first_answered.wait()
        for number in range(1, 300):
            yield request(number)

    replies: list[int] = []
    async with app([]) as address, asyncio.timeout(WAIT_S), aclosing(send_all(address, source())) as answered:
        async for index, reply in answered:
            assert reply.body == b"%d" % index
            replies.append(index)
            first_answered.set()
    assert sorted(replies) == list(range(300))


def failing_source(count: int) -> Iterator[Request]:
    yield from requests(count)
    raise LookupError("the source's own")


async def failing_asynchronous_source(count: int) -> AsyncIterator[Request]:
    for each in requests(count):
        yield each
    raise LookupError("the source's own")


@pytest.mark.parametrize("source", [failing_source, failing_asynchronous_source])
@pytest.mark.parametrize("count", [0, 5, 200])
async def test_error_of_the_source_is_raised(source: Callable[[int], Iterable[Request]], count: int) -> None:
    async with app([]) as address:
        with pytest.raises(LookupError, match="the source's own"):
            await gather(address, source(count))


async def test_request_that_cannot_be_written_is_raised_and_not_waited_for() -> None:
    async with app([]) as address:
        with pytest.raises(UnicodeEncodeError):
            await gather(address, [Request("/\u2026", (), b"")])


@pytest.mark.parametrize("items", [[], [()]])
async def test_no_requests_are_no_replies(items: Items) -> None:
    assert await gather(("127.0.0.1", 9), items) == {}


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


@pytest.mark.parametrize("limit", [{"connections": 0}, {"depth": 0}, {"timeout_s": 0}])
async def test_limits_that_let_nothing_through_are_refused(limit: dict[str, int]) -> None:
    with pytest.raises(MisuseError, match="nothing can be sent"):
        await gather(("127.0.0.1", 9), requests(1), **limit)


ODD = Request("/p", ((b"X-Odd", b"\x00\r\n \tfold\n\xff"), (b"x odd", b"")), b"body'%\\\x80", "PUT")
ODD_BYTES = (
    b"PUT /p HTTP/1.1\r\nHost: h:1\r\nX-Odd: \x00\r\n \tfold\n\xff\r\nx odd: \r\nContent-Length: 8\r\n\r\n"
    b"body'%\\\x80"
)


def test_request_is_written_byte_for_byte() -> None:
    assert request_bytes(ODD, "h:1") == ODD_BYTES


@pytest.mark.parametrize(
    "odd", [ODD, request(0, (b"x-id", bytes(range(256)))), request(0, (b"x-id", b"0" * 9 + b"\x019"))]
)
def test_replay_line_sends_the_same_bytes(odd: Request) -> None:
    line = replay_line(odd, ("127.0.0.1", 8080))
    assert line.isascii()
    assert line.isprintable()
    printf, pipe, netcat = line.rpartition(" | ")
    assert (pipe, netcat) == (" | ", "nc -w 10 127.0.0.1 8080")
    for shell in ("sh", "bash"):
        ran = subprocess.run([shell, "-c", printf], capture_output=True, check=True, timeout=WAIT_S)
        assert ran.stdout == request_bytes(odd, "127.0.0.1:8080")
