"""The wire client as a whole: whose reply is whose, what is sent again, what is never held in memory."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
import uvloop

from harness.clients.dispatch import Connections, Items
from harness.clients.exchange import Outcome, Reply, Request
from harness.clients.request_bytes import request_bytes
from harness.clients.wire import send_all, send_and_wait
from harness.errors import UsageError
from tests.clients.servers import OK, WAIT_S, app, gather, read_number, request, requests, server


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("connections", [1, 8])
def test_each_request_gets_its_own_reply(loop_factory: Any, connections: int) -> None:
    seen: list[tuple[int, bytes]] = []

    async def scenario() -> dict[int, Reply]:
        async with app(seen) as address:
            return await gather(address, requests(500), connections=connections)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        replies = runner.run(scenario())
    assert [replies[number].body for number in range(500)] == [b"%d" % number for number in range(500)]
    assert {reply.outcome for reply in replies.values()} == {Outcome.REPLY}
    assert len({client for client, _ in seen}) <= connections


GOOD, MALFORMED, TOO_LARGE = (Outcome.REPLY, 200), (Outcome.REFUSED, 400), (Outcome.REFUSED, 431)
KINDS = (
    (GOOD, "/path", (b"x-id", b"fine")),
    (MALFORMED, "/path", (b"x-id", b"\x00")),
    (MALFORMED, "/path", (b"x-id", b"a\r\n b")),
    (MALFORMED, "/path", (b"x-id", b"a\nb")),
    (GOOD, "/path", (b"x-id", b"a" * 12_000)),
    (TOO_LARGE, "/path", (b"x-id", b"a" * 20_000)),
    (MALFORMED, "/path", (b"x-id ", b"blank before the colon")),
    (GOOD, "/path", (b"x-id", b"a\tb\xff")),
    (MALFORMED, "/pa th", (b"x-id", b"blank in the path")),
    (MALFORMED, "/path", (b"content-length", b"7")),
)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_refused_requests_and_their_neighbours_are_seen_once(loop_factory: Any) -> None:
    seen: list[tuple[int, bytes]] = []
    many = [(number, *KINDS[number % 10]) for number in range(400)]
    many = [each for number, each in enumerate(many) if number % 10 == number // 10 % 10 or each[1] is GOOD]

    async def scenario() -> dict[int, Reply]:
        async with app(seen) as address:
            items = [Request(path, (line,), b"%d" % number) for number, _, path, line in many]
            return await gather(address, items, connections=3)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        replies = runner.run(scenario())
    statuses = [(replies[index].outcome, replies[index].status) for index in range(len(many))]
    assert statuses == [outcome for _, outcome, _, _ in many]
    assert Counter(body for _, body in seen) == {
        b"%d" % number: 1 for number, kind, _, _ in many if kind is GOOD
    }


async def test_smuggled_request_takes_no_reply_from_the_next_one() -> None:
    async def keeps_the_second_reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        smuggled = b"smuggled" in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
        writer.write(OK % (3, b"own"))
        if smuggled:
            await reader.readuntil(b"\r\n\r\n")
            await read_number(reader)  # the next request on this connection, if there is one
            writer.write(OK % (6, b"stolen"))
        await reader.read()

    value = b"smuggled\r\nContent-Length: 1\r\n\r\nkGET / HTTP/1.1\r\nHost: h\r\nx: "
    many = [request(0, (b"x-id", value)), request(1)]
    async with server(keeps_the_second_reply) as address:
        replies = await gather(address, many, connections=1)
    assert [replies[number].body for number in range(2)] == [b"own", b"own"]


async def test_sequence_goes_over_one_connection_with_nothing_between() -> None:
    seen: list[tuple[int, bytes]] = []
    sequences = [
        tuple(request(number) for number in range(first, first + 5)) for first in range(1000, 2000, 5)
    ]
    items = [item for pair in zip(sequences, requests(200), strict=True) for item in pair]
    async with app(seen) as address:
        replies = await gather(address, items, connections=4)
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


HELD = 99


async def test_calls_share_connections_and_never_have_more() -> None:
    opened, at_once, most = 0, 0, 0
    goes_on = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened, at_once, most
        opened += 1
        at_once += 1
        most = max(most, at_once)
        try:
            while True:
                number = await read_number(reader)
                if number == HELD:  # the one that is still under way while the next call is at work
                    await goes_on.wait()
                body = b"%d" % number
                writer.write(OK % (len(body), body))
        finally:
            at_once -= 1

    async with server(talk) as address:
        shared = Connections(2)
        first = asyncio.create_task(
            gather(address, [request(HELD), *requests(9)], connections=2, shared=shared)
        )
        second = await gather(address, requests(20), connections=2, shared=shared)
        assert not first.done()
        goes_on.set()
        assert len(await first) + len(second) == 30
        assert (opened, most) == (2, 2)
        await gather(address, requests(2), connections=1, shared=shared)
        assert opened == 3, "what was idle has ended with the last of them"


async def test_index_counts_requests_over_single_ones_and_sequences() -> None:
    async with app([]) as address:
        replies = await gather(address, [request(0), (), (request(1), request(2)), [request(3)]])
    assert {index: reply.body for index, reply in replies.items()} == {n: b"%d" % n for n in range(4)}


async def as_they_come(items: Iterable[Request]) -> AsyncIterator[Request]:
    for item in items:
        yield item


@pytest.mark.parametrize("source", [iter, as_they_come])
async def test_endless_source_is_read_as_its_replies_are_taken(
    source: Callable[[Any], Items],
) -> None:
    numbers = itertools.count()
    seen: list[tuple[int, bytes]] = []
    async with app(seen) as address:
        async with aclosing(send_all(address, source(map(request, numbers)))) as answered:
            for _ in range(50):
                await anext(answered)
            for _ in range(1000):  # nothing is taken meanwhile, as much as the loop turns
                await asyncio.sleep(0)
        assert next(numbers) < 50 + 4 * 64
        assert len(seen) < 50 + 4 * 64


async def test_nothing_is_left_running_when_replies_are_not_taken() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def first_alone() -> AsyncIterator[Request]:
        yield request(0)
        await asyncio.Event().wait()

    async with server(silent) as address:
        before = asyncio.all_tasks()
        for source in (map(request, itertools.count()), first_alone()):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(gather(address, source, timeout_s=2 * WAIT_S), 0.1)
            await asyncio.wait_for(asyncio.gather(*asyncio.all_tasks() - before), WAIT_S)


async def test_source_may_end_after_the_last_reply_was_taken() -> None:
    answered_all = asyncio.Event()

    async def source() -> AsyncIterator[Request]:
        yield request(0)
        await answered_all.wait()
        for _ in range(20):
            await asyncio.sleep(0)  # until all that was said has been heard

    async with app([]) as address, asyncio.timeout(WAIT_S), aclosing(send_all(address, source())) as answered:
        async for _ in answered:
            answered_all.set()


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


async def test_request_that_cannot_be_written_is_raised() -> None:
    async with app([]) as address:
        with pytest.raises(UnicodeEncodeError):
            await gather(address, [Request("/\u2026", (), b"")])


@pytest.mark.parametrize("items", [[], [()]])
async def test_no_requests_are_no_replies(items: Items) -> None:
    assert await gather(("127.0.0.1", 9), items) == {}


@pytest.mark.parametrize("limit", [{"connections": 0}, {"timeout_s": 0}])
async def test_limits_that_let_nothing_through_are_refused(limit: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="nothing can be sent"):
        await gather(("127.0.0.1", 9), requests(1), **limit)


ODD = Request("/p", ((b"X-Odd", b"\x00\r\n \tfold\n\xff"), (b"x odd", b"")), b"body'%\\\x80", "PUT")
ODD_BYTES = (
    b"PUT /p HTTP/1.1\r\nHost: h:1\r\nX-Odd: \x00\r\n \tfold\n\xff\r\nx odd: \r\nContent-Length: 8\r\n\r\n"
    b"body'%\\\x80"
)


def test_request_is_written_byte_for_byte() -> None:
    assert request_bytes(ODD, "h:1") == ODD_BYTES


async def test_replies_waited_for_are_in_the_order_of_their_requests() -> None:
    async with app([]) as address, asyncio.timeout(WAIT_S):
        replies = await send_and_wait(address, requests(300), connections=4)
        assert [reply.body for reply in replies] == [b"%d" % number for number in range(300)]
        with pytest.raises(LookupError, match="the source's own"):
            await send_and_wait(address, failing_source(100))
