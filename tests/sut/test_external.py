"""Requests reach a site at the pace that was asked for, by the user or by the site, and end when that is no use."""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from harness.clients.exchange import Outcome, Reply
from harness.errors import UsageError
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.rule.policy import STRICT
from harness.sut.external import SILENT_MAX, Limits, Sending, Site, retry_after_s, site_of
from harness.sut.journal import Journal, read_journal, run_name
from harness.sut.observation import Exchange, ProbeGroup

Answering = Callable[[int], bytes | None]
"""What the request of this number gets, counted from 1; None: the connection ends."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LATER = b"HTTP/1.1 429 Later\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def serving(
    answering: Answering, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server's port, and the heads of the requests that it got."""
    heads: list[bytes] = []
    writers: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[-1].split(b"\r\n")[0]))
                heads.append(head)
                exchange = answering(len(heads))
                if exchange is None:
                    break
                writer.write(exchange)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1], heads
        for writer in writers:
            writer.transport.abort()


def sending(
    port: int, *, most: int = 100, rate: float | None = None, journal: Journal | None = None
) -> Sending:
    deadline = asyncio.get_running_loop().time() + 60.0
    site = Site(f"http://127.0.0.1:{port}", ("127.0.0.1", port), None)
    return Sending(site, Limits(most, rate, timeout_s=30.0, deadline=deadline), journal=journal)


def controls(count: int, *, together: bool = False) -> list[ProbeGroup]:
    factory = ProbeFactory(plan_caller("some:free", STRICT, "after"), run=1)
    probes = tuple(factory.control() for _ in range(count))
    return [ProbeGroup(probes, together)]


async def ended(exchanges: AsyncGenerator[Exchange, None]) -> list[Exchange]:
    """All of them, in the order in which they ended."""
    return [exchange async for exchange in exchanges]


async def test_every_request_gets_its_answer_in_order_if_together() -> None:
    async with serving(lambda _: OK) as (port, heads):
        one = sending(port)
        exchanges = await ended(one.send([*controls(30), *controls(5, together=True)]))
    assert len(exchanges) == len(heads) == one.requests == 35
    assert Counter(exchange.reply.status for exchange in exchanges) == {200: 35}
    last = [exchange.probe.number for exchange in exchanges if exchange.probe.number <= 5]
    assert last[-5:] == [1, 2, 3, 4, 5]


async def test_requests_are_in_the_journal_before_they_are_sent(tmp_path: Path) -> None:
    file, begun = tmp_path / "run.jsonl", datetime.now(UTC)
    noted: list[int] = []

    def answering(_number: int) -> bytes:
        noted.append(read_journal(file).requests)
        return OK

    async with serving(answering) as (port, _):
        with Journal.open(file, run_name(begun, 1), "http://127.0.0.1", begun) as journal:
            await ended(sending(port, journal=journal).send(controls(3)))
    assert noted == [3, 3, 3]


async def test_what_is_noted_ahead_is_noted_once(tmp_path: Path) -> None:
    file, begun = tmp_path / "run.jsonl", datetime.now(UTC)
    async with serving(lambda _: OK) as (port, _):
        with Journal.open(file, run_name(begun, 1), "http://127.0.0.1", begun) as journal:
            one, groups = sending(port, journal=journal), controls(3)
            await one.note(groups)
            assert read_journal(file).requests == 3
            await ended(one.send(groups))
            assert read_journal(file).requests == 3
            await ended(one.send(groups))
    assert read_journal(file).requests == 6, "sent again, noted again"


async def test_the_next_leave_beside_the_last_of_those_before() -> None:
    ends, handed_out = asyncio.Event(), asyncio.Event()
    is_first = iter([True])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().split(b"content-length: ")[-1].split(b"\r\n")[0]))
                if next(is_first, False):
                    await ends.wait()
                writer.write(OK)
        writer.transport.abort()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        one = sending(server.sockets[0].getsockname()[1])
        first = asyncio.create_task(ended(one.send(controls(2), handed_out.set)))
        await handed_out.wait()
        assert len(await ended(one.send(controls(20)))) == 20
        assert not first.done()
        ends.set()
        assert len(await first) == 2


async def test_the_limit_of_requests_ends_sending_but_for_a_reserve() -> None:
    async with serving(lambda _: OK) as (port, heads):
        one = sending(port, most=10)
        one.reserve = 3
        assert len(await ended(one.send(controls(20)))) == len(heads) == 7
        assert (one.left, one.stopped) == (3, None)
        one.reserve = 0
        assert len(await ended(one.send(controls(20)))) == 3


async def test_a_sequence_that_does_not_fit_is_not_begun() -> None:
    async with serving(lambda _: OK) as (port, heads):
        assert await ended(sending(port, most=4).send(controls(5, together=True))) == []
    assert heads == []


async def test_the_rate_is_kept() -> None:
    async with serving(lambda _: OK) as (port, _):
        loop = asyncio.get_running_loop()
        began = loop.time()
        await ended(sending(port, rate=50).send(controls(11)))
        assert loop.time() - began >= 10 / 50


async def test_after_a_429_nothing_leaves_before_its_time() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []

    def answering(number: int) -> bytes:
        times.append(loop.time())
        return LATER % 1 if number == 1 else OK

    async with serving(answering) as (port, _):
        one = sending(port)
        await ended(one.send(controls(1)))
        await ended(one.send(controls(3)))
    assert times[1] - times[0] >= 1.0
    assert (one.refused_for_rate, one.stopped) == (1, None)


async def test_a_target_that_asks_to_wait_beyond_the_limit_is_left() -> None:
    async with serving(lambda _: LATER % 3600) as (port, heads):
        one = sending(port)
        await ended(one.send(controls(1)))
        assert await ended(one.send(controls(3))) == []
    assert len(heads) == 1
    assert one.stopped is not None
    assert "asks to wait 3600 s" in one.stopped


async def test_a_target_that_refuses_one_in_four_is_left() -> None:
    async with serving(lambda number: LATER % 0 if number % 2 else OK) as (port, heads):
        one = sending(port, most=1000)
        await ended(one.send(controls(500)))
    assert one.stopped is not None
    assert "429" in one.stopped
    assert len(heads) < 100


async def test_a_target_that_has_gone_is_left_after_a_few_requests() -> None:
    async with serving(lambda number: OK if number <= 5 else None) as (port, heads):
        one = sending(port)
        exchanges = await ended(one.send(controls(100)))
    assert one.stopped is not None
    assert "does not answer any more" in one.stopped
    assert sum(exchange.reply.outcome is Outcome.REFUSED for exchange in exchanges) == SILENT_MAX
    assert len(heads) < 100
    assert await ended(one.send(controls(1))) == []


async def test_a_site_with_a_known_certificate_is_asked_over_tls() -> None:
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)
    async with serving(lambda _: OK, theirs) as (port, heads):
        deadline = asyncio.get_running_loop().time() + 60
        limits = Limits(100, None, timeout_s=30.0, deadline=deadline)
        exchanges = await ended(
            Sending(Site("https://localhost", ("localhost", port), ours), limits).send(controls(9))
        )
        assert {exchange.reply.status for exchange in exchanges} == {200}
        assert b"Host: localhost:%d\r\n" % port in heads[0]
        strict = Sending(Site("https://localhost", ("localhost", port), ssl.create_default_context()), limits)
        (refused,) = await ended(strict.send(controls(1)))
    assert refused.reply.outcome is Outcome.REFUSED
    assert "certificate" in refused.reply.reason
    assert len(heads) == 9


@pytest.mark.parametrize(
    ("url", "address", "tls"),
    [
        ("http://127.0.0.1:3000", ("127.0.0.1", 3000), False),
        ("http://backend.example/", ("backend.example", 80), False),
        ("https://backend.example", ("backend.example", 443), True),
        ("https://[2001:db8::1]:8443", ("2001:db8::1", 8443), True),
    ],
)
def test_a_url_names_a_site(url: str, address: tuple[str, int], tls: bool) -> None:
    site = site_of(url)
    assert (site.address, site.tls is not None, site.url) == (address, tls, url.rstrip("/"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "backend.example",
        "ftp://x",
        "http://",
        "http://x/api",
        "http://x:99999",
        "http://x?y=1",
        "https://a:b@x",
        "http://.x",
    ],
)
def test_any_other_url_is_misuse(url: str) -> None:
    with pytest.raises(UsageError, match="no http:// or https:// URL"):
        site_of(url)


def test_a_reply_says_how_long_to_wait_in_seconds_or_by_a_date() -> None:
    def asking(*value: str) -> Reply:
        return Reply(Outcome.REPLY, 429, tuple((b"retry-after", one.encode()) for one in value))

    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after_s(asking("7")) == 7
    assert 80 < retry_after_s(asking(later)) <= 90
    assert retry_after_s(asking("Sun, 06 Nov 1994 08:49:37 GMT")) == 0
    assert retry_after_s(asking()) == retry_after_s(asking("soon")) == 1
    lines = (("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Sun, 06 Nov 1994 08:49:30 GMT"))
    wrong_clock = Reply(Outcome.REPLY, 429, tuple((name.encode(), value.encode()) for name, value in lines))
    assert retry_after_s(wrong_clock) == 7
