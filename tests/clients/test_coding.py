"""Replies are read as they were before they were compressed; what cannot be is left as it came."""

import gzip
import zlib

import pytest

from harness.clients.coding import decoded
from harness.clients.wire import send
from tests.clients.servers import replying, request, server

BODY = b'{"id": "gen-1"}'
RAW = zlib.compressobj(wbits=-15)
DEFLATED = RAW.compress(BODY) + RAW.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzip.compress(BODY, mtime=0)),
        (b"X-GZIP", gzip.compress(BODY, mtime=0)),
        (b"deflate", zlib.compress(BODY)),
        (b"deflate", DEFLATED),
    ],
)
def test_body_is_unpacked_and_its_packed_length_forgotten(coding: bytes, body: bytes) -> None:
    lines = ((b"content-encoding", coding), (b"content-length", b"%d" % len(body)))
    assert decoded(lines, body, 100) == (lines[:1], BODY)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", BODY),
        (b"gzip", gzip.compress(BODY, mtime=0)[:-1]),
        (b"gzip", gzip.compress(BODY * 100, mtime=0)),
        (b"br", BODY),
        (b"gzip", b""),
    ],
    ids=["not packed", "cut off", "too long", "another coding", "empty"],
)
def test_what_cannot_be_unpacked_is_left(coding: bytes, body: bytes) -> None:
    lines = ((b"content-encoding", coding), (b"content-length", b"9"))
    assert decoded(lines, body, 100) == (lines, body)


def test_reply_that_is_not_packed_keeps_its_length() -> None:
    lines = ((b"content-length", b"15"),)
    assert decoded(lines, BODY, 100) == (lines, BODY)


async def test_id_of_a_packed_reply_is_read_on_the_wire() -> None:
    packed = gzip.compress(BODY, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with server(replying(head, packed)) as address:
        reply = await send(address, request())
    assert (reply.body, reply.upstream_id) == (BODY, "gen-1")
