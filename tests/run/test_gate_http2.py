"""A site that offers HTTP/2 is asked over it, too: what an edge does to such requests alone is seen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from harness.backend.serve import Process
from harness.verdict import Status, Verdict
from tests.fix_gate import Judge, of_reference, with_status
from tests.fix_stack import StartReplica

DOOR = (b"x-door", b"s3cret-of-the-door")
GIVEN = (b": ".join(DOOR).decode(),)
"""What the edge asks for, over either version."""
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def edge(
    process: Process, client: httpx.AsyncClient, *, drops: bool
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An application that passes requests on; `drops`: without the header where they came over HTTP/2."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if DOOR not in scope["headers"]:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        lost = (b"x-posthog-distinct-id",) if drops and scope["http_version"] == "2" else ()
        lines = [line for line in scope["headers"] if line[0] not in (b"host", b"connection", *lost)]
        reply = await client.send(
            httpx.Request("POST", process.origin + scope["path"], headers=lines, content=body)
        )
        kept = [
            line for line in reply.headers.raw if line[0].lower() not in (b"transfer-encoding", b"connection")
        ]
        headers = [(name.lower(), value) for name, value in kept]
        await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": reply.content})

    return app


@asynccontextmanager
async def over_http2(
    process: Process, folder: Path, *, drops: bool = False, offers: tuple[str, ...] = ("h2", "http/1.1")
) -> AsyncIterator[str]:
    """URL of an edge with a certificate that SSL_CERT_FILE has to name: `folder`/ca.pem."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    config = Config()
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    config.alpn_protocols = list(offers)
    config.bind = ["127.0.0.1:0"]
    sockets = config.create_sockets()
    port = sockets.secure_sockets[0].getsockname()[1]
    config.bind = [f"fd://{sockets.secure_sockets[0].detach()}"]
    ended = asyncio.Event()
    async with httpx.AsyncClient() as client:
        app: Any = edge(process, client, drops=drops)
        task = asyncio.create_task(serve(app, config, shutdown_trigger=ended.wait))
        try:
            yield f"https://localhost:{port}"
        finally:
            ended.set()
            await task


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("drops", [True, False])
async def test_an_edge_that_loses_the_header_over_http2_alone_refutes(
    start: StartReplica,
    ready_dsn: str,
    run_gate: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    drops: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    process = await start(ready_dsn, "after")
    async with over_http2(process, tmp_path, drops=drops) as url:
        report = await run_gate(
            replace(of_reference(process, ready_dsn), backend_url=url, request_headers=GIVEN)
        )
    (replies,) = (one for one in report.judgements if one.claim.id == "V4")
    assert "36 requests over HTTP/2" in replies.detail
    assert report.verdict is (Verdict.NO_GO if drops else Verdict.GO)
    assert (with_status(report, Status.REFUTED) == {"V1"}) is drops
    if drops:
        (stored,) = (one for one in report.judgements if one.claim.id == "V1")
        assert "connection HTTP/2" in stored.findings[0].condition


async def test_a_site_without_http2_is_not_asked_over_it(
    start: StartReplica, ready_dsn: str, run_gate: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    process = await start(ready_dsn, "after")
    async with over_http2(process, tmp_path, offers=("http/1.1",)) as url:
        report = await run_gate(
            replace(of_reference(process, ready_dsn), backend_url=url, request_headers=GIVEN)
        )
    assert report.verdict is Verdict.GO
    assert all("HTTP/2" not in one.detail for one in report.judgements)
