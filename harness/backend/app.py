"""The reference proxy: a plain ASGI callable that answers as the real backend does. Knows no build by name.

Order of checks, statuses and what leaves a row follow the measured facts of the real route; the reply is
passed through as it comes, and accounting starts after it, unordered against what the client has read.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp

from harness import plan
from harness.backend.auth import user_of
from harness.backend.builds import Build, HeaderLines, Sender
from harness.backend.completion import read_completion
from harness.backend.http import AS_SENT, node_header
from harness.backend.usage import MISSING_ID, Abort, Accounts, Tell, Usage
from harness.headers.policy import JS_TRIM, Policy

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FREE_SUFFIX: Final = ":free"
FREE_MODELS: Final = frozenset({"openrouter/free"})
TOKENS_MAX: Final = 99_999_999_999
"""A max_tokens beyond this is answered with 503."""
BODY_BYTES_MAX: Final = 8 << 20
"""Of a reply, no more than this is kept for accounting."""
NAME_LENGTH_MAX: Final = 500
PROMPT_LENGTH_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """A request that ends before the upstream."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed every check."""

    body: bytes
    document: dict[str, Any]
    model: str
    headers: HeaderLines
    kilo_user_id: str
    sender: Sender


class Proxy:
    """One replica's application. `origin` is the upstream's URL without a path."""

    def __init__(
        self,
        build: Build,
        policy: Policy,
        origin: str,
        secret: str,
        session: aiohttp.ClientSession,
        accounts: Accounts,
        tell: Tell,
    ) -> None:
        self._build = build
        self._policy = policy
        self._url = origin + "/chat/completions"
        self._secret = secret
        self._session = session
        self._accounts = accounts
        self._tell = tell
        self._remembered: str | None = None
        self._latest: str | None = None
        self._served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        try:
            check_route(scope)
            call = await self._admit(scope, await _read_body(receive))
        except Refusal as refusal:
            await _answer(send, refusal.status, refusal.body, self._build.error_page)
            return
        async with _watch(receive) as gone:
            await self._forward(call, send, gone)

    async def _admit(self, scope: Scope, body: bytes) -> Call:
        headers: HeaderLines = scope["headers"]
        document = parse_body(body)
        model = document["model"]
        address = client_address(headers, scope.get("client"))
        user_id = user_of(node_header(headers, b"authorization"), self._secret)
        email = await self._accounts.email_of(user_id) if user_id else None
        if email is None and not is_free(model):
            message = "Sign in to use this model."
            raise Refusal(401, {"error": {"code": "PAID_MODEL_AUTH_REQUIRED", "message": message}})
        if isinstance(document.get("max_tokens"), int | float) and document["max_tokens"] > TOKENS_MAX:
            raise Refusal(503, {"error": "max_tokens is out of range"})
        lines = headers
        if self._build.names_as_sent:
            lines = [(name, value) for name, (_, value) in zip(scope[AS_SENT], headers, strict=True)]
        sender = self._sender(lines, email, streamed=document.get("stream") is True)
        if self._build.refuses and self._build.refuses(headers, sender):
            raise Refusal(400, {"error": "header not accepted"})
        known = user_id if email is not None and user_id else self._build.anonymous_id(address, sender)
        return Call(body, document, model, headers, known, sender)

    def _sender(self, headers: HeaderLines, email: str | None, *, streamed: bool) -> Sender:
        text = self._build.read(headers) if self._build.read else None
        accepted = self._build.rule(self._policy, text) if text else None
        if self._build.remembers:
            accepted = self._remembered = accepted or self._remembered
        self._latest = accepted
        return Sender(email, text, accepted, streamed)

    async def _forward(self, call: Call, send: Send, gone: asyncio.Task[Any]) -> None:
        self._served += 1
        loop = asyncio.get_running_loop()
        started = loop.time()
        hop = asyncio.ensure_future(
            self._session.post(
                self._url, data=self._asked(call), headers={"content-type": "application/json"}
            )
        )
        try:
            await asyncio.wait({hop, gone}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            hop.cancel()
            raise
        if not hop.done():  # the client left before the upstream answered: no row
            hop.cancel()
            self._tell(Abort())
            return
        try:
            upstream = await hop
        except aiohttp.ClientError:
            await _answer(send, 502, {"error": "the upstream could not be reached"})
            return
        latency = loop.time() - started
        async with upstream:
            if upstream.status == 402:
                await _answer(send, 503, {"error": "the upstream wants payment"})
                return
            kept, complete = await self._pass_through(call, upstream, send, gone)
        usage = self._usage(call, upstream.status, kept, latency=latency, complete=complete)
        if usage is not None:
            sender = replace(call.sender, accepted=self._latest) if self._build.mixes_up else call.sender
            self._accounts.later(usage, sender)

    def _asked(self, call: Call) -> bytes:
        """The body that goes upstream: the client's, byte for byte, but for a wish of the build."""
        if self._build.wish is None:
            return call.body
        return json.dumps(call.document | {"stub": self._build.wish(self._served)}).encode()

    async def _pass_through(
        self, call: Call, upstream: aiohttp.ClientResponse, send: Send, gone: asyncio.Task[Any]
    ) -> tuple[bytes, bool]:
        """Streams the upstream's body to the client; returns what was kept of it, and whether it came to its end."""
        extra = self._build.reply_headers(call.sender, self._served) if self._build.reply_headers else []
        passed = [
            (b"content-type", upstream.headers.get("content-type", "application/json").encode("latin-1"))
        ]
        if length := upstream.headers.get("content-length"):
            passed.append((b"content-length", length.encode("latin-1")))
        await send({"type": "http.response.start", "status": upstream.status, "headers": passed + extra})
        kept = bytearray()
        gone.add_done_callback(lambda _: upstream.close())  # ends the reading below at once
        try:
            async for chunk in upstream.content.iter_any():
                if len(kept) + len(chunk) <= BODY_BYTES_MAX:
                    kept += chunk
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except aiohttp.ClientError:
            if gone.done():
                self._tell(Abort())
            return bytes(kept), False
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return bytes(kept), True

    def _usage(self, call: Call, status: int, body: bytes, *, latency: float, complete: bool) -> Usage | None:
        streamed = call.sender.streamed
        completion = read_completion(body, streamed=streamed and status < 400)
        if completion is None:
            return None
        system, user = prompts(call.document)
        headers = call.headers
        return Usage(
            kilo_user_id=call.kilo_user_id,
            message_id=completion.id or MISSING_ID,
            requested_model=call.model,
            model=completion.model,
            provider=completion.provider,
            status_code=status,
            streamed=streamed,
            has_error=status >= 400 or not complete,
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
            cost=0,
            latency=latency,
            finish_reason=completion.finish_reason,
            max_tokens=call.document.get("max_tokens"),
            has_tools=bool(call.document.get("tools")),
            user_prompt=user[:PROMPT_LENGTH_MAX] if user else None,
            system_prompt=system[:PROMPT_LENGTH_MAX] if system else None,
            system_prompt_length=len(system or ""),
            user_agent=node_header(headers, b"user-agent"),
            forwarded_for=node_header(headers, b"x-forwarded-for"),
            editor_name=(node_header(headers, b"x-kilocode-editorname") or "")[:NAME_LENGTH_MAX].strip(
                JS_TRIM
            )
            or None,
            organization_id=node_header(headers, b"x-kilocode-organizationid"),
            project_id=node_header(headers, b"x-kilocode-projectid"),
            city=node_header(headers, b"x-vercel-ip-city"),
            country=node_header(headers, b"x-vercel-ip-country"),
            digest=node_header(headers, b"x-vercel-ja4-digest"),
        )


def check_route(scope: Scope) -> None:
    """Raises Refusal unless the scope is a POST to one of the plan's routes."""
    path = scope["path"]
    if path not in plan.ROUTES:
        prefixes = tuple(route.removesuffix("chat/completions") for route in plan.ROUTES)
        status = 400 if path.startswith(prefixes) else 404
        raise Refusal(status, {"error": "Invalid path"})
    if scope["method"] != "POST":
        raise Refusal(405, {"error": "Method not allowed"})


def parse_body(body: bytes) -> dict[str, Any]:
    """The request's JSON object, with a model that is a string; raises Refusal 400 or 404."""
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, {"error": "Invalid request body"}) from None
    if isinstance(document, list):
        document = {}  # an array is an object to JavaScript: it parses, and has no model
    if not isinstance(document, dict):
        raise Refusal(400, {"error": "Invalid request body"})
    model = document.get("model")
    if not isinstance(model, str) or not model.strip(JS_TRIM):
        raise Refusal(404, {"error": {"message": "Model not found", "code": 404}})
    return document


def client_address(headers: HeaderLines, peer: tuple[str, int] | None) -> str:
    """First item of x-forwarded-for, trimmed but not normalised; without the header the socket's address.

    Raises Refusal 400 when it is empty: an empty header, or one that begins with a comma.
    """
    forwarded = node_header(headers, b"x-forwarded-for")
    if forwarded is None:
        forwarded = f"::ffff:{peer[0]}" if peer else ""
    first = forwarded.partition(",")[0].strip(JS_TRIM)
    if not first:
        raise Refusal(400, {"error": "Unable to determine client IP"})
    return first


def is_free(model: str) -> bool:
    """Whether the model costs nothing: compared in lower case, not trimmed."""
    lowered = model.lower()
    return lowered.endswith(FREE_SUFFIX) or lowered in FREE_MODELS


def prompts(document: dict[str, Any]) -> tuple[str | None, str | None]:
    """First system prompt and last user prompt that are plain text."""
    messages = [
        m for m in document.get("messages") or [] if isinstance(m, dict) and isinstance(m.get("content"), str)
    ]
    systems = [m["content"] for m in messages if m.get("role") == "system"]
    users = [m["content"] for m in messages if m.get("role") == "user"]
    return (systems[0] if systems else None, users[-1] if users else None)


def _no_constant(name: str) -> object:
    """NaN and the infinities are no JSON to JavaScript."""
    raise ValueError(name)


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


@asynccontextmanager
async def _watch(receive: Receive) -> AsyncIterator[asyncio.Task[Any]]:
    """A task that is done once the client has gone."""
    gone: asyncio.Task[Any] = asyncio.ensure_future(receive())
    try:
        yield gone
    finally:
        gone.cancel()


async def _answer(send: Send, status: int, document: dict[str, Any], page: bytes | None = None) -> None:
    """Answers with the document as JSON, or with a page in its place."""
    body, kind = (
        (json.dumps(document).encode(), b"application/json") if page is None else (page, b"text/html")
    )
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
