"""The model behind the proxy, as a stub that is a real HTTP server. Costs nothing and answers with an id.

A request carries the behaviour it asks for, in a `stub` object beside `model` and `messages`; so the stub
holds no state but its gates, and a request means the same whenever it is sent:

- `status`: answer with this status and a JSON error instead.
- `malformed`: true for a body that is no JSON, or an event stream whose chunk is none.
- `no_id`: true for a reply without an id.
- `times`: how often it says its words.
- `slow_ms`: wait so many milliseconds before anything else.
- `hang`: true for no answer at all; it ends when the client leaves.
- `hold`: name of a gate at which the request waits before any header is sent.
- `hold_middle`: name of a gate at which a stream waits after its first chunk.

`POST /stub/release?gate=NAME` opens a gate for good; `GET /stub/held?gate=NAME&count=N` answers once N requests
wait there. Every wait ends after `HOLD_S_MAX`, with 504 where nothing was answered yet.

A stub can be given a behaviour for requests that ask for none: so a person's client meets a failing upstream.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from harness.rule.operations import well_formed

HOLD_S_MAX: Final = 180.0
PROVIDER: Final = "stub"
"""By this member of a reply one sees that no real model has answered."""
CONTENT: Final = ("All", " is", " well.")


@dataclass(slots=True)
class Gate:
    """Where requests wait until it is opened; stays open."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    held: int = 0

    async def wait(self) -> None:
        """Counts the caller as held and waits, at most `HOLD_S_MAX`."""
        async with self.arrived:
            self.held += 1
            self.arrived.notify_all()
        try:
            async with asyncio.timeout(HOLD_S_MAX):
                await self.opened.wait()
        finally:
            self.held -= 1

    async def count(self, least: int) -> int:
        """Waits until at least that many are held; returns how many are."""
        async with asyncio.timeout(HOLD_S_MAX), self.arrived:
            await self.arrived.wait_for(lambda: self.held >= least)
            return self.held


class Upstream:
    """The stub's application: chat completions, and the gates. `behaviour` is for requests that ask for none."""

    def __init__(self, behaviour: Mapping[str, Any] | None = None) -> None:
        self._behaviour = dict(behaviour or {})
        self._gates: dict[str, Gate] = {}
        self._answers: Final = {
            "/chat/completions": ("POST", self._complete),
            "/stub/held": ("GET", self._held),
            "/stub/release": ("POST", self._release),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, as an ASGI application. Not starlette's: its layers would cost more than the answers."""
        method, answer = self._answers.get(scope["path"], ("", None))
        if answer is None:
            response = Response(b"Not Found", 404)
        elif scope["method"] != method:
            response = Response(b"Method Not Allowed", 405)
        else:
            response = await answer(Request(scope, receive, send))
        await response(scope, receive, send)

    def _gate(self, name: str) -> Gate:
        return self._gates.setdefault(name, Gate())

    async def _held(self, request: Request) -> Response:
        least = int(request.query_params.get("count", "0"))
        try:
            held = await self._gate(request.query_params["gate"]).count(least)
        except TimeoutError:
            return JSONResponse({"error": f"fewer than {least} requests arrived"}, status_code=504)
        return JSONResponse({"held": held})

    async def _release(self, request: Request) -> Response:
        self._gate(request.query_params["gate"]).opened.set()
        return JSONResponse({"open": True})

    async def _complete(self, request: Request) -> Response:
        asked: dict[str, Any] = json.loads(await request.body())
        behaviour: dict[str, Any] = self._behaviour | (asked.get("stub") or {})
        try:
            await self._delay(request, behaviour)
        except TimeoutError:
            return JSONResponse({"error": {"message": "the stub waited long enough"}}, status_code=504)
        if status := behaviour.get("status"):
            return JSONResponse(
                {"error": {"message": "the stub was asked to fail", "code": status}}, status_code=status
            )
        identity = {} if behaviour.get("no_id") else {"id": f"gen-{uuid.uuid4().hex}"}
        model = asked.get("model")
        model = well_formed(model) if isinstance(model, str) else model
        base = identity | {"created": int(time.time()), "model": model, "provider": PROVIDER}
        if asked.get("stream"):
            return StreamingResponse(self._stream(base, behaviour), media_type="text/event-stream")
        if behaviour.get("malformed"):
            return Response(b"<html>not JSON</html>", media_type="text/html")
        message = {"role": "assistant", "content": "".join(CONTENT) * behaviour.get("times", 1)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse(base | {"object": "chat.completion", "choices": [choice], "usage": _tokens()})

    async def _delay(self, request: Request, behaviour: dict[str, Any]) -> None:
        """Waits as the behaviour says. Raises TimeoutError when that takes too long."""
        async with asyncio.timeout(HOLD_S_MAX):
            if slow_ms := behaviour.get("slow_ms"):
                await asyncio.sleep(slow_ms / 1000)
            if behaviour.get("hang"):
                while (await request.receive())["type"] != "http.disconnect":
                    pass
            if gate := behaviour.get("hold"):
                await self._gate(gate).wait()

    async def _stream(self, base: dict[str, Any], behaviour: dict[str, Any]) -> AsyncIterator[bytes]:
        for number, word in enumerate(CONTENT * behaviour.get("times", 1)):
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            yield _event(base | {"object": "chat.completion.chunk", "choices": [choice]})
            if number == 0:
                if gate := behaviour.get("hold_middle"):
                    await self._gate(gate).wait()
                if behaviour.get("malformed"):
                    yield b"data: {not JSON\n\n"
        final = {"index": 0, "delta": {}, "finish_reason": "stop"}
        yield _event(base | {"object": "chat.completion.chunk", "choices": [final], "usage": _tokens()})
        yield b"data: [DONE]\n\n"


def _tokens() -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": len(CONTENT), "cost": 0}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
