"""What stands between the gate and a backend: accidents are no evidence, and what happens each time is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from harness.backend.serve import Process
from harness.verdict import Status, Verdict
from tests.fix_gate import Judge, of_reference, with_status
from tests.fix_stack import StartReplica

ENOUGH = 160
"""Requests that refute what is refuted here."""
Decide = Callable[[int, bytes], bytes | None]
"""Given the number of a request and its bytes: those to pass on; None ends the connection."""


@asynccontextmanager
async def between(process: Process, decide: Decide) -> AsyncIterator[str]:
    """URL of a proxy in front of a backend that looks at every request."""
    count = 0
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        theirs, ours = await asyncio.open_connection("127.0.0.1", process.port)
        back = asyncio.create_task(_pass_back(theirs, writer))
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(
                    int(head.lower().split(b"content-length: ")[-1].split(b"\r\n")[0])
                )
                count += 1
                passed = decide(count, head + body)
                if passed is None:
                    break
                ours.write(passed)
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)
        ours.close()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


async def test_a_header_that_ends_the_connection_each_time_refutes(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    process = await start(ready_dsn, "after")
    async with between(process, lambda _, sent: None if b"\xe9" in sent else sent) as url:
        report = await run_gate(replace(of_reference(process, ready_dsn), backend_url=url))
    assert report.verdict is Verdict.NO_GO
    assert with_status(report, Status.REFUTED) == {"V4"}
    (replies,) = (one for one in report.judgements if one.claim.id == "V4")
    assert 'status is "connection closed", without the header "200"' in replies.findings[0].effect


async def test_an_edge_that_drops_the_header_refutes(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    def drop(_number: int, sent: bytes) -> bytes:
        lines = sent.split(b"\r\n")
        return b"\r\n".join(line for line in lines if not line.lower().startswith(b"x-posthog-distinct-id:"))

    process = await start(ready_dsn, "after")
    async with between(process, drop) as url:
        options = replace(of_reference(process, ready_dsn), backend_url=url)
        report = await run_gate(options, max_requests=ENOUGH)
    assert report.verdict is Verdict.NO_GO
    assert {"V1", "V8", "V9"} <= with_status(report, Status.REFUTED)
    assert "V4" not in with_status(report, Status.REFUTED)


async def test_an_edge_that_joins_addresses_of_its_own_is_recognised(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    def overwrite(_number: int, sent: bytes) -> bytes:
        head, _, body = sent.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"x-forwarded-for:")]
        return b"\r\n".join([*lines, b"x-forwarded-for: 198.51.100.7, 10.0.0.1"]) + b"\r\n\r\n" + body

    process = await start(ready_dsn, "after")
    async with between(process, overwrite) as url:
        options = replace(of_reference(process, ready_dsn), backend_url=url)
        report = await run_gate(options, clean=True, max_requests=60)
    assert with_status(report, Status.REFUTED) == set()
    assert any("accounted to anon:198.51.100.7" in remark for remark in report.remarks)


async def test_half_the_replicas_left_behind_refute(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    new, old = await start(ready_dsn, "after"), await start(ready_dsn, "before")
    async with balanced(new, old) as url:
        options = replace(of_reference(new, ready_dsn), backend_url=url)
        report = await run_gate(
            options, max_requests=2 * ENOUGH
        )  # a header is sent again: it shows that replicas differ
    assert report.verdict is Verdict.NO_GO
    assert "V1" in with_status(report, Status.REFUTED)


@asynccontextmanager
async def balanced(*replicas: Process) -> AsyncIterator[str]:
    """URL of a balancer that gives each connection to the next replica."""
    count = 0
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        count += 1
        theirs, ours = await asyncio.open_connection("127.0.0.1", replicas[count % len(replicas)].port)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pass_back(theirs, writer), _pass_back(reader, ours))
        ours.close()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
