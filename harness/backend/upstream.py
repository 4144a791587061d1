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
import secrets
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from harness.backend.asgi import Receive, Scope, Send, answer, read_body
from harness.rule.operations import well_formed

T = TypeVar("T")

HOLD_S_MAX: Final = 180.0
"""Of a request that is held, and so of whoever waits for its reply."""
TEXT: Final = b"text/plain; charset=utf-8"
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
        method, handle = self._answers.get(scope["path"], ("", None))
        if handle is None:
            await answer(send, 404, b"Not Found", TEXT)
        elif scope["method"] != method:
            await answer(send, 405, b"Method Not Allowed", TEXT)
        else:
            await handle(scope, receive, send)

    def _gate(self, name: str) -> Gate:
        return self._gates.setdefault(name, Gate())

    async def _held(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _query(scope)
        least = int(asked.get("count", "0"))
        try:
            held = await _unless_gone(receive, self._gate(asked["gate"]).count(least))
        except TimeoutError:
            await _json(send, {"error": f"fewer than {least} requests arrived"}, 504)
            return
        await _json(send, {"held": held})

    async def _release(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self._gate(_query(scope)["gate"]).opened.set()
        await _json(send, {"open": True})

    async def _complete(self, _scope: Scope, receive: Receive, send: Send) -> None:
        asked: dict[str, Any] = json.loads(await read_body(receive))
        behaviour: dict[str, Any] = self._behaviour | (asked.get("stub") or {})
        try:
            await self._delay(receive, behaviour)
        except TimeoutError:
            await _json(send, {"error": {"message": "the stub waited long enough"}}, 504)
            return
        if status := behaviour.get("status"):
            error = {"message": "the stub was asked to fail", "code": status}
            await _json(send, {"error": error}, status)
            return
        identity = {} if behaviour.get("no_id") else {"id": f"gen-{secrets.token_hex(16)}"}
        model = asked.get("model")
        model = well_formed(model) if isinstance(model, str) else model
        base = identity | {"created": int(time.time()), "model": model, "provider": PROVIDER}
        if asked.get("stream"):
            await self._stream(base, behaviour, receive, send)
        elif behaviour.get("malformed"):
            await answer(send, 200, b"<html>not JSON</html>", b"text/html; charset=utf-8")
        else:
            message = {"role": "assistant", "content": "".join(CONTENT) * behaviour.get("times", 1)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            await _json(send, base | {"object": "chat.completion", "choices": [choice], "usage": _tokens()})

    async def _delay(self, receive: Receive, behaviour: dict[str, Any]) -> None:
        """Waits as the behaviour says. Raises TimeoutError when that takes too long."""
        if not any(behaviour.get(name) for name in ("slow_ms", "hang", "hold")):
            return
        async with asyncio.timeout(HOLD_S_MAX):
            if slow_ms := behaviour.get("slow_ms"):
                await asyncio.sleep(slow_ms / 1000)
            if behaviour.get("hang"):
                await _gone(receive)
            if gate := behaviour.get("hold"):
                await self._gate(gate).wait()

    async def _stream(
        self, base: dict[str, Any], behaviour: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        """The first chunk, then all others at once: a model, too, says several words in one packet."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        first, *others = (_chunk(base, word) for word in CONTENT * behaviour.get("times", 1))
        await send({"type": "http.response.body", "body": first, "more_body": True})
        if gate := behaviour.get("hold_middle"):
            await _unless_gone(receive, self._gate(gate).wait())
        if behaviour.get("malformed"):
            others.insert(0, b"data: {not JSON\n\n")
        final = {"index": 0, "delta": {}, "finish_reason": "stop"}
        last = _event(base | {"object": "chat.completion.chunk", "choices": [final], "usage": _tokens()})
        rest = b"".join((*others, last, b"data: [DONE]\n\n"))
        await send({"type": "http.response.body", "body": rest, "more_body": False})


async def _unless_gone(receive: Receive, waiting: Coroutine[Any, Any, T]) -> T | None:
    """What is waited for; None where the client leaves before it is there. Raises TimeoutError."""
    task, gone = asyncio.ensure_future(waiting), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("ascii")))


async def _json(send: Send, document: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    await answer(send, status, body, b"application/json")


def _tokens() -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": len(CONTENT), "cost": 0}


def _chunk(base: dict[str, Any], word: str) -> bytes:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
    return _event(base | {"object": "chat.completion.chunk", "choices": [choice]})


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
