"""The reference proxy: a plain ASGI callable that answers as the real backend does.

Order of checks, statuses and what leaves a row follow the measured facts of the real route; the reply is
passed through as it comes, and accounting starts after it, unordered against what the client has read.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from harness import plan
from harness.backend.admission import (
    UNAVAILABLE,
    Refusal,
    check_path,
    client_address,
    parse_body,
    read_incoming,
)
from harness.backend.alteration import EVENT_STREAM, altered_events, merged, one_chunk
from harness.backend.asgi import Receive, Scope, Send, answer, read_body
from harness.backend.auth import user_of
from harness.backend.builds import Build, HeaderLines, Incoming, Memory, Sender
from harness.backend.completion import read_completion
from harness.backend.decision import Decision, decide, stored_value
from harness.backend.entry import changed, usage_of
from harness.backend.http import AS_SENT, node_header
from harness.backend.losses import Abort
from harness.backend.upstream_client import UpstreamClient, UpstreamError, UpstreamReply
from harness.backend.usage import Accounts, OnEvent, Usage
from harness.rule.policy import Policy

__all__ = [
    "BODY_BYTES_MAX",
    "Proxy",
    "Receive",
    "Refusal",
    "Scope",
    "Send",
    "check_route",
    "client_address",
    "parse_body",
]

UPSTREAM_PATH: Final = "/chat/completions"
UNREACHABLE: Final = {"error": "the upstream could not be reached"}
BODY_BYTES_MAX: Final = 8 << 20
"""Of a reply, no more than this is kept for accounting."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed every check."""

    body: bytes
    asked: Incoming
    sender: Sender
    decision: Decision


class Proxy:
    """One replica's application; `client` leads to its upstream."""

    def __init__(
        self,
        build: Build,
        policy: Policy,
        client: UpstreamClient,
        secret: str,
        accounts: Accounts,
        on_event: OnEvent,
    ) -> None:
        self._build = build
        self._policy = policy
        self._client = client
        self._secret = secret
        self._accounts = accounts
        self._on_event = on_event
        self._memory = Memory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        try:
            check_route(scope, self._build.routes)
            call = await self._admit(scope, await read_body(receive))
        except Refusal as refusal:
            await _respond(send, refusal.status, refusal.body, self._build.error_page)
            return
        async with _watch(receive) as gone:
            await self._forward(call, send, gone)

    async def _admit(self, scope: Scope, body: bytes) -> Call:
        headers: HeaderLines = scope["headers"]
        asked = read_incoming(scope["path"], headers, scope[AS_SENT], body, scope.get("client"))
        user_id = user_of(node_header(headers, b"authorization"), self._secret)
        if user_id is not None and (email := await self._accounts.email_of(user_id)) is not None:
            asked = replace(asked, user=user_id, email=email)
        decision = decide(self._build, self._policy, asked, self._memory)
        if decision.refusal is not None:
            raise decision.refusal
        assert decision.sender is not None, "a request that is served was decided from its sender"
        return Call(body, asked, decision.sender, decision)

    async def _forward(self, call: Call, send: Send, gone: asyncio.Task[Any]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            upstream = await self._client.post(UPSTREAM_PATH, self._asked(call))
        except UpstreamError:
            await _respond(send, 502, UNREACHABLE)
            return
        # That a client has left shows in `receive` alone, while we wait for the upstream. Closing its reply ends that
        # wait, with an error that is the client's doing and not the upstream's.
        gone.add_done_callback(lambda _: upstream.close())
        try:
            await upstream.head()
            latency = loop.time() - started
            if upstream.status == 402:
                await _respond(send, 503, UNAVAILABLE)
                return
            kept, complete = await self._pass_through(call, upstream, send, gone)
        except UpstreamError:
            if gone.done():  # the client left before the upstream answered: no row
                self._on_event(Abort())
            else:
                await _respond(send, 502, UNREACHABLE)
            return
        finally:
            upstream.close()
        usage = self._usage(call, upstream.status, kept, latency=latency, complete=complete)
        if usage is not None:
            self._accounts.later(usage, call.sender)

    def _asked(self, call: Call) -> bytes:
        """The body that goes upstream: the client's, byte for byte, unless the build sets the behaviour of the stub."""
        if self._build.behaviour is None:
            return call.body
        return json.dumps(call.asked.document | {"stub": self._build.behaviour(call.sender)}).encode()

    async def _pass_through(
        self, call: Call, upstream: UpstreamReply, send: Send, gone: asyncio.Task[Any]
    ) -> tuple[bytes, bool]:
        """Streams the upstream's body to the client; returns what was kept of it, and whether it came to its end."""
        kept = bytearray()

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in upstream.chunks():
                if len(kept) + len(chunk) <= BODY_BYTES_MAX:
                    kept.extend(chunk)
                yield chunk

        try:
            headers, passed = await self._reply(call, upstream, chunks())
            await send({"type": "http.response.start", "status": upstream.status, "headers": headers})
            async for chunk in passed:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except UpstreamError:
            if gone.done():
                self._on_event(Abort())
            return bytes(kept), False
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return bytes(kept), True

    async def _reply(
        self, call: Call, upstream: UpstreamReply, chunks: AsyncIterator[bytes]
    ) -> tuple[HeaderLines, AsyncIterator[bytes]]:
        """Header lines and body of the reply, as the build has them."""
        kind = upstream.header(b"content-type") or b"application/json"
        length = upstream.header(b"content-length")
        if self._build.alters is not None and upstream.status < 400:
            alter = partial(self._build.alters, call.sender)
            if kind.startswith(EVENT_STREAM):
                chunks = altered_events(chunks, alter)
            else:
                body = alter(b"".join([chunk async for chunk in chunks]))
                chunks, length = one_chunk(body), b"%d" % len(body)
        headers = [(b"content-type", kind)]
        if length:
            headers.append((b"content-length", length))
        return merged(headers, call.decision.headers), chunks

    def _usage(self, call: Call, status: int, body: bytes, *, latency: float, complete: bool) -> Usage | None:
        completion = read_completion(body, streamed=call.asked.streamed and status < 400)
        if completion is None:
            return None
        decision, value = call.decision, call.decision.value
        if self._build.mixes_up:  # another request may have come since this one was decided
            value = stored_value(self._build, replace(call.sender, accepted=self._memory.latest))
        usage = usage_of(
            call.asked,
            decision.user_id,
            completion,
            status,
            latency=latency,
            complete=complete,
            sources=self._build.headers,
            value=value,
            times=decision.times,
            follows=decision.follows,
        )
        return changed(self._build, call.sender, usage)


def check_route(scope: Scope, routes: Sequence[str] = plan.ROUTES) -> None:
    """Raises Refusal unless the scope is a POST to one of the routes."""
    check_path(scope["path"], scope["method"], routes)


@asynccontextmanager
async def _watch(receive: Receive) -> AsyncIterator[asyncio.Task[Any]]:
    """A task that is done once the client has gone."""
    gone: asyncio.Task[Any] = asyncio.ensure_future(receive())
    try:
        yield gone
    finally:
        gone.cancel()


async def _respond(send: Send, status: int, document: dict[str, Any], page: bytes | None = None) -> None:
    """Answers with the document as JSON, or with a page in its place."""
    body, kind = (
        (json.dumps(document).encode(), b"application/json") if page is None else (page, b"text/html")
    )
    await answer(send, status, body, kind)
